// Where output is kept (--log-driver, --log-opt), rotation, and what hoy logs and attach make of
// it.

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "core/base/text.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class LogDrivers : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directory(Path("gate"));
  }

  std::vector<std::string> RunArguments(const std::string& name, const std::string& script,
                                        const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {"run", "-d", "--name",
                                          name,  "-v", Path("gate") + ":/gate"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    return arguments;
  }
  std::string Start(const std::string& name, const std::string& script,
                    const std::vector<std::string>& options = {}) const {
    return RunOk(RunArguments(name, script, options));
  }
  void RunToEnd(const std::string& name, const std::string& script,
                const std::vector<std::string>& options = {}) const {
    Start(name, script, options);
    RunOk({"wait", name});
  }
  void Open(const std::string& gate) const { std::ofstream(Path("gate/" + gate)); }
  static std::string Await(const std::string& gate) {
    return "while [ ! -e /gate/" + gate + " ]; do sleep 0.02; done; ";
  }

  // `seq` of busybox, and what it writes.
  static std::string Numbers(int last) {
    std::string text;
    for (int i = 1; i <= last; ++i) text += std::to_string(i) + "\n";
    return text;
  }

  std::string LogPath(const std::string& name) const {
    return RunOk({"inspect", "--format", "{{.LogPath}}", name});
  }
  std::vector<std::string> LogFiles(const std::string& name) const {
    std::vector<std::string> names = ListNames(fs::path(LogPath(name)).parent_path().string());
    std::erase_if(names, [](const std::string& file) { return !file.starts_with("stdio.log"); });
    return names;
  }
  int MonitorPid(const std::string& id) const {
    const std::string state = ReadFile(run() + "/containers/" + id + "/state.json");
    return Json::parse(state.substr(0, state.find('\n')))["monitor_pid"].get<int>();
  }
};

std::vector<std::string> Rotated(const std::string& max_size, const std::string& max_file,
                                 std::vector<std::string> more = {}) {
  more.insert(more.end(),
              {"--log-opt", "max-size=" + max_size, "--log-opt", "max-file=" + max_file});
  return more;
}

TEST_F(LogDrivers, ARotatedLogIsReadAsOne) {
  const std::string all = Numbers(20'000);
  for (const char* driver : {"file", "json-file"}) {
    RunToEnd("one", "seq 1 20000; echo last >&2", Rotated("20k", "1000", {"--log-driver", driver}));
    EXPECT_GT(LogFiles("one").size(), 5u) << driver;
    const Output whole = Run({"logs", "one"});
    EXPECT_TRUE(whole.out == all) << driver << whole.out.size();
    EXPECT_EQ(whole.err, "last\n");
    EXPECT_EQ(Run({"logs", "--tail", "15001", "one"}).out, all.substr(all.find("\n5000\n") + 6))
        << driver;
    const std::string stamped = RunOk({"logs", "-t", "--stdout", "--tail", "3001", "one"});
    const std::string since = stamped.substr(0, stamped.find(' '));
    const std::string after = Run({"logs", "--since", since, "one"}).out;
    EXPECT_TRUE(Has(after, "\n17500\n") && all.ends_with(after)) << driver;
    EXPECT_EQ(Run({"logs", "--grep", "^1?9999$", "one"}).out, "9999\n19999\n") << driver;
    RunOk({"rm", "one"});
  }
}

TEST_F(LogDrivers, AClockThatWasSetBackALittleHidesNothingFromUntil) {
  RunToEnd("one", "echo", {"--log-driver", "json-file"});
  std::string text;
  for (const auto& [line, time] :
       {std::pair("a", "00"), {"late", "40"}, {"back", "20"}, {"later", "50"}}) {
    text += Json{{"log", line + std::string("\n")},
                 {"stream", "stdout"},
                 {"time", std::string("2026-01-01T10:00:") + time + "Z"}}
                .dump() +
            "\n";
  }
  WriteFile(LogPath("one"), text);
  EXPECT_EQ(RunOk({"logs", "--until", "2026-01-01T10:00:30Z", "one"}), "a\nback");
}

TEST_F(LogDrivers, WithOneFileOnlyTheEndIsKept) {
  RunToEnd("one", "seq 1 20000", {"--log-opt", "max-size=20k"});
  const std::string kept = Run({"logs", "one"}).out;
  EXPECT_TRUE(Numbers(20'000).ends_with(kept));
  EXPECT_GT(kept.size(), 0u);
  EXPECT_LE(kept.size(), 20'000u);
  RunOk({"start", "one"});
  RunOk({"wait", "one"});
  EXPECT_TRUE(Has(Run({"logs", "one"}).out, "\n20000\n")) << "a second run goes on";
}

TEST_F(LogDrivers, OldFilesAreCompressedAndReadLikeOthers) {
  Start("one", "seq 1 20000; " + Await("end") + "echo end",
        Rotated("20k", "1000", {"--log-opt", "compress=true"}));
  auto packed = [&] {
    const auto files = LogFiles("one");
    return files.size() > 5 && std::ranges::all_of(files, [](const std::string& file) {
             return file == "stdio.log" || file.ends_with(".gz");
           });
  };
  EXPECT_TRUE(Eventually(packed)) << hoy::Join(LogFiles("one"), " ");
  Open("end");
  RunOk({"wait", "one"});
  EXPECT_TRUE(Run({"logs", "one"}).out == Numbers(20'000) + "end\n");
  EXPECT_EQ(Run({"logs", "-n", "2", "one"}).out, "20000\nend\n");
}

// Wherever a rotation is killed: a follower goes on with what the next monitor writes. What the
// killed one held in memory is lost, and nothing is doubled.
TEST_F(LogDrivers, FollowSurvivesAKilledRotation) {
  for (const char* point : {"log-renamed", "log-made-again", "log-pruned"}) {
    Command start = Hoy(RunArguments(
        "one", "echo 0; " + Await("go") + "seq 1 20000; " + Await("end") + "echo 99999",
        Rotated("20k", Has(point, "pruned") ? "2" : "1000")));
    start.env["HOY_FAIL_POINT"] = point;
    const Output started = RunCommand(start);
    ASSERT_EQ(started.code, 0) << started;
    const int monitor = MonitorPid(started.out.substr(0, 64));
    Background follow(Hoy({"logs", "-f", "one"}));
    ASSERT_TRUE(follow.WaitForOut("0\n"));
    Open("go");
    EXPECT_TRUE(Eventually([&] { return ::kill(monitor, 0) != 0; })) << point;
    Open("end");
    EXPECT_TRUE(follow.WaitForOut("99999\n")) << point;
    const Output output = follow.Finish();
    EXPECT_EQ(output.code, 0) << output.err;
    std::istringstream stream(output.out);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    EXPECT_GT(lines.size(), 100u) << point;
    const std::set<std::string> different(lines.begin(), lines.end());
    // What is left of a line whose beginning was lost may look like another one.
    EXPECT_GE(different.size() + 1, lines.size()) << point << ": lines twice";
    RunOk({"rm", "-f", "one"});
    for (const char* gate : {"go", "end"}) fs::remove(Path("gate/") + gate);
  }
}

// By a person, with nothing pending that could tell: between the two, the container is down.
TEST_F(LogDrivers, FollowSurvivesARestart) {
  for (const char* driver : {"file", "json-file"}) {
    Start("one", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done",
          Rotated("20k", "3", {"--log-driver", driver}));
    Background follow(Hoy({"logs", "-f", "one"}));
    std::string expected = "up\n";
    ASSERT_TRUE(follow.WaitForOut(expected));
    for (int round = 0; round < 3; ++round) {
      RunOk({"restart", "one"});
      expected += "bye\nup\n";
      ASSERT_TRUE(follow.WaitForOut(expected)) << driver << follow.out();
      EXPECT_TRUE(follow.Running());
    }
    RunOk({"stop", "one"});
    const Output output = follow.Finish();
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out, expected + "bye\n") << driver;
    RunOk({"rm", "one"});
  }
}

// The slow ones read what they missed from the files that have been rotated meanwhile.
TEST_F(LogDrivers, SlowReadersGoOverRotatedFiles) {
  // More than a socket holds.
  const std::string script = "read x; echo got-$x; read x; echo got-$x; " + Await("go") +
                             "seq 1 300000; touch /gate/written; " + Await("end") + "echo end";
  const std::string expected = Numbers(300'000) + "end\n";
  for (const char* files : {"1000", "1"}) {
    std::vector<std::string> options = Rotated("50k", files);
    options.emplace_back("-i");
    Start("one", script, options);
    Background fast(Hoy({"attach", "one"}));
    fast.Write("fast\n");
    ASSERT_TRUE(fast.WaitForOut("got-fast\n")) << fast.err();
    Background slow(Hoy({"attach", "one"}));
    slow.Write("slow\n");
    ASSERT_TRUE(slow.WaitForOut("got-slow\n")) << slow.err();
    Background follow(Hoy({"logs", "-f", "one"}));
    ASSERT_TRUE(follow.WaitForOut("got-slow\n"));
    slow.Signal(SIGSTOP);
    follow.Signal(SIGSTOP);
    Open("go");
    ASSERT_TRUE(Eventually([&] { return fs::exists(Path("gate/written")); }));
    follow.Signal(SIGCONT);
    slow.Signal(SIGCONT);
    ASSERT_TRUE(slow.WaitForOut("\n300000\n")) << slow.out().size() << slow.err();
    Open("end");
    const Output from_fast = fast.Finish();
    const Output from_slow = slow.Finish();
    const Output followed = follow.Finish();
    EXPECT_TRUE(followed.out.ends_with("300000\nend\n")) << followed.out.size();
    EXPECT_TRUE(from_fast.out.ends_with("300000\nend\n")) << from_fast.out.size();
    EXPECT_TRUE(from_slow.out.ends_with("300000\nend\n")) << from_slow.out.size();
    const bool all_kept = std::string(files) != "1";
    if (all_kept) {
      EXPECT_TRUE(from_fast.out.ends_with("got-slow\n" + expected)) << from_fast.out.size();
      EXPECT_EQ(from_fast.err, "");
      EXPECT_TRUE(followed.out == "got-fast\ngot-slow\n" + expected) << followed.out.size();
      EXPECT_EQ(followed.err, "");
      EXPECT_TRUE(from_slow.out == "got-slow\n" + expected) << from_slow.out.size();
      EXPECT_EQ(from_slow.err, "");
    } else {
      EXPECT_TRUE(Has(from_slow.err, "its part of the log is gone already")) << from_slow.err;
      EXPECT_LT(from_slow.out.size(), expected.size());
      EXPECT_TRUE(Has(followed.err, "hoy: one: output is missing here")) << followed.err;
    }
    RunOk({"rm", "-f", "one"});
    for (const char* gate : {"go", "written", "end"}) fs::remove(Path("gate/") + gate);
  }
}

TEST_F(LogDrivers, JsonFileHasDockersBytes) {
  RunToEnd("one", "echo 'a<b>'; echo err >&2",
           {"--log-driver", "json-file", "--log-opt", "labels=tier", "--log-opt", "tag={{.Name}}",
            "-l", "tier=a b"});
  const Json inspected = Inspect("one");
  EXPECT_EQ(inspected["HostConfig"]["LogConfig"],
            (Json{{"Type", "json-file"}, {"Config", {{"labels", "tier"}, {"tag", "{{.Name}}"}}}}));
  std::ifstream stream(inspected["LogPath"].get<std::string>());
  std::string line;
  ASSERT_TRUE(std::getline(stream, line));
  EXPECT_TRUE(line.starts_with(
      R"({"log":"a\u003cb\u003e\n","stream":"stdout","attrs":{"tag":"one","tier":"a b"},"time":")"))
      << line;
  const Output output = Run({"logs", "one"});
  EXPECT_EQ(output.out, "a<b>\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_EQ(Run({"logs", "--details", "one"}).out, "tag=one,tier=a+b a<b>\n");
}

TEST_F(LogDrivers, WithNoneThereIsNothingToRead) {
  RunToEnd("one", "echo x", {"--log-driver", "none"});
  for (const std::vector<std::string>& reading : std::vector<std::vector<std::string>>{
           {"logs", "one"}, {"logs", "-f", "one"}, {"wait", "--log-match", "x", "one"}}) {
    const Output output = Run(reading);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(Has(output.err, "nothing of the output of 'one' is kept: its log driver is 'none'"))
        << output;
  }
  EXPECT_EQ(LogPath("one"), "");
  EXPECT_EQ(Status("one"), "exited");
  EXPECT_EQ(RunOk({"run", "--rm", "--log-driver=none", Busybox(), "echo", "shown"}), "shown");
  Start("two", "read x; echo got-$x", {"-i", "--log-driver=none"});
  EXPECT_EQ(RunOk({"attach", "two"}, "hello\n"), "got-hello");
}

TEST_F(LogDrivers, PassthroughGivesTheCommandOurOwnStreams) {
  const std::string script = "read x; echo got-$x; echo err >&2; echo three >&3; exit 4";
  auto shell = [&](const std::string& line) {
    Command command = Hoy({});
    command.argv = {"sh", "-c", "hoy() { \"$0\" \"$@\"; }; " + line, HoyProgram()};
    command.directory = directory();
    return RunCommand(command);
  };
  const std::string run = "hoy run --log-driver passthrough ";
  WriteFile(Path("in"), "hello\n");
  EXPECT_EQ(shell(run + "--name one --preserve-fds 1 " + Busybox() + " sh -c '" + script +
                  "' <in >out 2>err 3>three")
                .code,
            4);
  EXPECT_EQ(ReadFile(Path("out")), "got-hello\n");
  EXPECT_EQ(ReadFile(Path("err")), "err\n");
  EXPECT_EQ(ReadFile(Path("three")), "three\n");
  const Output logs = Run({"logs", "one"});
  EXPECT_EQ(logs.code, 125);
  EXPECT_TRUE(Has(logs.err, "its log driver is 'passthrough'")) << logs;
  EXPECT_EQ(Status("one"), "exited");

  // In the background, the reader of a pipe sees its end when the command is gone.
  const Output piped = shell(run + "-d --rm --init " + Busybox() +
                             " sh -c 'echo out; echo err >&2' 2>&1 </dev/null | cat");
  EXPECT_TRUE(Has(piped.out, "out\n") && Has(piped.out, "err\n")) << piped;

  // A policy goes on with the same ones, and the reader sees the end of the last run.
  const Output restarted = shell(run + "-d --restart on-failure:2 " + Busybox() +
                                 " sh -c 'echo again; exit 1' </dev/null | cat");
  size_t count = 0;
  for (size_t at = 0; (at = restarted.out.find("again\n", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 3u) << restarted;
}

TEST_F(LogDrivers, PassthroughIsNotForTerminalsAndClients) {
  Background sleeper(Hoy({"run", "--name", "one", "--log-driver", "passthrough", Busybox(), "sh",
                          "-c", "echo up; while :; do sleep 0.1; done"}));
  ASSERT_TRUE(sleeper.WaitForOut("up\n"));
  const Output attach = Run({"attach", "one"});
  EXPECT_EQ(attach.code, 125) << attach;
  EXPECT_TRUE(Has(attach.err, "there are none to attach to")) << attach;
  RunOk({"rm", "-f", "one"});
  for (const std::vector<std::string>& with : {std::vector<std::string>{"-t"}, {"-a", "stdout"}}) {
    std::vector<std::string> arguments = {"create", "--log-driver", "passthrough", Busybox(),
                                          "true"};
    arguments.insert(arguments.begin() + 1, with.begin(), with.end());
    const Output refused = Run(arguments);
    EXPECT_EQ(refused.code, 125) << refused;
    EXPECT_TRUE(Has(refused.err, "conflicting options: --log-driver passthrough")) << refused;
  }
  Pty terminal(Hoy({"run", "--log-driver", "passthrough", Busybox(), "true"}));
  EXPECT_TRUE(terminal.Expect("is a terminal")) << terminal.screen();
  EXPECT_EQ(terminal.Finish(), 125);
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

TEST_F(LogDrivers, UnknownDriversAndOptionsAreNamed) {
  const Output driver = Run({"create", "--log-driver", "syslog", Busybox(), "true"});
  EXPECT_EQ(driver.code, 125) << driver;
  EXPECT_TRUE(Has(driver.err, "'syslog'") && Has(driver.err, "json-file")) << driver;
  const Output option = Run({"run", "--log-opt", "max-sise=1m", Busybox(), "true"});
  EXPECT_EQ(option.code, 125) << option;
  EXPECT_TRUE(Has(option.err, "'max-sise'") && Has(option.err, "max-size")) << option;
  const Output useless = Run({"create", "--log-opt", "max-file=3", Busybox(), "true"});
  EXPECT_EQ(useless.code, 0) << useless;
  EXPECT_TRUE(Has(useless.err, "max-file has no effect without max-size")) << useless;
}

}  // namespace
}  // namespace hoy::test
