#include "cli/ops/heavy/server_address.h"

#include <netdb.h>
#include <sys/socket.h>

#include <array>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

constexpr std::string_view kAddress = "addr=";

std::string_view ServerOf(std::string_view device) {
  if (device.starts_with("//")) return Split(device.substr(2), '/').front();
  if (device.starts_with('[')) return device.substr(1, device.find(']') - 1);
  size_t end = device.find(":/");
  return end == std::string_view::npos ? "" : device.substr(0, end);
}

Result<std::string> Resolve(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failed = getaddrinfo(name.c_str(), nullptr, &wanted, &found);
  if (failed != 0) return Fail(ErrorKind::kNotFound, "server '{}': {}", name, gai_strerror(failed));
  std::array<char, NI_MAXHOST> text{};
  failed = getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0,
                       NI_NUMERICHOST);
  freeaddrinfo(found);
  if (failed != 0) return Fail(ErrorKind::kSystem, "server '{}': {}", name, gai_strerror(failed));
  return std::string(text.data());
}

}  // namespace

Result<std::string> ResolveServer(std::string_view device, std::string_view options) {
  std::string resolved;
  std::string_view name = ServerOf(device);
  for (std::string_view word : Split(options, ',')) {
    if (word.starts_with(kAddress)) {
      name = word.substr(kAddress.size());
    } else if (!word.empty()) {
      resolved.append(word).append(",");
    }
  }
  if (name.empty()) {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument, fmt::format("device '{}' names no server", device))
            .WithHint("device=SERVER:/PATH, or addr=SERVER in o="));
  }
  TRY(std::string address, Resolve(std::string(name)));
  return resolved.append(kAddress).append(address);
}

}  // namespace hoy::cli
