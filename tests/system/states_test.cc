// What every verb says of a container in every state that holds still: the table of
// core/engine/state_rules.cc, walked with real containers.

#include <map>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class States : public ImageSandbox {};

TEST_F(States, EachVerbRefusesWhatTheTableRefuses) {
  RunOk({"create", "--name", "created", Busybox(), "true"});
  RunOk({"run", "--name", "exited", Busybox(), "true"});
  EXPECT_EQ(Run({"run", "--name", "failed", Busybox(), "/nothing"}).code, 127);
  StartSleeper({"--name", "running"});
  StartSleeper({"--name", "paused"});
  RunOk({"pause", "paused"});
  StartSleeper({"--name", "stopping", "--stop-signal", "WINCH"});
  Background stop(Hoy({"stop", "-t", "-1", "stopping"}));
  ASSERT_TRUE(WaitForStatus("stopping", "stopping"));

  // "" is success with nothing to do; what would change the state is not asked here.
  using Complaints = std::map<std::string, std::string>;
  const Complaints down = {{"kill", "is not running"},
                           {"pause", "is not running"},
                           {"unpause", "is not paused"},
                           {"exec", "is not running"},
                           {"attach", "is not running"},
                           {"top", "is not running"},
                           {"stop", ""}};
  const std::map<std::string, Complaints> states = {
      {"created", down},
      {"exited", down},
      {"failed", down},
      {"running", {{"start", ""}, {"unpause", "is not paused"}, {"rm", "is running"}}},
      {"paused",
       {{"start", "is paused"},
        {"start -a", "is paused"},
        {"pause", "is paused already"},
        {"exec", "is paused"},
        {"attach", "is paused"},
        {"rm", "is paused"}}},
      {"stopping", {{"start", ""}, {"unpause", "is not paused"}, {"rm", "is stopping"}}}};
  for (const auto& [state, complaints] : states) {
    for (const auto& [verb, complaint] : complaints) {
      std::vector<std::string> arguments = {verb.substr(0, verb.find(' '))};
      if (verb.ends_with(" -a")) arguments.push_back("-a");
      arguments.push_back(state);
      if (verb == "exec") arguments.push_back("true");
      const Output output = Run(arguments);
      EXPECT_EQ(output.code, complaint.empty() ? 0 : 125) << verb << " " << state << output;
      if (!complaint.empty()) {
        EXPECT_NE(output.err.find("container " + state + " " + complaint + "\n"), std::string::npos)
            << verb << " " << state << output;
      }
      EXPECT_EQ(Status(state), state) << verb;
    }
  }
  RunOk({"unpause", "paused"});
  RunOk({"kill", "stopping"});
  EXPECT_EQ(stop.Finish().code, 0);
}

}  // namespace
}  // namespace hoy::test
