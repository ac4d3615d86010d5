#pragma once
// Where a program's text goes: a descriptor or, in tests, a string. No stdio and no iostream: they
// cost start-up time and lose write errors.

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::cli {

class Output {
 public:
  enum class Buffering {
    kFull,  // stdout: written in large pieces and at Flush()
    kNone,  // stderr: every Write is one write(2)
  };

  Output(BorrowedFd fd, Buffering buffering) : fd_(fd.get()), buffering_(buffering) {}
  explicit Output(std::string* sink) : sink_(sink) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void Write(std::string_view text);
  template <typename... Args>
  void Print(fmt::format_string<Args...> format, Args&&... args) {
    Write(fmt::format(format, std::forward<Args>(args)...));
  }

  // Writes what is buffered. The first error of any write is kept and returned here (a full disk
  // behind `hoy ps > file`); text after it is dropped.
  Result<> Flush();

  int fd() const { return fd_; }  // -1: a string

 private:
  int fd_ = -1;
  Buffering buffering_ = Buffering::kNone;
  std::string* sink_ = nullptr;
  std::string buffer_;
  int failed_errno_ = 0;
};

}  // namespace hoy::cli
