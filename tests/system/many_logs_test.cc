// hoy logs of several containers, and what it can do to lines.

#include <fmt/core.h>

#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class ManyLogs : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directory(Path("gate"));
  }

  void Start(const std::string& name, const std::string& script) const {
    RunOk({"run", "-d", "--name", name, "-v", Path("gate") + ":/gate", Busybox(), "sh", "-c",
           script});
  }
  void RunToEnd(const std::string& name, const std::string& script) const {
    Start(name, script);
    RunOk({"wait", name});
  }
  void Open(const std::string& gate) const { std::ofstream(Path("gate/" + gate)); }
  static std::string Await(const std::string& gate) {
    return "while [ ! -e /gate/" + gate + " ]; do sleep 0.02; done; ";
  }
};

TEST_F(ManyLogs, ManyAtOnceAreSortedByTimeAndNamed) {
  RunToEnd("one", "echo 1; echo err >&2");
  RunToEnd("second", "echo 2; printf 3");
  RunOk({"start", "one"});
  RunOk({"wait", "one"});
  const Output output = Run({"logs", "one", "second"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "one    | 1\nsecond | 2\none    | 1\nsecond | 3\n") << "3 has no end";
  EXPECT_EQ(output.err, "one    | err\none    | err\n");
  EXPECT_EQ(Run({"logs", "--names=false", "second", "one"}).out, "1\n2\n1\n3");
  EXPECT_EQ(Run({"logs", "--names", "second"}).out, "second | 2\nsecond | 3\n");
  EXPECT_EQ(Run({"--color=always", "logs", "--names", "-n1", "second"}).out,
            "\x1b[36msecond | \x1b[0m3\n");
  const Output only = Run({"logs", "--stderr", "one", "second"});
  EXPECT_EQ(only.out, "");
  EXPECT_EQ(only.err, "one    | err\none    | err\n");
  EXPECT_EQ(Run({"logs", "--stdout", "one"}).err, "");
  EXPECT_EQ(Run({"logs", "one", "missing"}).code, 1);
  const Output follow = Run({"logs", "-f", "one", "second"});
  EXPECT_EQ(follow.out, output.out) << "both have ended";
}

TEST_F(ManyLogs, TheLastLinesAreCountedBeforeAnyAreChosen) {
  // Two pipes keep no order between them, so the next line waits for the log to have the one
  // before.
  RunOk({"run", "-d", "--name", "one", "-v", Path("gate") + ":/gate", Busybox(), "sh", "-c",
         "echo a; echo b;" + Await("first") + "echo c >&2;" + Await("second") + "echo d"});
  ASSERT_TRUE(Eventually([&] { return Run({"logs", "one"}).out == "a\nb\n"; }));
  Open("first");
  ASSERT_TRUE(Eventually([&] { return Run({"logs", "one"}).err == "c\n"; }));
  Open("second");
  RunOk({"wait", "one"});
  EXPECT_EQ(RunOk({"logs", "--tail", "2", "--stdout", "one"}), "d");
  EXPECT_EQ(Run({"logs", "--tail", "2", "--stderr", "one"}).err, "c\n");
  EXPECT_EQ(Run({"logs", "--tail", "1", "--stderr", "one"}).err, "");
  EXPECT_EQ(RunOk({"logs", "--tail", "2", "--grep", "a", "one"}), "");
  EXPECT_EQ(RunOk({"logs", "--tail", "3", "--grep", "b", "one"}), "b");
}

TEST_F(ManyLogs, GrepChoosesLines) {
  RunToEnd("one", "for i in 1 2 12 3; do echo line-$i; done; printf half-1");
  EXPECT_EQ(Run({"logs", "--grep", "-1", "one"}).out, "line-1\nline-12\nhalf-1");
  EXPECT_EQ(Run({"logs", "--grep", "^line-[0-9]$", "one"}).out, "line-1\nline-2\nline-3\n");
  const Output bad = Run({"logs", "--grep", "a(b", "one"});
  EXPECT_EQ(bad.code, 125) << bad;
  EXPECT_TRUE(Has(bad.err, "--grep: 'a(b' is not a regular expression: ")) << bad;
}

TEST_F(ManyLogs, FollowOfManyEndsWithTheLast) {
  Start("one", "echo 1; " + Await("one") + "echo end-1");
  Start("two", "echo 2; " + Await("two") + "echo end-2");
  Background follow(Hoy({"logs", "-f", "one", "two"}));
  ASSERT_TRUE(follow.WaitForOut("two | 2\n"));
  Open("one");
  ASSERT_TRUE(follow.WaitForOut("one | end-1\n"));
  EXPECT_TRUE(follow.Running());
  Open("two");
  const Output output = follow.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_TRUE(output.out.ends_with("two | end-2\n")) << output;
}

TEST_F(ManyLogs, FollowUntilATimeEndsThen) {
  Start("one", "echo 1; " + Await("never"));
  const std::string stamped = RunOk({"logs", "-t", "one"});
  const Output output = Run({"logs", "-f", "--until", "0s", "one"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_FALSE(output.timed_out);
  RunOk({"rm", "-f", "one"});
}

// They write faster than two logs are merged.
TEST_F(ManyLogs, EndsWithWhatWasThereWhenItBegan) {
  for (const char* name : {"one", "two"}) {
    RunOk({"run", "-d", "--name", name, Busybox(), "sh", "-c", "while :; do echo line; done"});
  }
  for (const char* name : {"one", "two"}) {
    EXPECT_TRUE(Eventually([&] {
      std::error_code missing;  // while it is rotated
      auto size = fs::file_size(
          data() + "/containers/" + Inspect(name)["Id"].get<std::string>() + "/stdio.log", missing);
      return !missing && size > 1 << 16;
    }));
  }
  const Output logs = Run({"logs", "-n", "1000", "one", "two"});
  EXPECT_EQ(logs.code, 0);
  EXPECT_FALSE(logs.timed_out);
  EXPECT_GE(std::ranges::count(logs.out, '\n'), 2000);
  RunOk({"rm", "-f", "one", "two"});
}

}  // namespace
}  // namespace hoy::test
