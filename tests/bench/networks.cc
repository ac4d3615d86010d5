#include "tests/bench/networks.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "tests/bench/measure.h"

namespace hoy::bench {

Fd NewNetworkNamespace() {
  Fd made;
  // A thread takes itself there, and leaves it open behind it.
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) {
      made = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }
  }).join();
  if (!made) throw std::runtime_error("no network namespace of one's own");
  return made;
}

void RunThere(const Fd& there, const std::string& script) {
  Measure({.argv = {"sh", "-ec", script}, .network_namespace = there.get()});
}

std::string NameOfNamespace(const Fd& there) {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), there.get());
}

void EnterForGood(const Fd& there) {
  if (::setns(there.get(), CLONE_NEWNET) != 0) {
    throw std::runtime_error("cannot enter a network namespace");
  }
}

}  // namespace hoy::bench
