#include "core/sys/signals.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace hoy::core {
namespace {

TEST(SignalNames, AreReadInEveryForm) {
  for (const char* text : {"TERM", "SIGTERM", "term", "sigterm", "SigTerm", "15"}) {
    EXPECT_EQ(ParseSignal(text), 15) << text;
  }
  EXPECT_EQ(ParseSignal("IOT"), SIGABRT);
  EXPECT_EQ(ParseSignal("CLD"), SIGCHLD);
  EXPECT_EQ(ParseSignal("POLL"), SIGPOLL);
  EXPECT_EQ(ParseSignal("IO"), SIGIO);
}

// 34 and 64, as the kernel and every other container tool have it.
TEST(SignalNames, RealTimeOnesCountFrom34) {
  EXPECT_EQ(ParseSignal("RTMIN"), 34);
  EXPECT_EQ(ParseSignal("SIGRTMIN+3"), 37);
  EXPECT_EQ(ParseSignal("rtmin+30"), 64);
  EXPECT_EQ(ParseSignal("RTMAX"), 64);
  EXPECT_EQ(ParseSignal("RTMAX-14"), 50);
}

TEST(SignalNames, UnknownOnesAreRefused) {
  for (const char* text : {"", "SIG", "NOPE", "0", "65", "-9", "9x", " 9", "RTMIN+31", "RTMIN+",
                           "RTMIN-1", "RTMAX+1", "SIGSIGTERM"}) {
    EXPECT_FALSE(ParseSignal(text).has_value()) << text;
  }
}

TEST(SignalNames, EveryNumberHasANameThatLeadsBack) {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == 32 || signal == 33) continue;  // the C library's own
    EXPECT_EQ(ParseSignal(SignalName(signal)), signal) << SignalName(signal);
  }
  EXPECT_EQ(SignalName(15), "SIGTERM");
  EXPECT_EQ(SignalName(36), "SIGRTMIN+2");
}

}  // namespace
}  // namespace hoy::core
