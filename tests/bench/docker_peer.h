#pragma once
// A dockerd of the bench's own, where it is installed: with its store and its socket below the
// bench's directories, in a mount namespace of its own, and without a bridge, firewall rules or
// forwarding, so that it changes nothing on the machine. For pulls, not for containers.

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/peers.h"
#include "tests/support/process.h"

namespace hoy::bench {

class DockerPeer {
 public:
  explicit DockerPeer(const Ground& ground);
  ~DockerPeer();
  DockerPeer(const DockerPeer&) = delete;
  DockerPeer& operator=(const DockerPeer&) = delete;

  // Why it does not run; empty: it does.
  const std::string& problem() const { return problem_; }
  Program Command(std::vector<std::string> arguments) const;

 private:
  std::string socket_;
  std::string data_;
  std::string problem_;
  std::optional<test::Background> daemon_;
};

}  // namespace hoy::bench
