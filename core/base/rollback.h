#pragma once
// Undoes steps in reverse order unless the whole was committed.

#include <functional>
#include <utility>
#include <vector>

namespace hoy {

class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() {
    for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
  }

  // `undo` must not fail or throw: it is a best effort on a path that already failed.
  void Add(std::function<void()> undo) { undo_.push_back(std::move(undo)); }
  void Commit() { undo_.clear(); }

 private:
  std::vector<std::function<void()>> undo_;
};

}  // namespace hoy
