// Containers in the namespaces of others: --pid, --ipc and --uts container:NAME.

#include <fmt/core.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Namespaces : public ImageSandbox {
 protected:
  void ExpectRefusal(const std::vector<std::string>& flags, const std::string& text) const {
    const Output output = RunShell("echo never", flags);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_NE(output.err.find(text), std::string::npos) << output;
  }
  // What /proc/self/ns has in the container.
  std::string Namespace(const std::string& container, const std::string& which) const {
    return RunOk({"exec", container, "readlink", "/proc/self/ns/" + which});
  }
  std::string StateText(const std::string& id) const {
    return ReadFileIfThere(fmt::format("{}/containers/{}/state.json", run(), id));
  }
  // Of a start that stands still at "monitor-followed": the process that has joined others.
  int FollowedPid(const std::string& id) const {
    const Json state = Json::parse(StateText(id), nullptr, false);
    const int pid = state.is_object() ? state.value("pid", 0) : 0;
    const std::string status = ReadFileIfThere(fmt::format("/proc/{}/status", pid));
    const size_t numbers = status.find("NSpid:\t");
    if (numbers == std::string::npos) return 0;
    const std::string line = status.substr(numbers + 7, status.find('\n', numbers) - numbers - 7);
    return line.find('\t') != std::string::npos ? pid : 0;
  }
  void ExpectStart(const std::string& container, const std::string& refusal) const {
    const Output output = Run({"start", container});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(refusal), std::string::npos) << output;
  }
};

TEST_F(Namespaces, OfAnotherContainerAreJoined) {
  const std::string web =
      RunOk({"run", "-d", "--name", "web", "--ipc", "shareable", "--hostname", "theirs", Busybox(),
             "sh", "-c", "echo mine >/dev/shm/note; exec sleep 3600"});
  const std::string shared = "container:web";
  const std::vector<std::string> joins = {"--pid", shared, "--ipc", shared, "--uts", shared};
  EXPECT_EQ(Shell("until cat /dev/shm/note 2>/dev/null; do sleep 0.1; done; hostname; "
                  "cat /etc/hostname; echo $HOSTNAME; "
                  "until tr '\\0' ' ' </proc/1/cmdline | grep ^sleep; do sleep 0.1; done; "
                  "grep -c ' /dev/shm ' /proc/mounts",
                  joins),
            "mine\ntheirs\ntheirs\ntheirs\nsleep 3600 \n1");
  // It is no first process: what it leaves is ended all the same.
  std::vector<std::string> leaves = {"run", "--pid", shared, "--name", "left", Busybox()};
  leaves.insert(leaves.end(), {"sh", "-c", "sleep 1001 & exit 5"});
  EXPECT_EQ(Run(leaves).code, 5);
  EXPECT_EQ(RunOk({"exec", "web", "ps", "-o", "args"}).find("1001"), std::string::npos);
  EXPECT_EQ(RunOk({"inspect", "--format",
                   "{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}}", web,
                   "left"}),
            " shareable \n" + fmt::format("container:{} private ", web));

  std::vector<std::string> beside = {
      "run", "-d", "--name", "beside", "--health-cmd", "true", "--health-interval", "200ms"};
  beside.insert(beside.end(), joins.begin(), joins.end());
  beside.insert(beside.end(), {Busybox(), "sh", "-c",
                               "trap 'exit 7' TERM; echo up; while :; do sleep 1002 & wait; done"});
  RunOk(beside);
  ASSERT_TRUE(Eventually([&] { return RunOk({"logs", "beside"}) == "up"; }));
  for (const char* which : {"pid", "ipc", "uts"}) {
    EXPECT_EQ(Namespace("beside", which), Namespace("web", which)) << which;
  }
  EXPECT_NE(Namespace("beside", "net"), Namespace("web", "net"));
  EXPECT_TRUE(Eventually([&] {
    return RunOk({"exec", "web", "ps", "-o", "args"}).find("sleep 1002") != std::string::npos;
  }));
  const std::string top = RunOk({"top", "beside"});
  EXPECT_NE(top.find("sleep 1002"), std::string::npos) << top;
  EXPECT_EQ(top.find("sleep 3600"), std::string::npos) << top;
  EXPECT_NE(RunOk({"stats", "--no-stream", "beside"}).find("beside"), std::string::npos);
  EXPECT_TRUE(Eventually([&] {
    return RunOk({"inspect", "--format", "{{.State.Health.Status}}", "beside"}) == "healthy";
  }));
  const Output pause = Run({"pause", "beside"});
  EXPECT_EQ(pause.code, 0) << pause;
  EXPECT_NE(pause.err.find("'web', in whose PID namespace beside is, cannot end by itself"),
            std::string::npos)
      << pause;
  EXPECT_EQ(Status("beside"), "paused");
  RunOk({"exec", "web", "true"});
  RunOk({"unpause", "beside"});
  RunOk({"stop", "beside"});
  EXPECT_EQ(RunOk({"wait", "beside"}), "7");
  RunOk({"start", "beside"});

  // A monitor that is lost: the next one goes on with it.
  const Json state = Json::parse(
      ReadFileIfThere(run() + "/containers/" + Inspect("beside").value("Id", "") + "/state.json"));
  ASSERT_GT(state.value("monitor_pid", 0), 0);
  ::kill(state.value("monitor_pid", 0), SIGKILL);
  RunOk({"ps", "-a"});
  EXPECT_EQ(Namespace("beside", "pid"), Namespace("web", "pid"));
  RunOk({"restart", "-t", "0", "beside"});

  // With the first process its namespace goes, and who is in it.
  RunOk({"stop", "-t", "0", "web"});
  EXPECT_EQ(RunOk({"wait", "beside"}), "137");
  ExpectStart("beside", "--pid container:web: it is not running");
  for (const char* end : {"kill", "rm -f"}) {  // whom the pause does not hold up
    RunOk({"start", "web"});
    RunOk({"start", "beside"});
    RunOk({"pause", "beside"});
    EXPECT_EQ(HostShell(fmt::format("$HOY {} web && $HOY wait beside", end)).out, "web\n137\n");
  }
  EXPECT_EQ(RunOk({"wait", "beside"}), "137");
  ExpectStart("beside", fmt::format("--pid container:{}: there is no such container any more",
                                    web.substr(0, 12)));
}

TEST_F(Namespaces, AreRestoredBeforeThoseWhoJoinThem) {
  StartSleeper({"--name", "first", "--restart", "always"});
  StartSleeper({"--name", "second", "--restart", "always", "--uts", "container:first"});
  StartSleeper({"--name", "third", "--restart", "always", "--pid", "container:second"});
  RunOk({"stop", "-t", "0", "third", "second", "first"});
  EXPECT_EQ(RunOk({"system", "restore"}), "first\nsecond\nthird");
}

// Whatever comes of the host's: who is there, and may trace, never sees a process that has it.
TEST_F(Namespaces, OfTracersAreJoinedWithNothingOfTheHosts) {
  StartSleeper({"--name", "tracer", "--cap-add", "SYS_PTRACE"});
  const std::string shared = "container:tracer";
  const std::vector<std::string> list = {"exec", "tracer", "sh", "-c", "cat /proc/[0-9]*/comm"};
  RunOk({"create", "--name", "one", "--pid", shared, "--cap-add", "CHOWN", Busybox(), "sh", "-c",
         "exec sleep 1003"});
  Background start = Held({"start", "one"}, "start-run-directory");
  ASSERT_TRUE(Eventually([&] {
    return RunOk({"ps", "-a", "--filter", "name=one", "--format", "{{.State}}"}) == "initializing";
  }));
  const std::string before = Run(list).out;
  EXPECT_EQ(before.find("hoy-monitor"), std::string::npos) << before;
  ASSERT_TRUE(LetGo());
  EXPECT_EQ(start.Finish().code, 0);
  EXPECT_NE(RunOk({"exec", "tracer", "ps", "-o", "args"}).find("sleep 1003"), std::string::npos);
  RunOk({"rm", "-f", "one"});

  // Its terminal, its streams, a reaper of its own, and what it hands on.
  EXPECT_EQ(Shell("cat; echo $((1 + $(cat /proc/self/oom_score_adj)))",
                  {"--pid", shared, "-i", "--init", "--oom-score-adj", "500"}),
            "501");
  Pty pty(Hoy({"run", "--rm", "-it", "--pid", shared, "--security-opt", "no-new-privileges",
               Busybox(), "sh", "-c", "tty; sleep 1004; echo on"}));
  ASSERT_TRUE(pty.Expect("/dev/pts/0"));
  pty.Send("\x03");
  EXPECT_EQ(pty.Finish(), 130);
  const Output missing = RunShell("true", {"--pid", shared, "--entrypoint", "/missing"});
  EXPECT_EQ(missing.code, 127) << missing;
  EXPECT_NE(missing.err.find("exec '/missing': No such file"), std::string::npos) << missing;
}

// Its end is the tracer's to see first, who never looks.
TEST_F(Namespaces, OfTracersDoNotHoldUpAFailedStart) {
  StartSleeper({"--name", "tracer"});
  const std::string id = RunOk({"create", "--name", "one", "--pid", "container:tracer",
                                "--entrypoint", "/missing", Busybox()});
  Background start = Held({"start", "one"}, "monitor-followed");
  int pid = 0;
  ASSERT_TRUE(Eventually([&] { return (pid = FollowedPid(id)) != 0; }));
  ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, nullptr, nullptr), 0);
  ASSERT_TRUE(LetGo());
  const Output output = start.Finish();
  EXPECT_EQ(output.code, 127) << output;
  EXPECT_EQ(RunOk({"rm", "-f", "one"}), "one");
  EXPECT_EQ(waitpid(pid, nullptr, __WALL), pid);
}

// Its /proc is looked at before the process has a place in there, and the answer never comes.
TEST_F(Namespaces, WhoseFilesHangHoldUpNobodyElse) {
  RunOk({"run", "-d", "--name", "far", "--device", "/dev/fuse", "--cap-add", "SYS_ADMIN", Busybox(),
         "sh", "-c",
         "exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none "
         "/proc && echo up; exec sleep 3600"});
  ASSERT_TRUE(Eventually([&] { return RunOk({"logs", "far"}) == "up"; }));
  const std::string id =
      RunOk({"create", "--name", "one", "--pid", "container:far", Busybox(), "true"});
  const auto hangs = [&] {
    return Eventually([&] {
      const std::string text = StateText(id);  // not that of a run that has ended
      return Has(text, "\"ready\":0") && !Has(text, "exit_code");
    });
  };
  {
    Background start(Hoy({"start", "one"}));
    ASSERT_TRUE(hangs());
    EXPECT_EQ(Status("one"), "initializing");
    start.Signal(SIGINT);
    EXPECT_EQ(start.Finish().code, 130);
    EXPECT_TRUE(WaitForStatus("one", "exited"));
    EXPECT_EQ(RunOk({"wait", "one"}), "137");
  }
  for (const std::vector<std::string>& verb : std::initializer_list<std::vector<std::string>>{
           {"stop", "-t", "0", "one"}, {"kill", "one"}, {"rm", "-f", "one"}}) {
    SCOPED_TRACE(verb[0]);
    Background start(Hoy({"start", "one"}));
    ASSERT_TRUE(hangs());
    EXPECT_EQ(RunOk(verb), "one");
    start.Finish();
    // Its state would else be taken for the next start's.
    EXPECT_TRUE(verb[0] == "rm" || RunOk({"wait", "one"}) == "137");
  }
}

TEST_F(Namespaces, ThatCannotBeJoinedAreRefused) {
  ExpectRefusal({"--pid", "container:nobody"}, "--pid: no such container: nobody");
  RunOk({"create", "--name", "idle", Busybox(), "true"});
  ExpectRefusal({"--uts", "container:idle"}, "--uts container:idle: it is not running");
  ExpectRefusal({"--ipc", "container:idle"}, "it has to be made with --ipc shareable");
  ExpectRefusal({"--name", "idle", "--replace", "--pid", "container:idle"},
                "--pid 'container:idle': --replace removes that container");
  const Output none = RunShell("ls /dev | grep -c shm", {"--ipc", "none", "--shm-size", "1m"});
  EXPECT_EQ(none.out, "0\n") << none;
  EXPECT_NE(none.err.find("--shm-size has no effect with --ipc none"), std::string::npos) << none;
}

}  // namespace
}  // namespace hoy::test
