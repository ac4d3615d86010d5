#pragma once
// The two sides of an S3 volume as data: the local copy and the objects of the bucket.
//
// A file is an object of its path, "<prefix>a/b"; a directory is one of its path with a slash at
// the end and no bytes; a symlink is one whose body is where it leads. Mode, owner and time are
// metadata as s3fs has them (https://github.com/s3fs-fuse/s3fs-fuse): x-amz-meta-mode with the type
// in it, -uid, -gid, -mtime. What has none of that is a file of whoever fetches it.

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoy::oci {

// A key has at most so many bytes.
inline constexpr size_t kLongestKey = 1024;
// So a path below that prefix: it may become a directory, whose key has a slash more.
constexpr size_t LongestPath(std::string_view prefix) {
  return kLongestKey - std::min(kLongestKey, prefix.size() + 1);
}

enum class S3Kind { kFile, kDirectory, kSymlink };

// A file of the local copy. Of a directory neither size nor time counts.
struct LocalEntry {
  S3Kind kind = S3Kind::kFile;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  uint32_t mode = 0;  // without the type
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t ctime_ns = 0;  // of a file; 0: not known

  // Without ctime: a rename, or another name, changes that alone.
  bool operator==(const LocalEntry& other) const {
    return kind == other.kind && size == other.size && mtime_ns == other.mtime_ns &&
           mode == other.mode && uid == other.uid && gid == other.gid;
  }
};
// Whether nobody can have written to it: its time may have been put back since (touch -r, tar, cp
// -p), ctime not.
inline bool IsUntouched(const LocalEntry& now, const LocalEntry& then) {
  bool known = now.ctime_ns != 0 && then.ctime_ns != 0;
  return now == then && (!known || now.ctime_ns == then.ctime_ns);
}
using LocalTree = std::map<std::string, LocalEntry>;  // by relative path, "a/b"

struct S3Object {
  std::string key;
  uint64_t size = 0;
  std::string etag;      // without its quotes
  std::string modified;  // as the listing has it
};

// An object at its path. A directory that only the paths below it tell of has no key.
struct RemoteEntry {
  std::string key;
  bool directory = false;
  uint64_t size = 0;
  std::string etag;
  std::string modified;
};

struct RemoteTree {
  std::map<std::string, RemoteEntry> entries;                   // by relative path
  std::vector<std::pair<std::string, std::string>> impossible;  // keys that are no path, and why
};

// Pure. Nobody can be trusted with a bucket: what would lead out of the directory, or is a file and
// a directory at once, is left where it is. Of "a" and "a/b" the directory is taken.
RemoteTree MakeRemoteTree(std::span<const S3Object> objects, std::string_view prefix);

// "" when `key`, without the prefix, is a path below a directory; else why it is none.
std::string_view WhyNoPath(std::string_view relative);

}  // namespace hoy::oci
