#pragma once
// Puts lines together from frames of two streams. A line's time is that of its first byte.

#include <functional>
#include <string>
#include <string_view>

#include "core/log/log_file.h"

namespace hoy::core {

class LineAssembler {
 public:
  using Emit = std::function<void(LogStream stream, Timestamp time, std::string_view line)>;
  explicit LineAssembler(Emit emit) : emit_(std::move(emit)) {}

  void Add(const LogFrame& frame);  // emits every line that is whole, with its newline
  void Flush();                     // emits what is left, without one

 private:
  struct Partial {
    std::string text;
    Timestamp time = 0;
  };
  Partial& PartialOf(LogStream stream) { return stream == LogStream::kStdout ? out_ : err_; }

  Emit emit_;
  Partial out_;
  Partial err_;
};

}  // namespace hoy::core
