#pragma once
// Tar archives made header by header, for what tar(1) would never write. POSIX.1-2017 pax "ustar
// Interchange Format" and GNU tar's extensions.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoy::oci::test {

class LayerTar {
 public:
  struct Header {
    std::string name;
    char type = '0';  // 0 file, 1 hard link, 2 symlink, 3 char, 4 block, 5 directory, 6 fifo
    std::string body;
    std::string link;
    unsigned mode = 0644;
    uint64_t uid = 0;
    uint64_t gid = 0;
    uint64_t mtime = 1'600'000'000;
    unsigned major = 0;
    unsigned minor = 0;
    std::vector<std::pair<std::string, std::string>> pax;  // an 'x' header before this one
  };

  LayerTar& Add(const Header& header) {
    if (!header.pax.empty()) {
      std::string records;
      for (const auto& [key, value] : header.pax) records += PaxRecord(key, value);
      AddRaw({.name = "pax", .type = 'x', .body = records});
    }
    AddRaw(header);
    return *this;
  }
  LayerTar& File(const std::string& name, const std::string& body, unsigned mode = 0644) {
    return Add({.name = name, .body = body, .mode = mode});
  }
  LayerTar& Dir(const std::string& name, unsigned mode = 0755) {
    return Add({.name = name, .type = '5', .mode = mode});
  }
  LayerTar& Symlink(const std::string& name, const std::string& target) {
    return Add({.name = name, .type = '2', .link = target, .mode = 0777});
  }
  LayerTar& HardLink(const std::string& name, const std::string& target) {
    return Add({.name = name, .type = '1', .link = target});
  }
  LayerTar& Bytes(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }

  std::string Finish() const { return bytes_ + std::string(1024, '\0'); }
  const std::string& unfinished() const { return bytes_; }

  // "<length> <key>=<value>\n", the length counting itself.
  static std::string PaxRecord(const std::string& key, const std::string& value) {
    size_t rest = key.size() + value.size() + 3;
    size_t length = rest + std::to_string(rest).size();
    if (std::to_string(length).size() > std::to_string(rest).size()) ++length;
    return std::to_string(length) + " " + key + "=" + value + "\n";
  }

 private:
  static void Octal(char* field, size_t width, uint64_t value) {
    if (value >> (3 * (width - 1)) == 0) {
      snprintf(field, width, "%0*llo", static_cast<int>(width) - 1,
               static_cast<unsigned long long>(value));
      return;
    }
    for (size_t i = width; i-- > 0; value >>= 8) field[i] = static_cast<char>(value & 0xff);
    field[0] = static_cast<char>(0x80);  // GNU base-256
  }

  void AddRaw(const Header& header) {
    char block[512] = {};
    memcpy(block, header.name.data(), std::min<size_t>(header.name.size(), 100));
    Octal(block + 100, 8, header.mode);
    Octal(block + 108, 8, header.uid);
    Octal(block + 116, 8, header.gid);
    Octal(block + 124, 12, header.body.size());
    Octal(block + 136, 12, header.mtime);
    memset(block + 148, ' ', 8);
    block[156] = header.type;
    memcpy(block + 157, header.link.data(), std::min<size_t>(header.link.size(), 100));
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    Octal(block + 329, 8, header.major);
    Octal(block + 337, 8, header.minor);
    unsigned sum = 0;
    for (char c : block) sum += static_cast<unsigned char>(c);
    snprintf(block + 148, 8, "%06o", sum);
    bytes_.append(block, sizeof block);
    bytes_ += header.body;
    bytes_.append((512 - header.body.size() % 512) % 512, '\0');
  }

  std::string bytes_;
};

}  // namespace hoy::oci::test
