// Hooks of CDI devices: when they run, what they see, and that nothing of them outlives its time.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

// `hoy run` that gets a device with one hook, a script, at `point`.
class Hooks : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directories(Path("cdi"));
    env["HOY_CDI_DIRS"] = Path("cdi");
    ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
    fifo_.reset(open(Path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(fifo_);
  }
  void WriteHook(const std::string& point, const std::string& script, int timeout = 0) const {
    WriteFile(Path("hook"), "#!/bin/sh\n" + script, 0755);
    WriteHooks({{{"hookName", point}, {"path", Path("hook")}, {"timeout", timeout}}});
  }
  void WriteHooks(const std::vector<Json>& hooks) const {
    const Json device = {{"name", "x"}, {"containerEdits", {{"hooks", hooks}}}};
    const Json file = {
        {"cdiVersion", "0.6.0"}, {"kind", "example.com/dev"}, {"devices", Json::array({device})}};
    WriteFile(Path("cdi/dev.json"), file.dump());
  }
  // A script that says "up" in the FIFO and does not end, nor does its child.
  std::string Endless() const {
    return fmt::format("exec 3>{}\nsleep 1000 & echo up >&3; wait\n", Path("fifo"));
  }
  bool IsUp() {
    return Eventually([&] {
      char byte = 0;
      return read(fifo_.get(), &byte, 1) == 1 && byte == '\n';
    });
  }
  // Nobody can write to it any more.
  bool HasEnded() {
    return Eventually([&] {
      char byte = 0;
      return read(fifo_.get(), &byte, 1) == 0;
    });
  }

  const std::vector<std::string> with_device = {"--device", "example.com/dev=x"};

 private:
  Fd fifo_;
};

TEST_F(Hooks, NothingOfThemOutlivesTheirTimeOrTheirStarter) {
  WriteHook("createRuntime", Endless(), 1);
  const Output late = RunShell("echo ran", with_device);
  EXPECT_EQ(late.code, 125) << late;
  EXPECT_TRUE(Has(late.err, "hook '" + Path("hook") + "' took more than 1 s")) << late;
  EXPECT_TRUE(HasEnded());

  WriteHook("createContainer", Endless());
  for (const int signal : {SIGINT, SIGKILL}) {
    Background start(
        Hoy({"run", "--rm", with_device[0], with_device[1], Busybox(), "echo", "ran"}));
    ASSERT_TRUE(IsUp());
    start.Signal(signal);
    EXPECT_TRUE(HasEnded()) << signal;
    const Output output = start.Finish();
    EXPECT_EQ(output.code, signal == SIGKILL ? 128 + SIGKILL : 125) << output;
    EXPECT_EQ(output.out, "");
  }
}

// Though they name no time.
TEST_F(Hooks, EndWithTheContainer) {
  for (const std::string point : {"createRuntime", "createContainer"}) {
    WriteHook(point, Endless());
    Run({"rm", "one"});
    RunOk({"create", "--name", "one", "--restart", "always", with_device[0], with_device[1],
           Busybox(), "sleep", "3600"});
    for (const std::vector<std::string>& verb : std::initializer_list<std::vector<std::string>>{
             {"stop", "-t", "0", "one"}, {"kill", "one"}}) {
      SCOPED_TRACE(point + " " + verb[0]);
      Background start(Hoy({"start", "one"}));
      ASSERT_TRUE(IsUp());
      Background end(Hoy(verb));
      EXPECT_TRUE(HasEnded());
      EXPECT_EQ(end.Finish().code, 0);
      start.Finish();
      EXPECT_TRUE(WaitForStatus("one", "exited"));
    }
  }
  Background start(Hoy({"start", "one"}));
  ASSERT_TRUE(IsUp());
  RunOk({"rm", "-f", "one"});
  EXPECT_TRUE(HasEnded());
}

// As long as its hook takes, others may do with the container what they like.
TEST_F(Hooks, OfARunningContainerKeepNobodyWaiting) {
  WriteHook("poststart", Endless());
  Background start(Hoy(
      {"run", "-d", "--name", "one", with_device[0], with_device[1], Busybox(), "sleep", "3600"}));
  ASSERT_TRUE(IsUp());
  RunOk({"rename", "one", "two"});
  RunOk({"pause", "two"});
  RunOk({"unpause", "two"});
  EXPECT_TRUE(start.Running());
  RunOk({"rm", "-f", "two"});
  EXPECT_TRUE(HasEnded());
  EXPECT_TRUE(Has(start.Finish().err, "was ended, as the container has ended"));
}

TEST_F(Hooks, RunWhenTheProgramDoesAndWhenItHasEnded) {
  WriteFile(Path("hook"),
            fmt::format("#!/bin/sh\nstatus=$(sed 's/.*\"status\":\"\\([a-z]*\\)\".*/\\1/')\n"
                        "echo $1 $status >>{}\n[ $2 = 0 ] || echo went wrong\nexit $2\n",
                        Path("log")),
            0755);
  auto write_hooks = [&](const std::string& create_code, const std::string& code) {
    std::vector<Json> hooks;
    for (const std::string point : {"poststop", "poststart", "createRuntime"}) {
      hooks.push_back({{"hookName", point},
                       {"path", Path("hook")},
                       {"args", {"hook", point, point == "createRuntime" ? create_code : code}}});
    }
    WriteHooks(hooks);
  };
  auto has_logged = [&](const std::string& expected) {
    const bool has = Eventually([&] { return ReadFileIfThere(Path("log")) == expected; });
    fs::remove(Path("log"));
    return has;
  };
  const std::string all = "createRuntime creating\npoststart running\npoststop stopped\n";
  write_hooks("0", "0");
  EXPECT_EQ(RunShell("exit 7", with_device).code, 7);
  EXPECT_TRUE(has_logged(all));

  // By the monitor; and by a later command, where nobody is there any more.
  const std::string id = StartSleeper(with_device);
  RunOk({"stop", "-t", "0", id});
  RunOk({"wait", id});
  EXPECT_TRUE(has_logged(all));
  RunOk({"start", id});
  const Json state = Json::parse(ReadFile(run() + "/containers/" + id + "/state.json"));
  ASSERT_GT(state.value("monitor_pid", 0), 0);
  for (const char* who : {"monitor_pid", "pid"}) ::kill(state.value(who, 0), SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps"});
    return ReadFileIfThere(Path("log")) == all;
  }));
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(has_logged(all));

  // Also after a start that failed behind them, or by them.
  EXPECT_EQ(Run({"run", "--rm", with_device[0], with_device[1], Busybox(), "/no/such"}).code, 127);
  EXPECT_TRUE(has_logged("createRuntime creating\npoststop stopped\n"));
  write_hooks("4", "0");
  EXPECT_EQ(RunShell("echo ran", with_device).code, 125);
  EXPECT_TRUE(has_logged("createRuntime creating\npoststop stopped\n"));

  // What fails there changes nothing.
  write_hooks("0", "3");
  const Output failed = RunShell("exit 7", with_device);
  EXPECT_EQ(failed.code, 7) << failed;
  EXPECT_TRUE(Has(failed.err, "poststart hook '" + Path("hook") + "' ended with 3: went wrong"))
      << failed;
  EXPECT_TRUE(has_logged(all));
  const std::string events =
      RunOk({"events", "--since", "1h", "--until", "0s", "--filter", "event=hook_failed",
             "--format", "{{.Actor.Attributes.error}}"});
  EXPECT_TRUE(Has(events, "poststart hook")) << events;
  EXPECT_TRUE(Has(events, "poststop hook")) << events;
}

// As the container's user, in its root, with the rights that its program has.
TEST_F(Hooks, RunInTheContainerBeforeItsProgram) {
  auto write_hook = [&](const std::string& script, int timeout = 0) {
    WriteHooks({{{"hookName", "startContainer"},
                 {"path", "/bin/sh"},
                 {"args", {"sh", "-c", script}},
                 {"env", {"WHO=hook"}},
                 {"timeout", timeout}}});
  };
  write_hook("cat >/tmp/state; echo $WHO; id -u; cat /proc/self/status >/tmp/status");
  const std::vector<std::string> options = {with_device[0], with_device[1], "--user",  "1234",
                                            "--cap-add",    "CHOWN",        "--tmpfs", "/tmp"};
  for (const char* more : {"--init", "--security-opt=no-new-privileges"}) {
    std::vector<std::string> all = options;
    all.emplace_back(more);
    const Output output = RunShell(
        "cat /tmp/state; echo; for f in /tmp/status /proc/self/status; do "
        "grep -E '^(Uid|Cap...|Seccomp|NoNewPrivs):' $f; done | sort | uniq -u; echo $WHO",
        all);
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.err, "hook\n1234\n");
    // Its own first process is the container's init.
    const int pid = more == std::string("--init") ? 2 : 1;
    EXPECT_TRUE(Has(output.out, fmt::format("\"pid\":{},\"status\":\"created\"}}\n\n\n", pid)))
        << output;
  }
  write_hook("echo bad; exit 3");
  const Output failed = RunShell("echo ran", with_device);
  EXPECT_EQ(failed.code, 125) << failed;
  EXPECT_EQ(failed.out, "");
  EXPECT_TRUE(Has(failed.err, "startContainer hook '/bin/sh' ended with 3")) << failed;
  write_hook("sleep 1000 & wait", 1);
  EXPECT_TRUE(Has(RunShell("echo ran", with_device).err, "hook '/bin/sh' took too long"));
  WriteHooks({{{"hookName", "startContainer"}, {"path", "/no/such"}}});
  EXPECT_TRUE(Has(RunShell("echo ran", with_device).err, "hook '/no/such': No such file"));
}

// In a copy of our mounts: what is unmounted here goes there, nothing comes back.
TEST_F(Hooks, HoldNoMountOfTheHost) {
  fs::create_directories(Path("shared"));
  WriteHook("createContainer", "grep /shared /proc/self/mountinfo >" + Path("mounts"));
  const Output output = HostShell(fmt::format(
      "export DIR HOY; unshare -m sh -ec 'mount -t tmpfs t $DIR/shared; mount --make-shared "
      "$DIR/shared; $HOY run --rm --device example.com/dev=x {} true'",
      Busybox()));
  EXPECT_EQ(output.code, 0) << output;
  const std::string mounts = ReadFile(Path("mounts"));
  EXPECT_TRUE(Has(mounts, " master:")) << mounts;
  EXPECT_FALSE(Has(mounts, " shared:")) << mounts;
}

}  // namespace
}  // namespace hoy::test
