#include "oci/s3/metadata.h"

#include <sys/stat.h>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr int64_t kNanoseconds = 1'000'000'000;
constexpr uint32_t kModeBits = 07777;

uint32_t TypeOf(S3Kind kind) {
  switch (kind) {
    case S3Kind::kFile: return S_IFREG;
    case S3Kind::kDirectory: return S_IFDIR;
    case S3Kind::kSymlink: return S_IFLNK;
  }
  return S_IFREG;
}

// "1700000000" or "1700000000.000000001".
std::optional<int64_t> ParseTime(std::string_view text) {
  auto [whole, fraction] = CutAt(text, '.');
  auto seconds = ParseInteger<int64_t>(whole);
  constexpr int64_t kMost = INT64_MAX / kNanoseconds - 1;
  if (!seconds || *seconds > kMost || *seconds < -kMost) return std::nullopt;
  constexpr size_t kDigits = 9;
  std::string digits(fraction.value_or(""));
  digits.resize(kDigits, '0');
  auto nanoseconds = ParseInteger<uint32_t>(digits);
  if (!nanoseconds) return std::nullopt;
  return *seconds * kNanoseconds + *nanoseconds;
}

}  // namespace

std::vector<std::string> MetadataHeaders(const LocalEntry& entry) {
  int64_t seconds = entry.mtime_ns / kNanoseconds;
  int64_t rest = entry.mtime_ns % kNanoseconds;
  if (rest < 0) {
    rest += kNanoseconds;
    --seconds;
  }
  bool directory = entry.kind == S3Kind::kDirectory;
  return {fmt::format("Content-Type: application/{}", directory ? "x-directory" : "octet-stream"),
          fmt::format("x-amz-meta-mode: {}", entry.mode | TypeOf(entry.kind)),
          fmt::format("x-amz-meta-uid: {}", entry.uid),
          fmt::format("x-amz-meta-gid: {}", entry.gid),
          fmt::format("x-amz-meta-mtime: {}.{:09}", seconds, rest)};
}

Result<LocalEntry> ReadMetadata(const HttpResponse& response, bool directory,
                                const LocalEntry& fallback) {
  LocalEntry entry = fallback;
  entry.kind = directory ? S3Kind::kDirectory : S3Kind::kFile;
  auto number = [&](const char* name) {
    return ParseInteger<uint32_t>(response.Header(fmt::format("x-amz-meta-{}", name)));
  };
  if (auto mode = number("mode")) {
    uint32_t type = *mode & S_IFMT;
    bool says_directory = type == S_IFDIR;
    if (type != 0 && type != S_IFREG && type != S_IFDIR && type != S_IFLNK) {
      return Fail(ErrorKind::kUnsupported, "it is no file, directory or symlink");
    }
    if (type != 0 && says_directory != directory) {
      return Fail(ErrorKind::kCorrupt,
                  "its name and its mode do not agree whether it is a directory");
    }
    if (type == S_IFLNK) entry.kind = S3Kind::kSymlink;
    entry.mode = *mode & kModeBits;
  }
  if (auto uid = number("uid")) entry.uid = *uid;
  if (auto gid = number("gid")) entry.gid = *gid;
  if (auto time = ParseTime(response.Header("x-amz-meta-mtime"))) entry.mtime_ns = *time;
  return entry;
}

}  // namespace hoy::oci
