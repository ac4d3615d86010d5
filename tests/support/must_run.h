#pragma once
// A test that cannot run says why; with HOY_TESTS_MUST_RUN=1, as in CI, the reason is a failure.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

namespace hoy::test {

inline bool TestsMustRun() {
  const char* value = std::getenv("HOY_TESTS_MUST_RUN");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace hoy::test

#define SKIP_BECAUSE(reason)                                                            \
  do {                                                                                  \
    if (::hoy::test::TestsMustRun()) FAIL() << "HOY_TESTS_MUST_RUN is set: " << reason; \
    GTEST_SKIP() << reason;                                                             \
  } while (false)
