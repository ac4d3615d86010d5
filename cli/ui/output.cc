#include "cli/ui/output.h"

#include "core/sys/files.h"

namespace hoy::cli {
namespace {
constexpr size_t kPiece = 64 << 10;
}

void Output::Write(std::string_view text) {
  if (sink_ != nullptr) {
    sink_->append(text);
    return;
  }
  buffer_.append(text);
  if (buffering_ == Buffering::kNone || buffer_.size() >= kPiece) (void)Flush();
}

Result<> Output::Flush() {
  if (failed_errno_ == 0 && !buffer_.empty()) {
    if (auto written = core::WriteAll(fd_, buffer_, "the output"); !written) {
      failed_errno_ = written.error().system_errno;
    }
  }
  buffer_.clear();
  if (failed_errno_ != 0) return FailErrno("write", "the output", failed_errno_);
  return {};
}

}  // namespace hoy::cli
