#include "core/engine/hooks.h"

#include <gtest/gtest.h>

namespace hoy::core {
namespace {

TEST(HookSeconds, OnlyWhereAPersonWaitsAHookTakesAsLongAsItLikes) {
  Hook hook;
  EXPECT_EQ(SecondsOf(hook, /*attended=*/true), 0);
  EXPECT_EQ(SecondsOf(hook, /*attended=*/false), 60);
  hook.timeout_seconds = 600;
  EXPECT_EQ(SecondsOf(hook, /*attended=*/true), 600);
  EXPECT_EQ(SecondsOf(hook, /*attended=*/false), 600);
}

}  // namespace
}  // namespace hoy::core
