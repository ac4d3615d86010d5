// What of hoy's own descriptors is open while a container's paths are resolved leads to the host:
// "/proc/self/fd/N" as a working directory (CVE-2024-21626).

#include <fmt/core.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

constexpr int kMostDescriptors = 40;

class LeakedDescriptor : public ImageSandbox {
 protected:
  // From any directory of the host up to its root, and down to ours.
  std::string Trap() const {
    std::string up;
    for (int i = 0; i < 20; ++i) up += "../";
    return fmt::format("echo out > {}{}/trap 2>/dev/null; pwd", up, directory().substr(1));
  }
  void TearDown() override {
    EXPECT_FALSE(std::filesystem::exists(Path("trap")));
    ImageSandbox::TearDown();
  }
};

TEST_F(LeakedDescriptor, IsNoWorkingDirectoryOfARun) {
  for (int fd = 3; fd < kMostDescriptors; ++fd) {
    const std::string path = fmt::format("/proc/self/fd/{}", fd);
    const Output output = Run({"run", "--rm", "-w", path, Busybox(), "sh", "-c", Trap()});
    EXPECT_NE(output.code, 0) << path << output;
  }
}

TEST_F(LeakedDescriptor, IsNoWorkingDirectoryOfAnExec) {
  RunOk({"run", "-d", "--name", "one", "-w", "/w", Busybox(), "sleep", "1000"});
  for (int fd = 3; fd < kMostDescriptors; ++fd) {
    RunOk({"exec", "-w", "/", "one", "sh", "-c",
           fmt::format("rm -rf /w; ln -s /proc/self/fd/{} /w", fd)});
    const Output output = Run({"exec", "one", "sh", "-c", Trap()});
    EXPECT_NE(output.code, 0) << fd << output;
  }
  RunOk({"rm", "-f", "one"});
}

}  // namespace
}  // namespace hoy::test
