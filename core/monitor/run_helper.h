#pragma once
// Another program that works for the monitor, which does not wait for its end.

#include "core/init/plan_view.h"

namespace hoy::core {

// The words of a plan's list as execve(2) wants them.
struct ArgumentVector {
  static constexpr size_t kMost = 16;
  char* words[kMost + 1] = {};

  ArgumentVector() = default;
  ArgumentVector(const PlanView& plan, Offset list);
  bool empty() const { return words[0] == nullptr; }
  // False: there is no room for it, or nothing to add it to.
  bool Add(const char* word);

 private:
  size_t count_ = 0;
};

// `argv` ends with a null pointer, and the environment is empty. `output`, when not negative, is
// its standard output; its other streams are /dev/null. False: it could not be forked; one that
// cannot be executed just ends.
bool RunHelper(char* const* argv, int output = -1);

}  // namespace hoy::core
