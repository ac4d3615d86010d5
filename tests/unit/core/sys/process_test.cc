#include "core/sys/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/monitor/exit_status.h"
#include "core/monitor/publish.h"
#include "core/sys/files.h"
#include "tests/support/must_run.h"

namespace hoy::core {
namespace {

// A child that lives until it is told to exit with a code, or is killed.
struct Waiter {
  Waiter() {
    int gate[2];
    EXPECT_EQ(pipe(gate), 0);
    pid = fork();
    if (pid == 0) {
      close(gate[1]);
      prctl(PR_SET_NAME, "a) b (c");  // what a careless reader of stat trips over
      char code = 0;
      _exit(read(gate[0], &code, 1) == 1 ? code : 99);
    }
    close(gate[0]);
    let_go.reset(gate[1]);
    pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  }
  void Exit(char code) { EXPECT_EQ(write(let_go.get(), &code, 1), 1); }
  void AwaitEnd() {
    pollfd slot{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(poll(&slot, 1, 60'000), 1);
  }
  void Reap() { waitpid(pid, nullptr, 0); }

  pid_t pid = 0;
  Fd let_go;
  Fd pidfd;
};

TEST(Process, IsFoundByItsIdentityWhileItLives) {
  Waiter child;
  // The name changes only once the child has run that far; the identity does not depend on it.
  auto identity = IdentityOf(child.pid);
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->boot_id, *BootId());
  EXPECT_EQ(identity->start_time, StartTimeOf(child.pid)) << "hoy and its monitor agree";
  EXPECT_TRUE(OpenProcess(*identity)->has_value());
  child.Exit(0);
  child.AwaitEnd();
  EXPECT_FALSE(OpenProcess(*identity)->has_value()) << "a zombie";
  EXPECT_TRUE(IdentityOf(child.pid).has_value());
  child.Reap();
  EXPECT_FALSE(OpenProcess(*identity)->has_value());
  EXPECT_EQ(IdentityOf(child.pid).error().kind, ErrorKind::kNotFound);
}

TEST(Process, AnotherOneWithItsNumberIsNotTakenForIt) {
  auto self = IdentityOf(getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_TRUE(OpenProcess(*self)->has_value());
  ProcessIdentity earlier = *self;
  --earlier.start_time;
  EXPECT_FALSE(OpenProcess(earlier)->has_value());
  ProcessIdentity other_boot = *self;
  other_boot.boot_id = "00000000-0000-0000-0000-000000000000";
  EXPECT_FALSE(OpenProcess(other_boot)->has_value());
  EXPECT_FALSE(OpenProcess({})->has_value());
}

// Its first thread is a zombie then, and the process lives.
TEST(Process, LivesAsLongAsOneOfItsThreadsDoes) {
  int gate[2];
  ASSERT_EQ(pipe2(gate, O_CLOEXEC), 0);
  Fd read_end(gate[0]);
  Fd write_end(gate[1]);
  pid_t pid = fork();
  if (pid == 0) {
    close(gate[1]);
    std::thread([&] {
      char nothing = 0;
      _exit(read(gate[0], &nothing, 1) == 0 ? 0 : 1);
    }).detach();
    syscall(SYS_exit, 0);
  }
  ChildProcess owner(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  auto identity = IdentityOf(pid);
  ASSERT_TRUE(identity.has_value());
  auto state = [&] {
    std::string text = ReadFile(fmt::format("/proc/{}/stat", pid)).value_or("");
    size_t name_end = text.rfind(") ");
    return name_end != std::string::npos ? text[name_end + 2] : '?';
  };
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (state() != 'Z' && std::chrono::steady_clock::now() < deadline) usleep(1000);
  ASSERT_EQ(state(), 'Z');
  EXPECT_TRUE(*IsAlive(*identity));
  write_end.reset();
  pollfd slot{owner.pidfd().get(), POLLIN, 0};
  ASSERT_EQ(poll(&slot, 1, 60'000), 1);
  EXPECT_FALSE(*IsAlive(*identity));
}

TEST(Process, SignallingWhatIsGoneIsSuccess) {
  Waiter child;
  EXPECT_FALSE(SendSignal(child.pidfd, 999).has_value());
  EXPECT_TRUE(SendSignal(child.pidfd, SIGKILL).has_value());
  child.AwaitEnd();
  child.Reap();
  EXPECT_TRUE(SendSignal(child.pidfd, SIGKILL).has_value());
}

TEST(Process, WaitStatusesAreReadAsShellsDo) {
  EXPECT_EQ(FromWaitStatus(W_EXITCODE(7, 0)).code, 7);
  EXPECT_EQ(FromWaitStatus(W_EXITCODE(0, SIGKILL)).code, 137);
  EXPECT_EQ(FromWaitStatus(W_EXITCODE(0, SIGKILL)).signal, SIGKILL);
  EXPECT_TRUE(FromWaitStatus(W_EXITCODE(0, SIGSEGV) | WCOREFLAG).core_dumped);
}

TEST(Process, TellsItsExitThroughThePidfdWhenReaped) {
  Waiter child;
  auto living = ExitStatusOf(child.pidfd);
  if (!living && living.error().kind == ErrorKind::kUnsupported) {
    SKIP_BECAUSE("PIDFD_GET_INFO is of Linux 6.13, its exit status of 6.15");
  }
  EXPECT_FALSE(living->has_value());
  child.Exit(41);
  child.AwaitEnd();
  child.Reap();
  auto ended = ExitStatusOf(child.pidfd);
  ASSERT_TRUE(ended.has_value());
  if (!ended->has_value()) SKIP_BECAUSE("PIDFD_INFO_EXIT is of Linux 6.15");
  EXPECT_EQ((*ended)->code, 41);
}

// The init of a machine may reap late, or never: a monitor that adopted a container must not
// depend on it.
TEST(ForeignExit, IsReadFromAZombieAndAfterItWasReaped) {
  for (bool reaped : {false, true}) {
    for (int signal : {0, SIGKILL}) {
      Waiter child;
      uint64_t start_time = StartTimeOf(child.pid);
      signal != 0 ? static_cast<void>(kill(child.pid, signal)) : child.Exit(43);
      child.AwaitEnd();
      if (reaped) child.Reap();
      int status = -1;
      bool known = ReadForeignExit(child.pidfd.get(), child.pid, start_time, &status);
      if (!known && reaped) SKIP_BECAUSE("PIDFD_INFO_EXIT is of Linux 6.15");
      EXPECT_TRUE(known);
      EXPECT_EQ(FromWaitStatus(status).code, signal != 0 ? 137 : 43) << reaped;
      if (!reaped) child.Reap();
    }
  }
}

// What the kernel does not tell everybody reads as 0.
TEST(ForeignExit, IsUnknownToWhoMayNotTraceTheProcess) {
  Waiter child;
  uint64_t start_time = StartTimeOf(child.pid);
  child.Exit(43);
  child.AwaitEnd();
  pid_t stranger = fork();
  if (stranger == 0) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct sets[2] = {};
    int status = -1;
    if (syscall(SYS_capset, &header, sets) != 0) _exit(2);
    bool known = ReadForeignExit(child.pidfd.get(), child.pid, start_time, &status);
    _exit(known && status != W_EXITCODE(43, 0) ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(stranger, &status, 0), stranger);
  EXPECT_EQ(status, 0);
  child.Reap();
}

TEST(ChildProcess, IsKilledAndReapedUnlessWaitedFor) {
  pid_t pid = 0;
  {
    Waiter child;
    pid = child.pid;
    ChildProcess owner(child.pid, Fd());
    ChildProcess moved(std::move(owner));
  }
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), -1);
  Waiter child;
  ChildProcess owner(child.pid, Fd());
  child.Exit(5);
  EXPECT_EQ(owner.Wait()->code, 5);
}

TEST(OpenProcessFile, GivesWhatIsOfThatProcessAlone) {
  auto self = IdentityOf(getpid());
  ASSERT_TRUE(self);
  auto mine = OpenProcessFile(*self, "ns/net", O_RDONLY);
  EXPECT_TRUE(mine) << mine.error().message;
  // The number belongs to another process by now.
  ProcessIdentity earlier = *self;
  --earlier.start_time;
  auto others = OpenProcessFile(earlier, "ns/net", O_RDONLY);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace hoy::core
