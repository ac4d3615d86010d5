#include "cli/ops/s3_sync.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "core/engine/volumes.h"
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

// What is not set here; of keys all or none.
Result<> RecallVariables(const core::Layout& layout, const std::string& volume) {
  TRY(core::StringPairs known, core::ReadS3Secrets(core::S3EnvironmentPath(layout, volume)));
  bool own_keys = !Variable("AWS_ACCESS_KEY_ID").empty() || !Variable("AWS_PROFILE").empty();
  for (const auto& [name, value] : known) {
    bool of_keys = name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" ||
                   name == "AWS_SESSION_TOKEN" || name == "AWS_PROFILE";
    if (!(of_keys && own_keys)) setenv(name.c_str(), value.c_str(), 0);
  }
  return {};
}

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

// All changes are there, unless a container can have made another since.
Result<> ForgetPending(const core::Layout& layout, const std::string& volume) {
  TRY(core::VolumeUsers users, core::FindUsersOfVolume(layout, volume));
  // One whose end is being tidied up looks up to the end of that.
  for (const core::VolumeUser& user : users.by_volume[volume]) {
    (void)core::ContainerLock::Acquire(layout, user.id);
  }
  TRY(core::VolumeLock lock, core::VolumeLock::Acquire(layout, volume, core::LockMode::kExclusive));
  TRY(bool mounted, core::IsVolumeMounted(layout, volume));
  return mounted ? Result<>{} : core::Unlink(core::S3PendingPath(layout, volume));
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
  TRY(Fd lock, core::OpenAt(core::kCwd, state + "/lock", O_RDWR | O_CREAT, 0600));
  TRY(core::LockFile(lock, core::LockMode::kExclusive, state));
  // It may have been removed, and made again, while we waited.
  if (!core::LeadsTo(state + "/lock", lock)) {
    return Fail(ErrorKind::kConflict, "it was removed meanwhile");
  }
  TRY(core::VolumeRecord record, core::ReadVolume(layout, volume));
  // Who starts it again by its restart policy has no environment either.
  TRY(RecallVariables(layout, volume));
  if (way == SyncWay::kFetch) TRY(RememberVariables(layout, volume));
  oci::S3SyncRequest request{.files = core::VolumeData(layout, volume), .state = state};
  TRY(request.place, core::ParseS3Options(record.options));
  TRY(core::StringPairs secrets, core::ReadS3Secrets(core::S3CredentialsPath(layout, volume)));
  TRY(request.access, oci::FindS3Access(request.place, secrets, &Variable));
  oci::CancelToken cancel;
  CancelOnSignal on_signal(cancel);
  auto report = way == SyncWay::kFetch ? oci::FetchFromS3(request, cancel)
                                       : oci::WriteBackToS3(request, cancel);
  NoteStatus(layout, volume, way, report);
  if (!report) {
    Error error = std::move(report).error();
    if (way == SyncWay::kWriteBack && error.hint.empty()) {
      error.hint = fmt::format("what was changed is kept here: hoy volume sync {}", volume);
    }
    return Fail(std::move(error));
  }
  for (const std::string& warning : report->warnings) {
    context.Warn(fmt::format("volume '{}': {}", volume, warning));
  }
  return way == SyncWay::kFetch ? Result<>{} : ForgetPending(layout, volume);
}

}  // namespace

Result<> RunVolumeSync(Context& context, const std::string& volume, SyncWay way) {
  TRY_CONTEXT(Sync(context, volume, way), "{} volume '{}'",
              way == SyncWay::kFetch ? "fetch" : "write back", volume);
  return {};
}

}  // namespace hoy::cli
