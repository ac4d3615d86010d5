#include "core/engine/stop.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "core/engine/lifecycle.h"
#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

pid_t EndedProcess() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  return pid;
}

class WaitForExitOfAnAutoRemoveContainer : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(PrepareLayout(layout_).has_value());
    ContainerRecord record;
    record.id = id_;
    record.name = "one";
    record.config.process.args = {"true"};
    record.config.auto_remove = true;
    ASSERT_TRUE(CreateContainer(layout_, record).has_value());
  }

  // Its run, as a killed monitor left it: both processes are gone.
  void PutRun() {
    ASSERT_TRUE(MakeDirectories(layout_.RunContainer(id_)).has_value());
    const pid_t pid = EndedProcess();
    PutFile(
        StatePath(layout_, id_),
        fmt::format(R"({{"version":1,"pid":{0},"start_time":1,"boot_id":"{1}","monitor_pid":{0},)"
                    R"("monitor_start_time":1,"started_at":7}})"
                    "\n",
                    pid, *BootId()));
  }
  void AddExitLine() {
    std::ofstream(StatePath(layout_, id_), std::ios::app)
        << R"({"version":1,"known":true,"exit_code":5})"
           "\n";
  }

  // Until somebody waits for the container's lock, as /proc/locks shows it.
  void AwaitWaiter() {
    struct stat status{};
    ASSERT_EQ(stat(layout_.Container(id_).c_str(), &status), 0);
    const std::string inode = fmt::format(":{} ", status.st_ino);
    while (true) {
      std::istringstream lines(TakeFile("/proc/locks"));
      for (std::string line; std::getline(lines, line);) {
        if (line.find("-> FLOCK") != std::string::npos && line.find(inode) != std::string::npos) {
          return;
        }
      }
      std::this_thread::yield();
    }
  }

  const std::string id_ = std::string(64, 'a');
  ScratchDirectory top_;
  Layout layout_{top_ / "d", top_ / "r"};
};

// Whoever cleans up may be killed with the run directory gone and the container's own still there.
TEST_F(WaitForExitOfAnAutoRemoveContainer, KeepsTheCodeThatACleanUpTakesAway) {
  PutRun();
  auto lock = ContainerLock::Acquire(layout_, id_);
  ASSERT_TRUE(lock.has_value());
  auto exit = std::async(std::launch::async, [&] { return WaitForExit(layout_, id_); });
  AwaitWaiter();
  AddExitLine();
  ASSERT_TRUE(RemoveTree(layout_.RunContainer(id_)).has_value());
  lock = Fail(ErrorKind::kCancelled, "unlocked");
  const auto result = exit.get();
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->exit_code, 5);
}

TEST_F(WaitForExitOfAnAutoRemoveContainer, SaysThatItIsGone) {
  ASSERT_TRUE(RemoveContainer(layout_, id_, "one").has_value());
  const auto exit = WaitForExit(layout_, id_);
  ASSERT_FALSE(exit.has_value()) << "not 'created', and no exit code 0";
  EXPECT_EQ(exit.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace hoy::core
