// events: what is recorded, in docker's words, and how it is shown; system restore.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Events : public ImageSandbox {
 protected:
  // "create start die(exitCode=3)": the events of one container so far.
  std::string Of(const std::string& container) const {
    std::istringstream lines(
        RunOk({"events", "--stream=false", "-f", "container=" + container, "--format", "json"}));
    std::string text;
    for (std::string line; std::getline(lines, line);) {
      const Json event = Json::parse(line, nullptr, false);
      text += (text.empty() ? "" : " ") + event["Action"].get<std::string>();
      for (const char* key : {"exitCode", "signal", "oldName"}) {
        if (!event["Actor"]["Attributes"].contains(key)) continue;
        text += "(" + event["Actor"]["Attributes"][key].get<std::string>() + ")";
      }
    }
    return text;
  }
};

TEST_F(Events, TellTheLifeOfAContainer) {
  const std::string id = StartSleeper({"--name", "one", "-l", "team=a"});
  RunOk({"rename", "one", "two"});
  RunOk({"exec", "two", "true"});
  RunOk({"kill", "-s", "URG", "two"});
  // What sleeps has set its trap: as PID 1 it is deaf to SIGTERM before.
  const auto await_sleep = [&] {
    const std::string pid = RunOk({"inspect", "-f", "{{.State.Pid}}", "two"});
    ASSERT_TRUE(Eventually(
        [&] { return !ReadFileIfThere(fmt::format("/proc/{0}/task/{0}/children", pid)).empty(); }));
  };
  await_sleep();
  RunOk({"stop", "two"});
  RunOk({"start", "two"});
  await_sleep();
  RunOk({"restart", "two"});
  RunOk({"rm", "-f", "two"});
  EXPECT_EQ(Of(id),
            "create start rename(one) exec_create: true exec_start: true exec_die(0) kill(23) "
            "kill(15) die(0) stop start kill(15) die(0) stop "
            "start restart kill(9) die(137) destroy");
  RunShell("exit 3", {"--name", "three"});
  EXPECT_EQ(Of("three"), "create start die(3) destroy") << "--rm, in the foreground";
  Run({"run", "--name", "four", Busybox(), "/missing"});
  EXPECT_EQ(Of("four"), "create") << "it never started";
}

TEST_F(Events, TellWhatElseIsDoneWithAContainer) {
  RunOk({"run", "-dit", "--name", "one", Busybox(), "sh"});
  RunOk({"top", "one"});
  RunOk({"cp", "one:/etc/passwd", Path("passwd")});
  EXPECT_EQ(Run({"cp", "one:/etc/no-such", Path("none")}).code, 1);
  RunOk({"export", "-o", Path("one.tar"), "one"});
  RunOk({"commit", "-m", "why", "one", "made"});
  Pty client(Hoy({"attach", "one"}), {33, 99});
  client.Send("echo in-$((1 + 1))\r");
  ASSERT_TRUE(client.Expect("in-2"));
  client.Send("\x10\x11");
  EXPECT_EQ(client.Finish(), 0);
  const std::string events = Of("one");
  EXPECT_EQ(events, "create start top copy export commit attach resize detach");
  EXPECT_EQ(RunOk({"events", "--stream=false", "-f", "event=resize", "--format",
                   "{{.Actor.Attributes.height}}x{{.Actor.Attributes.width}}"}),
            "33x99");
  EXPECT_EQ(RunOk({"events", "--stream=false", "-f", "event=commit", "--format",
                   "{{.Actor.Attributes.comment}}"}),
            "why");
}

// A clean-up was killed when it had told of the death, and had not yet taken away what says that
// there was a run.
TEST_F(Events, TellADeathOnce) {
  ASSERT_EQ(::mkfifo(Path("hold").c_str(), 0600), 0);
  Command command = Hoy({"run", "--name", "one", Busybox(), "sh", "-c", "exit 3"});
  command.env["HOY_FAIL_POINT"] = "cleanup-begun@" + Path("hold");
  Background held(command);
  std::string id;
  ASSERT_TRUE(Eventually([&] {
    const std::vector<std::string> ids = ListNames(run() + "/containers");
    if (!ids.empty()) id = ids.front();
    return !id.empty() && fs::exists(data() + "/containers/" + id + "/exit.json");
  }));
  const std::string directory = run() + "/containers/" + id;
  const std::string state = ReadFile(directory + "/state.json");
  const std::string start = ReadFile(directory + "/start.json");
  ASSERT_TRUE(Eventually([&] {
    return static_cast<bool>(Fd(::open(Path("hold").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)));
  }));
  EXPECT_EQ(held.Finish().code, 3);
  ASSERT_TRUE(Eventually([&] { return !fs::exists(directory); }));
  ASSERT_EQ(Of("one"), "create start die(3)");
  fs::create_directory(directory);
  WriteFile(directory + "/start.json", start);
  WriteFile(directory + "/state.json", state);
  ASSERT_TRUE(Eventually([&] {
    RunOk({"ps", "-a"});
    return !fs::exists(directory);
  }));
  EXPECT_EQ(Of("one"), "create start die(3)");
}

// Nobody waits for a session that was detached, and yet its end is told.
TEST_F(Events, TellTheEndOfADetachedExec) {
  StartSleeper({"--name", "one"});
  const auto show = [&](const std::string& action, const std::string& format) {
    return RunOk({"events", "--stream=false", "-f", "event=" + action, "--format", format});
  };
  const auto ends = [&] {
    return show("exec_die", "{{.Actor.Attributes.execID}} {{.Actor.Attributes.exitCode}}");
  };
  RunOk({"exec", "-d", "one", "sh", "-c", "exit 7"});
  ASSERT_TRUE(Eventually([&] { return !ends().empty(); }));
  const std::string end = ends();
  ASSERT_TRUE(end.ends_with(" 7")) << end;
  EXPECT_EQ(end.size(), 64u + 2);
  for (const char* action : {"exec_create", "exec_start"}) {
    EXPECT_EQ(show(action, "{{.Actor.Attributes.execID}}") + " 7", end);
  }
  RunOk({"exec", "-dt", "--timeout", "100ms", "one", "sleep", "1000"});
  EXPECT_TRUE(Eventually([&] { return ends().ends_with(" 124"); }));
  // Whether it ends before its client lets go of it, or after.
  for (int i = 0; i < 8; ++i) RunOk({"exec", "-d", "one", "true"});
  EXPECT_TRUE(Eventually([&] { return std::ranges::count(ends(), '\n') == 9; })) << ends();
}

TEST_F(Events, AreFilteredAndFormatted) {
  const std::string id = RunOk({"create", "--name", "one", "-l", "team=a", Busybox(), "true"});
  RunOk({"create", "--name", "two", Busybox(), "true"});
  const auto show = [&](std::vector<std::string> options) {
    std::vector<std::string> arguments = {"events", "--stream=false"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunOk(arguments);
  };
  const std::string name = "{{.Actor.Attributes.name}}";
  EXPECT_EQ(show({"-f", "container=one", "-f", "event=create", "--format", name}), "one");
  EXPECT_EQ(show({"-f", "label=team=a", "--format", name}), "one");
  EXPECT_EQ(show({"-f", "container=one", "-f", "container=two", "-f", "type=container", "--format",
                  name + " {{.Action}} {{.Type}}"}),
            "one create container\ntwo create container");
  EXPECT_EQ(show({"-f", "container=one", "--format", "{{.Actor.Attributes.exitCode}}"}),
            "<no value>");
  EXPECT_EQ(show({"-f", "event=die"}), "");
  EXPECT_EQ(show({"-f", "image=" + Busybox(), "-f", "container=" + id.substr(0, 12), "--format",
                  "{{.ID}} {{.From}}"}),
            id + " " + Busybox());
  const std::string text = show({"-f", "container=one"});
  EXPECT_NE(
      text.find(fmt::format(" container create {} (image={}, name=one, team=a)", id, Busybox())),
      std::string::npos)
      << text;
  EXPECT_EQ(show({"--since", "0", "--until", "1"}), "");
  EXPECT_NE(show({"--since", "10m"}), "");
  const std::vector<std::vector<std::string>> mistakes = {{"-f", "color=red"},
                                                          {"-f", "event"},
                                                          {"--since", "soon"},
                                                          {"--until", "1", "--since", "2"},
                                                          {"--format", "{{.Action"}};
  for (const auto& wrong : mistakes) {
    std::vector<std::string> arguments = {"events", "--stream=false"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(Run(arguments).code, 125) << wrong[1];
  }
}

TEST_F(Events, AreFollowedAndCostNothingWhileNothingHappens) {
  Background follow(Hoy({"events", "--format", "{{.Action}}"}));
  const auto switches = [&] {
    std::ifstream status(fmt::format("/proc/{}/status", follow.pid()));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) return line;
    }
    return std::string();
  };
  // It follows when it sleeps in poll; what came before it is not shown.
  EXPECT_TRUE(Eventually([&] {
    RunOk({"create", "--name", "one", Busybox(), "true"});
    RunOk({"rm", "one"});
    return follow.WaitForOut("create\ndestroy\n", milliseconds(200));
  }));
  EXPECT_TRUE(Eventually([&] {
    const std::string before = switches();
    RunOk({"version"});  // takes a while, and is no event
    RunOk({"ps", "-a"});
    return !before.empty() && switches() == before;
  }));
  RunShell("true");
  EXPECT_TRUE(follow.WaitForOut("create\nstart\ndie\ndestroy\n"));
  follow.Signal(SIGINT);
  EXPECT_EQ(follow.Finish().code, 130);
  // Nobody reads it any more: it ends by itself.
  Command piped;
  piped.argv = {"/bin/sh", "-c", HoyProgram() + " events --since 1h | head -n 1"};
  piped.env = env;
  EXPECT_EQ(RunCommand(piped).code, 0);
}

// What a reboot leaves: no process, no run directory.
class Reboot : public ImageSandbox {
 protected:
  std::string Start(const std::string& name, const std::string& policy) const {
    return RunOk({"run", "-d", "--name", name, "--restart", policy, Busybox(), "sleep", "1000"});
  }
  std::string Field(const std::string& name, const std::string& field) const {
    return RunOk({"inspect", "-f", "{{" + field + "}}", name});
  }
};

TEST_F(Reboot, RestoreStartsWhatIsToRun) {
  Start("always", "always");
  Start("always-stopped", "always");
  Start("unless", "unless-stopped");
  Start("unless-stopped", "unless-stopped");
  Start("failing", "on-failure:3");
  Start("plain", "no");
  RunOk({"create", "--name", "never", "--restart", "always", Busybox(), "sleep", "1000"});
  RunOk({"stop", "-t", "0", "always-stopped", "unless-stopped"});
  // Monitors first, so that nobody sees the ends; then the rest, as a power cut would.
  for (const char* name : {"always", "unless", "failing", "plain"}) {
    const std::string id = Field(name, ".Id");
    std::ifstream file(run() + "/containers/" + id + "/state.json");
    std::string line;
    std::getline(file, line);
    const Json state = Json::parse(line, nullptr, false);
    ASSERT_TRUE(state.is_object());
    ::kill(state["monitor_pid"].get<int>(), SIGKILL);
    ::kill(state["pid"].get<int>(), SIGKILL);
    EXPECT_TRUE(Eventually([&] { return ::kill(state["pid"].get<int>(), 0) != 0; }));
    // Another boot: its identity is that of no process of this one.
    std::string text = line + "\n";
    const std::string boot = state["boot_id"].get<std::string>();
    text.replace(text.find(boot), boot.size(), "00000000-0000-0000-0000-000000000000");
    WriteFile(run() + "/containers/" + id + "/state.json", text);
  }
  RunOk({"ps", "-a"});
  EXPECT_EQ(RunOk({"ps", "-q"}), "") << "no policy acts by itself after a reboot";
  const std::string restored = RunOk({"system", "restore"});
  for (const char* name : {"always", "always-stopped", "unless", "failing"}) {
    EXPECT_EQ(Field(name, ".State.Status"), "running") << name;
    EXPECT_NE(("\n" + restored + "\n").find(fmt::format("\n{}\n", name)), std::string::npos);
  }
  for (const char* name : {"unless-stopped", "plain"}) {
    EXPECT_EQ(Field(name, ".State.Status"), "exited") << name;
  }
  EXPECT_EQ(Field("never", ".State.Status"), "created");
  EXPECT_EQ(RunOk({"system", "restore"}), "") << "nothing is left to do";
}

}  // namespace
}  // namespace hoy::test
