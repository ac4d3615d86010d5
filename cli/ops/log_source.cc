#include "cli/ops/log_source.h"

#include "core/engine/stop_note.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::cli {
namespace {

// By which a clock may be set back without hiding what was written then from --until.
constexpr core::Timestamp kClockStep = 60 * core::kSecond;

}  // namespace

Result<> CheckLogIsKept(const core::ContainerRecord& record) {
  if (record.config.log.HasFile() || record.config.log.driver == core::LogDriver::kJournald) {
    return {};
  }
  return Fail(ErrorKind::kUnsupported,
              "nothing of the output of '{}' is kept: its log driver is '{}'", record.name,
              core::ToString(record.config.log.driver));
}

Result<LogSource> LogSource::Open(const core::Layout& layout, const std::string& id,
                                  const LogSelection& selection) {
  TRY(core::ContainerRecord record, core::ReadContainer(layout, id));
  LogSource source(layout, id, selection);
  TRY(CheckLogIsKept(record));
  source.config_ = std::move(record.config.log);
  return source;
}

Result<> LogSource::OpenLog() {
  if (config_.driver == core::LogDriver::kJournald) {
    // Made by every driver: it has run.
    if (!core::Exists(layout_->Log(id_))) return {};
    TRY(journal_, JournalLog::Open({id_, selection_.tail, selection_.since, selection_.follow}));
    return {};
  }
  bool json = config_.driver == core::LogDriver::kJsonFile;
  auto opened = core::LogReader::Open(layout_->Log(id_),
                                      json ? core::LogForm::kJson : core::LogForm::kFrames);
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

// Under the lock nobody is at its start, or at its removal.
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
  // Unless it is about to be started again.
  return status->IsDown() && !core::IsKept(*layout_, id_);
}

Result<> LogSource::Look() {
  change_.reset();
  exit_.reset();
  unsettled_ = false;
  auto status = core::Heal(*layout_, id_);
  bool gone = !status && status.error().kind == ErrorKind::kNotFound;
  if (!status && !gone) return Fail(std::move(status).error());
  if (!reader_ && !journal_) TRY(OpenLog());
  if (reader_ && !selection_.follow && !end_) {
    TRY(end_, reader_->End());
  }
  bool down = gone || status->IsDown();
  if (gone) {
    over_ = true;
  } else if (down && (reader_ || journal_)) {
    exit_ = status->exit;
    // If it is not, what comes next shows in its directory.
    TRY(over_, IsOverForGood());
  } else if (!down) {
    TRY(change_, core::OpenChangeFd(*status));
    unsettled_ = !change_.has_value();
  }
  if (over_ && journal_) TRY(journal_->Finish());
  return {};
}

Result<std::optional<core::LogFrame>> LogSource::Next() {
  while (reader_ || journal_) {
    if (reader_ && end_ && reader_->place() >= *end_) return std::nullopt;
    TRY(std::optional<core::LogFrame> frame, reader_ ? reader_->Next() : journal_->Next());
    if (!frame) return std::nullopt;
    if (selection_.until != 0 && frame->time > selection_.until) {
      // Time goes on in one direction, but for the little by which a clock is set right.
      if (frame->time <= selection_.until + kClockStep) continue;
      over_ = true;
      reader_.reset();
      journal_.reset();
      break;
    }
    if (frame->time >= selection_.since) return frame;
  }
  return std::nullopt;
}

uint64_t LogSource::LostUntold() const {
  if (exit_) return static_cast<uint64_t>(exit_->log_lost_unmarked);
  return core::ReadLogLoss(*layout_, id_).unmarked;
}

}  // namespace hoy::cli
