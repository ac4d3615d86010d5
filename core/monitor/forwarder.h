#pragma once
// The process that carries what comes to ports of the host's ::1 to the container (forward.h): a
// fork of the monitor in the container's cgroup, whose time and memory it takes. There is none
// until somebody connects there, nor when nobody has for a while; it ends with the monitor, and
// with the container.

#include <sys/types.h>

#include <cstdint>

#include "core/init/plan_view.h"

namespace hoy::core {

class Forwarder {
 public:
  // All of it zero: what is not used costs no memory.
  constexpr Forwarder() = default;

  // `bundle`: the sockets (net/firewall/port_sockets.h); `watch`: an epoll(7) that is ready when
  // one of them is. Both are its own from here on, and take the place of earlier ones. `plan`
  // outlives this; `name` is argv[0].
  void Start(const PlanView& plan, char* name, int bundle, int watch);
  void Stop();

  // To be polled for input, or -1.
  int fd() const;
  // CLOCK_MONOTONIC, nanoseconds; INT64_MAX: it waits for nothing.
  int64_t due() const { return paused_until_ != 0 ? paused_until_ : INT64_MAX; }
  // When it is ready, or due.
  void Handle();

 private:
  void Spawn();
  [[noreturn]] void Run(pid_t monitor) const;
  void End();

  const PlanView* plan_ = nullptr;
  char* name_ = nullptr;
  int bundle_ = 0;  // none
  int watch_ = 0;
  pid_t pid_ = 0;
  int pidfd_ = 0;
  int64_t paused_until_ = 0;  // the last one failed
};

}  // namespace hoy::core
