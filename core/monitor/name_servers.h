#pragma once
// The servers that a container's questions are passed on to: RUN/containers/<id>/servers, an
// address a line, which hoy writes (net/attach/etc_files.h). Of an IPv6 address that counts on one
// link only, the link's number follows, "fe80::1%2".

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace hoy::core {

constexpr uint16_t kDnsPort = 53;

struct NameServers {
  static constexpr size_t kMost = 4;
  size_t count = 0;
  sockaddr_storage addresses[kMost];

  // Pure.
  void Parse(const char* text, size_t size);
  // None, where the file cannot be read.
  void Read(const char* path);
};

// For bind(2) and connect(2).
socklen_t SizeOf(const sockaddr_storage& address);

}  // namespace hoy::core
