#include "oci/image/image_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <thread>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/image/image_store.h"

namespace hoy::oci {
namespace {

constexpr size_t kManyRecords = 100;
constexpr std::string_view kDamagedHint = "pull the image again";

// The bytes of a file that may be removed at any moment. Lists read a thousand of them: most fit
// into one read(2), and a short one of a file that is only ever replaced is the whole of it.
Result<std::optional<std::string>> ReadIfThere(BorrowedFd directory, const std::string& name) {
  constexpr size_t kMostly = 16 << 10;
  Fd file(openat(directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return FailErrno("open", name);
  std::array<char, kMostly> buffer;
  ssize_t count = read(file.get(), buffer.data(), buffer.size());
  if (count >= 0 && static_cast<size_t>(count) < buffer.size()) {
    return std::string(buffer.data(), static_cast<size_t>(count));
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) return FailErrno("seek", name);
  TRY(std::string bytes, core::ReadAll(file, name));
  return bytes;
}

Result<std::optional<RefRecord>> ReadRefFile(BorrowedFd directory, const std::string& path) {
  TRY(auto bytes, ReadIfThere(directory, path));
  if (!bytes) return std::nullopt;
  auto ref = DecodeRefRecord(*bytes);
  if (!ref) {
    return Fail(std::move(ref).error().InContext(path).WithHint(std::string(kDamagedHint)));
  }
  return *std::move(ref);
}

Result<std::optional<ImageRecord>> ReadRecordFile(BorrowedFd directory, const std::string& path) {
  TRY(auto bytes, ReadIfThere(directory, path));
  if (!bytes) return std::nullopt;
  auto record = DecodeImageRecord(*bytes);
  if (!record) {
    return Fail(std::move(record).error().InContext(path).WithHint(std::string(kDamagedHint)));
  }
  return *std::move(record);
}

// nullopt: nothing was ever put there.
Result<std::optional<Fd>> OpenIfThere(const std::string& directory) {
  auto fd = core::OpenDirectory(directory);
  if (fd) return *std::move(fd);
  if (fd.error().system_errno == ENOENT) return std::nullopt;
  return Fail(std::move(fd).error());
}

}  // namespace

std::string RefPath(const core::Layout& layout, const Reference& reference) {
  return layout.ImageRefs() + "/" + EscapeReference(reference);
}

std::string RecordPath(const core::Layout& layout, const Digest& image) {
  return layout.ImageRecords() + "/" + image.hex();
}

Result<std::optional<RefRecord>> ReadRef(const core::Layout& layout, const Reference& reference) {
  TRY(auto ref, ReadRefFile(core::kCwd, RefPath(layout, reference)));
  if (ref && ref->reference != reference.ToString()) return std::nullopt;
  return ref;
}

Result<std::optional<ImageRecord>> ReadRecord(const core::Layout& layout, const Digest& image) {
  return ReadRecordFile(core::kCwd, RecordPath(layout, image));
}

Result<std::vector<RefRecord>> ReadRefs(const core::Layout& layout) {
  std::vector<RefRecord> refs;
  TRY(auto names, core::ListDirectory(layout.ImageRefs()));
  TRY(auto directory, OpenIfThere(layout.ImageRefs()));
  if (!directory) return refs;
  for (const std::string& name : names) {
    if (name.starts_with('.')) continue;
    TRY(auto ref, ReadRefFile(*directory, name));
    if (ref) refs.push_back(*std::move(ref));
  }
  return refs;
}

Result<std::vector<ImageRecord>> ReadRecords(const core::Layout& layout) {
  TRY(auto names, core::ListDirectory(layout.ImageRecords()));
  std::erase_if(names, [](const std::string& name) { return name.size() != 64 || !IsHex(name); });
  TRY(auto directory, OpenIfThere(layout.ImageRecords()));
  if (!directory) return std::vector<ImageRecord>();
  auto read = [&](std::span<const std::string> some) -> Result<std::vector<ImageRecord>> {
    std::vector<ImageRecord> records;
    records.reserve(some.size());
    for (const std::string& name : some) {
      TRY(auto record, ReadRecordFile(*directory, name));
      if (record) records.push_back(*std::move(record));
    }
    return records;
  };
  // Most of the time is the parser's: with many, two processors share it.
  std::span<const std::string> all(names);
  if (all.size() < kManyRecords) return read(all);
  Result<std::vector<ImageRecord>> second;
  std::thread helper([&] { second = read(all.subspan(all.size() / 2)); });
  auto first = read(all.first(all.size() / 2));
  helper.join();
  TRY(std::vector<ImageRecord> records, std::move(first));
  TRY(std::vector<ImageRecord> more, std::move(second));
  std::ranges::move(more, std::back_inserter(records));
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
