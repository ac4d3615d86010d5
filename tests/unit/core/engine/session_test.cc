#include "core/engine/session.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "core/engine/detach_watch.h"

namespace hoy::core {
namespace {

using Keys = std::vector<char>;

// What comes out of each feeding, "!" at a detach.
std::string Fed(DetachWatch& watch, const std::vector<std::string>& typed) {
  std::string text;
  for (const std::string& bytes : typed) {
    bool detached = false;
    text += "<" + watch.Feed(bytes, &detached);
    text += detached ? "!>" : ">";
  }
  return text;
}

TEST(DetachWatch, KeepsTheSequenceFromTheProgram) {
  const Keys keys = {'p', 'q'};
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"abc"}, "<abc>"},
      {{"abpq"}, "<ab!>"},
      {{"p", "q"}, "<><!>"},
      {{"p", "x"}, "<><px>"},
      {{"ppq"}, "<p!>"},
      {{"pxpq"}, "<px!>"},
      {{"p", "p", "q"}, "<><p><!>"},
      {{"q"}, "<q>"},
  };
  for (const auto& [typed, passed] : cases) {
    DetachWatch watch(keys);
    EXPECT_EQ(Fed(watch, typed), passed);
  }
  const Keys none;
  DetachWatch disabled(none);
  EXPECT_EQ(Fed(disabled, {"pq"}), "<pq>");
}

TEST(DetachWatch, LetsAKeyGoThatStandsAlone) {
  const Keys keys = {'p', 'q'};
  DetachWatch watch(keys);
  EXPECT_EQ(Fed(watch, {"p"}), "<>");
  EXPECT_TRUE(watch.Holds());
  EXPECT_EQ(watch.LetGo(), "p");
  EXPECT_FALSE(watch.Holds());
  EXPECT_EQ(Fed(watch, {"x"}), "<x>") << "once";
  EXPECT_EQ(Fed(watch, {"p"}), "<>");
  EXPECT_EQ(watch.LetGo(), "p");
  EXPECT_EQ(Fed(watch, {"q"}), "<!>") << "slow fingers detach, too";
}

TEST(DetachKeys, AreReadAsDockerHasThem) {
  EXPECT_EQ(*ParseDetachKeys(kDefaultDetachKeys), (Keys{0x10, 0x11}));
  EXPECT_EQ(*ParseDetachKeys("ctrl-a"), Keys{0x01});
  EXPECT_EQ(*ParseDetachKeys("CTRL-Z,d"), (Keys{0x1a, 'd'}));
  EXPECT_EQ(*ParseDetachKeys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_"),
            (Keys{0x00, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}));
  EXPECT_EQ(*ParseDetachKeys("q"), Keys{'q'});
  EXPECT_TRUE(ParseDetachKeys("")->empty()) << "empty disables";
}

TEST(DetachKeys, WhatIsNoKeyIsRefused) {
  for (const char* text : {"ctrl-", "ctrl-pp", "ctrl-1", "alt-p", "pq", "ctrl-p,", ",", "ctrl p"}) {
    auto keys = ParseDetachKeys(text);
    ASSERT_FALSE(keys.has_value()) << text;
    EXPECT_EQ(keys.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(BlockedSignals, ComeBackAsTheyWere) {
  sigset_t before;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  {
    BlockedSignals blocked;
    sigset_t during;
    sigprocmask(SIG_SETMASK, nullptr, &during);
    for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGWINCH, 40}) {
      EXPECT_EQ(sigismember(&during, signal), 1) << signal;
    }
    for (int signal : {SIGCHLD, SIGURG, SIGPIPE, SIGSEGV}) {
      EXPECT_EQ(sigismember(&during, signal), 0) << signal;
    }
    struct sigaction pipe{};
    sigaction(SIGPIPE, nullptr, &pipe);
    EXPECT_EQ(pipe.sa_handler, SIG_IGN);
  }
  sigset_t after;
  sigprocmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal <= 64; ++signal) {
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << signal;
  }
}

TEST(WriteOutput, SaysWhenNobodyReads) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  Fd reader(pipe_fds[0]);
  Fd writer(pipe_fds[1]);
  BlockedSignals no_sigpipe;
  EXPECT_TRUE(*WriteOutput(writer.get(), "hello"));
  reader.reset();
  EXPECT_FALSE(*WriteOutput(writer.get(), "hello"));
}

}  // namespace
}  // namespace hoy::core
