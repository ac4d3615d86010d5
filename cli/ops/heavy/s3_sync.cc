#include "cli/ops/s3_sync.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/ops/heavy/cancel_on_signal.h"
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

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// For the sync when the container has ended, which nobody's environment reaches.
Result<> RememberVariables(const core::Layout& layout, const std::string& volume) {
  std::string text;
  for (const char* name : oci::kS3Variables) {
    std::string value = Variable(name);
    if (!value.empty() && value.find('\n') == std::string::npos) {
      text += fmt::format("{}={}\n", name, value);
    }
  }
  TRY(core::MakeDirectories(layout.run + "/s3", 0700));
  return core::WriteFileAtomically(core::S3EnvironmentPath(layout, volume), text,
                                   core::Durability::kVolatile, 0600);
}

// Who starts a container again by its restart policy has none, nor has who writes back at its end.
bool HasEnvironment() {
  return environ != nullptr && *environ != nullptr;
}

// What the volume's sync finds set, until this ends: the next volume's may be other keys.
class RecalledVariables {
 public:
  RecalledVariables() = default;
  RecalledVariables(const RecalledVariables&) = delete;
  RecalledVariables& operator=(const RecalledVariables&) = delete;
  ~RecalledVariables() {
    for (const std::string& name : set_) unsetenv(name.c_str());
  }

  // What is not set here; of keys all or none.
  Result<> Recall(const core::Layout& layout, const std::string& volume) {
    TRY(core::StringPairs known, core::ReadS3Secrets(core::S3EnvironmentPath(layout, volume)));
    bool own_keys = !Variable("AWS_ACCESS_KEY_ID").empty() || !Variable("AWS_PROFILE").empty();
    for (auto& [name, value] : known) {
      bool of_keys = name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" ||
                     name == "AWS_SESSION_TOKEN" || name == "AWS_PROFILE";
      if ((of_keys && own_keys) || std::getenv(name.c_str()) != nullptr) continue;
      setenv(name.c_str(), value.c_str(), 0);
      set_.push_back(std::move(name));
    }
    return {};
  }

 private:
  std::vector<std::string> set_;
};

void NoteStatus(const core::Layout& layout, const std::string& volume, SyncWay way,
                const Result<oci::S3SyncReport>& report) {
  core::S3Status status{.time = core::Now(),
                        .way = way == SyncWay::kFetch ? "fetch" : "write-back"};
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

Result<oci::S3SyncReport> Transfer(const core::Layout& layout, const std::string& volume,
                                   SyncWay way) {
  TRY(core::VolumeRecord record, core::ReadVolume(layout, volume));
  RecalledVariables recalled;
  // A person who fetches is asked for his own keys.
  if (way == SyncWay::kWriteBack || !HasEnvironment()) TRY(recalled.Recall(layout, volume));
  if (way == SyncWay::kFetch) TRY(RememberVariables(layout, volume));
  oci::S3SyncRequest request{.files = core::VolumeData(layout, volume),
                             .state = core::S3Directory(layout, volume)};
  TRY(request.place, core::ParseS3Options(record.options));
  TRY(core::StringPairs secrets, core::ReadS3Secrets(core::S3CredentialsPath(layout, volume)));
  TRY(request.access, oci::FindS3Access(request.place, secrets, &Variable));
  oci::CancelToken cancel;
  CancelOnSignal on_signal(cancel);
  return way == SyncWay::kFetch ? oci::FetchFromS3(request, cancel)
                                : oci::WriteBackToS3(request, cancel);
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
    TRY(core::MakeDirectories(state, 0700));
  }
  std::optional<std::string> settled;
  if (way == SyncWay::kWriteBack) settled = FindSettledMark(layout, volume);
  TRY(Fd lock, core::OpenAt(core::kCwd, state + "/lock", O_RDWR | O_CREAT, 0600));
  TRY(core::LockFile(lock, core::LockMode::kExclusive, state));
  // It may have been removed, and made again, while we waited.
  if (!core::LeadsTo(state + "/lock", lock)) {
    return Fail(ErrorKind::kConflict, "it was removed meanwhile");
  }
  auto report = Transfer(layout, volume, way);
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
              way == SyncWay::kFetch ? "fetch" : "write back", volume);
  return {};
}

}  // namespace hoy::cli
