#include "oci/image/image_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/image/image_store.h"

namespace hoy::oci {
namespace {

constexpr std::string_view kDamagedHint = "pull the image again";

// The bytes of a file that may be removed at any moment.
Result<std::optional<std::string>> ReadIfThere(const std::string& path) {
  auto bytes = core::ReadFile(path);
  if (bytes) return std::optional(*std::move(bytes));
  if (bytes.error().system_errno == ENOENT) return std::nullopt;
  return Fail(std::move(bytes).error());
}

Result<std::optional<RefRecord>> ReadRefFile(const std::string& path) {
  TRY(auto bytes, ReadIfThere(path));
  if (!bytes) return std::nullopt;
  auto ref = DecodeRefRecord(*bytes);
  if (!ref) {
    return Fail(std::move(ref).error().InContext(path).WithHint(std::string(kDamagedHint)));
  }
  return *std::move(ref);
}

}  // namespace

std::string RefPath(const core::Layout& layout, const Reference& reference) {
  return layout.ImageRefs() + "/" + EscapeReference(reference);
}

std::string RecordPath(const core::Layout& layout, const Digest& image) {
  return layout.ImageRecords() + "/" + image.hex();
}

Result<std::optional<RefRecord>> ReadRef(const core::Layout& layout, const Reference& reference) {
  TRY(auto ref, ReadRefFile(RefPath(layout, reference)));
  if (ref && ref->reference != reference.ToString()) return std::nullopt;
  return ref;
}

Result<std::optional<ImageRecord>> ReadRecord(const core::Layout& layout, const Digest& image) {
  std::string path = RecordPath(layout, image);
  TRY(auto bytes, ReadIfThere(path));
  if (!bytes) return std::nullopt;
  auto record = DecodeImageRecord(*bytes);
  if (!record) {
    return Fail(std::move(record).error().InContext(path).WithHint(std::string(kDamagedHint)));
  }
  return *std::move(record);
}

Result<std::vector<RefRecord>> ReadRefs(const core::Layout& layout) {
  std::vector<RefRecord> refs;
  TRY(auto names, core::ListDirectory(layout.ImageRefs()));
  for (const std::string& name : names) {
    if (name.starts_with('.')) continue;
    TRY(auto ref, ReadRefFile(layout.ImageRefs() + "/" + name));
    if (ref) refs.push_back(*std::move(ref));
  }
  return refs;
}

Result<std::vector<ImageRecord>> ReadRecords(const core::Layout& layout) {
  std::vector<ImageRecord> records;
  TRY(auto names, core::ListDirectory(layout.ImageRecords()));
  for (const std::string& name : names) {
    if (name.size() != 64 || !IsHex(name)) continue;
    TRY(auto record, ReadRecord(layout, Digest::FromHex(name)));
    if (record) records.push_back(*std::move(record));
  }
  return records;
}

Result<Fd> LockImages(const std::string& images_directory) {
  TRY(Fd fd, core::OpenDirectory(images_directory));
  TRY(core::LockFile(fd, core::LockMode::kExclusive, images_directory));
  return fd;
}

Result<Leased> ReadLeases(const core::Layout& layout) {
  Leased leased;
  std::string directory = layout.Leases();
  TRY(auto names, core::ListDirectory(directory));
  for (const std::string& name : names) {
    std::string path = directory + "/" + name;
    auto fd = core::OpenAt(core::kCwd, path, O_RDONLY);
    if (!fd) continue;  // dropped meanwhile
    TRY(bool dead, core::TryLockFile(*fd, core::LockMode::kExclusive));
    if (dead) {
      unlink(path.c_str());
      continue;
    }
    TRY(std::string text, core::ReadAll(*fd, path));
    for (std::string_view line : Split(text, '\n')) {
      auto [kind, hex] = CutAt(line, ' ');
      if (!hex) continue;
      (kind == "blob" ? leased.blobs : leased.chain_ids).insert(Digest::FromHex(*hex));
    }
  }
  return leased;
}

Result<Leased> ReadNeeded(const core::Layout& layout, std::span<const ImageUser> users,
                          const std::set<Digest>& without) {
  TRY(Leased needed, ReadLeases(layout));
  TRY(auto records, ReadRecords(layout));
  for (const ImageRecord& record : records) {
    if (without.contains(record.id)) continue;
    needed.blobs.insert(record.blobs.begin(), record.blobs.end());
    needed.blobs.insert(record.id);
    needed.blobs.insert(record.manifest);
    needed.chain_ids.insert(record.chain_ids.begin(), record.chain_ids.end());
  }
  for (const ImageUser& user : users) {
    needed.chain_ids.insert(user.chain_ids.begin(), user.chain_ids.end());
  }
  return needed;
}

}  // namespace hoy::oci
