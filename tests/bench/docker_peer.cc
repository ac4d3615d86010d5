#include "tests/bench/docker_peer.h"

#include <signal.h>

#include <filesystem>

namespace hoy::bench {
namespace fs = std::filesystem;

DockerPeer::DockerPeer(const Ground& ground)
    : socket_(ground.RunPath("docker/socket")), data_(ground.Path("docker")) {
  const std::string run = ground.RunPath("docker");
  fs::create_directories(run);
  // unshare(1) becomes dockerd, which takes its containerd with it when it ends.
  daemon_.emplace(test::Command{
      .argv = {"unshare", "-m", "--propagation", "private", "dockerd", "--data-root", data_,
               "--exec-root", run + "/exec", "--pidfile", run + "/pid", "-H", "unix://" + socket_,
               "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
               "--ip-masq=false", "--log-level=warn"}});
  const bool answers = test::Eventually([&] {
    return !daemon_->Running() ||
           test::RunCommand({.argv = {"docker", "-H", "unix://" + socket_, "version"}}).code == 0;
  });
  if (answers && daemon_->Running()) return;
  daemon_->Signal(SIGTERM);
  problem_ = daemon_->Finish().err;
  problem_.resize(problem_.find_last_not_of('\n') + 1);
  problem_ = "dockerd does not start: " + problem_.substr(problem_.rfind('\n') + 1);
}

DockerPeer::~DockerPeer() {
  daemon_->Signal(SIGTERM);
  daemon_->Finish();
  std::error_code ignored;
  fs::remove_all(data_, ignored);
}

Program DockerPeer::Command(std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {"docker", "-H", "unix://" + socket_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return {.argv = std::move(argv)};
}

}  // namespace hoy::bench
