// With a shell script that stands in for hoy-image.

#include "cli/ops/spawn_pull.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/ui/report.h"

namespace hoy::cli {
namespace {

class SpawnPullTest : public testing::Test {
 protected:
  SpawnPullTest() : dir_(testing::TempDir() + fmt::format("hoy-spawn-{}", getpid())) {
    std::filesystem::create_directories(dir_);
    setenv("HOY_LIBEXEC", dir_.c_str(), 1);
  }
  ~SpawnPullTest() override {
    unsetenv("HOY_LIBEXEC");
    std::filesystem::remove_all(dir_);
  }

  void StandIn(const std::string& script) {
    std::ofstream(dir_ + "/hoy-image")
        << "#!/bin/sh\nprintf '%s\\n' \"$@\" >'" << dir_ << "/arguments'\n"
        << script << "\n";
    chmod((dir_ + "/hoy-image").c_str(), 0755);
  }

  Result<> Pull(const PullOptions& options) {
    Output out(&text_);
    Output err(&text_);
    Context context{.out = out, .err = err, .globals = {"--root=/data"}};
    TRY(pulled_, SpawnPull(context, options, ProgressMode::kPlain));
    return {};
  }

  std::string Arguments() {
    std::stringstream words;
    words << std::ifstream(dir_ + "/arguments").rdbuf();
    std::string text = words.str();
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  std::string dir_, text_;
  std::vector<std::string> pulled_;
};

TEST_F(SpawnPullTest, PassesFlagsAndOptionsOn) {
  StandIn("exit 0");
  EXPECT_TRUE(Pull({.reference = "busybox"}));
  EXPECT_EQ(Arguments(), "--root=/data --error-fd=3 pull --progress=plain -- busybox ");
  EXPECT_TRUE(Pull({.reference = "app:v1", .platform = "linux/arm64", .tls_verify = false}));
  EXPECT_EQ(Arguments(),
            "--root=/data --error-fd=3 pull --progress=plain --platform=linux/arm64 "
            "--tls-verify=false -- app:v1 ");
}

TEST_F(SpawnPullTest, GivesTheChildsErrorBackAsData) {
  Error sample = MakeError(ErrorKind::kUnauthorized, "pull 'x': access denied");
  std::ofstream(dir_ + "/error") << ErrorJson(std::move(sample).WithHint("log in"), 125);
  StandIn("cat '" + dir_ + "/error' >&3; exit 125");
  Result<> pulled = Pull({.reference = "x"});
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::kUnauthorized);
  EXPECT_EQ(pulled.error().message, "pull 'x': access denied");
  EXPECT_EQ(pulled.error().hint, "log in");
}

TEST_F(SpawnPullTest, ReportsAChildThatDiedWithoutAWord) {
  StandIn("kill -9 $$");
  Result<> pulled = Pull({.reference = "x"});
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().message, "pull 'x': hoy-image ended with 137");
}

TEST_F(SpawnPullTest, KeepsTheChildsStdoutAwayFromOurs) {
  StandIn("echo noise; exit 0");
  testing::internal::CaptureStdout();
  EXPECT_TRUE(Pull({.reference = "x"}));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(pulled_, std::vector<std::string>{"noise"});
}

TEST_F(SpawnPullTest, SaysWhenTheProgramIsMissing) {
  Result<> pulled = Pull({.reference = "x"});
  ASSERT_FALSE(pulled);
  // Of no object: who asks for one would take it for gone.
  EXPECT_EQ(pulled.error().kind, ErrorKind::kSystem);
  EXPECT_FALSE(pulled.error().hint.empty());
}

}  // namespace
}  // namespace hoy::cli
