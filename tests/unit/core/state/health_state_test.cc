#include "core/state/health_state.h"

#include <gtest/gtest.h>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

constexpr Timestamp kStart = 1000 * kSecond;

HealthCheck Check() {
  return {.test = {"CMD", "probe"},
          .interval = 10 * kSecond,
          .start_period = 60 * kSecond,
          .start_interval = 2 * kSecond,
          .retries = 2};
}

HealthState Fresh() {
  HealthState state;
  state.started_at = kStart;
  return state;
}

// Of a probe that began `after` seconds after the start and took one.
HealthResult Probe(int exit_code, int64_t after) {
  Timestamp start = kStart + after * kSecond;
  return {.start = start, .end = start + kSecond, .exit_code = exit_code, .output = ""};
}

TEST(HealthCheck, HasDockersDefaults) {
  const HealthCheck check{.test = {"CMD-SHELL", "a b"}};
  EXPECT_EQ(check.Interval(), 30 * kSecond);
  EXPECT_EQ(check.Timeout(), 30 * kSecond);
  EXPECT_EQ(check.StartPeriod(), 0);
  EXPECT_EQ(check.StartInterval(), 5 * kSecond);
  EXPECT_EQ(check.Retries(), 3);
  EXPECT_EQ((HealthCheck{.test = {"CMD", "x"}, .interval = -1}.Interval()), 30 * kSecond);
}

TEST(HealthCheck, KnowsWhatToRun) {
  using Words = std::vector<std::string>;
  EXPECT_EQ((HealthCheck{.test = {"CMD", "a", "b c"}}.Command()), (Words{"a", "b c"}));
  EXPECT_EQ((HealthCheck{.test = {"CMD-SHELL", "a b"}}.Command()), (Words{"/bin/sh", "-c", "a b"}));
  EXPECT_EQ((HealthCheck{.test = {"CMD-SHELL", "a"}, .shell = {"/bash", "-ec"}}.Command()),
            (Words{"/bash", "-ec", "a"}));
  for (const Words& none : {Words{}, Words{"NONE"}, Words{"CMD"}, Words{"NONE", "x"}}) {
    EXPECT_FALSE(HealthCheck{.test = none}.Probes());
    EXPECT_EQ(HealthCheck{.test = none}.Command(), Words{});
  }
}

TEST(HealthRules, FollowDocker) {
  struct Row {
    const char* what;
    std::vector<HealthResult> probes;
    HealthStatus status;
    int64_t streak;
  };
  const Row rows[] = {
      {"nothing yet", {}, HealthStatus::kStarting, 0},
      {"a success", {Probe(0, 1)}, HealthStatus::kHealthy, 0},
      {"early failures", {Probe(1, 1), Probe(1, 3), Probe(1, 59)}, HealthStatus::kStarting, 0},
      {"one too late", {Probe(1, 1), Probe(1, 60)}, HealthStatus::kStarting, 1},
      {"two too late", {Probe(1, 60), Probe(1, 70)}, HealthStatus::kUnhealthy, 2},
      {"early, after a success", {Probe(0, 1), Probe(1, 2)}, HealthStatus::kHealthy, 1},
      {"twice", {Probe(0, 1), Probe(1, 2), Probe(kProbeFailed, 3)}, HealthStatus::kUnhealthy, 2},
      {"not in a row", {Probe(1, 60), Probe(0, 70), Probe(1, 80)}, HealthStatus::kHealthy, 1},
      {"recovered", {Probe(1, 60), Probe(1, 70), Probe(0, 80)}, HealthStatus::kHealthy, 0},
      {"on and on", {Probe(1, 60), Probe(1, 70), Probe(1, 80)}, HealthStatus::kUnhealthy, 3},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    HealthState state = Fresh();
    for (const HealthResult& probe : row.probes) state = AfterProbe(Check(), state, probe);
    EXPECT_EQ(state.status, row.status);
    EXPECT_EQ(state.failing_streak, row.streak);
    EXPECT_EQ(state.log, row.probes);
    EXPECT_EQ(state.started_at, kStart);
  }
}

TEST(HealthRules, KeepTheLastFiveResults) {
  HealthState state = Fresh();
  for (int i = 0; i < 8; ++i) state = AfterProbe(Check(), state, Probe(i, i));
  ASSERT_EQ(state.log.size(), 5u);
  EXPECT_EQ(state.log.front().exit_code, 3);
  EXPECT_EQ(state.log.back().exit_code, 7);
}

TEST(HealthRules, SayWhenTheNextProbeIsDue) {
  struct Row {
    const char* what;
    std::vector<HealthResult> probes;
    int64_t now;  // seconds after the start
    int64_t due;  // seconds from then
  };
  const Row rows[] = {
      {"at the start", {}, 0, 2},
      {"a little later", {}, 1, 1},
      {"overdue", {}, 30, 0},
      {"after a failure", {Probe(1, 2)}, 3, 2},
      {"after a success", {Probe(0, 2)}, 3, 10},
      {"when the start is over", {Probe(1, 58)}, 61, 8},
      {"a clock set back", {Probe(0, 2)}, -100, 10},
      {"and before any", {}, -100, 2},
  };
  for (const Row& row : rows) {
    HealthState state = Fresh();
    for (const HealthResult& probe : row.probes) state = AfterProbe(Check(), state, probe);
    EXPECT_EQ(NextProbeIn(Check(), state, kStart + row.now * kSecond), row.due * kSecond)
        << row.what;
  }
  HealthCheck plain = Check();
  plain.start_period = 0;
  EXPECT_EQ(NextProbeIn(plain, Fresh(), kStart), 10 * kSecond);
  EXPECT_EQ(ProbePeriod(plain, Fresh(), kStart), 10 * kSecond);
}

TEST(HealthRules, ActOnlyOnAFailureThatLeavesItUnhealthy) {
  HealthCheck check = Check();
  check.on_failure = HealthAction::kRestart;
  HealthState state = AfterProbe(check, Fresh(), Probe(1, 60));
  EXPECT_EQ(ActionAfter(check, state), HealthAction::kNone) << "not yet";
  state = AfterProbe(check, state, Probe(1, 70));
  EXPECT_EQ(ActionAfter(check, state), HealthAction::kRestart);
  EXPECT_EQ(ActionAfter(check, AfterProbe(check, state, Probe(1, 80))), HealthAction::kRestart);
  EXPECT_EQ(ActionAfter(check, AfterProbe(check, state, Probe(0, 80))), HealthAction::kNone);
  EXPECT_EQ(ActionAfter(Check(), state), HealthAction::kNone) << "nothing was asked for";
  EXPECT_EQ(ActionAfter(check, Fresh()), HealthAction::kNone);
}

TEST(ProbeOutput, IsCutAsDockerDoes) {
  ProbeOutput whole;
  whole.Add(std::string(4000, 'a'));
  whole.Add(std::string(96, 'b'));
  EXPECT_EQ(whole.Take(), std::string(4000, 'a') + std::string(96, 'b'));
  whole.Add("");
  EXPECT_EQ(whole.Take().size(), 4096u);
  whole.Add("c");
  whole.Add("d");
  EXPECT_EQ(whole.Take(), std::string(4000, 'a') + std::string(96, 'b') + "...");
}

TEST(HealthFile, BelongsToOneRun) {
  ScratchDirectory scratch;
  Layout layout{scratch.path() + "/d", scratch.path() + "/r"};
  ASSERT_TRUE(MakeDirectories(layout.RunContainer("one")));
  ASSERT_TRUE(MakeDirectories(layout.Container("one")));
  EXPECT_EQ(ReadHealth(layout, "one", kStart), Fresh());
  HealthState state = AfterProbe(Check(), Fresh(), Probe(3, 60));
  state.log[0].output = "\"\n";
  ASSERT_TRUE(WriteHealth(layout, "one", state));
  EXPECT_EQ(ReadHealth(layout, "one", kStart), state);
  HealthState other;
  other.started_at = kStart + 1;
  EXPECT_EQ(ReadHealth(layout, "one", kStart + 1), other);

  ASSERT_TRUE(KeepHealth(layout, "one", kStart + 1));
  EXPECT_FALSE(ReadKeptHealth(layout, "one", kStart));
  ASSERT_TRUE(KeepHealth(layout, "one", kStart));
  EXPECT_EQ(ReadKeptHealth(layout, "one", kStart), state);
  EXPECT_FALSE(ReadKeptHealth(layout, "one", kStart + 1));
}

TEST(HealthFile, DamageIsNothingKnown) {
  ScratchDirectory scratch;
  Layout layout{scratch.path() + "/d", scratch.path() + "/r"};
  ASSERT_TRUE(MakeDirectories(layout.RunContainer("one")));
  const std::string path = layout.RunContainer("one") + "/health.json";
  for (const char* text :
       {"", "[]", "{", "{}", R"({"started_at":"x"})", R"({"started_at":1000000000000,"status":1})",
        R"({"started_at":1000000000000,"status":"healthy","failing_streak":0,
                               "log":[{"start":1}]})"}) {
    ASSERT_TRUE(WriteFileAtomically(path, text, Durability::kVolatile));
    EXPECT_EQ(ReadHealth(layout, "one", kStart), Fresh()) << text;
  }
  // Bytes that are no text.
  HealthState state = AfterProbe(Check(), Fresh(), Probe(1, 60));
  state.log[0].output = "a\xff";
  ASSERT_TRUE(WriteHealth(layout, "one", state));
  EXPECT_EQ(ReadHealth(layout, "one", kStart).log[0].output, "a\xEF\xBF\xBD");
}

}  // namespace
}  // namespace hoy::core
