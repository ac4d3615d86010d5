#include "core/sys/start_marks.h"

#include <time.h>

namespace hoy::core {
namespace {

int64_t Microseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * int64_t{1'000'000} + now.tv_nsec / 1000;
}

int64_t begin_us = 0;
std::vector<StartMark>& Marks() {
  static std::vector<StartMark> marks;
  return marks;
}

}  // namespace

namespace internal {

bool start_marks_wanted = false;

void AddStartMark(const char* name) {
  Marks().push_back({name, Microseconds(CLOCK_MONOTONIC) - begin_us});
}

}  // namespace internal

void WantStartMarks() {
  if (internal::start_marks_wanted) return;
  begin_us = Microseconds(CLOCK_MONOTONIC) - Microseconds(CLOCK_PROCESS_CPUTIME_ID);
  internal::start_marks_wanted = true;
}

std::vector<StartMark> StartMarks() {
  return Marks();
}

}  // namespace hoy::core
