#include "tests/support/tar.h"

#include <fmt/core.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <zstd.h>

#include <cstring>
#include <stdexcept>
#include <vector>

namespace hoy::test {
namespace {

constexpr size_t kBlock = 512;

// The ustar header (POSIX.1-2017, pax, "ustar Interchange Format"), field offsets in bytes.
std::string Header(const TarEntry& entry, const std::string& name, const std::string& link,
                   size_t size) {
  std::string block(kBlock, '\0');
  const auto put = [&](size_t offset, size_t width, std::string_view text) {
    std::memcpy(block.data() + offset, text.data(), std::min(width, text.size()));
  };
  put(0, 100, name);
  put(100, 8, fmt::format("{:07o}", entry.mode & 07777));
  put(108, 8, fmt::format("{:07o}", entry.uid & 07777777));
  put(116, 8, fmt::format("{:07o}", entry.gid & 07777777));
  put(124, 12, fmt::format("{:011o}", size));
  put(136, 12, fmt::format("{:011o}", entry.mtime));
  put(148, 8, "        ");
  block[156] = entry.type;
  put(157, 100, link);
  put(257, 6, std::string_view("ustar\0", 6));
  put(263, 2, "00");
  put(329, 8, fmt::format("{:07o}", entry.device_major));
  put(337, 8, fmt::format("{:07o}", entry.device_minor));
  unsigned sum = 0;
  for (unsigned char byte : block) sum += byte;
  put(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return block;
}

std::string Padded(std::string_view content) {
  std::string result(content);
  result.resize((content.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return result;
}

// "<length> key=value\n", where the length counts itself.
std::string PaxRecord(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  size_t length = body.size() + 1;
  while (std::to_string(length).size() + body.size() != length) {
    length = std::to_string(length).size() + body.size();
  }
  return std::to_string(length) + body;
}

}  // namespace

Tar& Tar::Add(const TarEntry& entry) {
  std::string pax;
  if (entry.name.size() > 100) pax += PaxRecord("path", entry.name);
  if (entry.link.size() > 100) pax += PaxRecord("linkpath", entry.link);
  if (entry.uid > 07777777) pax += PaxRecord("uid", std::to_string(entry.uid));
  if (entry.gid > 07777777) pax += PaxRecord("gid", std::to_string(entry.gid));
  for (const auto& [key, value] : entry.xattrs) pax += PaxRecord("SCHILY.xattr." + key, value);
  if (!pax.empty()) {
    TarEntry extension;
    extension.type = 'x';
    bytes_ += Header(extension, "PaxHeaders/entry", "", pax.size()) + Padded(pax);
  }
  bytes_ += Header(entry, entry.name, entry.link, entry.content.size()) + Padded(entry.content);
  return *this;
}

Tar& Tar::File(const std::string& name, std::string_view content, mode_t mode) {
  return Add({.name = name, .content = std::string(content), .mode = mode});
}

Tar& Tar::Directory(const std::string& name, mode_t mode) {
  return Add({.name = name + "/", .type = '5', .mode = mode});
}

Tar& Tar::Symlink(const std::string& name, const std::string& target) {
  return Add({.name = name, .type = '2', .link = target, .mode = 0777});
}

Tar& Tar::HardLink(const std::string& name, const std::string& target, mode_t mode) {
  return Add({.name = name, .type = '1', .link = target, .mode = mode});
}

Tar& Tar::Whiteout(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t base = slash == std::string::npos ? 0 : slash + 1;
  return File(name.substr(0, base) + ".wh." + name.substr(base), "");
}

Tar& Tar::OpaqueDirectory(const std::string& name) {
  return File(name + "/.wh..wh..opq", "");
}

Tar& Tar::Raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string Tar::Finish() const {
  return bytes_ + std::string(2 * kBlock, '\0');
}

std::string Gzip(std::string_view bytes) {
  std::string result(bytes.size() + bytes.size() / 8 + 1024, '\0');
  std::vector<uint8_t> level_buffer(ISAL_DEF_LVL1_DEFAULT);
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.level = 1;
  stream.level_buf = level_buffer.data();
  stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.flush = NO_FLUSH;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uint32_t>(bytes.size());
  stream.next_out = reinterpret_cast<uint8_t*>(result.data());
  stream.avail_out = static_cast<uint32_t>(result.size());
  if (isal_deflate(&stream) != COMP_OK || stream.avail_in != 0) {
    throw std::runtime_error("isal_deflate");
  }
  result.resize(stream.total_out);
  return result;
}

std::string Zstd(std::string_view bytes) {
  std::string result(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(result.data(), result.size(), bytes.data(), bytes.size(), 3);
  if (ZSTD_isError(size) != 0) throw std::runtime_error("ZSTD_compress");
  result.resize(size);
  return result;
}

std::string Sha256Hex(std::string_view bytes) {
  unsigned char hash[32];
  unsigned length = sizeof hash;
  if (EVP_Digest(bytes.data(), bytes.size(), hash, &length, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("EVP_Digest");
  }
  std::string hex;
  for (unsigned char byte : hash) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string Sha256Digest(std::string_view bytes) {
  return "sha256:" + Sha256Hex(bytes);
}

}  // namespace hoy::test
