// Health checks: by the monitor's clock and by hand, and all who tell of them.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>

#include <filesystem>
#include <set>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Health : public ImageSandbox {
 protected:
  // Nothing is probed but by `healthcheck run`, unless an option says otherwise.
  std::string StartChecked(const std::string& command,
                           std::vector<std::string> options = {}) const {
    std::vector<std::string> all = {"--name", "one", "--health-cmd", command, "--health-interval",
                                    "1h"};
    all.insert(all.end(), options.begin(), options.end());
    return StartSleeper(all);
  }
  Json State() const { return Inspect("one")["State"]; }
  Json HealthOf() const { return State().value("Health", Json::object()); }
  bool Becomes(const std::string& status) const {
    return Eventually([&] { return HealthOf().value("Status", "") == status; });
  }
  std::string Statuses(const std::string& filter) const {
    return RunOk({"ps", "-a", "-f", "health=" + filter, "--format", "{{.Names}} {{.Status}}"});
  }
  std::string Events() const {
    return RunOk({"events", "--since", "1h", "--until", "0s", "-f", "event=health_status",
                  "--format", "{{.Action}} {{.Actor.Attributes.name}}"});
  }
  int MonitorOf(const std::string& id) const {
    const std::string text = ReadFile(run() + "/containers/" + id + "/state.json");
    return Json::parse(text.substr(0, text.find('\n'))).value("monitor_pid", 0);
  }
};

TEST_F(Health, IsCheckedByItsClockAndToldEverywhere) {
  StartChecked("test -e /ok || { echo no; false; }",
               {"--health-interval", "200ms", "--health-start-interval", "200ms",
                "--health-start-period", "1h", "--health-retries", "2"});
  StartSleeper({"--name", "plain"});
  Background wait(Hoy({"wait", "--condition", "healthy", "one"}));
  EXPECT_TRUE(Eventually([&] { return !HealthOf()["Log"].empty(); }));
  const Json starting = HealthOf();
  EXPECT_EQ(starting["Status"], "starting") << "it has an hour";
  EXPECT_EQ(starting["FailingStreak"], 0);
  EXPECT_EQ(starting["Log"][0]["ExitCode"], 1);
  EXPECT_EQ(starting["Log"][0]["Output"], "no\n");
  EXPECT_LT(starting["Log"][0]["Start"], starting["Log"][0]["End"]);
  EXPECT_TRUE(Statuses("starting").ends_with(" (health: starting)")) << Statuses("starting");
  EXPECT_TRUE(Statuses("none").starts_with("plain Up ")) << Statuses("none");

  RunOk({"exec", "one", "touch", "/ok"});
  EXPECT_EQ(wait.Finish().code, 0);
  EXPECT_EQ(HealthOf()["Status"], "healthy");
  EXPECT_TRUE(Statuses("healthy").ends_with(" (healthy)")) << Statuses("healthy");

  RunOk({"exec", "one", "rm", "/ok"});
  EXPECT_TRUE(Becomes("unhealthy"));
  EXPECT_GE(HealthOf()["FailingStreak"], 2);
  EXPECT_TRUE(Statuses("unhealthy").ends_with(" (unhealthy)")) << Statuses("unhealthy");
  // The event comes after the state.
  const std::string told = "health_status: healthy one\nhealth_status: unhealthy one";
  EXPECT_TRUE(Eventually([&] { return Events() == told; })) << Events();
  EXPECT_TRUE(Eventually([&] { return HealthOf()["Log"].size() == 5; }));
  EXPECT_TRUE(Inspect("plain")["State"]["Health"].is_null());
  EXPECT_EQ(
      RunOk({"inspect", "-f", "{{if .State.Health}}checked{{else}}unchecked{{end}}", "plain"}),
      "unchecked");
  EXPECT_TRUE(Inspect("plain")["Config"]["Healthcheck"].is_null());
}

TEST_F(Health, CanBeCheckedByHand) {
  StartChecked("test -e /ok", {"--health-retries", "1"});
  EXPECT_EQ(HealthOf()["Status"], "starting");
  EXPECT_TRUE(HealthOf()["Log"].empty());
  const Output bad = Run({"healthcheck", "run", "one"});
  EXPECT_EQ(bad.code, 1) << bad;
  EXPECT_EQ(bad.out, "unhealthy\n");
  EXPECT_EQ(HealthOf()["Status"], "unhealthy");
  RunOk({"exec", "one", "touch", "/ok"});
  EXPECT_EQ(RunOk({"healthcheck", "run", "one"}), "");
  EXPECT_EQ(HealthOf()["Status"], "healthy");
  EXPECT_EQ(HealthOf()["FailingStreak"], 0);
  EXPECT_EQ(HealthOf()["Log"].size(), 2u);

  // None while it is paused, whoever asks.
  RunOk({"pause", "one"});
  EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 125);
  EXPECT_EQ(Run({"__probe", Inspect("one")["Id"].get<std::string>()}).code, 0);
  EXPECT_EQ(HealthOf()["Log"].size(), 2u);
  RunOk({"unpause", "one"});

  // The results outlive the run, and the next one begins anew.
  RunOk({"restart", "-t", "0", "one"});
  EXPECT_EQ(HealthOf()["Status"], "starting");
  EXPECT_TRUE(HealthOf()["Log"].empty());
  RunOk({"healthcheck", "run", "one"});
  RunOk({"stop", "-t", "0", "one"});
  EXPECT_EQ(HealthOf()["Status"], "unhealthy") << "as docker has it";
  EXPECT_EQ(HealthOf()["Log"].size(), 1u);
  const Output down = Run({"healthcheck", "run", "one"});
  EXPECT_EQ(down.code, 125) << down;
  EXPECT_EQ(Run({"healthcheck", "run", "missing"}).code, 1);
  StartSleeper({"--name", "plain"});
  const Output none = Run({"healthcheck", "run", "plain"});
  EXPECT_EQ(none.code, 125) << none;
  EXPECT_NE(none.err.find("no health check"), std::string::npos) << none;
}

TEST_F(Health, AProbeMayFailInManyWays) {
  StartChecked(
      "head -c 5000 /dev/zero | tr '\\0' x; echo y >&2; sleep 9101 & "
      "(setsid sleep 9101 &); sleep 9101",
      {"--health-timeout", "700ms"});
  EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 1);
  const Json late = HealthOf()["Log"][0];
  EXPECT_EQ(late["ExitCode"], -1);
  EXPECT_TRUE(
      late["Output"].get<std::string>().starts_with("Health check exceeded timeout (700ms)"))
      << late;
  EXPECT_TRUE(Eventually([&] {
    return Run({"top", "one", "-o", "args"}).out.find("sleep 9101") == std::string::npos;
  })) << Run({"top", "one"});
  RunOk({"rm", "-f", "one"});

  StartChecked("head -c 5000 /dev/zero | tr '\\0' x");
  EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 0);
  EXPECT_EQ(HealthOf()["Log"][0]["Output"], std::string(4096, 'x') + "...");
  RunOk({"rm", "-f", "one"});

  StartChecked(R"(["/no/such/probe"])");
  EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 1);
  EXPECT_EQ(HealthOf()["Log"][0]["ExitCode"], -1);
  EXPECT_NE(HealthOf()["Log"][0]["Output"].get<std::string>().find("/no/such/probe"),
            std::string::npos)
      << HealthOf();
  RunOk({"rm", "-f", "one"});

  // The program cannot even be opened: somebody has a lease on it, and does not answer (fcntl(2)).
  WriteFile(Path("probe"), "#!/bin/true\n");
  fs::permissions(Path("probe"), fs::perms::owner_all);
  StartChecked(R"(["/probe"])", {"--health-timeout", "300ms", "-v", Path("probe") + ":/probe"});
  const Fd leased(::open(Path("probe").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(fcntl(leased.get(), F_SETSIG, SIGURG), 0);
  ASSERT_EQ(fcntl(leased.get(), F_SETLEASE, F_WRLCK), 0) << strerror(errno);
  EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 1);
  EXPECT_EQ(HealthOf()["Log"][0]["Output"], "Health check exceeded timeout (300ms)");
}

TEST_F(Health, OnFailureActs) {
  struct Row {
    std::vector<std::string> options;
    std::string status;
    std::set<int> exit_codes;
    int restarts;
  };
  const Row rows[] = {
      {{"--health-on-failure", "none"}, "running", {0}, 0},
      {{"--health-on-failure", "kill"}, "exited", {137}, 0},
      {{"--health-on-failure", "kill", "--restart", "always"}, "running", {0}, 1},
      {{"--health-on-failure", "stop", "--restart", "always", "--stop-timeout", "0"},
       "exited",
       {0, 137},  // by the signal's handler, or by SIGKILL
       0},
      {{"--health-on-failure", "restart", "--stop-timeout", "0"}, "running", {0}, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.options[1]);
    std::vector<std::string> options = {"--health-retries", "2"};
    options.insert(options.end(), row.options.begin(), row.options.end());
    StartChecked("false", options);
    const Json before = State();
    EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 1);
    EXPECT_EQ(State()["StartedAt"], before["StartedAt"]) << "once is not enough";
    EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 1);
    const bool same = row.options[1] == "none" || row.status == "exited";
    Json now;
    EXPECT_TRUE(Eventually([&] {
      now = Inspect("one");
      return now["State"]["Status"] == row.status &&
             (now["State"]["StartedAt"] == before["StartedAt"]) == same;
    })) << now["State"];
    EXPECT_TRUE(row.exit_codes.contains(now["State"]["ExitCode"].get<int>())) << now["State"];
    EXPECT_EQ(now["RestartCount"], row.restarts);
    RunOk({"rm", "-f", "one"});
  }
}

// It is started by a monitor, which hears no signal.
TEST_F(Health, ACheckThatHangsCanBeEnded) {
  StartChecked("sleep 1000", {"--health-interval", "200ms"});
  EXPECT_TRUE(Eventually([&] {
    for (int pid : ProcessesOf(Traces())) {
      const std::string process = fmt::format("/proc/{}", pid);
      if (ReadFileIfThere(process + "/cmdline").find("__probe") == std::string::npos) continue;
      return kill(pid, SIGTERM) == 0 && Eventually([&] {
               return ReadFileIfThere(process + "/cmdline").find("__probe") == std::string::npos;
             });
    }
    return false;
  }));
}

TEST_F(Health, ARestartThatIsKilledHalfwayIsTakenOver) {
  StartChecked("false",
               {"--health-retries", "1", "--health-on-failure", "restart", "--stop-timeout", "0"});
  const std::string first = State()["StartedAt"];
  Command check = Hoy({"healthcheck", "run", "one"});
  check.env["HOY_FAIL_POINT"] = "start-run-directory";
  EXPECT_EQ(RunCommand(check).code, 137);
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps"});
    const Json state = State();
    return state["StartedAt"] != first && state["Status"] == "running";
  })) << State();
}

// The process that acts is a child of the very monitor that it ends; a new monitor goes on by what
// the old one left.
TEST_F(Health, TheMonitorMayGoMeanwhile) {
  const std::string id =
      StartChecked("test ! -e /t/bad",
                   {"--rm", "--tmpfs", "/t", "--health-interval", "200ms", "--health-retries", "1",
                    "--health-on-failure", "restart", "--stop-timeout", "0"});
  EXPECT_TRUE(Becomes("healthy"));
  const std::string first = State()["StartedAt"];
  RunOk({"exec", "one", "touch", "/t/bad"});
  EXPECT_TRUE(Eventually([&] {
    const Json state = State();
    return state["StartedAt"] != first && state["Status"] == "running";
  }));
  EXPECT_TRUE(Becomes("healthy"));

  const int monitor = MonitorOf(id);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps"});
    return MonitorOf(id) != monitor;
  }));
  const std::string last = HealthOf()["Log"].back()["End"];
  EXPECT_TRUE(Eventually([&] { return HealthOf()["Log"].back()["End"] > last; }));
}

TEST_F(Health, WaitingForItEnds) {
  StartSleeper({"--name", "plain"});
  const Output none = Run({"wait", "--condition", "healthy", "plain"});
  EXPECT_EQ(none.code, 125) << none;
  EXPECT_NE(none.err.find("no health check"), std::string::npos) << none;
  StartChecked("false");
  Background wait(Hoy({"wait", "--condition", "healthy", "one"}));
  RunOk({"stop", "-t", "0", "one"});
  const Output ended = wait.Finish();
  EXPECT_EQ(ended.code, 125) << ended;
  EXPECT_NE(ended.err.find("ended before it was healthy"), std::string::npos) << ended;
}

TEST_F(Health, ComesFromTheImageAndGoesIntoOne) {
  RunOk({"create", "--name", "base", Busybox(), "sleep", "1000"});
  RunOk(
      {"commit", "-c", "HEALTHCHECK --interval=1h --retries=1 CMD test -e /ok", "base", "checked"});
  RunOk({"run", "-d", "--name", "one", "checked"});
  const Json wanted =
      Json::parse(R"({"Test":["CMD-SHELL","test -e /ok"],"Interval":3600000000000,"Retries":1})");
  EXPECT_EQ(Inspect("one")["Config"]["Healthcheck"], wanted);
  EXPECT_EQ(Run({"healthcheck", "run", "one"}).code, 1);
  EXPECT_EQ(HealthOf()["Status"], "unhealthy");
  RunOk({"create", "--name", "two", "--health-retries", "2", "--health-timeout", "1s", "checked"});
  RunOk({"commit", "two", "other"});
  Json other = wanted;
  other["Retries"] = 2;
  other["Timeout"] = 1'000'000'000;
  EXPECT_EQ(Inspect("other")["Config"]["Healthcheck"], other);
  RunOk({"run", "-d", "--name", "three", "--no-healthcheck", "checked"});
  EXPECT_TRUE(Inspect("three")["State"]["Health"].is_null());
  EXPECT_EQ(Run({"healthcheck", "run", "three"}).code, 125);
  EXPECT_EQ(Run({"create", "--no-healthcheck", "--health-cmd", "x", "checked"}).code, 125);
  EXPECT_EQ(Run({"create", "--health-on-failure", "panic", "checked"}).code, 125);
  EXPECT_EQ(Run({"create", "--health-retries", "2", Busybox()}).code, 125);
}

}  // namespace
}  // namespace hoy::test
