#include "cli/ops/log_source.h"

#include "core/state/container_record.h"
#include "core/sys/process.h"

namespace hoy::cli {

Result<> LogSource::OpenLog() {
  auto opened = core::LogReader::Open(layout_->Log(id_));
  if (!opened) {
    if (opened.error().kind == ErrorKind::kNotFound) return {};
    return Fail(std::move(opened).error());
  }
  if (selection_.tail) {
    TRY(opened->SeekToTail(*selection_.tail));
  } else if (selection_.since > 0) {
    TRY(opened->SeekToTime(selection_.since));
  }
  reader_ = *std::move(opened);
  return {};
}

// Under the lock nobody is between stopping it and starting it again, or at its removal.
Result<bool> LogSource::IsOverForGood() const {
  auto lock = core::ContainerLock::Acquire(*layout_, id_);
  if (!lock) {
    if (lock.error().kind == ErrorKind::kNotFound) return true;
    return Fail(std::move(lock).error());
  }
  auto status = core::Observe(*layout_, id_, *lock);
  if (!status) {
    if (status.error().kind == ErrorKind::kNotFound) return true;
    return Fail(std::move(status).error());
  }
  return status->IsDown();
}

Result<> LogSource::Look() {
  change_.reset();
  unsettled_ = false;
  auto status = core::Heal(*layout_, id_);
  bool gone = !status && status.error().kind == ErrorKind::kNotFound;
  if (!status && !gone) return Fail(std::move(status).error());
  if (!reader_) TRY(OpenLog());
  bool down = gone || status->IsDown();
  if (gone) {
    over_ = true;
  } else if (down && reader_) {
    TRY(over_, IsOverForGood());
    unsettled_ = !over_;
  } else if (!down) {
    TRY(change_, core::OpenChangeFd(*status));
    unsettled_ = !change_.has_value();
  }
  return {};
}

Result<std::optional<core::LogFrame>> LogSource::Next() {
  while (reader_) {
    TRY(std::optional<core::LogFrame> frame, reader_->Next());
    if (!frame) return std::nullopt;
    if (selection_.until != 0 && frame->time > selection_.until) {
      // Time goes on in one direction: nothing that is wanted comes after it.
      over_ = true;
      reader_.reset();
      break;
    }
    if (frame->time >= selection_.since) return frame;
  }
  return std::nullopt;
}

}  // namespace hoy::cli
