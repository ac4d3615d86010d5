#include "oci/s3/hash.h"

#include <unistd.h>

#include <algorithm>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr size_t kHexMd5 = 32;
constexpr uint64_t kMostParts = 10'000;

}  // namespace

Md5::Md5() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr);
}

void Md5::Update(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Md5::Finish() {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &length);
  digest.resize(length);
  return digest;
}

std::string Md5Of(std::string_view bytes) {
  Md5 md5;
  md5.Update(bytes);
  return md5.Finish();
}

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool IsMd5ETag(std::string_view etag) {
  return etag.size() == kHexMd5 && IsHex(etag);
}

bool IsPartsETag(std::string_view etag) {
  if (etag.size() < kHexMd5 + 2 || etag[kHexMd5] != '-') return false;
  return IsHex(etag.substr(0, kHexMd5)) && ParseInteger<uint32_t>(etag.substr(kHexMd5 + 1));
}

std::string PartsETag(std::string_view md5s, size_t parts) {
  return fmt::format("{}-{}", ToHex(Md5Of(md5s)), parts);
}

uint64_t PartSizeFor(uint64_t size) {
  constexpr uint64_t kMegabyte = 1 << 20;
  uint64_t needed = size / kMostParts + 1;
  return std::max(kPartSize, (needed + kMegabyte - 1) / kMegabyte * kMegabyte);
}

Result<std::string> ReadRange(BorrowedFd file, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  size_t got = 0;
  while (got < size) {
    ssize_t count =
        pread(file.get(), bytes.data() + got, size - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", "the file");
    if (count == 0) return Fail(ErrorKind::kConflict, "it became shorter while it was read");
    got += static_cast<size_t>(count);
  }
  return bytes;
}

Result<std::string> Md5OfFile(BorrowedFd file) {
  Md5 md5;
  std::string buffer(1 << 20, '\0');
  for (off_t offset = 0;;) {
    ssize_t count = pread(file.get(), buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", "the file");
    if (count == 0) return ToHex(md5.Finish());
    md5.Update(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
    offset += count;
  }
}

Result<std::string> ETagOf(BorrowedFd file, uint64_t size) {
  if (size <= kPartSize) return Md5OfFile(file);
  uint64_t part_size = PartSizeFor(size);
  std::string md5s;
  size_t parts = 0;
  for (uint64_t offset = 0; offset < size; offset += part_size, ++parts) {
    TRY(std::string bytes, ReadRange(file, offset, std::min(part_size, size - offset)));
    md5s += Md5Of(bytes);
  }
  return PartsETag(md5s, parts);
}

}  // namespace hoy::oci
