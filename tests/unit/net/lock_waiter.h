#pragma once
// Work on a thread of its own that is to meet a flock(2) which the test holds.

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace hoy::net {

class LockWaiter {
 public:
  explicit LockWaiter(std::function<void()> work)
      : thread_([this, work = std::move(work)] {
          thread_id_ = gettid();
          work();
          has_ended_ = true;
        }) {}
  ~LockWaiter() { thread_.join(); }
  LockWaiter(const LockWaiter&) = delete;
  LockWaiter& operator=(const LockWaiter&) = delete;

  // True as soon as it waits in flock(2); false when it has ended without.
  bool IsWaiting() const {
    constexpr std::chrono::seconds kDeadline{120};
    constexpr std::chrono::milliseconds kPause{1};
    auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!has_ended_ && std::chrono::steady_clock::now() < end) {
      // proc_pid_syscall(5): the number of the call that it sleeps in, or "running".
      std::ifstream file("/proc/self/task/" + std::to_string(thread_id_) + "/syscall");
      long call = -1;
      if (file >> call && call == SYS_flock) return true;
      std::this_thread::sleep_for(kPause);
    }
    return false;
  }

 private:
  std::atomic<pid_t> thread_id_ = 0;
  std::atomic<bool> has_ended_ = false;
  std::thread thread_;
};

}  // namespace hoy::net
