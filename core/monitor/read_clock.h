#pragma once
// Clocks without the C++ runtime, which hoy-monitor does not have.

#include <time.h>

#include <cstdint>

namespace hoy::core {

inline int64_t ReadClock(clockid_t clock) {  // nanoseconds
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace hoy::core
