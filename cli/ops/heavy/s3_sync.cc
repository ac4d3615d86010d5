#include "cli/ops/s3_sync.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/s3_request.h"
#include "cli/ui/printable.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "core/state/event_log.h"
#include "core/state/s3_volume.h"
#include "core/state/volume.h"
#include "core/sys/files.h"
#include "oci/s3/sync.h"

namespace hoy::cli {
namespace {

void NoteStatus(const core::Layout& layout, const std::string& volume, SyncWay way,
                const Result<oci::S3SyncReport>& report) {
  core::S3Status status{.time = core::Now(),
                        .way = way == SyncWay::kWriteBack ? "write-back" : "fetch"};
  core::StringPairs facts = {{"driver", "local"}, {"way", status.way}};
  if (report) {
    status.warnings = report->warnings;
    facts.emplace_back("uploaded", std::to_string(report->uploaded));
    facts.emplace_back("downloaded", std::to_string(report->downloaded));
    facts.emplace_back("deleted", std::to_string(report->deleted));
    facts.emplace_back("removed", std::to_string(report->removed));
  } else {
    status.error = report.error().message;
    facts.emplace_back("error", status.error);
  }
  (void)core::WriteS3Status(layout, volume, status);
  core::RecordEvent(
      layout, {.type = "volume", .action = "sync", .id = volume, .attributes = std::move(facts)});
}

// Before the files are looked at, and under no lock, for it waits for those who have some. The mark
// that goes when all they have is written back; nullopt: there is none, or somebody may be changing
// them. Whoever begins to do so after it was read makes another.
std::optional<std::string> FindSettledMark(const core::Layout& layout, const std::string& volume) {
  auto mark = core::ReadS3Pending(layout, volume);
  auto users = core::FindUsersOfVolume(layout, volume);
  if (!mark || !*mark || !users || !users->unreadable.empty()) return std::nullopt;
  for (const core::VolumeUser& user : users->by_volume[volume]) {
    auto lock = core::ContainerLock::Acquire(layout, user.id);
    if (!lock && lock.error().kind == ErrorKind::kNotFound) continue;
    if (!lock) return std::nullopt;
    auto status = core::Observe(layout, user.id, *lock);
    if (!status || !status->IsDown()) return std::nullopt;
  }
  // Who copies into it has this.
  if (!core::VolumeLock::Acquire(layout, volume, core::LockMode::kExclusive)) return std::nullopt;
  return *std::move(mark);
}

Result<> ForgetPending(const core::Layout& layout, const std::string& volume,
                       const std::string& mark) {
  TRY(std::optional<std::string> now, core::ReadS3Pending(layout, volume));
  if (now != mark) return {};
  TRY(core::VolumeLock lock, core::VolumeLock::Acquire(layout, volume, core::LockMode::kExclusive));
  TRY(now, core::ReadS3Pending(layout, volume));
  return now == mark ? core::Unlink(core::S3PendingPath(layout, volume)) : Result<>{};
}

void TryOnce(oci::S3SyncRequest& request) {
  constexpr std::chrono::seconds kPatience{5};
  request.retry.attempts = request.retry.connect_attempts = 1;
  request.http.stall_timeout = std::min(request.http.stall_timeout, kPatience);
  request.http.connect_timeout =
      std::min<std::chrono::milliseconds>(request.http.connect_timeout, kPatience);
}

Result<oci::S3SyncReport> Transfer(Context& context, const std::string& volume, SyncWay way) {
  const core::Layout& layout = context.layout;
  RecalledVariables recalled;
  // A person who fetches is asked for his own keys.
  if (way == SyncWay::kWriteBack || !HasEnvironment()) TRY(recalled.Recall(layout, volume));
  if (way != SyncWay::kWriteBack) TRY(RememberVariables(layout, volume));
  TRY(oci::S3SyncRequest request, MakeS3Request(context, volume));
  if (way == SyncWay::kFetchOnce) TryOnce(request);
  oci::CancelToken cancel;
  CancelOnSignal on_signal(cancel);
  return way == SyncWay::kWriteBack ? oci::WriteBackToS3(request, cancel)
                                    : oci::FetchFromS3(request, cancel);
}

// Of a server that is silent another sync may be at work for minutes.
Result<> AwaitTurn(Context& context, BorrowedFd lock, const std::string& volume) {
  constexpr int kTries = 10;
  constexpr std::chrono::milliseconds kPause(100);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    TRY(bool locked, core::TryLockFile(lock, core::LockMode::kExclusive));
    if (locked) return {};
  }
  context.Warn(
      fmt::format("volume '{}': another sync of it is at work, which is waited for", volume));
  return core::LockFile(lock, core::LockMode::kExclusive, volume);
}

Result<> Sync(Context& context, const std::string& volume, SyncWay way) {
  const core::Layout& layout = context.layout;
  std::string state = core::S3Directory(layout, volume);
  {
    // Nobody removes it before its sync is seen to be at work.
    TRY(core::VolumeLock held, core::VolumeLock::Acquire(layout, volume, core::LockMode::kShared));
    TRY(core::VolumeRecord record, core::ReadVolume(layout, volume));
    if (!core::IsS3Volume(record.options)) {
      return Fail(ErrorKind::kUnsupported, "it is no S3 volume");
    }
    TRY(core::S3Options place, core::ParseS3Options(record.options));
    if (place.fuse) {
      context.err.Print(
          "volume '{}': mode=fuse needs no sync: what is written is in the bucket when the file is "
          "closed\n",
          volume);
      return {};
    }
    TRY(core::MakeDirectories(state, 0700));
  }
  std::optional<std::string> settled;
  if (way == SyncWay::kWriteBack) settled = FindSettledMark(layout, volume);
  TRY(Fd lock, core::OpenAt(core::kCwd, state + "/lock", O_RDWR | O_CREAT, 0600));
  if (way == SyncWay::kFetchOnce) {
    TRY(bool ours, core::TryLockFile(lock, core::LockMode::kExclusive));
    if (!ours) return {};
  } else {
    TRY(AwaitTurn(context, lock, volume));
  }
  // It may have been removed, and made again, while we waited.
  if (!core::LeadsTo(state + "/lock", lock)) {
    return Fail(ErrorKind::kConflict, "it was removed meanwhile");
  }
  auto report = Transfer(context, volume, way);
  NoteStatus(layout, volume, way, report);
  if (!report) {
    Error error = std::move(report).error();
    error.message = Printable(error.message);
    if (way == SyncWay::kWriteBack && error.hint.empty()) {
      error.hint = fmt::format("what was changed is kept here: hoy volume sync {}", volume);
    }
    return Fail(std::move(error));
  }
  for (const std::string& warning : report->warnings) {
    context.Warn(fmt::format("volume '{}': {}", volume, Printable(warning)));
  }
  // Which of the files that were left out are changed nobody can tell but a later sync.
  bool done = settled && report->skipped == 0;
  return done ? ForgetPending(layout, volume, *settled) : Result<>{};
}

}  // namespace

Result<> RunVolumeSync(Context& context, const std::string& volume, SyncWay way) {
  TRY_CONTEXT(Sync(context, volume, way), "{} volume '{}'",
              way == SyncWay::kWriteBack ? "write back" : "fetch", volume);
  return {};
}

}  // namespace hoy::cli
