// hoy attach: several clients of one container, slow ones, and what becomes of them when the
// container or its monitor ends.

#include <fmt/core.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/support/lines.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

// Answers each line; "quit" ends it.
constexpr const char* kAnswer =
    "while read x; do [ $x = quit ] && exit 7; echo got-$x; done; echo eof; exit 8";

class Attach : public ImageSandbox {
 protected:
  std::string Start(const std::string& script, std::vector<std::string> options) const {
    std::filesystem::create_directories(Path("gate"));
    std::vector<std::string> arguments = {"run", "-d", "--name",
                                          "one", "-v", Path("gate") + ":/gate"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    return RunOk(arguments);
  }
  Background Client(std::vector<std::string> options = {}) const {
    options.insert(options.begin(), "attach");
    options.emplace_back("one");
    return Background(Hoy(options));
  }
  // It is attached when what it sends comes back to it.
  static void Meet(Background& client, const std::string& word) {
    client.Write(word + "\n");
    ASSERT_TRUE(client.WaitForOut("got-" + word)) << client.out() << client.err();
  }
  bool Gate(const std::string& name) const {
    return Eventually([&] { return std::filesystem::exists(Path("gate/" + name)); });
  }
  static std::string Numbers(int last) {
    std::string text;
    for (int i = 1; i <= last; ++i) text += fmt::format("{}\n", i);
    return text;
  }
};

TEST_F(Attach, AllClientsSeeTheOutputAndEachMayType) {
  Start(kAnswer, {"-i"});
  Background first = Client();
  Background second = Client();
  Background third = Client();
  Background silent = Client({"--no-stdin"});
  Meet(first, "first");
  Meet(second, "second");
  Meet(third, "third");
  int ping = 0;
  ASSERT_TRUE(Eventually([&] {
    Meet(first, fmt::format("ping-{}", ++ping));
    return silent.WaitForOut("got-ping", milliseconds(200));
  }));
  // One that is stopped, and one that is killed, hold up nobody.
  third.Signal(SIGSTOP);
  second.Signal(SIGKILL);
  first.Write("more\n");
  EXPECT_TRUE(first.WaitForOut("got-more"));
  EXPECT_TRUE(silent.WaitForOut("got-more"));
  third.Signal(SIGCONT);
  EXPECT_TRUE(third.WaitForOut("got-more"));
  silent.Write("nobody hears this\n");
  silent.CloseInput();
  Meet(first, "again");
  // The end of one client's input is the end of the container's.
  first.CloseInput();
  for (Background* client : {&first, &third, &silent}) {
    const Output output = client->Finish();
    EXPECT_EQ(output.code, 8) << output;
    EXPECT_TRUE(output.out.ends_with("got-again\neof\n")) << output;
    EXPECT_EQ(output.out.find("nobody"), std::string::npos) << output;
    EXPECT_EQ(output.err, "");
  }
  EXPECT_EQ(RunOk({"wait", "one"}), "8");
}

TEST_F(Attach, AStoppedClientReadsWhatItMissedFromTheLog) {
  Start(
      "hear() { read x; echo got-$x; }; hear; hear; seq 1 300000; touch /gate/first;"
      "hear; hear; seq 1 200000; exit 3",
      {"-i", "--rm"});
  Background typist = Client();
  Background slow = Client();
  Meet(slow, "slow");
  slow.Signal(SIGSTOP);
  Meet(typist, "one");
  // More than sockets and pipes hold: it comes to its end only if nobody waits for the client.
  EXPECT_TRUE(Gate("first"));
  slow.Signal(SIGCONT);
  Meet(slow, "back");
  ASSERT_TRUE(typist.WaitForOut("got-back"));
  // Now the container ends meanwhile, and takes its log away.
  slow.Signal(SIGSTOP);
  Meet(typist, "two");
  const std::string expected =
      "got-one\n" + Numbers(300000) + "got-back\ngot-two\n" + Numbers(200000);
  const Output quick = typist.Finish();
  EXPECT_EQ(quick.code, 3);
  EXPECT_TRUE(quick.out.ends_with(expected)) << quick.out.size();
  EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
  slow.Signal(SIGCONT);
  const Output output = slow.Finish();
  EXPECT_EQ(output.code, 3) << output.err;
  EXPECT_EQ(output.out.size(), expected.size() + std::string("got-slow\n").size());
  EXPECT_TRUE(output.out == "got-slow\n" + expected);
  EXPECT_EQ(output.err, "");
}

TEST_F(Attach, WhatCannotBeAttachedToIsAnError) {
  Output output = Run({"attach", "nobody"});
  EXPECT_EQ(output.code, 1) << output;
  RunOk({"create", "--name", "one", Busybox(), "true"});
  for (int round = 0; round < 2; ++round) {  // created, then exited
    output = Run({"attach", "one"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("is not running"), std::string::npos) << output;
    EXPECT_NE(output.err.find("hoy start"), std::string::npos) << output;
    EXPECT_EQ(Run({"start", "-a", "one"}).code, 0);
  }
  EXPECT_EQ(Run({"attach", "--detach-keys", "ctrl-", "one"}).code, 125);
  EXPECT_EQ(Run({"attach", "--no-such-flag", "one"}).code, 125);
}

TEST_F(Attach, SignalsGoToTheContainerUnlessTheyAreMeantForTheClient) {
  Start("trap 'exit 44' TERM; trap 'echo hup' HUP; while :; do echo up; sleep 0.05; done", {});
  Background alone = Client({"--sig-proxy=false"});
  ASSERT_TRUE(alone.WaitForOut("up"));
  alone.Signal(SIGTERM);
  EXPECT_EQ(alone.Finish().code, 143);
  Background proxy = Client();
  ASSERT_TRUE(proxy.WaitForOut("up"));
  proxy.Signal(SIGHUP);
  EXPECT_TRUE(proxy.WaitForOut("hup"));
  proxy.Signal(SIGTERM);
  EXPECT_EQ(proxy.Finish().code, 44);
}

TEST_F(Attach, ItsReaderMayGoAway) {
  Start("while :; do echo line; sleep 0.02; done", {});
  const std::string command =
      fmt::format("({} attach one; echo code-$? >&2) | head -n 1", HoyProgram());
  const Output output = RunCommand({.argv = {"sh", "-c", command}, .env = env});
  EXPECT_EQ(output.out, "line\n") << output;
  EXPECT_EQ(output.err, "code-141\n") << output;
  EXPECT_EQ(RunOk({"exec", "one", "echo", "alive"}), "alive");
}

TEST_F(Attach, ATerminalIsLeftAndFoundAgain) {
  std::vector<std::string> arguments = {"run", "-it", "--name", "one", Busybox(), "sh"};
  {
    Pty terminal(Hoy(arguments), {30, 90});
    ASSERT_TRUE(terminal.Expect("# "));
    terminal.Send("word=kept\n\x10\x11");
    EXPECT_EQ(terminal.Finish(), 0) << terminal.screen();
    EXPECT_TRUE(terminal.IsCooked());
  }
  Pty terminal(Hoy({"attach", "--detach-keys", "ctrl-x", "one"}), {33, 99});
  ASSERT_TRUE(terminal.Expect("# ")) << "the prompt is drawn again";
  terminal.Send("\x15");  // what the first detach key has recalled in the shell
  terminal.Send("echo $word; stty size\n");
  EXPECT_TRUE(terminal.Expect("kept\r\n")) << terminal.screen();
  EXPECT_TRUE(terminal.Expect("33 99")) << terminal.screen();
  // A window that is dragged: a change of all is told, when it is over.
  constexpr unsigned short kChanges = 200;
  for (unsigned short i = 0; i < kChanges; ++i) {
    terminal.Resize({static_cast<unsigned short>(40 + i), 100});
  }
  terminal.Resize({44, 111});
  EXPECT_TRUE(Eventually([&] {
    terminal.Send("stty size\n");
    return terminal.Expect("44 111", seconds(1));
  })) << terminal.screen();
  const auto sizes = [&] {
    return Lines(RunOk({"events", "--stream=false", "-f", "event=resize", "--format",
                        "{{.Actor.Attributes.height}}x{{.Actor.Attributes.width}}"}));
  };
  EXPECT_TRUE(Eventually([&] {
    const auto seen = sizes();
    return !seen.empty() && seen.back() == "44x111" && seen.front() == "33x99";
  }));
  EXPECT_LT(sizes().size(), 100u);
  {
    Pty other(Hoy({"attach", "one"}));
    ASSERT_TRUE(Eventually([&] {
      terminal.Send("echo to-$((1 + 1))-both\n");
      return other.Expect("to-2-both", seconds(1));
    }));
    EXPECT_TRUE(terminal.Expect("to-2-both"));
    other.HangUp();
  }
  terminal.Send("\x18");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.screen();
  EXPECT_TRUE(terminal.IsCooked());
  Pty last(Hoy({"attach", "one"}));
  last.Send("exit 17\n");
  EXPECT_EQ(last.Finish(), 17) << last.screen();
  EXPECT_TRUE(last.IsCooked());
}

TEST_F(Attach, StartAttachedJoinsOneThatRuns) {
  Start(kAnswer, {"-i"});
  Background client(Hoy({"start", "-ai", "one"}));
  Meet(client, "word");
  client.Write("quit\n");
  EXPECT_EQ(client.Finish().code, 7);
}

TEST_F(Attach, WithAForegroundRunBothSeeAll) {
  Background run(Hoy({"run", "-i", "--rm", "--name", "one", Busybox(), "sh", "-c", kAnswer}));
  Meet(run, "run");
  Background client = Client();
  Meet(client, "client");
  EXPECT_TRUE(run.WaitForOut("got-client"));
  client.Write("quit\n");
  EXPECT_EQ(client.Finish().code, 7);
  EXPECT_EQ(run.Finish().code, 7);
  // The client that only looks in comes back when the clean-up is done, too.
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

}  // namespace
}  // namespace hoy::test
