#include "core/monitor/forwarder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cgroup/join.h"
#include "core/monitor/forward.h"
#include "core/monitor/read_clock.h"
#include "core/monitor/shield.h"

namespace hoy::core {
namespace {

constexpr char kName[] = "hoy-forward";
constexpr int64_t kPause = 1'000'000'000;

// Where the container keeps its cgroup to itself (v2, with controllers of its own below it), it
// stays in the monitor's.
void JoinCgroups(const PlanView& plan) {
  constexpr size_t kMost = 32;
  const char* files[kMost];
  size_t count = 0;
  for (uint32_t file : plan.list(plan.header().forwarder_cgroup)) {
    if (count < kMost) files[count++] = plan.text(file);
  }
  size_t failed = 0;
  (void)JoinCgroupsAsSelf(files, count, &failed);
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void Forwarder::Start(const PlanView& plan, char* name, int bundle, int watch) {
  Stop();
  plan_ = &plan;
  name_ = name;
  bundle_ = bundle;
  watch_ = watch;
}

void Forwarder::Stop() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    End();
  }
  if (bundle_ > 0) close(bundle_);
  if (watch_ > 0) close(watch_);
  bundle_ = watch_ = 0;
  paused_until_ = 0;
}

int Forwarder::fd() const {
  if (pid_ > 0) return pidfd_;
  return watch_ > 0 && paused_until_ == 0 ? watch_ : -1;
}

void Forwarder::Handle() {
  if (pid_ > 0) {
    pollfd slot{pidfd_, POLLIN, 0};
    if (poll(&slot, 1, 0) > 0) End();
    return;
  }
  if (watch_ <= 0) return;
  if (paused_until_ != 0) {
    if (ReadClock(CLOCK_MONOTONIC) >= paused_until_) paused_until_ = 0;
    return;
  }
  Spawn();
}

void Forwarder::Spawn() {
  pid_t monitor = getpid();
  auto pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) Run(monitor);
  if (pid > 0) pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pid > 0 && pidfd_ >= 0) {
    pid_ = pid;
    return;
  }
  if (pid > 0) {
    kill(pid, SIGKILL);
    while (wait4(pid, nullptr, 0, nullptr) < 0 && errno == EINTR) {
    }
  }
  paused_until_ = ReadClock(CLOCK_MONOTONIC) + kPause;
}

void Forwarder::Run(pid_t monitor) const {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != monitor) _exit(0);
  close_range(0, static_cast<unsigned>(bundle_ - 1), 0);
  // Nobody's last words are to come to a socket.
  for (int stream = 0; stream < 3; ++stream) (void)open("/dev/null", O_RDWR | O_CLOEXEC);
  close_range(static_cast<unsigned>(bundle_ + 1), ~0U, 0);
  prctl(PR_SET_NAME, kName, 0, 0, 0);
  if (name_ != nullptr && strlen(name_) + 1 >= sizeof kName) {
    memset(name_, 0, strlen(name_));
    memcpy(name_, kName, sizeof kName - 1);
  }
  RaiseDescriptorLimit();
  DropOomShield();  // its clients fill the container's memory
  JoinCgroups(*plan_);
  static Forwards forwards;
  if (!forwards.Start(bundle_)) _exit(1);
  forwards.RunUntilIdle();
  _exit(0);
}

void Forwarder::End() {
  int status = 0;
  while (wait4(pid_, &status, 0, nullptr) < 0 && errno == EINTR) {
  }
  close(pidfd_);
  pid_ = 0;
  if (status != 0) paused_until_ = ReadClock(CLOCK_MONOTONIC) + kPause;
}

}  // namespace hoy::core
