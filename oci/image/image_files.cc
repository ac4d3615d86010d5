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
constexpr std::string_view kDamagedHint = "pull or load the image again, or remove it: hoy rmi {}";

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
    std::string name = path.substr(path.rfind('/') + 1);
    std::ranges::replace(name, '+', '/');  // EscapeReference
    return Fail(std::move(ref)
                    .error()
                    .InContext(fmt::format("the image name '{}' is damaged", name))
                    .WithHint(fmt::format(kDamagedHint, name)));
  }
  return *std::move(ref);
}

Result<std::optional<ImageRecord>> ReadRecordFile(BorrowedFd directory, const std::string& path) {
  TRY(auto bytes, ReadIfThere(directory, path));
  if (!bytes) return std::nullopt;
  auto record = DecodeImageRecord(*bytes);
  if (!record) {
    std::string id = path.substr(path.rfind('/') + 1, 12);
    return Fail(std::move(record)
                    .error()
                    .InContext(fmt::format("image {}: its record is damaged", id))
                    .WithHint(fmt::format(kDamagedHint, id)));
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

// Reads those files of a directory that are still there. Most of the time is the kernel's, opening
// them one by one: with many, two processors share it.
template <typename Record, typename Read>
Result<std::vector<Record>> ReadEach(const std::string& path, std::span<const std::string> names,
                                     Read read, std::vector<DamagedFile>* damaged) {
  TRY(auto directory, OpenIfThere(path));
  if (!directory) return std::vector<Record>();
  auto read_some = [&](std::span<const std::string> some,
                       std::vector<DamagedFile>& bad) -> Result<std::vector<Record>> {
    std::vector<Record> records;
    records.reserve(some.size());
    for (const std::string& name : some) {
      auto record = read(*directory, name);
      if (!record && record.error().kind == ErrorKind::kCorrupt) {
        bad.push_back({name, std::move(record).error()});
        continue;
      }
      if (!record) return Fail(std::move(record).error());
      if (*record) records.push_back(**std::move(record));
    }
    return records;
  };
  std::vector<DamagedFile> bad;
  std::vector<DamagedFile> second_bad;
  size_t half = names.size() < kManyRecords ? names.size() : names.size() / 2;
  Result<std::vector<Record>> second;
  std::thread helper;
  if (half < names.size()) {
    helper = std::thread([&] { second = read_some(names.subspan(half), second_bad); });
  }
  auto first = read_some(names.first(half), bad);
  if (helper.joinable()) helper.join();
  if (!first) return first;
  if (!second) return second;
  std::ranges::move(*second, std::back_inserter(*first));
  if (damaged != nullptr) {
    std::ranges::move(bad, std::back_inserter(*damaged));
    std::ranges::move(second_bad, std::back_inserter(*damaged));
  }
  return first;
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

Result<std::vector<RefRecord>> ReadRefs(const core::Layout& layout,
                                        std::vector<DamagedFile>* damaged) {
  TRY(auto names, core::ListDirectory(layout.ImageRefs()));
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  return ReadEach<RefRecord>(layout.ImageRefs(), names, ReadRefFile, damaged);
}

Result<std::vector<ImageRecord>> ReadRecords(const core::Layout& layout,
                                             std::vector<DamagedFile>* damaged) {
  TRY(auto names, core::ListDirectory(layout.ImageRecords()));
  std::erase_if(names, [](const std::string& name) { return name.size() != 64 || !IsHex(name); });
  return ReadEach<ImageRecord>(layout.ImageRecords(), names, ReadRecordFile, damaged);
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
    if (!fd && fd.error().system_errno == ENOENT) continue;  // dropped meanwhile
    if (!fd) return Fail(std::move(fd).error());
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
                          const std::set<Digest>& without,
                          const std::set<std::string>& without_names) {
  TRY(Leased needed, ReadLeases(layout));
  std::vector<DamagedFile> damaged;
  TRY(auto records, ReadRecords(layout, &damaged));
  std::erase_if(damaged, [&](const DamagedFile& record) {
    return without.contains(Digest::FromHex(record.name));
  });
  for (const ImageRecord& record : records) {
    if (without.contains(record.id)) continue;
    needed.blobs.insert(record.blobs.begin(), record.blobs.end());
    needed.blobs.insert(record.id);
    needed.blobs.insert(record.manifest);
    needed.chain_ids.insert(record.chain_ids.begin(), record.chain_ids.end());
  }
  TRY(auto refs, ReadRefs(layout, &damaged));
  needed.everything = !damaged.empty();
  for (const RefRecord& ref : refs) {
    if (!ref.is_list || without_names.contains(ref.reference)) continue;
    std::ranges::move(BlobsOfList(ref), std::inserter(needed.blobs, needed.blobs.end()));
  }
  for (const ImageUser& user : users) {
    needed.chain_ids.insert(user.chain_ids.begin(), user.chain_ids.end());
  }
  return needed;
}

std::vector<Digest> BlobsOfList(const RefRecord& list) {
  std::vector<Digest> blobs = {list.target};
  for (const ListMember& member : list.members) {
    blobs.push_back(member.manifest);
    std::ranges::copy(member.blobs, std::back_inserter(blobs));
  }
  return blobs;
}

bool IsOf(const RefRecord& ref, const Digest& image) {
  return ref.image == image || std::ranges::any_of(ref.members, [&](const ListMember& member) {
           return member.image == image;
         });
}

Result<> DropUnneededBlobs(const core::Layout& layout, std::span<const Digest> blobs) {
  TRY(Leased needed, ReadNeeded(layout, {}));
  for (const Digest& blob : blobs) {
    if (!needed.HasBlob(blob)) TRY(core::Unlink(layout.Blobs() + "/" + blob.hex()));
  }
  return {};
}

}  // namespace hoy::oci
