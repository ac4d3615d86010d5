// hoy logs: every byte that a container wrote, from the stream it wrote it to.

#include <fmt/core.h>

#include <filesystem>
#include <random>
#include <regex>

#include "tests/support/lines.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Logs : public ImageSandbox {
 protected:
  // Runs to its end, detached, so that only the log has the output.
  void RunDetached(const std::string& script, std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {"run", "-d", "--name", "one"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    RunOk(arguments);
    RunOk({"wait", "one"});
  }

  static std::string RandomBytes(size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(generator());
    return bytes;
  }
};

TEST_F(Logs, KeepsTheStreamsApart) {
  RunDetached("echo out; echo err >&2; echo out again; echo err again >&2");
  const Output output = Run({"logs", "one"});
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.out, "out\nout again\n");
  EXPECT_EQ(output.err, "err\nerr again\n");
}

TEST_F(Logs, IsEmptyForAContainerThatNeverRan) {
  RunOk({"create", "--name", "one", Busybox(), "true"});
  const Output output = Run({"logs", "one"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out + output.err, "");
}

TEST_F(Logs, FollowWaitsForTheStart) {
  RunOk({"create", "--name", "one", Busybox(), "sh", "-c", "echo up; echo err >&2; exit 3"});
  Background logs(Hoy({"logs", "-f", "one"}));
  EXPECT_FALSE(logs.WaitForOut("x", milliseconds(300)));
  EXPECT_TRUE(logs.Running());
  RunOk({"start", "one"});
  const Output output = logs.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "up\n");
  EXPECT_EQ(output.err, "err\n");
}

TEST_F(Logs, FollowEndsWhenTheContainerThatNeverRanIsRemoved) {
  RunOk({"create", "--name", "one", Busybox(), "true"});
  Background logs(Hoy({"logs", "--follow", "--tail", "3", "one"}));
  EXPECT_FALSE(logs.WaitForOut("x", milliseconds(300))) << "it waits";
  EXPECT_TRUE(logs.Running());
  RunOk({"rm", "one"});
  const Output output = logs.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out + output.err, "");
}

TEST_F(Logs, LosesAndTearsNoByteOfMegabytesOnBothStreams) {
  const std::string to_stdout = RandomBytes(5'000'001, 1);  // newlines at random, no last one
  const std::string to_stderr = RandomBytes(3'000'007, 2);
  std::filesystem::create_directory(Path("in"));
  WriteFile(Path("in/1"), to_stdout);
  WriteFile(Path("in/2"), to_stderr);
  RunDetached("cat /in/1 & cat /in/2 >&2; wait", {"-v", Path("in") + ":/in:ro"});
  const Output output = Run({"logs", "one"});
  EXPECT_EQ(output.code, 0);
  EXPECT_TRUE(output.out == to_stdout) << output.out.size();
  EXPECT_TRUE(output.err == to_stderr) << output.err.size();
  // With times before the lines, the lines are still the same bytes.
  const Output stamped = Run({"logs", "-t", "one"});
  constexpr size_t kStamp = sizeof("2026-11-22T13:07:00.000000001Z ") - 1;
  std::string without;
  for (size_t at = 0; at < stamped.out.size();) {
    const size_t end = std::min(stamped.out.find('\n', at), stamped.out.size() - 1);
    without.append(stamped.out, at + kStamp, end + 1 - at - kStamp);
    at = end + 1;
  }
  EXPECT_TRUE(without == to_stdout) << without.size();
}

TEST_F(Logs, ForegroundOutputIsTheSameBytes) {
  const std::string bytes = RandomBytes(2'000'003, 3);
  WriteFile(Path("in"), bytes);
  const Output output = Run({"run", "--name", "one", "-v", Path("in") + ":/in:ro", Busybox(), "sh",
                             "-c", "cat /in; cat /in >&2; exit 3"});
  EXPECT_EQ(output.code, 3);
  EXPECT_TRUE(output.out == bytes) << output.out.size();
  EXPECT_TRUE(output.err == bytes) << output.err.size();
  EXPECT_TRUE(Run({"logs", "one"}).out == bytes);
}

TEST_F(Logs, KeepsNulsAndALastLineWithoutNewline) {
  RunDetached("printf 'a\\000b\\n\\000\\000\\n'; printf 'no newline'");
  EXPECT_EQ(Run({"logs", "one"}).out, std::string("a\0b\n\0\0\nno newline", 17));
  const Output last = Run({"logs", "--tail", "1", "one"});
  EXPECT_EQ(last.out, "no newline");
  const Output stamped = Run({"logs", "-t", "-n", "1", "one"});
  EXPECT_TRUE(std::regex_match(stamped.out, std::regex("\\S+Z no newline"))) << stamped;
}

TEST_F(Logs, TimestampsAreRfc3339AndOnEachLine) {
  RunDetached("printf 'one\\ntwo\\n'; echo three >&2");
  const Output output = Run({"logs", "--timestamps", "one"});
  const std::regex stamp(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (one|two|three))");
  const auto out = Lines(output.out);
  ASSERT_EQ(out.size(), 2u) << output;
  for (const std::string& line : out) EXPECT_TRUE(std::regex_match(line, stamp)) << line;
  EXPECT_TRUE(std::regex_match(Lines(output.err).at(0), stamp)) << output;
}

TEST_F(Logs, ALineWrittenInPartsIsOneLineWithTheTimeOfItsBeginning) {
  RunDetached(
      "printf 'begin '; sleep 0.05; echo between >&2; sleep 0.05; printf 'middle '; sleep 0.05;"
      "echo end");
  const Output output = Run({"logs", "-t", "one"});
  const auto out = Lines(output.out);
  ASSERT_EQ(out.size(), 1u) << output;
  EXPECT_TRUE(out[0].ends_with("Z begin middle end")) << output;
  EXPECT_LT(out[0].substr(0, 30), Lines(output.err).at(0).substr(0, 30));
  const Output last = Run({"logs", "-n", "1", "one"});
  EXPECT_EQ(last.out, "begin middle end\n");
  EXPECT_EQ(last.err, "") << "the line between ended before it";
}

TEST_F(Logs, TailShowsTheLastLines) {
  RunDetached("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line-$i; done");
  EXPECT_EQ(RunOk({"logs", "--tail", "2", "one"}), "line-11\nline-12");
  EXPECT_EQ(RunOk({"logs", "-n1", "one"}), "line-12");
  EXPECT_EQ(RunOk({"logs", "-n", "0", "one"}), "");
  EXPECT_EQ(Lines(RunOk({"logs", "-n", "12", "one"})).size(), 12u);
  EXPECT_EQ(Lines(RunOk({"logs", "-n", "1000", "one"})).size(), 12u);
  EXPECT_EQ(Lines(RunOk({"logs", "-n", "all", "one"})).size(), 12u);
  EXPECT_EQ(Lines(RunOk({"logs", "--tail=-1", "one"})).size(), 12u);
  for (const char* bad : {"x", "1x", "-2", "none"}) {
    EXPECT_EQ(Run({"logs", std::string("--tail=") + bad, "one"}).code, 125) << bad;
  }
}

TEST_F(Logs, TailCountsOverFrames) {
  RunDetached("i=0; while [ $i -lt 3000 ]; do echo line-$i; i=$((i+1)); done");
  const auto lines = Lines(RunOk({"logs", "-n", "2500", "one"}));
  ASSERT_EQ(lines.size(), 2500u);
  EXPECT_EQ(lines[0], "line-500");
  EXPECT_EQ(lines[2499], "line-2999");
}

TEST_F(Logs, SinceAndUntilCutByTime) {
  RunDetached("echo first; sleep 0.2; echo second; sleep 0.2; echo third");
  const auto stamped = Lines(RunOk({"logs", "-t", "one"}));
  ASSERT_EQ(stamped.size(), 3u);
  const std::string second = stamped[1].substr(0, stamped[1].find(' '));
  EXPECT_EQ(RunOk({"logs", "--since", second, "one"}), "second\nthird");
  EXPECT_EQ(RunOk({"logs", "--until", second, "one"}), "first\nsecond");
  EXPECT_EQ(RunOk({"logs", "--since", second, "--until", second, "one"}), "second");
  EXPECT_EQ(RunOk({"logs", "--since", "1h", "one"}), "first\nsecond\nthird");
  EXPECT_EQ(RunOk({"logs", "--until", "1h", "one"}), "");
  EXPECT_EQ(RunOk({"logs", "--since", "2999-01-01T00:00:00Z", "one"}), "");
  EXPECT_EQ(RunOk({"logs", "--since", "2000-01-01T00:00:00+02:00", "--tail", "1", "one"}), "third");
  for (const char* bad : {"yesterday", "2026-13-01T00:00:00Z", "10 parsecs"}) {
    EXPECT_EQ(Run({"logs", "--since", bad, "one"}).code, 125) << bad;
  }
}

// Its cost is that of what is shown, however much is before it.
TEST_F(Logs, SinceIsASeek) {
  for (const char* driver : {"file", "json-file"}) {
    RunOk({"run", "-d", "--name", driver, "--log-driver", driver, Busybox(), "sh", "-c",
           "yes 0123456789012345678901234567890123456789 | head -c 20500000; sleep 0.01; "
           "echo mark; exec sleep 1000"});
    ASSERT_TRUE(Eventually([&] { return RunOk({"logs", "-n", "1", driver}) == "mark"; }));
    const std::string mark = RunOk({"logs", "-t", "-n", "1", driver});
    Background follow(Hoy({"logs", "-f", "--since", mark.substr(0, mark.find(' ')), driver}));
    ASSERT_TRUE(follow.WaitForOut("mark\n"));
    // What the monitor found in one look has one time.
    EXPECT_LT(follow.out().size(), 1'000'000u) << driver;
    // What it has read since it began, its own program included: proc_pid_io(5).
    const std::string io = ReadFile(fmt::format("/proc/{}/io", follow.pid()));
    long read = 0;
    ASSERT_EQ(sscanf(io.c_str(), "rchar: %ld", &read), 1) << io;
    const auto size = std::filesystem::file_size(RunOk({"inspect", "-f", "{{.LogPath}}", driver}));
    EXPECT_LT(read, static_cast<long>(size) / 2) << driver;
    RunOk({"rm", "-f", driver});
  }
}

TEST_F(Logs, FollowShowsWhatComesAndEndsWithTheContainer) {
  std::filesystem::create_directory(Path("gate"));
  RunOk({"run", "-d", "--name", "one", "-v", Path("gate") + ":/gate", Busybox(), "sh", "-c",
         "echo early; while [ ! -e /gate/open ]; do sleep 0.02; done; printf late; exit 3"});
  Background follow(Hoy({"logs", "--follow", "one"}));
  ASSERT_TRUE(follow.WaitForOut("early\n"));
  Background tail(Hoy({"logs", "-f", "-n", "0", "one"}));  // after what it must not show
  WriteFile(Path("gate/open"), "");
  const Output output = follow.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "early\nlate");
  EXPECT_EQ(tail.Finish().out.find("early"), std::string::npos);
  EXPECT_EQ(RunOk({"logs", "-f", "one"}), "early\nlate") << "of one that has exited";
}

TEST_F(Logs, FollowGivesTheLastLineOfAContainerThatRemovesItself) {
  std::filesystem::create_directory(Path("gate"));
  RunOk({"run", "-d", "--rm", "--name", "one", "-v", Path("gate") + ":/gate", Busybox(), "sh", "-c",
         "echo early; while [ ! -e /gate/open ]; do sleep 0.02; done; echo last"});
  Background follow(Hoy({"logs", "-f", "one"}));
  ASSERT_TRUE(follow.WaitForOut("early\n"));
  WriteFile(Path("gate/open"), "");
  const Output output = follow.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "early\nlast\n");
}

TEST_F(Logs, FollowEndsWhenItsReaderIsGone) {
  StartSleeper({"--name", "quiet"});
  RunOk({"run", "-d", "--name", "one", Busybox(), "yes"});
  Command command = Hoy({});
  command.argv = {"sh", "-c", HoyProgram() + " logs -f one | head -n 1"};
  const Output output = RunCommand(command);
  EXPECT_FALSE(output.timed_out);
  EXPECT_EQ(output.out, "y\n");
  RunOk({"rm", "-f", "one"});
}

TEST_F(Logs, ATerminalHasOneStream) {
  RunOk({"run", "-d", "-t", "--name", "one", Busybox(), "sh", "-c", "echo out; echo err >&2"});
  RunOk({"wait", "one"});
  const Output output = Run({"logs", "one"});
  EXPECT_EQ(output.out, "out\r\nerr\r\n") << output;
  EXPECT_EQ(output.err, "");
}

TEST_F(Logs, TheLastBytesBeforeAKillAreThere) {
  for (int round = 0; round < 5; ++round) {
    RunDetached("head -c 100000 /dev/zero; printf end; kill -9 -1; kill -9 $$", {"--init"});
    const Output output = Run({"logs", "one"});
    EXPECT_EQ(output.out.size(), 100003u);
    EXPECT_TRUE(output.out.ends_with("end"));
    RunOk({"rm", "one"});
  }
}

}  // namespace
}  // namespace hoy::test
