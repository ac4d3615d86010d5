// hoy exec: a further process in a running container.

#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <set>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Exec : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    if (HasFatalFailure()) return;
    id_ = StartSleeper({"--name", "one", "--hostname", "boxed"});
  }

  Output Shell(const std::string& script, std::vector<std::string> options = {},
               const std::string& input = "") const {
    std::vector<std::string> arguments = {"exec"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const char* text : {"one", "sh", "-c"}) arguments.emplace_back(text);
    arguments.push_back(script);
    return Run(arguments, input);
  }

  // The host's number of a process of the container whose command line contains `text`; 0: none.
  int HostPidOf(const std::string& text) const {
    for (int pid : ProcessesOf(Traces())) {
      if (ReadFileIfThere(fmt::format("/proc/{}/cgroup", pid)).find(id_.substr(0, 12)) ==
          std::string::npos) {
        continue;
      }
      if (ReadFileIfThere(fmt::format("/proc/{}/cmdline", pid)).find(text) != std::string::npos) {
        return pid;
      }
    }
    return 0;
  }

  std::string id_;
};

// What is left behind and writes on without end holds nobody up.
TEST_F(Exec, EndsWithItsProcessWhateverOthersWrite) {
  EXPECT_EQ(Run({"exec", "one", "sh", "-c", "yes & yes >&2 & exit 3"}).code, 3);
}

TEST_F(Exec, GivesOutputErrorsAndExitCode) {
  const Output output = Shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(output.code, 7);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_EQ(Shell("kill -TERM $$").code, 143);
}

TEST_F(Exec, JoinsEveryNamespaceOfTheContainer) {
  for (const char* name : {"mnt", "pid", "ipc", "uts", "net", "cgroup"}) {
    const Output both =
        Shell(fmt::format("readlink /proc/1/ns/{0}; readlink /proc/self/ns/{0}", name));
    std::istringstream lines(both.out);
    std::string init, own;
    lines >> init >> own;
    EXPECT_FALSE(init.empty()) << both;
    EXPECT_EQ(init, own) << name;
    EXPECT_NE(own, std::filesystem::read_symlink(fmt::format("/proc/self/ns/{}", name)).string())
        << name;
  }
  EXPECT_EQ(Shell("hostname").out, "boxed\n");
  const Output processes = Shell("echo /proc/[0-9]*");
  EXPECT_EQ(processes.out.find("/proc/1 "), 0u) << processes;
}

// In the container's cgroup of every hierarchy, or in one of the session's own below it.
TEST_F(Exec, JoinsTheCgroup) {
  const Background exec(Hoy({"exec", "one", "sleep", "1111"}));
  int pid = 0;
  ASSERT_TRUE(Eventually([&] { return (pid = HostPidOf("1111")) != 0; }));
  const std::string init = Inspect("one")["State"]["Pid"].dump();
  std::istringstream own(ReadFile(fmt::format("/proc/{}/cgroup", pid)));
  std::istringstream containers(ReadFile("/proc/" + init + "/cgroup"));
  int leaves = 0;
  for (std::string mine, theirs; std::getline(containers, theirs);) {
    ASSERT_TRUE(std::getline(own, mine));
    if (mine == theirs) continue;
    ++leaves;
    EXPECT_EQ(mine.find(theirs + "/exec-"), 0u) << mine << "\n" << theirs;
  }
  EXPECT_EQ(leaves, 1);
}

TEST_F(Exec, HasTheContainersEnvironmentDirectoryAndUser) {
  RunOk({"run", "-d", "--name", "two", "-e", "A=1", "-e", "B=2", "-w", "/tmp", "-u", "app",
         Busybox(), "sleep", "1000"});
  const Output from_host = RunCommand([&] {
    Command command = Hoy({"exec", "-e", "B=3", "-e", "C", "-e", "NOT_THERE", "two", "sh", "-c",
                           "echo $A $B $C ${NOT_THERE-unset}; pwd; id -un"});
    command.env["C"] = "from host";
    command.env["NOT_THERE"] = std::nullopt;
    return command;
  }());
  EXPECT_EQ(from_host.out, "1 3 from host unset\n/tmp\napp\n") << from_host;
  WriteFile(Path("env"), "# comment\nB=4\nA=file\nC\nNOT_THERE\n");
  const Output from_file = RunCommand([&] {
    Command command = Hoy({"exec", "--env-file", Path("env"), "-e", "A=typed", "two", "sh", "-c",
                           "echo $A $B $C ${NOT_THERE-unset}"});
    command.env["C"] = "from host";
    command.env["NOT_THERE"] = std::nullopt;
    return command;
  }());
  EXPECT_EQ(from_file.out, "typed 4 from host unset\n") << from_file;
  EXPECT_EQ(Run({"exec", "--env-file", Path("missing"), "two", "true"}).code, 125);
}

TEST_F(Exec, TakesUserAndDirectory) {
  EXPECT_EQ(Shell("id -u; id -g; echo $HOME", {"-u", "app"}).out.substr(0, 5), "1000\n");
  EXPECT_EQ(Shell("id -u; id -g", {"-u", "12:34"}).out, "12\n34\n");
  EXPECT_EQ(Shell("pwd", {"-w", "/bin"}).out, "/bin\n");
  EXPECT_EQ(Shell("pwd", {"--workdir=relative"}).code, 125);
  const Output unknown = Shell("true", {"-u", "nobody-here"});
  EXPECT_EQ(unknown.code, 125) << unknown;
  EXPECT_NE(unknown.err.find("nobody-here"), std::string::npos) << unknown;
}

TEST_F(Exec, PassesStdinOnWithInteractiveOnly) {
  std::string bytes;
  for (int i = 0; i < 400'000; ++i) bytes.push_back(static_cast<char>(i * 7 + i / 251));
  EXPECT_EQ(Shell("cat", {"-i"}, bytes).out, bytes);
  EXPECT_EQ(Shell("wc -c", {}, "ignored").out, "0\n");
  EXPECT_EQ(Shell("head -c 3", {"-i"}, bytes).out, bytes.substr(0, 3)) << "who stops reading";
}

TEST_F(Exec, LosesNoOutput) {
  const Output output = Shell("i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done");
  std::istringstream lines(output.out);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) ASSERT_EQ(line, fmt::format("line-{}", count++));
  EXPECT_EQ(count, 20000);
}

TEST_F(Exec, GivesATerminal) {
  Pty terminal(Hoy({"exec", "-it", "one", "sh"}), {31, 97});
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("tty; stty size; echo $TERM\n");
  EXPECT_TRUE(terminal.Expect("/dev/pts/"));
  EXPECT_TRUE(terminal.Expect("31 97"));
  EXPECT_TRUE(terminal.Expect("xterm"));
  terminal.Resize({40, 120});
  EXPECT_TRUE(Eventually([&] {
    terminal.Send("stty size\n");
    return terminal.Expect("40 120", milliseconds(500));
  }));
  terminal.Send("sleep 1000\n");
  ASSERT_TRUE(Eventually([&] { return HostPidOf("1000") != 0; }));
  terminal.Send("\x03");
  terminal.Send("echo status-$?\n");
  EXPECT_TRUE(terminal.Expect("status-130"));
  terminal.Send("exit 9\n");
  EXPECT_EQ(terminal.Finish(), 9);
  EXPECT_TRUE(terminal.IsCooked());
}

TEST_F(Exec, TerminalWithoutInteractiveHasACarriageReturn) {
  EXPECT_EQ(Shell("[ -t 1 ] && echo yes", {"-t"}).out, "yes\r\n");
  EXPECT_EQ(Shell("[ -t 1 ] || echo no").out, "no\n");
}

TEST_F(Exec, DetachedOutlivesItsClient) {
  const Output output =
      Run({"exec", "-d", "one", "sh", "-c", "echo here > /written; exec sleep 3333"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_TRUE(Eventually([&] { return Shell("cat /written").out == "here\n"; }));
  EXPECT_NE(HostPidOf("3333"), 0);
}

TEST_F(Exec, DiesWithItsClient) {
  for (const char* user : {"root", "app"}) {
    Background exec(Hoy({"exec", "-u", user, "one", "sh", "-c", "echo up; sleep 4444; true"}));
    ASSERT_TRUE(exec.WaitForOut("up"));
    ASSERT_TRUE(Eventually([&] { return HostPidOf("echo up") != 0; }));
    exec.Signal(SIGKILL);
    EXPECT_TRUE(Eventually([&] { return HostPidOf("echo up") == 0; })) << user;
  }
}

TEST_F(Exec, GoesOnAfterTheDetachKeysAndItsOutputBlocksNothing) {
  // More than a terminal buffers: somebody must go on reading.
  Pty terminal(Hoy({"exec", "-it", "one", "sh", "-c",
                    "echo up; until [ -e /go ]; do sleep 0.02; done;"
                    "head -c 300000 /dev/zero | tr '\\0' x; touch /done; sleep 6666"}));
  ASSERT_TRUE(terminal.Expect("up"));
  terminal.Send("\x10\x11");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.screen();
  EXPECT_TRUE(terminal.IsCooked());
  EXPECT_EQ(
      RunOk({"events", "--stream=false", "-f", "event=exec_detach", "--format", "{{.Action}}"}),
      "exec_detach");
  EXPECT_EQ(Shell("touch /go").code, 0);
  EXPECT_TRUE(Eventually([&] { return Shell("test -e /done").code == 0; }));
}

TEST_F(Exec, DiesWithItsClientOnATerminal) {
  Pty terminal(Hoy({"exec", "-it", "one", "sh", "-c", "trap '' HUP; echo up; sleep 7777; true"}));
  ASSERT_TRUE(terminal.Expect("up"));
  ASSERT_NE(HostPidOf("echo up"), 0);
  terminal.Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return HostPidOf("echo up") == 0; }));
}

TEST_F(Exec, OnATerminalTheEndOfStdinIsTyped) {
  for (const char* input : {"hi\n", "hi", ""}) {
    Command command = Hoy({"exec", "-it", "one", "cat"});
    command.input = input;
    const Output output = RunCommand(command);
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out.find("hi") != std::string::npos, *input != 0) << output;
  }
}

// A parent-death signal would not do: execve(2) of a set-user-ID program clears it.
TEST_F(Exec, ASetUserIdProgramDiesWithItsClient) {
  ASSERT_EQ(Shell("mkdir /su; cp /bin/busybox /su; chmod 4755 /su/busybox").code, 0);
  for (const char* options : {"-i", "-it"}) {
    Background exec(Hoy({"exec", options, "-u", "app", "one", "/su/busybox", "sh", "-c",
                         "trap '' HUP; echo up; while :; do sleep 0.1; done"}));
    ASSERT_TRUE(exec.WaitForOut("up")) << options;
    ASSERT_TRUE(Eventually([&] { return HostPidOf("echo up") != 0; }));
    exec.Signal(SIGKILL);
    ASSERT_TRUE(Eventually([&] { return HostPidOf("echo up") == 0; })) << options;
  }
}

TEST_F(Exec, AProgramThatBecomesASetUserIdOneDiesWithItsClient) {
  ASSERT_EQ(Shell("mkdir /su; cp /bin/busybox /su; chmod 4755 /su/busybox").code, 0);
  Background exec(Hoy({"exec", "-u", "app", "one", "sh", "-c",
                       "exec /su/busybox sh -c 'echo up; while :; do sleep 0.1; done'"}));
  ASSERT_TRUE(exec.WaitForOut("up"));
  ASSERT_NE(HostPidOf("echo up"), 0);
  exec.Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return HostPidOf("echo up") == 0; }));
}

// A terminal that nobody holds is ready for ever, in poll(2)'s eyes.
TEST_F(Exec, SleepsWhileItsProcessHasNoTerminal) {
  Pty terminal(Hoy({"exec", "-it", "one", "sh", "-c",
                    "echo up; exec <&- >&- 2>&-; until [ -e /go ]; do sleep 0.02; done;"
                    "echo again > /dev/tty"}));
  ASSERT_TRUE(terminal.Expect("up"));
  const auto cpu_time = [&] {
    std::istringstream fields(ReadFile(fmt::format("/proc/{}/stat", terminal.pid())));
    std::string field;
    for (int i = 1; i <= 13; ++i) fields >> field;
    long user = 0, system = 0;
    fields >> user >> system;
    return user + system;
  };
  EXPECT_TRUE(Eventually([&] {
    const long before = cpu_time();
    for (int i = 0; i < 30; ++i) PauseBetweenPolls();
    return cpu_time() == before;
  }));
  EXPECT_EQ(Shell("touch /go").code, 0);
  EXPECT_TRUE(terminal.Expect("again")) << terminal.screen();
  EXPECT_EQ(terminal.Finish(), 0);
}

TEST_F(Exec, PassesSignalsOn) {
  Background exec(Hoy(
      {"exec", "one", "sh", "-c", "trap 'exit 44' TERM; echo up; while :; do sleep 0.02; done"}));
  ASSERT_TRUE(exec.WaitForOut("up"));
  exec.Signal(SIGTERM);
  EXPECT_EQ(exec.Finish().code, 44);
}

// What hoy does itself when the filter is there already.
TEST_F(Exec, AStrictProfileNeedNotAllowSockets) {
  WriteFile(Path("strict.json"), R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["sendmsg", "sendto", "recvmsg", "prctl"], "action": "SCMP_ACT_ERRNO"}]})");
  const std::vector<std::string> strict = {"--security-opt", "seccomp=" + Path("strict.json")};
  const std::string id = StartSleeper(strict);
  EXPECT_EQ(RunOk({"exec", id, "echo", "inside"}), "inside");
  std::vector<std::string> beside = {"run", "--rm", "--pid", "container:" + id};
  beside.insert(beside.end(), strict.begin(), strict.end());
  beside.insert(beside.end(), {Busybox(), "echo", "beside"});
  EXPECT_EQ(RunOk(beside), "beside");
}

TEST_F(Exec, EndsWhenItsReaderIsGone) {
  const Output output = RunCommand([&] {
    Command command = Hoy({});
    command.argv = {"sh", "-c", fmt::format("{} exec one yes | head -n 1", HoyProgram())};
    return command;
  }());
  EXPECT_EQ(output.out, "y\n") << output;
  EXPECT_FALSE(output.timed_out);
  EXPECT_TRUE(Eventually([&] { return HostPidOf("yes") == 0; }));
}

TEST_F(Exec, AContainerThatDoesNotRunIsASentence) {
  RunOk({"stop", "one"});
  const Output output = Run({"exec", "one", "true"});
  EXPECT_EQ(output.code, 125);
  EXPECT_NE(output.err.find("is not running"), std::string::npos) << output;
  EXPECT_NE(output.err.find("hoy start"), std::string::npos) << output;
  EXPECT_EQ(Run({"exec", "none-such", "true"}).code, 125);
}

TEST_F(Exec, TellsWhatCannotBeRunFromWhatIsMissing) {
  const Output missing = Run({"exec", "one", "no-such-program"});
  EXPECT_EQ(missing.code, 127) << missing;
  EXPECT_NE(missing.err.find("no-such-program"), std::string::npos) << missing;
  EXPECT_EQ(Run({"exec", "one", "/no/such/program"}).code, 127);
  EXPECT_EQ(Run({"exec", "one", "/etc/passwd"}).code, 126);
  EXPECT_EQ(Run({"exec", "one", "/etc"}).code, 126);
}

TEST_F(Exec, PrivilegedHasAllCapabilitiesAndNoFilter) {
  const auto status = [&](std::vector<std::string> options) {
    return Shell("grep -E 'CapEff|CapBnd|Seccomp:' /proc/self/status", std::move(options)).out;
  };
  const std::string plain = status({});
  const std::string privileged = status({"--privileged"});
  EXPECT_NE(plain.find("Seccomp:\t2"), std::string::npos) << plain;
  EXPECT_NE(privileged.find("Seccomp:\t0"), std::string::npos) << privileged;
  EXPECT_NE(plain, privileged);
  EXPECT_NE(plain.find("CapEff:\t00000000a80425fb"), std::string::npos) << plain;
}

TEST_F(Exec, SeesTheContainersLimitsAndConfinement) {
  // The same status lines as PID 1, but for what a process has of its own.
  const Output output = Shell(
      "for p in 1 self; do grep -E 'Cap|Seccomp:|NoNewPrivs' /proc/$p/status; "
      "cat /proc/$p/limits | grep 'open files'; echo; done");
  const size_t half = output.out.find("\n\n");
  ASSERT_NE(half, std::string::npos) << output;
  EXPECT_EQ(output.out.substr(0, half), output.out.substr(half + 2, half)) << output;
}

TEST_F(Exec, ManyAtOnce) {
  std::vector<Background> all;
  for (int i = 0; i < 16; ++i) {
    all.emplace_back(Hoy({"exec", "one", "sh", "-c", fmt::format("echo {0}; exit {0}", i)}));
  }
  for (int i = 0; i < 16; ++i) {
    const Output output = all[static_cast<size_t>(i)].Finish();
    EXPECT_EQ(output.code, i) << output;
    EXPECT_EQ(output.out, fmt::format("{}\n", i));
  }
}

TEST_F(Exec, EndsWithTheContainer) {
  Background exec(Hoy({"exec", "one", "sh", "-c", "echo up; sleep 5555"}));
  ASSERT_TRUE(exec.WaitForOut("up"));
  RunOk({"rm", "-f", "one"});
  EXPECT_EQ(exec.Finish().code, 137);
}

// run --ensure: the container of that name is made, started, or joined.
TEST_F(Exec, EnsureDoesWhatIsNeeded) {
  auto ensure = [&](std::vector<std::string> options, const std::vector<std::string>& command) {
    options.insert(options.begin(), {"run", "--ensure", "--name"});
    options.push_back(Busybox());
    options.insert(options.end(), command.begin(), command.end());
    return Run(options);
  };
  const std::vector<std::string> count = {"sh", "-c", "echo x >>/n; cat /n; exit 3"};
  EXPECT_EQ(ensure({"box"}, count).out, "x\n");
  const Output again = ensure({"box"}, count);
  EXPECT_EQ(again.out, "x\nx\n") << again;
  EXPECT_EQ(again.code, 3) << again;
  const Output other = ensure({"box"}, {"true"});
  EXPECT_EQ(other.code, 125) << other;
  EXPECT_NE(other.err.find("was made for another command: sh -c echo x"), std::string::npos)
      << other;

  // Four at once: one makes it, and each tells which it is.
  std::vector<std::unique_ptr<Background>> several;
  for (int i = 0; i < 4; ++i) {
    several.push_back(std::make_unique<Background>(
        Hoy({"run", "-d", "--ensure", "--name", "up", Busybox(), "sleep", "3600"})));
  }
  std::set<std::string> ids;
  for (const auto& one : several) {
    const Output output = one->Finish();
    EXPECT_EQ(output.code, 0) << output;
    ids.insert(output.out);
  }
  EXPECT_EQ(ids.size(), 1u);
  const Output inside =
      ensure({"up", "-e", "A=1", "-w", "/tmp"}, {"sh", "-c", "echo $A $PWD; exit 7"});
  EXPECT_EQ(inside.out, "1 /tmp\n") << inside;
  EXPECT_EQ(inside.code, 7) << inside;
  RunOk({"pause", "up"});
  EXPECT_EQ(ensure({"up", "-d"}, {"sleep", "3600"}).code, 125);
  RunOk({"unpause", "up"});
  RunOk({"stop", "-t", "0", "up"});
  EXPECT_EQ(ensure({"up", "-d"}, {"sleep", "3600"}).out, *ids.begin());
  EXPECT_EQ(Status("up"), "running");

  EXPECT_NE(Run({"run", "--ensure", Busybox(), "true"}).err.find("--name"), std::string::npos);
  EXPECT_NE(ensure({"up", "--replace"}, {"true"}).err.find("--replace"), std::string::npos);
}

}  // namespace
}  // namespace hoy::test
