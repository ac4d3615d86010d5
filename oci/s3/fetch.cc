#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/fail_point.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"
#include "core/sys/process.h"
#include "oci/layer/sha256.h"
#include "oci/s3/session.h"

namespace hoy::oci {
namespace {

class Fetch {
 public:
  explicit Fetch(S3Session& session) : s_(session) {}

  Result<> Run() {
    TRY(s_.Look());
    s_.TellUnfit();
    TRY(s_.List());
    plan_ = PlanFetch(s_.local, s_.remote, s_.manifest);
    for (const std::string& path : plan_.kept) {
      s_.Warn(fmt::format("'{}' has changes that are not written back yet: they are kept", path));
    }
    TRY(ForEachAtOnce(plan_.compare, [&](const std::string& path) { return Compare(path); }));
    TRY(ForEachAtOnce(plan_.downloads, [&](const std::string& path) { return Download(path); }));
    if (!arrived_.empty()) TRY(s_.copy.Sync());
    FailPoint("s3-fetched");
    TRY(NotePlacing());
    auto placed = Place();
    if (touched_) TRY(s_.copy.Sync());
    TRY(s_.SaveManifest());
    if (placed) ForgetTemps();
    return placed;
  }

 private:
  // What arrived, in temp/ under that name.
  struct Arrived {
    std::string temp;
    LocalEntry entry;
    std::string etag;
  };

  // What an earlier sync left, of objects that are others now.
  void ForgetTemps() {
    auto names = core::ListDirectory(s_.TempPath(""));
    if (!names) return;
    for (const std::string& name : *names) {
      if (!name.ends_with(kUploadSuffix)) (void)unlinkat(s_.copy.temp().get(), name.c_str(), 0);
    }
  }

  Result<> Compare(const std::string& path) {
    bool same = s_.IsSame(path);
    if (!same) {
      s_.Warn(fmt::format("'{}' is another file here than there: this one is kept", path));
      return {};
    }
    std::lock_guard lock(*s_.mutex);
    Adopt(path, s_.local.at(path), s_.remote.entries.at(path).etag);
    return {};
  }

  // As each will be in its place.
  Result<> NotePlacing() {
    if (arrived_.empty()) return {};
    S3Manifest placing;
    for (const auto& [path, arrived] : arrived_) {
      const RemoteEntry& there = s_.remote.entries.at(path);
      LocalEntry entry = arrived.entry;
      if (there.directory) entry.mtime_ns = 0;
      if (entry.kind == S3Kind::kSymlink) entry.mode = 0777;
      placing[path] = {entry, arrived.etag, arrived.etag == there.etag ? there.modified : ""};
    }
    return core::WriteFileAtomically(s_.PlacingPath(), EncodeS3Manifest(s_.sides, placing),
                                     core::Durability::kDurable);
  }

  void Adopt(const std::string& path, const LocalEntry& entry, const std::string& etag) {
    const RemoteEntry& there = s_.remote.entries.at(path);
    s_.manifest[path] = {entry, etag, etag == there.etag ? there.modified : ""};
  }

  Result<> Download(const std::string& path) {
    const RemoteEntry& there = s_.remote.entries.at(path);
    // After a power cut it may have holes: another boot begins again.
    TRY(std::string boot, core::BootId());
    std::string temp = Sha256Of(there.key + "\n" + there.etag + "\n" + boot).hex();
    TRY(Fd file, core::OpenAt(s_.copy.temp(), temp, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    auto response = s_.client->Get({there.key, there.size, there.etag, there.modified}, file);
    if (!response && response.error().stage == "no-key") return {};  // deleted since it was listed
    if (!response && response.error().stage == "archived") {
      s_.Warn(fmt::format("the object '{}' does not come here: it is archived", there.key));
      return {};
    }
    if (!response) return Fail(std::move(response).error());
    LocalEntry fallback{
        .mode = there.directory ? 0755u : 0644u, .uid = geteuid(), .gid = getegid()};
    fallback.mtime_ns = core::Now();
    auto entry = ReadMetadata(*response, there.directory, fallback);
    if (!entry) {
      s_.Warn(
          fmt::format("the object '{}' is left where it is: {}", there.key, entry.error().message));
      (void)unlinkat(s_.copy.temp().get(), temp.c_str(), 0);
      return {};
    }
    struct stat status{};
    if (fstat(file.get(), &status) != 0) return FailErrno("stat", "the temporary file");
    if (!there.directory) entry->size = static_cast<uint64_t>(status.st_size);
    std::string etag(response->Header("etag"));
    std::erase(etag, '"');
    std::lock_guard lock(*s_.mutex);
    s_.report.bytes += there.size;
    arrived_[path] = {temp, *entry, etag};
    return {};
  }

  const LocalEntry* Here(const std::string& path) const {
    auto found = s_.local.find(path);
    return found == s_.local.end() ? nullptr : &found->second;
  }

  Result<> Place() {
    touched_ = !plan_.removals.empty() || !plan_.directories.empty() || !arrived_.empty();
    for (const std::string& path : plan_.removals) {
      TRY(bool removed, s_.copy.Remove(path, s_.local.at(path)));
      if (removed) ++s_.report.removed;
      s_.manifest.erase(path);
    }
    for (const std::string& path : plan_.forgotten) s_.manifest.erase(path);
    for (const std::string& path : plan_.dated) {
      s_.manifest[path].modified = s_.remote.entries.at(path).modified;
    }
    for (const std::string& path : plan_.directories) {
      auto made = s_.copy.MakeDirectory(path, nullptr);
      if (made) {
        Adopt(path, *made, "");
      } else if (!Skips(path, made.error())) {
        return Fail(std::move(made).error());
      }
    }
    for (const auto& [path, arrived] : arrived_) {
      bool directory = arrived.entry.kind == S3Kind::kDirectory;
      auto placed = directory ? s_.copy.MakeDirectory(path, &arrived.entry)
                              : s_.copy.Publish(arrived.temp, path, arrived.entry, Here(path));
      if (directory || !placed) (void)unlinkat(s_.copy.temp().get(), arrived.temp.c_str(), 0);
      if (placed) {
        Adopt(path, *placed, arrived.etag);
        ++s_.report.downloaded;
        FailPoint("s3-placed");
      } else if (!Skips(path, placed.error())) {
        return Fail(std::move(placed).error());
      }
    }
    return {};
  }

  // Something is in its way that is not ours to take away: a change of the copy's own, or a symlink
  // that the bucket wants to be led along.
  bool Skips(const std::string& path, const Error& error) {
    constexpr int kInTheWay[] = {ENOTDIR, ELOOP,  EISDIR,       ENOTEMPTY,
                                 EEXIST,  ENOENT, ENAMETOOLONG, EINVAL};
    bool skips = std::ranges::find(kInTheWay, error.system_errno) != std::end(kInTheWay) ||
                 error.kind == ErrorKind::kCorrupt;
    if (skips) s_.Warn(fmt::format("'{}' does not come here: {}", path, error.message));
    return skips;
  }

  S3Session& s_;
  FetchPlan plan_;
  bool touched_ = false;
  std::map<std::string, Arrived> arrived_;  // by path: parents come first
};

}  // namespace

Result<S3SyncReport> FetchFromS3(const S3SyncRequest& request, const CancelToken& cancel) {
  TRY(S3Session session, S3Session::Open(request, cancel));
  TRY(Fetch(session).Run());
  return std::move(session.report);
}

}  // namespace hoy::oci
