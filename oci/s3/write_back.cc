#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/base/fail_point.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "oci/s3/hash.h"
#include "oci/s3/session.h"

namespace hoy::oci {
namespace {

class WriteBack {
 public:
  explicit WriteBack(S3Session& session) : s_(session) {}

  Result<> Run() {
    TRY(s_.Look());
    GiveUpStaleParts();
    if (!HasLocalChanges(s_.local, s_.manifest)) {
      s_.TellUnfit();
      return {};
    }
    // A container need not have synced what it wrote.
    TRY(s_.copy.Sync());
    TRY(s_.Look());
    s_.TellUnfit();
    TRY(s_.List());
    plan_ = PlanWriteBack(s_.local, s_.remote, s_.manifest, s_.unfit);
    auto written = Write();
    TRY(s_.SaveManifest());
    return written;
  }

 private:
  std::string KeyOf(const std::string& path, const LocalEntry& entry) const {
    return s_.request->place.prefix + path + (entry.kind == S3Kind::kDirectory ? "/" : "");
  }

  // Of files that are gone or others by now: there they would lie, and be paid for, for ever.
  void GiveUpStaleParts() {
    auto names = core::ListDirectory(s_.TempPath(""));
    if (!names) return;
    for (const std::string& name : *names) {
      if (!name.ends_with(kUploadSuffix)) continue;
      auto text = core::ReadFile(s_.TempPath(name));
      if (!text) continue;
      if (auto upload = DecodeS3Upload(*text)) {
        auto now = s_.local.find(upload->path);
        if (now != s_.local.end() && now->second == upload->local) continue;
        // The next sync tries again.
        if (!s_.client->AbortParts(KeyOf(upload->path, upload->local), upload->id)) return;
      }
      (void)core::Unlink(s_.TempPath(name));
    }
  }

  Result<> Write() {
    TRY(ForEachAtOnce(plan_.compare, [&](const std::string& path) { return Compare(path); }));
    std::ranges::sort(plan_.uploads);
    for (const std::string& path : plan_.overwritten) {
      s_.Warn(fmt::format("'{}' was changed there, too: it is what it is here now", path));
    }
    TRY(ForEachAtOnce(plan_.uploads, [&](const std::string& path) { return Upload(path); }));
    FailPoint("s3-uploaded");
    // A directory is the last of what is in it to go, for servers that keep real ones.
    auto first = std::ranges::stable_partition(plan_.deletions, [&](const std::string& path) {
      return !s_.remote.entries.at(path).directory;
    });
    std::vector<std::string> directories(first.begin(), first.end());
    plan_.deletions.erase(first.begin(), first.end());
    TRY(ForEachAtOnce(plan_.deletions, [&](const std::string& path) { return Delete(path); }));
    for (const std::string& path : directories) TRY(Delete(path));
    for (const std::string& path : plan_.forgotten) s_.manifest.erase(path);
    return {};
  }

  Result<> Compare(const std::string& path) {
    bool same = s_.IsSame(path);
    const RemoteEntry& there = s_.remote.entries.at(path);
    std::lock_guard lock(*s_.mutex);
    auto then = s_.manifest.find(path);
    const LocalEntry& here = s_.local.at(path);
    if (same && (then == s_.manifest.end() || then->second.local == here)) {
      s_.manifest[path] = {here, there.etag, there.modified};
      return {};
    }
    plan_.uploads.push_back(path);
    bool theirs = then == s_.manifest.end() || then->second.etag != there.etag;
    if (!same && theirs) plan_.overwritten.push_back(path);
    return {};
  }

  // How it is when its time tells it from what is written to it next, and the disk has it, too.
  Result<LocalEntry> Settle(const std::string& path, const LocalEntry& entry) {
    // Two writes of one tick of the kernel's clock leave the same time.
    constexpr int64_t kTick = 20'000'000;
    auto seen = s_.local.find(path);
    bool changed = seen == s_.local.end() || seen->second != entry;
    int64_t age = core::Now() - entry.mtime_ns;
    bool young = age >= 0 && age < kTick;
    if (!changed && !young) return entry;
    if (young) std::this_thread::sleep_for(std::chrono::nanoseconds(kTick - age));
    TRY(Fd file, s_.copy.OpenFile(path));
    if (fsync(file.get()) != 0) return FailErrno("sync", path);
    TRY(LocalEntry settled, s_.copy.Stat(path));
    if (settled.kind != entry.kind) return Fail(ErrorKind::kConflict, "it changed");
    return settled;
  }

  // A file that a container takes away or writes meanwhile is for the next time.
  Result<> Upload(const std::string& path) {
    auto done = UploadAsItIs(path);
    if (done) return {};
    constexpr int kMoves[] = {ENOENT, ENOTDIR, ELOOP, EINVAL, ENXIO};
    bool moves = std::ranges::find(kMoves, done.error().system_errno) != std::end(kMoves) ||
                 done.error().kind == ErrorKind::kConflict;
    if (!moves) return done;
    Skip(path);
    return {};
  }

  void Skip(const std::string& path) {
    s_.Warn(fmt::format("'{}' is not written back yet: it changes at this moment", path));
    std::lock_guard lock(*s_.mutex);
    ++s_.report.skipped;
  }

  Result<> UploadAsItIs(const std::string& path) {
    TRY(LocalEntry entry, s_.copy.Stat(path));
    std::string key = KeyOf(path, entry);
    std::string etag;
    if (entry.kind == S3Kind::kDirectory) {
      TRY(etag, s_.client->Put(key, "", MetadataHeaders(entry)));
    } else if (entry.kind == S3Kind::kSymlink) {
      TRY(std::string target, s_.copy.ReadLink(path));
      TRY(etag, s_.client->Put(key, std::move(target), MetadataHeaders(entry)));
    } else {
      TRY(entry, Settle(path, entry));
      TRY(Fd file, s_.copy.OpenFile(path));
      if (entry.size > kPartSize) {
        TRY(etag, UploadInParts(path, key, entry, file));
      } else {
        TRY(std::string bytes, ReadRange(file, 0, entry.size));
        TRY(LocalEntry after, s_.copy.Stat(path));
        if (!IsUntouched(after, entry)) return Fail(ErrorKind::kConflict, "it changed");
        TRY(etag, s_.client->Put(key, std::move(bytes), MetadataHeaders(entry)));
      }
    }
    std::lock_guard lock(*s_.mutex);
    s_.manifest[path] = {entry, etag, ""};
    ++s_.report.uploaded;
    if (entry.kind == S3Kind::kFile) s_.report.bytes += entry.size;
    return {};
  }

  Result<std::string> UploadInParts(const std::string& path, const std::string& key,
                                    const LocalEntry& entry, BorrowedFd file) {
    std::string note = s_.TempPath(Sha256Of(key).hex() + std::string(kUploadSuffix));
    TRY(S3Upload upload, BeginOrGoOn(note, path, key, entry));
    std::string md5s;
    size_t parts = 0;
    bool plain = true;  // no key of S3's own makes other ETags of the parts
    for (uint64_t offset = 0; offset < entry.size; offset += upload.part_size) {
      TRY(std::string bytes,
          ReadRange(file, offset, std::min(upload.part_size, entry.size - offset)));
      std::string md5 = Md5Of(bytes);
      md5s += md5;
      if (++parts <= upload.etags.size()) {  // it has arrived before
        if (upload.etags[parts - 1] == ToHex(md5)) continue;
        (void)s_.client->AbortParts(key, upload.id);
        TRY(core::Unlink(note));
        return UploadInParts(path, key, entry, file);
      }
      auto etag = s_.client->PutPart(key, upload.id, parts, std::move(bytes));
      if (!etag && etag.error().kind == ErrorKind::kNotFound) (void)core::Unlink(note);
      if (!etag) return Fail(std::move(etag).error());
      upload.etags.push_back(*etag);
      plain = plain && *etag == ToHex(md5);
      TRY(core::WriteFileAtomically(note, EncodeS3Upload(upload), core::Durability::kVolatile));
      FailPoint("s3-part");
    }
    TRY(LocalEntry after, s_.copy.Stat(path));
    if (!IsUntouched(after, entry)) {
      (void)s_.client->AbortParts(key, upload.id);
      (void)core::Unlink(note);
      return Fail(ErrorKind::kConflict, "it changed");
    }
    auto etag = s_.client->CompleteParts(key, upload.id, upload.etags);
    if (!etag && etag.error().kind == ErrorKind::kNotFound) (void)core::Unlink(note);
    if (!etag) return Fail(std::move(etag).error());
    (void)core::Unlink(note);
    if (plain && IsPartsETag(*etag) && *etag != PartsETag(md5s, parts)) {
      return Fail(ErrorKind::kCorrupt, "write '{}': what arrived there is something else", key);
    }
    return etag;
  }

  Result<S3Upload> BeginOrGoOn(const std::string& note, const std::string& path,
                               const std::string& key, const LocalEntry& entry) {
    if (auto text = core::ReadFile(note)) {
      auto upload = DecodeS3Upload(*text);
      bool fits = upload && upload->path == path && IsUntouched(entry, upload->local) &&
                  upload->part_size == PartSizeFor(entry.size);
      if (fits) return upload;
      if (upload) (void)s_.client->AbortParts(key, upload->id);
    }
    S3Upload upload{.path = path, .local = entry, .part_size = PartSizeFor(entry.size)};
    TRY(upload.id, s_.client->BeginParts(key, MetadataHeaders(entry)));
    TRY(core::WriteFileAtomically(note, EncodeS3Upload(upload), core::Durability::kVolatile));
    return upload;
  }

  // Both sides may be others by now than when they were looked at.
  Result<> Delete(const std::string& path) {
    const RemoteEntry& there = s_.remote.entries.at(path);
    auto now = s_.copy.Stat(path);
    constexpr int kGone[] = {ENOENT, ENOTDIR, ELOOP};
    bool gone = now ? (now->kind == S3Kind::kDirectory) != there.directory
                    : std::ranges::find(kGone, now.error().system_errno) != std::end(kGone);
    if (!gone) {
      Skip(path);
      return {};
    }
    auto etag = s_.client->ETagNow(there.key);
    if (!etag && etag.error().stage != "no-key") return Fail(std::move(etag).error());
    if (etag && !there.etag.empty() && *etag != there.etag) {
      s_.Warn(fmt::format("'{}' is not deleted there: it was changed there", path));
      return {};
    }
    TRY(s_.client->Delete(there.key));
    std::lock_guard lock(*s_.mutex);
    if (!s_.local.contains(path)) s_.manifest.erase(path);
    ++s_.report.deleted;
    return {};
  }

  S3Session& s_;
  WriteBackPlan plan_;
};

}  // namespace

Result<S3SyncReport> WriteBackToS3(const S3SyncRequest& request, const CancelToken& cancel) {
  TRY(S3Session session, S3Session::Open(request, cancel));
  TRY(WriteBack(session).Run());
  return std::move(session.report);
}

}  // namespace hoy::oci
