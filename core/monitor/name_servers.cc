#include "core/monitor/name_servers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "core/monitor/hosts_lookup.h"

namespace hoy::core {
namespace {

constexpr size_t kMostFileBytes = 1024;

bool ParseServer(const char* text, size_t size, sockaddr_storage* to) {
  size_t length = 0;
  while (length < size && text[length] != '%') ++length;
  uint32_t link = 0;
  for (size_t at = length + 1; at < size; ++at) {
    if (text[at] < '0' || text[at] > '9') return false;
    link = link * 10 + static_cast<uint32_t>(text[at] - '0');
  }
  HostAddress address;
  if (!ParseHostAddress(text, length, &address)) return false;
  memset(to, 0, sizeof *to);
  if (address.size == 4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(to);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(kDnsPort);
    memcpy(&v4->sin_addr, address.bytes, sizeof v4->sin_addr);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(to);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(kDnsPort);
    v6->sin6_scope_id = link;
    memcpy(&v6->sin6_addr, address.bytes, sizeof v6->sin6_addr);
  }
  return true;
}

}  // namespace

void NameServers::Parse(const char* text, size_t size) {
  count = 0;
  for (size_t at = 0; at < size && count < kMost;) {
    size_t end = at;
    while (end < size && text[end] != '\n') ++end;
    if (ParseServer(text + at, end - at, &addresses[count])) ++count;
    at = end + 1;
  }
}

void NameServers::Read(const char* path) {
  count = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  char text[kMostFileBytes];
  ssize_t size = read(fd, text, sizeof text);
  if (size > 0) Parse(text, static_cast<size_t>(size));
  close(fd);
}

socklen_t SizeOf(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

}  // namespace hoy::core
