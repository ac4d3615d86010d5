// `hoy run` as a person types it: what reaches the command inside, what comes back, and the names
// and files around it.

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool IsFullId(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

class RunVerb : public ImageSandbox {
 protected:
  // `hoy run --rm [options] image command...`
  Output RunImage(const std::string& image, std::vector<std::string> options = {},
                  const std::vector<std::string>& command = {}) const {
    std::vector<std::string> arguments = {"run", "--rm"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(image);
    arguments.insert(arguments.end(), command.begin(), command.end());
    return Run(arguments);
  }
};

TEST_F(RunVerb, GivesTheExitCodeOfTheCommand) {
  for (int code : {0, 1, 7, 124, 125, 126, 127, 255}) {
    EXPECT_EQ(RunShell(fmt::format("exit {}", code)).code, code);
  }
}

TEST_F(RunVerb, GivesASignalAs128AndItsNumber) {
  // PID 1 is immune to its own signals, so a child dies and the shell passes its status on.
  EXPECT_EQ(RunShell("sh -c 'kill -9 $$'; exit $?").code, 137);
  EXPECT_EQ(RunShell("sh -c 'kill -15 $$'; exit $?").code, 143);
}

TEST_F(RunVerb, KeepsStdoutAndStderrApartAndWhole) {
  const Output output = RunShell("echo to-out; echo to-err >&2; printf no-newline");
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.out, "to-out\nno-newline");
  EXPECT_EQ(output.err, "to-err\n");
}

TEST_F(RunVerb, LosesNoByteOfALargeOutput) {
  const Output output = RunShell("dd if=/dev/zero bs=65536 count=256 2>/dev/null | tr '\\0' x");
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.out.size(), 256u * 65536u);
  EXPECT_EQ(output.out.find_first_not_of('x'), std::string::npos);
}

TEST_F(RunVerb, PassesArgumentsAsTheyAre) {
  const Output output =
      RunImage(Busybox(), {}, {"printf", "[%s]", "a b", "", "$HOME", "-it", "--rm", "ä\n"});
  EXPECT_EQ(output.out, "[a b][][$HOME][-it][--rm][ä\n]");
}

TEST_F(RunVerb, TakesOptionsOfTheCommandForTheCommand) {
  EXPECT_EQ(RunImage(Busybox(), {}, {"echo", "-e", "A=1"}).out, "A=1\n");
  EXPECT_EQ(RunImage(Busybox(), {"--"}, {"echo", "x"}).out, "x\n");
}

TEST_F(RunVerb, SetsVariables) {
  env["IMPORTED"] = "from the host";
  const Output output =
      RunShell("echo \"$A|$EMPTY|$IMPORTED|${MISSING-unset}\"",
               {"-e", "A=1 2", "-e", "EMPTY=", "-e", "IMPORTED", "-e", "MISSING"});
  EXPECT_EQ(output.out, "1 2||from the host|unset\n") << output;
}

TEST_F(RunVerb, ReadsVariablesFromAFileAndPrefersTheCommandLine) {
  env["IMPORTED"] = "host";
  WriteFile(Path("vars"), "# comment\nA=one\nB=\"quoted\"\n\nIMPORTED\nC=a=b\n");
  const Output output =
      RunShell("echo \"$A|$B|$IMPORTED|$C\"", {"--env-file", Path("vars"), "-e", "A=two"});
  EXPECT_EQ(output.out, "two|\"quoted\"|host|a=b\n") << output;
  EXPECT_EQ(RunShell("true", {"--env-file", Path("missing")}).code, 125);
}

TEST_F(RunVerb, HidesTheHostsEnvironmentUnlessAsked) {
  env["SECRET_OF_THE_HOST"] = "x";
  EXPECT_EQ(RunShell("env | grep -c SECRET_OF_THE_HOST").out, "0\n");
  EXPECT_EQ(RunShell("env | grep -c SECRET_OF_THE_HOST", {"--env-host"}).out, "1\n");
}

TEST_F(RunVerb, UnsetsAVariableOfTheImage) {
  const Output output = RunImage(Configured(), {"--unsetenv", "KEPT", "--entrypoint", "sh"},
                                 {"-c", "echo ${KEPT-gone} $GREETING"});
  EXPECT_EQ(output.out, "gone from-image\n") << output;
}

TEST_F(RunVerb, MergesTheConfigOfTheImage) {
  const Output output = RunImage(Configured());
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "default command\napp\n/work/dir\nfrom-image\n") << output;
}

TEST_F(RunVerb, ReplacesTheCommandButKeepsTheEntrypoint) {
  const Output output = RunImage(Configured(), {"-e", "GREETING=mine"}, {"other"});
  EXPECT_EQ(output.out, "other\napp\n/work/dir\nmine\n") << output;
}

TEST_F(RunVerb, AnEntrypointDropsTheImagesCommand) {
  const Output output = RunImage(Configured(), {"--entrypoint", "echo"});
  EXPECT_EQ(output.out, "\n") << output;
}

TEST_F(RunVerb, AnEmptyEntrypointResetsTheImages) {
  const Output output = RunImage(Configured(), {"--entrypoint", ""}, {"echo", "plain"});
  EXPECT_EQ(output.out, "plain\n") << output;
  const Output nothing = RunImage(Configured(), {"--entrypoint="});
  EXPECT_EQ(nothing.code, 125);
  EXPECT_NE(nothing.err.find("no command"), std::string::npos) << nothing;
}

TEST_F(RunVerb, RunsAsAUserByNameOrNumber) {
  const std::string show = "echo $(id -u):$(id -g) $(id -G) $HOME";
  EXPECT_EQ(RunShell(show, {"-u", "app"}).out, "1000:1000 1000 2000 /home/app\n");
  EXPECT_EQ(RunShell(show, {"-u", "1000"}).out, "1000:1000 1000 2000 /home/app\n");
  EXPECT_EQ(RunShell(show, {"-u", "app:extra"}).out, "1000:2000 2000 /home/app\n");
  EXPECT_EQ(RunShell(show, {"-u", "0:2000"}).out, "0:2000 2000 /root\n");
  EXPECT_EQ(RunShell(show, {"-u", "4321:8765"}).out, "4321:8765 8765 /\n");
  EXPECT_EQ(RunShell("id -G", {"-u", "1", "--group-add", "extra", "--group-add", "77"}).out,
            "1 77 2000\n");
}

TEST_F(RunVerb, AnOrdinaryUserHasNoCapabilities) {
  const Output output = RunShell("grep -E 'CapEff|CapPrm|CapAmb' /proc/self/status", {"-u", "app"});
  EXPECT_EQ(output.out,
            "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}

TEST_F(RunVerb, MakesTheWorkingDirectory) {
  EXPECT_EQ(RunShell("pwd", {"-w", "/not/there/yet"}).out, "/not/there/yet\n");
  EXPECT_EQ(RunShell("pwd", {"-w", "/etc/../tmp/"}).out, "/tmp\n");
  const Output relative = RunShell("pwd", {"-w", "relative"});
  EXPECT_EQ(relative.code, 125);
  EXPECT_NE(relative.err.find("absolute"), std::string::npos) << relative;
}

TEST_F(RunVerb, GivesNoStdinUnlessAsked) {
  EXPECT_EQ(RunShell("cat; echo end", {}, "for the container").out, "end\n");
}

TEST_F(RunVerb, PassesStdinOnToItsEnd) {
  std::string input(300'000, 'x');
  input += "\nlast line without end";
  const Output output = RunShell("cat", {"-i"}, input);
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.out == input, true) << output.out.size();
}

TEST_F(RunVerb, EveryByteGoesThroughAsItIs) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes.push_back(static_cast<char>((i + i / 256) % 256));
  const Output output = RunShell("tee /dev/stderr", {"-i"}, bytes);
  EXPECT_EQ(output.code, 0);
  EXPECT_TRUE(output.out == bytes) << output.out.size();
  EXPECT_TRUE(output.err == bytes) << output.err.size();
}

// 100 MB whose reader is slower than their writer, and as many into the container.
TEST_F(RunVerb, MuchGoesThroughAPipeWithoutLoss) {
  const std::string numbers = "seq 1 12000000";
  const std::string hoy = fmt::format("{} run --rm -i {}", HoyProgram(), Busybox());
  const auto sum = [&](const std::string& pipe) {
    const Output output =
        RunCommand({.argv = {"sh", "-c", pipe}, .env = env, .timeout = seconds(300)});
    EXPECT_EQ(output.code, 0) << output;
    return output.out;
  };
  const std::string wanted = sum(numbers + " | md5sum");
  EXPECT_EQ(sum(fmt::format("{} {} </dev/null | md5sum", hoy, numbers)), wanted);
  EXPECT_EQ(sum(fmt::format("{} | {} md5sum", numbers, hoy)), wanted);
}

TEST_F(RunVerb, NamesTheHost) {
  const std::string id = RunOk({"create", Busybox(), "hostname"});
  EXPECT_EQ(RunOk({"start", "-a", id}), id.substr(0, 12));
  EXPECT_EQ(RunShell("hostname; echo $HOSTNAME; cat /etc/hostname", {"-h", "ship"}).out,
            "ship\nship\nship\n");
  EXPECT_EQ(RunShell("cat /proc/sys/kernel/domainname", {"--domainname", "sea"}).out, "sea\n");
}

TEST_F(RunVerb, RefusesANameInUse) {
  const std::string first = RunOk({"create", "--name", "taken", Busybox()});
  const Output second = Run({"run", "--name", "taken", Busybox(), "echo", "never"});
  EXPECT_EQ(second.code, 125);
  EXPECT_EQ(second.out, "");
  EXPECT_NE(second.err.find("'taken'"), std::string::npos) << second;
  EXPECT_EQ(ListNames(data() + "/containers"), std::vector<std::string>{first});
}

TEST_F(RunVerb, ReplacesAContainerOfTheSameName) {
  const std::string first = StartSleeper({"--name", "taken"});
  EXPECT_EQ(RunOk({"run", "--rm", "--replace", "--name", "taken", Busybox(), "echo", "new"}),
            "new");
  EXPECT_FALSE(fs::exists(data() + "/containers/" + first));
}

TEST_F(RunVerb, FreesTheNameWithTheContainer) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(RunOk({"run", "--rm", "--name", "again", Busybox(), "echo", "ran"}), "ran");
  }
}

TEST_F(RunVerb, WritesTheIdToAFileOnlyItOwns) {
  const Output output = RunShell("true", {"--cidfile", Path("cid")});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_TRUE(IsFullId(ReadFile(Path("cid")))) << ReadFile(Path("cid"));
  const Output again = RunShell("echo never", {"--cidfile", Path("cid")});
  EXPECT_EQ(again.code, 125);
  EXPECT_EQ(again.out, "");
  EXPECT_NE(again.err.find("exists"), std::string::npos) << again;
}

TEST_F(RunVerb, WritesTheProcessIdToAFile) {
  const std::string id = StartSleeper({"--pidfile", Path("pid")});
  const std::string pid = FirstLine(ReadFile(Path("pid")));
  EXPECT_NE(ReadFile("/proc/" + pid + "/cgroup").find(id.substr(0, 12)), std::string::npos);
}

TEST_F(RunVerb, AttachShowsOnlyTheStreamsItNames) {
  const std::string script = "cat; echo out; echo err >&2; exit 3";
  const auto run = [&](std::vector<std::string> options) {
    options.insert(options.begin(), "run");
    for (const std::string& word : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      options.push_back(word);
    }
    return Run(options, "in\n");
  };
  Output output = run({"-a", "stdout"});
  EXPECT_EQ(output.code, 3);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "");
  output = run({"--attach=stderr"});
  EXPECT_EQ(output.code, 3);
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err, "err\n");
  output = run({"-a", "stderr", "-a", "stdout"});
  EXPECT_EQ(output.out + output.err, "out\nerr\n");
  EXPECT_EQ(run({"-i", "-a", "stdout"}).out, "in\nout\n") << "-i still means stdin";
  EXPECT_EQ(run({"-a", "stdin", "-a", "stdout"}).out, "out\n") << "-a stdin is no -i";
  EXPECT_NE(run({"-a", "stdout", "-d"}).err.find("--attach and --detach"), std::string::npos);
  EXPECT_EQ(run({"-a", "stdlog"}).code, 125);
}

// docker's way to hand a container its input and go: the id, 0, and a container that runs on.
TEST_F(RunVerb, AttachedToStdinAloneItPrintsTheIdAndLeavesWithTheInput) {
  std::string input;
  for (int line = 0; line < 60000; ++line) input += fmt::format("line {}\n", line);
  const std::string slow = "while read -r line; do echo $line; done; exit 3";
  const Output output =
      Run({"run", "-i", "-a", "stdin", "--name", "one", Busybox(), "sh", "-c", slow}, input);
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_EQ(output.out, Inspect("one").at("Id").get<std::string>() + "\n");
  EXPECT_EQ(RunOk({"wait", "one"}), "3");
  const std::string arrived = RunOk({"logs", "one"}) + "\n";
  const auto [there, sent] = std::ranges::mismatch(arrived, input);
  EXPECT_TRUE(arrived == input) << arrived.size() << " of " << input.size()
                                << " bytes arrived, other ones from byte " << sent - input.begin()
                                << " on: "
                                << std::string(there, std::min(there + 60, arrived.end()));
  // Without -i there is no input to wait for.
  EXPECT_EQ(Run({"run", "-a", "stdin", "--name", "two", Busybox(), "sleep", "1000"}).code, 0);
  EXPECT_EQ(Status("two"), "running");
}

TEST_F(RunVerb, CreateRemembersWhatToAttach) {
  const std::vector<std::string> command = {Busybox(), "sh", "-c", "echo out; echo err >&2"};
  const auto create = [&](const std::string& name, std::vector<std::string> options) {
    options.insert(options.begin(), {"create", "--name", name});
    options.insert(options.end(), command.begin(), command.end());
    RunOk(options);
    const Json config = Inspect(name).at("Config");
    return fmt::format("{:d}{:d}{:d}", config.at("AttachStdin").get<bool>(),
                       config.at("AttachStdout").get<bool>(),
                       config.at("AttachStderr").get<bool>());
  };
  EXPECT_EQ(create("all", {}), "011");
  EXPECT_EQ(create("with-input", {"-i"}), "111");
  EXPECT_EQ(create("only-err", {"-a", "stderr"}), "001");
  Output output = Run({"start", "-a", "only-err"});
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err, "err\n");
  output = Run({"start", "-a", "all"});
  EXPECT_EQ(output.out + output.err, "out\nerr\n");
}

TEST_F(RunVerb, PrintsTheFullIdWhenDetached) {
  const std::string id = StartSleeper();
  EXPECT_TRUE(IsFullId(id)) << id;
}

TEST_F(RunVerb, LeavesNothingBehindWithRm) {
  EXPECT_EQ(RunShell("echo x >/new; exit 3").code, 3);
  EXPECT_TRUE(ListNames(data() + "/containers").empty());
  EXPECT_TRUE(ListNames(data() + "/names").empty());
  EXPECT_TRUE(ListNames(run() + "/containers").empty());
}

TEST_F(RunVerb, RemovesADetachedContainerAfterItsExit) {
  const std::string id = RunOk({"run", "-d", "--rm", Busybox(), "true"});
  EXPECT_TRUE(Eventually([&] { return !fs::exists(data() + "/containers/" + id); }));
}

TEST_F(RunVerb, KeepsWritesOfOneContainerFromTheNext) {
  EXPECT_EQ(RunShell("echo x >/etc/passwd; rm -r /home; ls /home 2>&1 | wc -l").code, 0);
  EXPECT_EQ(RunShell("wc -l </etc/passwd; ls -d /home/app").out, "3\n/home/app\n");
}

TEST_F(RunVerb, EndsACommandThatTakesTooLongWith124) {
  const Output output = RunShell("sleep 1000", {"--timeout", "1"});
  EXPECT_EQ(output.code, 124) << output;
}

TEST_F(RunVerb, InitReapsOrphans) {
  // The orphan's parent ends first; a PID 1 that does not reap leaves it as a zombie for ever.
  const std::string script =
      "sh -c 'sleep 0.1 & echo $! >/tmp/orphan'; pid=$(cat /tmp/orphan);"
      "while [ -d /proc/$pid ]; do sleep 0.05; done; echo reaped";
  EXPECT_EQ(RunShell(script, {"--init"}).out, "reaped\n");
}

TEST_F(RunVerb, InitIsPid1AndForwardsSignalsAndTheExitCode) {
  EXPECT_EQ(RunShell("[ $$ != 1 ] && exit 42", {"--init"}).code, 42);
  EXPECT_EQ(RunShell("kill -9 $$", {"--init"}).code, 137);
  const std::string id =
      RunOk({"run", "-d", "--init", Busybox(), "sh", "-c",
             "trap 'echo got-term; exit 5' TERM; echo ready; while :; do sleep 0.1; done"});
  ASSERT_TRUE(Eventually([&] { return Run({"logs", id}).out.starts_with("ready"); }));
  RunOk({"kill", "-s", "TERM", id});
  EXPECT_EQ(RunOk({"wait", id}), "5");
  EXPECT_EQ(RunOk({"logs", id}), "ready\ngot-term");
}

TEST_F(RunVerb, HasLoopbackUpWithoutANetwork) {
  const Output output = RunShell("ip -o link; ip -o addr show lo; ping -c 1 127.0.0.1 >/dev/null",
                                 {"--network", "none"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_NE(output.out.find("LOOPBACK,UP"), std::string::npos) << output;
  EXPECT_NE(output.out.find("127.0.0.1/8"), std::string::npos) << output;
  EXPECT_EQ(output.out.find("eth0"), std::string::npos) << output;
}

TEST_F(RunVerb, SharesTheHostsNetworkWhenAsked) {
  std::error_code unreadable;
  const std::string host = fs::read_symlink("/proc/self/ns/net", unreadable).string();
  EXPECT_EQ(RunShell("readlink /proc/self/ns/net", {"--network", "host"}).out, host + "\n");
  EXPECT_NE(RunShell("readlink /proc/self/ns/net").out, host + "\n");
}

TEST_F(RunVerb, AppliesTheUmask) {
  EXPECT_EQ(RunShell("umask", {"--umask", "0027"}).out, "0027\n");
  EXPECT_EQ(RunShell("umask").out, "0022\n");
}

TEST_F(RunVerb, KeepsLabelsAndAnnotationsInTheRecord) {
  WriteFile(Path("labels"), "from=file\n# no\nbare\n");
  const std::string id = RunOk(
      {"create", "-l", "a=b", "--label-file", Path("labels"), "--annotation", "x=y", Configured()});
  const Json labels = Inspect(id)["Config"]["Labels"];
  EXPECT_EQ(labels.value("a", ""), "b");
  EXPECT_EQ(labels.value("from", ""), "file");
  EXPECT_EQ(labels.value("bare", "missing"), "");
  EXPECT_EQ(labels.value("org.example.kind", ""), "test");
}

TEST_F(RunVerb, ExplainsWithoutDoing) {
  const Output output = Run({"run", "--explain", Busybox(), "touch", "/x"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_NE(output.out, "");
  EXPECT_TRUE(ListNames(data() + "/containers").empty());
}

TEST_F(RunVerb, RefusesUnknownFlagsAndValues) {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--no-such-flag"},
                                                {"--network", "nowhere"},
                                                {"--pull", "often"},
                                                {"--publish", "80:x"},
                                                {"--hostname", "bad name"},
                                                {"--umask", "999"},
                                                {"--stop-signal", "SIGNONE"},
                                                {"--name", "/bad"},
                                                {"-e", "=x"},
                                                {"--timeout", "soon"}}) {
    const Output output = RunShell("echo never", flags);
    EXPECT_EQ(output.code, 125) << flags[0] << "\n" << output;
    EXPECT_EQ(output.out, "") << flags[0];
    EXPECT_NE(output.err, "") << flags[0];
  }
}

class RunPull : public HoySandbox {
 protected:
  // An image whose only file says `text`.
  static Image Version(const std::string& text) {
    Tar tar;
    tar.File("version", text + "\n");
    return BusyboxImage().Layer(tar).Build();
  }
  Output RunVersion(std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {"run", "--rm"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {registry_.Reference("app"), "cat", "/version"});
    return Run(arguments);
  }
  Registry registry_;
};

TEST_F(RunPull, PullsAMissingImageAndKeepsStdoutClean) {
  registry_.Push("app", "latest", Version("one"));
  const Output output = RunVersion();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "one\n");
  EXPECT_NE(output.err, "");
  const Output again = RunVersion();
  EXPECT_EQ(again.out, "one\n");
  EXPECT_EQ(again.err, "");
}

TEST_F(RunPull, IsQuietWhenAsked) {
  registry_.Push("app", "latest", Version("one"));
  const Output output = RunVersion({"-q"});
  EXPECT_EQ(output.out, "one\n");
  EXPECT_EQ(output.err, "");
}

TEST_F(RunPull, NeverPullsWhenForbidden) {
  registry_.Push("app", "latest", Version("one"));
  const Output output = RunVersion({"--pull", "never"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_NE(output.err.find("app"), std::string::npos) << output;
}

TEST_F(RunPull, MissingKeepsWhatIsThereAndAlwaysAndNewerFetch) {
  registry_.Push("app", "latest", Version("one"));
  EXPECT_EQ(RunVersion().out, "one\n");
  registry_.Push("app", "latest", Version("two"));
  EXPECT_EQ(RunVersion({"--pull", "missing"}).out, "one\n");
  EXPECT_EQ(RunVersion({"--pull", "always"}).out, "two\n");
  registry_.Push("app", "latest", Version("three"));
  EXPECT_EQ(RunVersion({"--pull", "newer"}).out, "three\n");
}

TEST_F(RunPull, NewerFallsBackOnWhatIsThereAndAlwaysDoesNot) {
  {
    Registry gone;
    gone.Push("app", "latest", Version("kept"));
    const std::string reference = gone.Reference("app");
    EXPECT_EQ(RunOk({"run", "--rm", "-q", reference, "cat", "/version"}), "kept");
    env["GONE"] = reference;
  }
  const std::string reference = *env["GONE"];
  const Output newer = Run({"run", "--rm", "--pull", "newer", reference, "cat", "/version"});
  EXPECT_EQ(newer.out, "kept\n") << newer;
  EXPECT_NE(newer.err.find("what is here is taken"), std::string::npos) << newer;
  const Output always = Run({"run", "--rm", "--pull", "always", reference, "cat", "/version"});
  EXPECT_EQ(always.code, 125) << always;
  EXPECT_EQ(always.out, "");
}

TEST_F(RunPull, AnImageThatDoesNotExistIs125) {
  const Output output = Run({"run", registry_.Reference("nothing"), "true"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("nothing"), std::string::npos) << output;
  EXPECT_EQ(output.out, "");
}

}  // namespace
}  // namespace hoy::test
