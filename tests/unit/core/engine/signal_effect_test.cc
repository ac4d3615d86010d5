#include "core/engine/signal_effect.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>

namespace hoy::core {
namespace {

std::string Status(std::string_view pids, uint64_t blocked, uint64_t ignored, uint64_t caught) {
  return fmt::format(
      "Name:\tsh\nNSpid:\t{}\nSigQ:\t0/9\nSigPnd:\t0000000000000000\nSigBlk:\t{:016x}\n"
      "SigIgn:\t{:016x}\nSigCgt:\t{:016x}\nCapInh:\t0\n",
      pids, blocked, ignored, caught);
}

constexpr uint64_t Bit(int signal) {
  return uint64_t{1} << (signal - 1);
}

TEST(SignalEffect, WhoAwaitsSignalsIsSeenByItsSystemCall) {
  EXPECT_TRUE(AwaitsSignals(fmt::format("{} 0x7ffc 0x0", SYS_rt_sigtimedwait)));
  EXPECT_FALSE(AwaitsSignals("35 0x7ffc 0x0"));
  EXPECT_FALSE(AwaitsSignals("running\n"));
  EXPECT_FALSE(AwaitsSignals("-1 0x7ffc 0x7f1a\n"));
  EXPECT_FALSE(AwaitsSignals(""));
}

TEST(SignalEffect, PidOneTakesOnlyWhatItHandles) {
  EXPECT_EQ(EffectOf(Status("812\t1", 0, 0, 0), SIGTERM), SignalEffect::kUnhandled);
  EXPECT_EQ(EffectOf(Status("812\t1", 0, 0, Bit(SIGTERM)), SIGTERM), SignalEffect::kTaken);
  EXPECT_EQ(EffectOf(Status("812\t1", 0, 0, Bit(SIGTERM)), SIGINT), SignalEffect::kUnhandled);
  EXPECT_EQ(EffectOf(Status("812\t1", Bit(SIGTERM), 0, 0), SIGTERM), SignalEffect::kTaken);
  EXPECT_EQ(EffectOf(Status("812\t1", 0, 0, Bit(64)), 64), SignalEffect::kTaken);
  EXPECT_EQ(EffectOf(Status("812\t1", 0, 0, 0), SIGKILL), SignalEffect::kTaken);
}

TEST(SignalEffect, OthersAreEndedByDefault) {
  EXPECT_EQ(EffectOf(Status("812", 0, 0, 0), SIGTERM), SignalEffect::kTaken);
  EXPECT_EQ(EffectOf(Status("812\t11", 0, 0, 0), SIGTERM), SignalEffect::kTaken);
  EXPECT_EQ(EffectOf("", SIGTERM), SignalEffect::kTaken) << "unknown is no reason to warn";
}

TEST(SignalEffect, IgnoredIsIgnoredByAnybody) {
  EXPECT_EQ(EffectOf(Status("812", 0, Bit(SIGTERM), 0), SIGTERM), SignalEffect::kIgnored);
  EXPECT_EQ(EffectOf(Status("812\t1", 0, Bit(SIGTERM), 0), SIGTERM), SignalEffect::kIgnored);
}

}  // namespace
}  // namespace hoy::core
