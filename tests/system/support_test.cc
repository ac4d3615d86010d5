// The instruments themselves: a leak check that cannot find a leak would make every other test
// worthless.

#include <fmt/core.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

const std::string kId(64, 'a');

bool AnyContains(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

class LeakCheck : public HoySandbox {
 protected:
  bool Finds(const std::string& text) const {
    return Eventually([&] { return AnyContains(FindLeaks(Traces()), text); }, seconds(5));
  }
};

TEST_F(LeakCheck, FindsNothingInAFreshSandbox) {
  EXPECT_TRUE(FindLeaks(Traces()).empty());
}

TEST_F(LeakCheck, FindsAProcessByItsEnvironment) {
  const Background sleeper({.argv = {"sleep", "100"}, .env = env});
  EXPECT_TRUE(Finds(fmt::format("process {}", sleeper.pid())));
}

TEST_F(LeakCheck, FindsAProcessByTheContainerIdOnItsCommandLine) {
  std::filesystem::create_directory(data() + "/containers/" + kId);
  std::filesystem::remove(data() + "/containers/" + kId);
  const Background sleeper({.argv = {"sh", "-c", "sleep 100; true", kId}});
  EXPECT_TRUE(Finds(fmt::format("process {}", sleeper.pid())));
}

TEST_F(LeakCheck, FindsAMount) {
  std::filesystem::create_directory(Path("point"));
  if (::mount("none", Path("point").c_str(), "tmpfs", 0, nullptr) != 0) {
    SKIP_BECAUSE("mounting needs root");
  }
  EXPECT_TRUE(Finds("mount "));
  ::umount(Path("point").c_str());
}

TEST_F(LeakCheck, FindsACgroupOfAContainerThatIsGone) {
  std::string id = kId;
  id.replace(0, 12, fmt::format("{:012x}", ::getpid()));
  std::filesystem::create_directory(data() + "/containers/" + id);
  std::filesystem::remove(data() + "/containers/" + id);
  const char* base =
      std::filesystem::exists("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
  const std::string cgroup = fmt::format("{}/hoy-test-{}", base, id);
  if (::mkdir(cgroup.c_str(), 0755) != 0) SKIP_BECAUSE("no cgroup can be made here");
  EXPECT_TRUE(Finds("cgroup " + cgroup));
  ::rmdir(cgroup.c_str());
}

TEST_F(LeakCheck, FindsFiles) {
  std::filesystem::create_directory(run() + "/containers");
  std::filesystem::create_directories(data() + "/layers/.staging-1");
  std::filesystem::create_directories(data() + "/images/ingest");
  WriteFile(run() + "/containers/x", "");
  WriteFile(data() + "/images/ingest/y", "");
  EXPECT_TRUE(Finds("containers/x"));
  EXPECT_TRUE(Finds(".staging-1"));
  EXPECT_TRUE(Finds("partial blob y"));
  std::filesystem::remove(run() + "/containers/x");
  std::filesystem::remove(data() + "/layers/.staging-1");
  std::filesystem::remove(data() + "/images/ingest/y");
}

TEST(Process, GivesOutputAndExitCodeAndFeedsInput) {
  const Output output = RunCommand(
      {.argv = {"sh", "-c", "cat; echo bad >&2; exit 3"}, .input = std::string(200'000, 'x')});
  EXPECT_EQ(output.code, 3);
  EXPECT_EQ(output.out.size(), 200'000u);
  EXPECT_EQ(output.err, "bad\n");
}

TEST(Process, NoticesAPipeThatSomethingLeftBehindHolds) {
  Background shell({.argv = {"sh", "-c", "sleep 60 & echo $!"}});
  ASSERT_TRUE(shell.WaitForOut("\n"));
  const Output output = shell.Finish(milliseconds(300));
  EXPECT_TRUE(output.pipe_held);
  ::kill(std::stoi(output.out), SIGKILL);
}

TEST(Process, KillsWhatDoesNotEnd) {
  const Output output = RunCommand({.argv = {"sleep", "100"}, .timeout = milliseconds(50)});
  EXPECT_TRUE(output.timed_out);
  EXPECT_EQ(output.code, -1);
}

TEST(Pty, IsATerminalWithASize) {
  Pty terminal({.argv = {"sh", "-c", "read a; echo got:$a; stty size; exit 7"}}, {30, 100});
  terminal.Send("hello\n");
  EXPECT_TRUE(terminal.Expect("got:hello"));
  EXPECT_TRUE(terminal.Expect("30 100"));
  EXPECT_EQ(terminal.Finish(), 7);
  EXPECT_TRUE(terminal.IsCooked());
}

TEST(Registry, ServesWhatWasPushed) {
  Registry registry;
  const Image image = BusyboxImage().Build();
  registry.Push("some/name", "v1", image);
  const HttpReply reply = HttpSend(
      "GET", "http://" + registry.address() + "/v2/some/name/blobs/" + image.config_digest, "", "");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, image.blobs[0].bytes);
  EXPECT_TRUE(std::filesystem::exists(registry.BlobPath(image.layer_digests[0])));
}

}  // namespace
}  // namespace hoy::test
