#include "cli/ops/host_facts.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace hoy::cli {
namespace {

TEST(GatherHostFacts, ReadsWhatTheOptionsName) {
  std::string path = testing::TempDir() + "hoy-env-" + std::to_string(getpid());
  std::ofstream(path) << "A=1\n";
  auto facts = GatherHostFacts({.env_file = {path},
                                .volume = {"/proc/self:/p", path + ":/f"},
                                .device = {"/dev/null"},
                                .cpus = "1"});
  ASSERT_TRUE(facts.has_value()) << facts.error().message;
  EXPECT_EQ(facts->texts.at(path), "A=1\n");
  EXPECT_TRUE(facts->sources.at("/proc/self"));
  EXPECT_FALSE(facts->sources.at(path));
  ASSERT_EQ(facts->devices.at("/dev/null").size(), 1U);
  EXPECT_EQ(facts->devices.at("/dev/null")[0].major, 1U);
  EXPECT_EQ(facts->devices.at("/dev/null")[0].minor, 3U);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(facts->rlimits[RLIMIT_NOFILE].hard, limit.rlim_max);
  unlink(path.c_str());
}

TEST(GatherHostFacts, NamesTheFlagOfAMissingFile) {
  const std::pair<RunOptions, const char*> cases[] = {
      {{.env_file = {"/no/file"}}, "--env-file: "},
      {{.label_file = {"/no/file"}}, "--label-file: "},
      {{.volume = {"/no/dir:/x:O"}}, "-v '/no/dir:/x:O': bind source '/no/dir': No such file"},
      {{.mount = {"type=bind,src=/no/dir,dst=/x"}}, "--mount 'type=bind,src=/no/dir,dst=/x': "},
      {{.device = {"/dev/no-such"}}, "--device '/dev/no-such': No such file"},
      {{.device = {"/etc/passwd"}}, "--device '/etc/passwd': not a device"},
      {{.security_opt = {"seccomp=/no/file"}}, "--security-opt seccomp: "},
  };
  for (const auto& [options, start] : cases) {
    auto facts = GatherHostFacts(options);
    ASSERT_FALSE(facts.has_value()) << start;
    EXPECT_TRUE(facts.error().message.starts_with(start)) << facts.error().message;
  }
}

}  // namespace
}  // namespace hoy::cli
