// The default seccomp profile: what docker's users know. Everything that is not allowed here fails
// with EPERM. Behaviour: docs.docker.com/engine/security/seccomp; capabilities(7) says why a
// capability opens what it opens.

#include <sys/personality.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "core/base/text.h"
#include "core/seccomp/profile.h"

namespace hoy::core {
namespace {

// Who a line is for.
struct Condition {
  std::string_view capability;          // has it; empty: everybody
  std::string_view without_capability;  // has not got it
  std::string_view architectures;       // native ones, by docker's names; empty: all
};

struct TableRow {
  std::string_view names;
  Condition condition;
  int errno_value = 0;  // 0: allowed
  std::vector<ProfileArgument> arguments;
};

// Ordinary programs: files, memory, processes, signals, time, sockets, IPC.
constexpr std::string_view kForEverybody =
    // files and directories
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat "
    "fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 "
    "fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl "
    "lchown lchown32 link linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat "
    "name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 "
    "pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir "
    "sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync "
    "sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat "
    "utimensat_time64 utimes vmsplice write writev "
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr "
    "listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat "
    "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
    // waiting and asynchronous I/O; io_uring is left out, for its record of exploits
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6 "
    "pselect6_time64 select signalfd signalfd4 "
    // memory
    "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock "
    "mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
    "pkey_free pkey_mprotect process_mrelease remap_file_pages "
    // processes, threads, identity and limits
    "capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 "
    "futex_wait futex_waitv futex_wake getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 "
    "getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 "
    "getresuid getresuid32 getrlimit getrusage getsid gettid getuid getuid32 get_robust_list "
    "get_thread_area ioprio_get ioprio_set kill pidfd_open pidfd_send_signal prctl prlimit64 "
    "restart_syscall rseq sched_getaffinity sched_getattr sched_getparam sched_get_priority_max "
    "sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield setfsgid "
    "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority "
    "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit "
    "setsid setuid setuid32 set_robust_list set_thread_area set_tid_address tgkill tkill "
    "ugetrlimit "
    "vfork wait4 waitid waitpid "
    // debugging one's own kind; safe since Linux 4.8 runs seccomp after the tracer
    "process_vm_readv process_vm_writev ptrace "
    // signals
    "pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn "
    // time
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
    "setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
    "timerfd_settime timerfd_settime64 times "
    // sockets (socket itself: below) and System V and POSIX IPC
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall "
    "socketpair "
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget "
    // the system, and locking oneself in further
    "getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp sysinfo "
    "uname";

// clone flags that make namespaces: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
constexpr uint64_t kNamespaceFlags = 0x7e020000;
constexpr uint64_t kAfVsock = 40;  // talks to the hypervisor, past network namespaces

std::vector<ProfileArgument> Argument(unsigned index, scmp_compare op, uint64_t value) {
  return {{index, op, value, 0, /*is_int=*/true}};
}

const std::vector<TableRow>& Table() {
  static const std::vector<TableRow> table = {
      {kForEverybody, {}},
      {"socket", {}, 0, Argument(0, SCMP_CMP_NE, kAfVsock)},
      // The execution domains that are Linux, 32 bit, without address randomisation, or a question.
      {"personality", {}, 0, Argument(0, SCMP_CMP_EQ, PER_LINUX)},
      {"personality", {}, 0, Argument(0, SCMP_CMP_EQ, PER_LINUX32)},
      {"personality", {}, 0, Argument(0, SCMP_CMP_EQ, UNAME26)},
      {"personality", {}, 0, Argument(0, SCMP_CMP_EQ, uint64_t{UNAME26} | PER_LINUX32)},
      {"personality", {}, 0, Argument(0, SCMP_CMP_EQ, 0xffffffff)},

      {"arch_prctl", {.architectures = "amd64 x32"}},
      {"modify_ldt", {.architectures = "amd64 x32 x86"}},
      {"arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
       {.architectures = "arm arm64"}},
      {"riscv_flush_icache riscv_hwprobe", {.architectures = "riscv64"}},

      {"bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie "
       "mount mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl "
       "quotactl_fd setdomainname sethostname setns statmount syslog umount umount2 unshare",
       {.capability = "SYS_ADMIN"}},
      {"clone",
       {.without_capability = "SYS_ADMIN"},
       0,
       Argument(0, SCMP_CMP_MASKED_EQ, kNamespaceFlags)},
      // A filter cannot see clone3's flags, which are in memory. ENOSYS sends libc to clone.
      {"clone3", {.without_capability = "SYS_ADMIN"}, ENOSYS},
      {"open_by_handle_at", {.capability = "DAC_READ_SEARCH"}},
      {"reboot", {.capability = "SYS_BOOT"}},
      {"chroot", {.capability = "SYS_CHROOT"}},
      {"delete_module finit_module init_module", {.capability = "SYS_MODULE"}},
      {"acct", {.capability = "SYS_PACCT"}},
      {"kcmp pidfd_getfd process_madvise", {.capability = "SYS_PTRACE"}},
      {"ioperm iopl", {.capability = "SYS_RAWIO"}},
      {"clock_settime clock_settime64 settimeofday stime", {.capability = "SYS_TIME"}},
      {"vhangup", {.capability = "SYS_TTY_CONFIG"}},
      {"get_mempolicy mbind set_mempolicy set_mempolicy_home_node", {.capability = "SYS_NICE"}},
      {"syslog", {.capability = "SYSLOG"}},
      {"bpf", {.capability = "BPF"}},
      {"perf_event_open", {.capability = "PERFMON"}},
  };
  return table;
}

bool Holds(const Condition& condition, CapabilitySet capabilities) {
  if (!condition.capability.empty() &&
      !capabilities.Has(ParseCapability(condition.capability).value_or(63))) {
    return false;
  }
  if (!condition.without_capability.empty() &&
      capabilities.Has(ParseCapability(condition.without_capability).value_or(63))) {
    return false;
  }
  if (condition.architectures.empty()) return true;
  for (std::string_view name : Split(condition.architectures, ' ')) {
    if (name == NativeArchitecture()) return true;
  }
  return false;
}

}  // namespace

Profile DefaultProfile(CapabilitySet capabilities) {
  Profile profile;
  profile.default_action = SCMP_ACT_ERRNO(EPERM);
  profile.architectures = NativeSubArchitectures();
  for (const TableRow& row : Table()) {
    ProfileRule rule;
    for (std::string_view name : Split(row.names, ' ')) {
      rule.names.emplace_back(name);
      profile.mentioned.emplace_back(name);
    }
    if (!Holds(row.condition, capabilities)) continue;
    rule.action = row.errno_value == 0 ? SCMP_ACT_ALLOW
                                       : SCMP_ACT_ERRNO(static_cast<uint16_t>(row.errno_value));
    rule.arguments = row.arguments;
    profile.rules.push_back(std::move(rule));
  }
  return profile;
}

CapabilitySet CapabilitiesInDefaultProfile() {
  CapabilitySet set;
  for (const TableRow& row : Table()) {
    for (std::string_view name : {row.condition.capability, row.condition.without_capability}) {
      if (!name.empty()) set.Add(ParseCapability(name).value_or(63));
    }
  }
  return set;
}

}  // namespace hoy::core
