#pragma once
// The fixture of the tests that make real cgroups (cgroup_live_test.cc, cgroup_v2_test.cc).

// The cgroups of this machine, whichever version it has: v1 on the build machines, v2 in the VM
// (tests/vm). Every test ends with a look for left-overs.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/base/text.h"
#include "core/cgroup/cgroup.h"
#include "core/cgroup/driver.h"
#include "core/cgroup/join.h"
#include "core/cgroup/tree.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::core {

constexpr int64_t kMiB = 1 << 20;

#define ASSERT_OK(...)                                                   \
  do {                                                                   \
    const auto& ok_result = (__VA_ARGS__);                               \
    ASSERT_TRUE(ok_result.has_value())                                   \
        << ok_result.error().message << " / " << ok_result.error().hint; \
  } while (false)

// A child that waits to be let go, so that it is in its cgroup before it does anything.
class Member {
 public:
  explicit Member(const std::function<int()>& body) {
    int gate[2];
    EXPECT_EQ(pipe2(gate, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
      close(gate[1]);
      char go = 0;
      if (read(gate[0], &go, 1) != 1) _exit(99);
      _exit(body());
    }
    close(gate[0]);
    gate_.reset(gate[1]);
    child_ = ChildProcess(pid, Fd());
  }
  pid_t pid() const { return child_.pid(); }
  void Go() { EXPECT_EQ(write(gate_.get(), "g", 1), 1); }
  ExitStatus Wait() {
    auto status = child_.Wait();
    EXPECT_TRUE(status);
    return status.value_or(ExitStatus{});
  }

 private:
  Fd gate_;
  ChildProcess child_;
};

inline int WaitForSignals() {
  while (true) pause();
}

class CgroupLive : public ::testing::Test {
 protected:
  void SetUp() override {
    host_ = DetectCgroupHost();
    ASSERT_NE(host_.version, CgroupVersion::kNone) << "this machine shows no cgroups to test with";
    request_.id = fmt::format("unit-{}", getpid());
    // Members of killed cgroups come to us, and not to whatever is pid 1.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }

  void TearDown() override {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    for (const std::string& directory : Everywhere("hoy-" + request_.id)) {
      ADD_FAILURE() << "left behind: " << directory;
      (void)RemoveCgroup(directory, std::chrono::milliseconds(1000), WaitABit);
    }
  }

  bool v2() const { return host_.version == CgroupVersion::kV2; }

  // Cgroups of that name, in any hierarchy.
  static std::vector<std::string> Everywhere(const std::string& name) {
    std::vector<std::string> found;
    for (const CgroupHierarchy& hierarchy : FullCgroupHost().hierarchies) {
      FindBelow(hierarchy.mountpoint, name, found);
    }
    return found;
  }

  // Others' cgroups may go at any moment, which ends a recursive_directory_iterator for good.
  static void FindBelow(const std::string& directory, const std::string& name,
                        std::vector<std::string>& found) {
    std::error_code gone;
    for (std::filesystem::directory_iterator at(directory, gone), end; !gone && at != end;
         at.increment(gone)) {
      if (at->symlink_status(gone).type() != std::filesystem::file_type::directory) {
        gone.clear();
        continue;
      }
      if (at->path().filename() == name) found.push_back(at->path());
      FindBelow(at->path(), name, found);
    }
  }

  // A file of the container's cgroup by its v1 and v2 names.
  std::string FileOf(const Cgroup& cgroup, const std::string& controller, const std::string& v1,
                     const std::string& v2_file) const {
    auto text = ReadFile(cgroup.location().Directory(controller) + "/" + (v2() ? v2_file : v1));
    return text ? std::string(Trim(*text)) : text.error().message;
  }

  CgroupHost host_;
  CgroupRequest request_;
};

}  // namespace hoy::core
