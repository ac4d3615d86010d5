#include "core/state/id_link.h"

#include <unistd.h>

#include <array>

#include "core/state/container_id.h"

namespace hoy::core {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kPackedLength = (kIdLength * 4 + 5) / 6;

// The text of one base as that of another, both of them without padding: what is missing at the end
// of the last character is zero, and what is left over there goes.
std::string Recode(std::string_view text, std::string_view from, int bits_from, std::string_view to,
                   int bits_to, size_t length) {
  std::string recoded;
  unsigned held = 0;
  int bits = 0;
  for (char c : text) {
    size_t value = from.find(c);
    if (value == std::string_view::npos) return {};
    held = held << bits_from | static_cast<unsigned>(value);
    bits += bits_from;
    for (; bits >= bits_to; bits -= bits_to)
      recoded += to[held >> (bits - bits_to) & (to.size() - 1)];
  }
  if (recoded.size() < length) recoded += to[held << (bits_to - bits) & (to.size() - 1)];
  return recoded.size() == length ? recoded : std::string();
}

}  // namespace

std::string PackId(std::string_view id) {
  if (!IsContainerId(id)) return std::string(id);
  return Recode(id, kDigits, 4, kAlphabet, 6, kPackedLength);
}

std::string UnpackId(std::string_view packed) {
  if (packed.size() != kPackedLength) return std::string(packed);
  std::string id = Recode(packed, kAlphabet, 6, kDigits, 4, kIdLength);
  return id.empty() ? std::string(packed) : id;
}

Result<bool> MakeIdLink(const std::string& path, std::string_view id) {
  if (symlink(PackId(id).c_str(), path.c_str()) == 0) return true;
  if (errno == EEXIST) return false;
  return FailErrno("make link", path);
}

Result<std::string> ReadIdLink(const std::string& path) {
  std::array<char, 256> target{};
  ssize_t length = readlink(path.c_str(), target.data(), target.size());
  if (length >= 0) return UnpackId({target.data(), static_cast<size_t>(length)});
  if (errno == ENOENT || errno == EINVAL || errno == ENAMETOOLONG) return std::string();
  return FailErrno("read", path);
}

}  // namespace hoy::core
