// What the running kernel refuses to a process under the default profile.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "core/seccomp/seccomp.h"
#include "tests/support/must_run.h"

namespace hoy::core {
namespace {

// The errno of `call` (0: it worked) in a child under `program`; negative: the child died by that
// signal.
int ErrnoUnder(const SeccompProgram& program, const std::function<long()>& call) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (InstallSeccompProgram(program.instructions()) != 0) _exit(255);
    errno = 0;
    _exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

SeccompProgram Default(std::initializer_list<int> extra = {}) {
  CapabilitySet set = DefaultCapabilities();
  for (int capability : extra) set.Add(capability);
  return DefaultSeccompProgram(set).value_or(SeccompProgram());
}

TEST(SeccompLive, RefusesWhatTheProfileDoesNotAllow) {
  SeccompProgram program = Default();
  // Each with arguments that would fail with something else than EPERM, or work, without a filter.
  auto refused = [&](long number, long a = 0, long b = 0, long c = 0) {
    return ErrnoUnder(program, [=] { return syscall(number, a, b, c, 0, 0); });
  };
  EXPECT_EQ(refused(SYS_mount), EPERM);
  EXPECT_EQ(refused(SYS_umount2), EPERM);
  EXPECT_EQ(refused(SYS_keyctl, 99999), EPERM);
  EXPECT_EQ(refused(SYS_add_key), EPERM);
  EXPECT_EQ(refused(SYS_unshare, CLONE_NEWUSER), EPERM);
  EXPECT_EQ(refused(SYS_unshare, 0), EPERM);
  EXPECT_EQ(refused(SYS_setns, -1, 0), EPERM);
  EXPECT_EQ(refused(SYS_kexec_load), EPERM);
  EXPECT_EQ(refused(SYS_bpf, 9999), EPERM);
  EXPECT_EQ(refused(SYS_perf_event_open), EPERM);
  EXPECT_EQ(refused(SYS_userfaultfd, -1), EPERM);
  EXPECT_EQ(refused(SYS_io_uring_setup, 0), EPERM);
  EXPECT_EQ(refused(SYS_pivot_root), EPERM);
  EXPECT_EQ(refused(SYS_clone, CLONE_NEWUSER | SIGCHLD), EPERM);
  EXPECT_EQ(refused(SYS_socket, AF_VSOCK, SOCK_STREAM, 0), EPERM);
}

TEST(SeccompLive, SendsLibcFromClone3ToClone) {
  EXPECT_EQ(ErrnoUnder(Default(), [] { return syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
  EXPECT_EQ(ErrnoUnder(Default(), [] { return syscall(480, 0); }), ENOSYS);
}

TEST(SeccompLive, LeavesOrdinaryWorkAlone) {
  auto work = []() -> long {
    pid_t child = fork();
    if (child == 0) {
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      _exit(7);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) return -1;
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_READ) != 0) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || close(fd) != 0) return -1;
    return open("/dev/null", O_RDONLY);
  };
  EXPECT_EQ(ErrnoUnder(Default(), work), 0);
}

TEST(SeccompLive, OpensUpWithTheCapability) {
  // A bad address is the kernel's own answer: the call got through.
  EXPECT_EQ(ErrnoUnder(Default({CAP_SYS_ADMIN}), [] { return syscall(SYS_unshare, 0); }), 0);
  EXPECT_NE(ErrnoUnder(Default({CAP_SYS_ADMIN}), [] { return syscall(SYS_clone3, nullptr, 0); }),
            ENOSYS);
}

TEST(SeccompLive, AnEmptyProgramChangesNothing) {
  EXPECT_EQ(ErrnoUnder(SeccompProgram(), [] { return syscall(SYS_unshare, 0); }), 0);
}

#if defined(__x86_64__)
// A system call through the 32-bit door.
long Int80(long number, long argument) {
  long result = 0;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(argument)
               : "memory", "r8", "r9", "r10", "r11");
  errno = static_cast<int>(-result);
  return result < 0 ? -1 : result;
}

TEST(SeccompLive, KeepsTheSameRulesForThirtyTwoBitCalls) {
  constexpr long kGetpid = 20;
  constexpr long kUnshare = 310;
  constexpr long kKeyctl = 288;
  if (ErrnoUnder(SeccompProgram(), [] { return Int80(kGetpid, 0); }) != 0) {
    SKIP_BECAUSE("this kernel has no 32-bit system calls (CONFIG_IA32_EMULATION)");
  }
  EXPECT_EQ(ErrnoUnder(Default(), [] { return Int80(kGetpid, 0); }), 0);
  EXPECT_EQ(ErrnoUnder(Default(), [] { return Int80(kUnshare, 0); }), EPERM);
  EXPECT_EQ(ErrnoUnder(Default(), [] { return Int80(kKeyctl, 99999); }), EPERM);
}
#endif

}  // namespace
}  // namespace hoy::core
