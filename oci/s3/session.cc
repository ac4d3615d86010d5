#include "oci/s3/session.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <thread>

#include "core/sys/files.h"
#include "oci/s3/hash.h"

namespace hoy::oci {
namespace {

constexpr size_t kAtOnce = 16;
constexpr size_t kMostWarnings = 20;
constexpr size_t kMostErrors = 20;

bool IsOfAll(const Error& error) {
  bool refused = error.stage == "status";  // by a status that is about this one
  return (error.kind == ErrorKind::kNetwork && !refused) || error.kind == ErrorKind::kTimeout ||
         error.kind == ErrorKind::kCancelled || error.stage == "no-bucket" ||
         error.system_errno == ENOSPC || error.system_errno == EDQUOT;
}

// nullopt: there is none.
Result<std::optional<S3ManifestRecord>> ReadRecord(const std::string& path) {
  constexpr size_t kLargest = size_t{1} << 30;
  auto text = core::ReadFile(path, kLargest);
  if (!text && text.error().system_errno == ENOENT) return std::nullopt;
  if (!text) return Fail(std::move(text).error());
  auto record = DecodeS3Manifest(*text);
  if (record) return *std::move(record);
  // Without it a file that is merely old would pass for a change, and win.
  Error error = std::move(record).error().InContext(fmt::format("read '{}'", path));
  error.hint = "without it nobody knows what was changed here; remove it, and what is here wins";
  return Fail(std::move(error));
}

}  // namespace

Result<> ForEachAtOnce(std::span<const std::string> items,
                       const std::function<Result<>(const std::string&)>& act) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> failed;
  size_t errors = 0;
  auto work = [&] {
    for (size_t i = next++; i < items.size(); i = next++) {
      auto done = act(items[i]);
      if (done) continue;
      std::lock_guard lock(mutex);
      if (IsOfAll(done.error()) || ++errors == kMostErrors) next = items.size();
      if (!failed) failed = std::move(done).error();
    }
  };
  {
    std::vector<std::jthread> threads;
    size_t count = std::min(kAtOnce, items.size());
    for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
    work();
  }
  if (failed) return Fail(*std::move(failed));
  return {};
}

Result<S3Session> S3Session::Open(const S3SyncRequest& request, const CancelToken& cancel) {
  TRY(LocalCopy copy, LocalCopy::Open(request.files, request.state + "/temp"));
  auto observer = [&request, one_at_a_time = std::make_shared<std::mutex>()](const Error& error,
                                                                             auto wait) {
    std::lock_guard lock(*one_at_a_time);
    if (request.observer) request.observer(error, wait);
  };
  S3Session session{
      .request = &request,
      .client = std::make_unique<S3Client>(request.access, request.place.Url(), request.http,
                                           observer, cancel, request.retry),
      .copy = std::move(copy),
      .mutex = std::make_unique<std::mutex>()};
  session.sides.there = request.access.base + "/" + request.place.prefix;
  TRY(session.sides.here, session.copy.Identify());
  TRY(auto record, ReadRecord(session.ManifestPath()));
  if (record && record->sides != session.sides) {
    session.Warn(fmt::format("the copy was another, or of '{}': it is compared with all of '{}'",
                             record->sides.there, session.sides.there));
  } else if (record) {
    session.manifest = std::move(record->entries);
  }
  TRY(session.AdoptPlaced());
  return session;
}

Result<> S3Session::AdoptPlaced() {
  TRY(auto placing, ReadRecord(PlacingPath()));
  if (!placing) return {};
  bool adopted = false;
  if (placing->sides == sides) {
    for (auto& [path, entry] : placing->entries) {
      auto now = copy.Stat(path);
      auto then = manifest.find(path);
      bool told_apart = then == manifest.end() || then->second.local != entry.local;
      if (!now || *now != entry.local || !told_apart) continue;
      manifest[path] = std::move(entry);
      adopted = true;
    }
  }
  if (!adopted) return core::Unlink(PlacingPath());
  TRY(copy.Sync());
  return SaveManifest();
}

Result<> S3Session::Look() {
  TRY(LocalCopy::Scan scan, copy.Look(LongestPath(request->place.prefix)));
  local = std::move(scan.tree);
  unfit = std::move(scan.unfit);
  nameless = scan.nameless;
  return {};
}

void S3Session::TellUnfit() {
  report.skipped += nameless;
  for (const std::string& path : unfit) {
    Warn(
        fmt::format("'{}' is not written back: it is no file, directory or symlink with a name "
                    "that a key can have",
                    path));
  }
}

Result<> S3Session::List() {
  TRY(std::vector<S3Object> objects, client->List(request->place.prefix));
  remote = MakeRemoteTree(objects, request->place.prefix);
  for (const auto& [key, why] : remote.impossible) {
    Warn(fmt::format("the object '{}' is left where it is: {}", key, why));
  }
  return {};
}

Result<> S3Session::SaveManifest() {
  TRY(core::WriteFileAtomically(ManifestPath(), EncodeS3Manifest(sides, manifest),
                                core::Durability::kDurable));
  (void)core::Unlink(PlacingPath());
  return {};
}

void S3Session::Warn(std::string text) {
  std::lock_guard lock(*mutex);
  if (report.warnings.size() < kMostWarnings) {
    report.warnings.push_back(std::move(text));
    return;
  }
  report.warnings.resize(kMostWarnings + 1);
  report.warnings.back() = fmt::format("and {} more", ++more_warnings);
}

bool S3Session::IsSame(const std::string& path) {
  const LocalEntry& here = local.at(path);
  const RemoteEntry& there = remote.entries.at(path);
  if (here.kind == S3Kind::kDirectory || there.directory) return there.directory;
  if (here.kind == S3Kind::kSymlink) {
    auto target = copy.ReadLink(path);
    return target && ToHex(Md5Of(*target)) == there.etag;
  }
  auto file = copy.OpenFile(path);
  if (!file) return false;
  // Some servers list the MD5 of what came in parts, too.
  auto etag = IsMd5ETag(there.etag) ? Md5OfFile(*file) : ETagOf(*file, here.size);
  return etag && *etag == there.etag;
}

}  // namespace hoy::oci
