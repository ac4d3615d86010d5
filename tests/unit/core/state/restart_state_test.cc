#include "core/state/restart_state.h"

#include <gtest/gtest.h>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

ExitRecord Exit(int code, Timestamp up = kSecond) {
  ExitRecord exit;
  exit.exit_code = code;
  exit.started_at = 1000 * kSecond;
  exit.finished_at = exit.started_at + up;
  return exit;
}

TEST(RestartRules, ArePerPolicy) {
  struct Row {
    RestartPolicy policy;
    int exit_code;
    bool stopped;
    bool restarts;
    bool restored;
  };
  const Row rows[] = {
      {{RestartMode::kNo, 0}, 1, false, false, false},
      {{RestartMode::kOnFailure, 0}, 0, false, false, false},
      {{RestartMode::kOnFailure, 0}, 1, false, true, true},
      {{RestartMode::kOnFailure, 0}, 1, true, false, false},
      {{RestartMode::kAlways, 0}, 0, false, true, true},
      {{RestartMode::kAlways, 0}, 137, true, false, true},
      {{RestartMode::kUnlessStopped, 0}, 0, false, true, true},
      {{RestartMode::kUnlessStopped, 0}, 137, true, false, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(ToString(row.policy.mode)) + " " + std::to_string(row.exit_code));
    RestartState state;
    state.stopped = row.stopped;
    EXPECT_EQ(NextRestart(row.policy, state, Exit(row.exit_code)).has_value(), row.restarts);
    EXPECT_EQ(IsToBeRestored(row.policy, state, Exit(row.exit_code)), row.restored);
  }
}

TEST(RestartRules, OnFailureGivesUpAfterItsRetries) {
  const RestartPolicy policy{RestartMode::kOnFailure, 2};
  auto first = NextRestart(policy, {}, Exit(1));
  ASSERT_TRUE(first);
  auto second = NextRestart(policy, *first, Exit(1));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->count, 2);
  EXPECT_FALSE(NextRestart(policy, *second, Exit(1)));
}

TEST(RestartRules, ADecisionThatWasWrittenDownStands) {
  const RestartPolicy policy{RestartMode::kOnFailure, 1};
  auto first = NextRestart(policy, {}, Exit(1));
  ASSERT_TRUE(first);
  first->pending = PendingRestart{{}, Exit(1).finished_at + kSecond};
  auto again = NextRestart(policy, *first, Exit(1));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->count, 1);
  first->pending->due = Exit(1).started_at;
  EXPECT_FALSE(NextRestart(policy, *first, Exit(1))) << "that was for the run before";
}

TEST(RestartRules, TheBackOffDoublesUpToAMinuteAndBeginsAgainAfterTenSecondsUp) {
  const RestartPolicy policy{RestartMode::kAlways, 0};
  RestartState state;
  for (int64_t delay : {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000}) {
    auto next = NextRestart(policy, state, Exit(0, 9 * kSecond));
    ASSERT_TRUE(next);
    EXPECT_EQ(next->delay_ms, delay);
    state = *next;
  }
  auto again = NextRestart(policy, state, Exit(0, 10 * kSecond));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->delay_ms, 100);
  EXPECT_EQ(again->count, 13);
}

TEST(RestartStateFile, IsReadAsItWasWritten) {
  ScratchDirectory scratch;
  const Layout layout{scratch.path(), scratch.path() + "/run"};
  ASSERT_TRUE(MakeDirectories(layout.Container("a")).has_value());
  EXPECT_EQ(ReadRestartState(layout, "a")->count, 0) << "absent";
  RestartState state;
  state.count = 3;
  state.delay_ms = 800;
  state.pending = PendingRestart{{42, 7, "boot"}, 99};
  ASSERT_TRUE(WriteRestartState(layout, "a", state).has_value());
  const RestartState read = *ReadRestartState(layout, "a");
  EXPECT_EQ(read.count, 3);
  EXPECT_EQ(read.delay_ms, 800);
  EXPECT_FALSE(read.stopped);
  ASSERT_TRUE(read.pending);
  EXPECT_EQ(read.pending->restarter, (ProcessIdentity{42, 7, "boot"}));
  EXPECT_EQ(read.pending->due, 99);
  for (const char* text : {"", "{", "[]", R"({"count":"many"})", R"({"due":1,"boot_id":3})"}) {
    PutFile(layout.Container("a") + "/restart.json", text);
    EXPECT_EQ(ReadRestartState(layout, "a")->count, 0) << text;
    EXPECT_FALSE(ReadRestartState(layout, "a")->pending) << text;
  }
  ASSERT_TRUE(RemoveRestartState(layout, "a").has_value());
  // What cannot be read is not absent.
  ASSERT_TRUE(MakeDirectories(layout.Container("a") + "/restart.json").has_value());
  EXPECT_FALSE(ReadRestartState(layout, "a").has_value());
  ASSERT_TRUE(RemoveTree(layout.Container("a") + "/restart.json").has_value());
  ASSERT_TRUE(RemoveRestartState(layout, "a").has_value()) << "twice";
}

}  // namespace
}  // namespace hoy::core
