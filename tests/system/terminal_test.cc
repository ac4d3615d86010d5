// hoy run -it on a real terminal, as a person at a screen would use it.

#include <fmt/core.h>
#include <signal.h>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Terminal : public ImageSandbox {
 protected:
  Command RunIt(std::vector<std::string> options = {},
                std::vector<std::string> command = {"sh"}) const {
    std::vector<std::string> arguments = {"run", "-it", "--name", "one"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(Busybox());
    arguments.insert(arguments.end(), command.begin(), command.end());
    return Hoy(arguments);
  }
};

TEST_F(Terminal, AShellPromptsEchoesAndGivesItsExitCode) {
  Pty terminal(RunIt({"--rm"}));
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("echo $((40 + 2)) $TERM\n");
  EXPECT_TRUE(terminal.Expect("echo $((40 + 2)) $TERM\r\n")) << "typed text is echoed";
  EXPECT_TRUE(terminal.Expect("42 xterm\r\n"));
  terminal.Send("tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all three\n");
  EXPECT_TRUE(terminal.Expect("/dev/pts/0\r\n")) << terminal.screen();
  EXPECT_TRUE(terminal.Expect("all three\r\n"));
  terminal.Send("exit 17\n");
  EXPECT_EQ(terminal.Finish(), 17) << terminal.screen();
  EXPECT_TRUE(terminal.IsCooked());
}

TEST_F(Terminal, KnowsItsSizeAndHearsOfANewOne) {
  Pty terminal(RunIt({"--rm"}, {"sh", "-c",
                                "stty size; trap 'stty size' WINCH; echo ready;"
                                "while :; do sleep 0.05; done"}),
               {33, 99});
  EXPECT_TRUE(terminal.Expect("33 99"));
  ASSERT_TRUE(terminal.Expect("ready"));
  terminal.Resize({44, 111});
  EXPECT_TRUE(terminal.Expect("44 111"));
  RunOk({"kill", "one"});
  EXPECT_EQ(terminal.Finish(), 137);
  EXPECT_TRUE(terminal.IsCooked());
}

TEST_F(Terminal, CtrlCIsAByteForTheContainersOwnTerminal) {
  Pty terminal(RunIt({"--rm"}));
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("sleep 1000\n");
  ASSERT_TRUE(terminal.Expect("sleep 1000\r\n"));
  ASSERT_TRUE(Eventually(
      [&] { return RunOk({"exec", "one", "ps"}).find("sleep 1000") != std::string::npos; }));
  terminal.Send("\x03");
  ASSERT_TRUE(terminal.Expect("# ")) << "the shell lives on";
  terminal.Send("echo code-$?\n");
  EXPECT_TRUE(terminal.Expect("code-130"));
  ASSERT_TRUE(terminal.Expect("# ")) << "the shell reads again";
  terminal.Send("\x04");
  EXPECT_EQ(terminal.Finish(), 0);
}

TEST_F(Terminal, JobControlWorksInside) {
  Pty terminal(RunIt({"--rm"}));
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("echo up-$((1 + 1)); cat\n");
  ASSERT_TRUE(terminal.Expect("up-2\r\n")) << terminal.screen();
  terminal.Send("to-the-cat\n");
  ASSERT_TRUE(terminal.Expect("to-the-cat\r\n")) << terminal.screen();
  ASSERT_TRUE(terminal.Expect("to-the-cat\r\n")) << terminal.screen();
  terminal.Send("\x1a");
  ASSERT_TRUE(terminal.Expect("Stopped")) << terminal.screen();
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("jobs | wc -l; fg\n");
  EXPECT_TRUE(terminal.Expect("1\r\n")) << terminal.screen();
  ASSERT_TRUE(terminal.Expect("cat\r\n")) << terminal.screen();
  terminal.Send("again\n");
  EXPECT_TRUE(terminal.Expect("again\r\nagain\r\n")) << terminal.screen();
  terminal.Send("\x03");
  ASSERT_TRUE(terminal.Expect("# "));

  terminal.Send("busybox vi /tmp/note\n");
  ASSERT_TRUE(terminal.Expect("~")) << terminal.screen();
  ASSERT_TRUE(terminal.Expect("- /tmp/note")) << terminal.screen();
  terminal.Send("i");
  ASSERT_TRUE(terminal.Expect("I /tmp/note")) << terminal.screen();
  terminal.Send("hello there");
  ASSERT_TRUE(terminal.Expect("hello there")) << terminal.screen();
  terminal.Send("\x1b");
  ASSERT_TRUE(terminal.Expect("- /tmp/note")) << terminal.screen();
  terminal.Send(":wq\n");
  ASSERT_TRUE(terminal.Expect("# ")) << terminal.screen();
  terminal.Send("cat /tmp/note; seq 100 | busybox less\n");
  EXPECT_TRUE(terminal.Expect("hello there\r\n")) << terminal.screen();
  ASSERT_TRUE(terminal.Expect("23")) << "a page of 24 lines";
  terminal.Send("G");
  EXPECT_TRUE(terminal.Expect("100")) << terminal.screen();
  terminal.Send("q");
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("busybox top -d 1000\n");
  ASSERT_TRUE(terminal.Expect("Mem: ")) << terminal.screen();
  ASSERT_TRUE(terminal.Expect("PID ")) << terminal.screen();
  terminal.Send("q");
  ASSERT_TRUE(terminal.Expect("# ")) << terminal.screen();
  terminal.Send("exit 5\n");
  EXPECT_EQ(terminal.Finish(), 5);
}

// In a script, for example: it is said, and the shell gets what it is sent, to its end.
TEST_F(Terminal, WhereTheClientHasNoneThereIsAWarning) {
  const Output output =
      Run({"run", "-it", "--rm", Busybox(), "sh"}, "echo sum-$((40 + 2))\nexit 3\n");
  EXPECT_EQ(output.code, 3) << output;
  EXPECT_NE(output.out.find("sum-42\r\n"), std::string::npos) << output;
  EXPECT_NE(output.err.find("not a terminal"), std::string::npos) << output;
  const Output ended = Run({"run", "-it", "--rm", Busybox(), "cat"}, "one line");
  EXPECT_EQ(ended.code, 0) << ended;
  EXPECT_NE(ended.out.find("one line"), std::string::npos) << ended;
}

TEST_F(Terminal, DetachKeysLeaveTheContainerRunning) {
  Pty terminal(RunIt());
  ASSERT_TRUE(terminal.Expect("# "));
  terminal.Send("\x10\x11");
  EXPECT_EQ(terminal.Finish(), 0);
  EXPECT_TRUE(terminal.IsCooked());
  EXPECT_EQ(RunOk({"exec", "one", "echo", "alive"}), "alive");
  RunOk({"kill", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
}

TEST_F(Terminal, DetachKeysCanBeChosen) {
  Pty terminal(RunIt({"--detach-keys", "ctrl-],x"}, {"cat", "-v"}));
  terminal.Send("\x10\x11\n");  // the usual ones mean nothing now
  EXPECT_TRUE(terminal.Expect("\r\n^P")) << terminal.screen();
  terminal.Send("\x1dx");
  EXPECT_EQ(terminal.Finish(), 0);
  RunOk({"rm", "-f", "one"});
}

// Prints each typed byte in hex as soon as it is there.
const std::vector<std::string> kShowBytes = {
    "sh", "-c",
    "stty raw -echo; echo up; while true; do dd bs=1 count=1 2>/dev/null | od -An -tx1; done"};

TEST_F(Terminal, TheDetachKeysDoNotReachTheProgram) {
  Pty terminal(RunIt({}, kShowBytes));
  ASSERT_TRUE(terminal.Expect("up"));
  terminal.Send("ab\x10\x11");
  EXPECT_EQ(terminal.Finish(), 0);
  auto has = [&](const char* byte) {
    return RunOk({"logs", "one"}).find(byte) != std::string::npos;
  };
  EXPECT_TRUE(Eventually([&] { return has(" 62"); }));
  EXPECT_FALSE(has(" 10")) << RunOk({"logs", "one"});
  RunOk({"rm", "-f", "one"});
}

TEST_F(Terminal, NoDetachKeysAtAll) {
  Pty terminal(RunIt({"--rm", "--detach-keys", ""}, kShowBytes));
  ASSERT_TRUE(terminal.Expect("up"));
  terminal.Send("\x10\x11");
  EXPECT_TRUE(terminal.Expect("10")) << terminal.screen();
  EXPECT_TRUE(terminal.Expect("11")) << terminal.screen();
  RunOk({"kill", "one"});
  EXPECT_EQ(terminal.Finish(), 137);
}

TEST_F(Terminal, ALoneCtrlPReachesTheProgramAtOnce) {
  Pty terminal(RunIt({"--rm"}, kShowBytes));
  ASSERT_TRUE(terminal.Expect("up"));
  terminal.Send("\x10");
  EXPECT_TRUE(terminal.Expect("10")) << terminal.screen();
  terminal.Send(
      "a\x10\x10"
      "b");
  for (const char* byte : {"61", "10", "10", "62"}) {
    EXPECT_TRUE(terminal.Expect(byte)) << byte << terminal.screen();
  }
  RunOk({"kill", "one"});
  EXPECT_EQ(terminal.Finish(), 137);
}

TEST_F(Terminal, IsRestoredWhateverEndsTheSession) {
  {
    Pty terminal(RunIt({"--rm"}, {"no-such-program"}));
    EXPECT_EQ(terminal.Finish(), 127);
    EXPECT_TRUE(terminal.IsCooked());
  }
  Pty terminal(RunIt());
  ASSERT_TRUE(terminal.Expect("# "));
  RunOk({"rm", "-f", "one"});
  EXPECT_EQ(terminal.Finish(), 137);
  EXPECT_TRUE(terminal.IsCooked());
}

TEST_F(Terminal, AHangUpReachesTheContainer) {
  Pty terminal(
      RunIt({"--rm"}, {"sh", "-c", "trap 'exit 5' HUP; echo ready; while :; do sleep 0.05; done"}));
  ASSERT_TRUE(terminal.Expect("ready"));
  terminal.HangUp();
  EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
}

TEST_F(Terminal, ATerminalOfTheContainerBelongsToItsUser) {
  Pty terminal(
      RunIt({"--rm", "-u", "app"}, {"sh", "-c", "stat -c %U-%a $(tty); echo w > /dev/stdout"}));
  EXPECT_TRUE(terminal.Expect("app-620")) << terminal.screen();
  EXPECT_TRUE(terminal.Expect("w\r\n")) << terminal.screen();
  EXPECT_EQ(terminal.Finish(), 0);
}

TEST_F(Terminal, MuchOutputComesWholeAndInOrder) {
  Pty terminal(
      RunIt({"--rm"}, {"sh", "-c", "i=0; while [ $i -lt 5000 ]; do echo n-$i; i=$((i+1)); done"}));
  EXPECT_EQ(terminal.Finish(), 0);
  std::string expected;
  for (int i = 0; i < 5000; ++i) expected += fmt::format("n-{}\r\n", i);
  EXPECT_TRUE(terminal.screen() == expected) << terminal.screen().size();
}

}  // namespace
}  // namespace hoy::test
