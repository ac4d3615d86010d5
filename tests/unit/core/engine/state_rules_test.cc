#include "core/engine/state_rules.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace hoy::core {
namespace {

const std::map<std::string, ContainerState>& States() {
  static const auto all = [] {
    std::map<std::string, ContainerState> states;
    for (int i = 0; i < kContainerStates; ++i) {
      auto state = static_cast<ContainerState>(i);
      states[std::string(ToString(state))] = state;
    }
    return states;
  }();
  return all;
}

// Every pair, spelled a second time: yes, "-" nothing to do, "wait", or the complaint.
TEST(StateRules, EveryVerbInEveryState) {
  constexpr std::string_view kRunning = "is running";
  constexpr std::string_view kStopping = "is stopping";
  constexpr std::string_view kDown = "is not running";
  constexpr std::string_view kAgain = "is restarting";
  constexpr std::string_view kGone = "is being removed";
  struct Row {
    Verb verb;
    std::array<std::string_view, kContainerStates> answers;
  };
  const Row rows[] = {
      // created, initializing, running, paused, stopping, restarting, exited, failed, removing
      {Verb::kStart, {"yes", "wait", "-", "is paused", "-", "yes", "yes", "yes", kGone}},
      {Verb::kStop, {"-", "wait", "yes", "yes", "yes", "yes", "-", "-", kGone}},
      {Verb::kRestart, {"yes", "wait", "yes", "yes", "yes", "yes", "yes", "yes", kGone}},
      {Verb::kKill, {kDown, "wait", "yes", "yes", "yes", "yes", kDown, kDown, kGone}},
      {Verb::kPause,
       {kDown, "wait", "yes", "is paused already", "yes", kAgain, kDown, kDown, kGone}},
      {Verb::kUnpause,
       {"is not paused", "wait", "is not paused", "yes", "is not paused", kAgain, "is not paused",
        "is not paused", kGone}},
      {Verb::kRemove,
       {"yes", "wait", kRunning, "is paused", kStopping, kAgain, "yes", "yes", kGone}},
      {Verb::kForceRemove, {"yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes", "-"}},
      {Verb::kExec, {kDown, "wait", "yes", "is paused", "yes", kAgain, kDown, kDown, kGone}},
      {Verb::kAttach, {kDown, "wait", "yes", "is paused", "yes", kAgain, kDown, kDown, kGone}},
      {Verb::kTop, {kDown, "wait", "yes", "yes", "yes", kAgain, kDown, kDown, kGone}},
      {Verb::kRename, {"yes", "wait", "yes", "yes", "yes", "yes", "yes", "yes", kGone}},
      {Verb::kUpdate, {"yes", "wait", "yes", "yes", "yes", "yes", "yes", "yes", kGone}},
      {Verb::kCopy, {"yes", "wait", "yes", "yes", "yes", "yes", "yes", "yes", kGone}},
      {Verb::kExport, {"yes", "wait", "yes", "yes", "yes", "yes", "yes", "yes", kGone}},
      {Verb::kCommit, {"yes", "wait", "yes", "yes", "yes", "yes", "yes", "yes", kGone}},
      {Verb::kStats, {"yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes", "-"}},
  };
  ASSERT_EQ(std::size(rows), static_cast<size_t>(kVerbs));
  for (const Row& row : rows) {
    for (int i = 0; i < kContainerStates; ++i) {
      auto state = static_cast<ContainerState>(i);
      std::string_view wanted = row.answers[static_cast<size_t>(i)];
      SCOPED_TRACE(fmt::format("verb {} while {}", static_cast<int>(row.verb), ToString(state)));
      auto permitted = Permit(row.verb, state, "web");
      if (wanted == "yes" || wanted == "wait") {
        ASSERT_TRUE(permitted.has_value()) << permitted.error().message;
        EXPECT_TRUE(*permitted);
        EXPECT_EQ(RuleFor(row.verb, state), wanted == "yes" ? Answer::kGo : Answer::kAwait);
      } else if (wanted == "-") {
        ASSERT_TRUE(permitted.has_value());
        EXPECT_FALSE(*permitted);
      } else {
        ASSERT_FALSE(permitted.has_value());
        EXPECT_EQ(permitted.error().kind, ErrorKind::kConflict);
        EXPECT_EQ(permitted.error().message, fmt::format("container web {}", wanted));
      }
    }
  }
}

TEST(StateRules, SayWhatWouldHelp) {
  auto hint = [](Verb verb, const char* state) {
    return Permit(verb, States().at(state), "web").error().hint;
  };
  EXPECT_EQ(hint(Verb::kStart, "paused"), "hoy unpause web");
  EXPECT_EQ(hint(Verb::kExec, "paused"), "hoy unpause web");
  EXPECT_EQ(hint(Verb::kExec, "exited"), "hoy start web");
  EXPECT_EQ(hint(Verb::kExec, "restarting"),
            "wait until it runs: hoy wait --condition running web");
  EXPECT_EQ(hint(Verb::kRemove, "running"), "stop it first, or use --force");
  EXPECT_EQ(hint(Verb::kKill, "exited"), "");
}

TEST(ContainerStates, HaveNamesOfTheirOwnAndAreUpOrDownOrNeither) {
  EXPECT_EQ(States().size(), static_cast<size_t>(kContainerStates));
  std::string up;
  std::string down;
  for (const auto& [name, state] : States()) {
    if (IsUp(state)) up += name + " ";
    if (IsDown(state)) down += name + " ";
  }
  EXPECT_EQ(up, "paused running stopping ");
  EXPECT_EQ(down, "created exited failed ");
}

}  // namespace
}  // namespace hoy::core
