// top: the processes of a container, with no ps in the image.

#include <fmt/core.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "tests/support/lines.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Top : public ImageSandbox {
 protected:
  // A shell as PID 1 with a child, both quiet.
  void StartTwo() const {
    RunOk({"run", "-d", "--name", "one", Busybox(), "sh", "-c",
           "trap 'exit 0' TERM; sleep 99999 & wait"});
    ASSERT_TRUE(Eventually(
        [&] { return Run({"top", "one", "args"}).out.find("\nsleep ") != std::string::npos; }));
  }
  std::vector<std::string> Rows(const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {"top", "one"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Lines(RunOk(arguments));
  }
  std::string HostPid() const { return std::to_string(Inspect("one")["State"]["Pid"].get<long>()); }
};

TEST_F(Top, ListsEveryProcessWithItsNumbersInsideAndOutside) {
  StartTwo();
  const auto full = Rows({});
  ASSERT_GE(full.size(), 3u);
  EXPECT_TRUE(full[0].starts_with("UID ")) << full[0];
  EXPECT_TRUE(full[0].ends_with("CMD")) << full[0];
  EXPECT_NE(full[1].find(" " + HostPid() + " "), std::string::npos) << full[1];
  EXPECT_TRUE(full[1].starts_with("root ")) << full[1];
  EXPECT_EQ(Rows({"-ef"})[0], full[0]);
  EXPECT_EQ(Rows({"-o", "pid", "--no-headers"})[0], HostPid());

  const auto inner = Rows({"pid", "ppid", "hpid", "user", "args"});
  ASSERT_EQ(inner.size(), 3u);
  EXPECT_TRUE(inner[1].starts_with("1 ")) << inner[1];
  EXPECT_NE(inner[1].find(HostPid()), std::string::npos) << inner[1];
  EXPECT_NE(inner.back().find("sleep 99999"), std::string::npos) << inner.back();

  std::istringstream json(RunOk({"top", "--format", "json", "one", "-o", "pid,pcpu,comm"}));
  std::string line;
  std::getline(json, line);
  const Json first = Json::parse(line);
  EXPECT_EQ(std::to_string(first["PID"].get<long>()), HostPid());
  EXPECT_TRUE(first["%CPU"].is_number());
  EXPECT_EQ(first["COMMAND"], "sh");
}

TEST_F(Top, DrawsTreesAndListsThreads) {
  StartTwo();
  const auto forest = Rows({"-o", "comm", "--forest", "--no-headers"});
  EXPECT_EQ(forest, (std::vector<std::string>{"sh", " \\_ sleep"}));
  const auto threads = Rows({"-L", "--no-headers"});
  ASSERT_EQ(threads.size(), 2u);
  EXPECT_TRUE(std::regex_search(threads[0], std::regex("^" + HostPid() + " +" + HostPid() + " ")))
      << threads[0];
  // What only /proc tells, of whoever asks for it.
  const auto numbers = Rows({"-o", "netns,exe,minflt,rchars,pss,ignored,cgroup", "--no-headers"});
  ASSERT_EQ(numbers.size(), 2u);
  EXPECT_TRUE(std::regex_search(
      numbers[0], std::regex("^[0-9]{10} +/bin/[a-z]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9a-f]{16} +.*/")))
      << numbers[0];
}

TEST_F(Top, AnswersForAPausedContainer) {
  StartTwo();
  RunOk({"pause", "one"});
  EXPECT_TRUE(RunOk({"top", "one", "aux"}).starts_with("USER "));
  EXPECT_TRUE(RunOk({"top", "one", "pid"}).starts_with("PID\n1\n"));
  RunOk({"unpause", "one"});
}

// A process may call itself anything, and be gone before anybody has read what.
TEST_F(Top, IsNotFooledByHostileProcesses) {
  RunOk({"run", "-d", "--name", "one", "-v", directory() + ":/host", Busybox(), "sh", "-c",
         "trap 'exit 0' TERM; sh -c 'touch /host/ready; while :; do /bin/true; done' \"$(printf "
         "'a\\033[2Jb\\nc')\" & wait"});
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("ready")); }));
  for (int i = 0; i < 20; ++i) {
    const Output output = Run({"top", "one", "args"});
    ASSERT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out.find('\033'), std::string::npos) << output;
    EXPECT_NE(output.out.find("a\\x1b[2Jb\\nc"), std::string::npos) << output;
  }
}

TEST_F(Top, RefusesWhatItCannotDo) {
  RunOk({"create", "--name", "idle", Busybox(), "true"});
  EXPECT_EQ(Run({"top", "nobody"}).code, 1);
  const Output idle = Run({"top", "idle"});
  EXPECT_EQ(idle.code, 125) << idle;
  EXPECT_NE(idle.err.find("not running"), std::string::npos) << idle;
  for (const char* word : {"--columns=80", "-p1", "auxe", "-C"}) {
    const Output option = Run({"top", "idle", word});
    EXPECT_EQ(option.code, 125) << option;
    EXPECT_NE(option.err.find("unknown ps option"), std::string::npos) << option;
  }
  EXPECT_EQ(Run({"top"}).code, 125);
}

}  // namespace
}  // namespace hoy::test
