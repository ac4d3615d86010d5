#pragma once
// Where the time of a start goes (--timing, --report). Nothing is measured unless somebody asked:
// then a mark costs a clock_gettime(2), and otherwise a test of one byte.

#include <cstdint>
#include <string>
#include <vector>

namespace hoy::core {

// A moment of a start, in microseconds since its beginning.
struct StartMark {
  std::string name;  // what was done by then
  int64_t at_us = 0;
  bool operator==(const StartMark&) const = default;
};

// From here on. What this program has used of the processor so far stands for the time since it was
// begun, which no clock has.
void WantStartMarks();
std::vector<StartMark> StartMarks();

namespace internal {
extern bool start_marks_wanted;
void AddStartMark(const char* name);
}  // namespace internal

inline bool StartMarksWanted() {
  return internal::start_marks_wanted;
}
inline void MarkStart(const char* name) {
  if (internal::start_marks_wanted) [[unlikely]]
    internal::AddStartMark(name);
}

}  // namespace hoy::core
