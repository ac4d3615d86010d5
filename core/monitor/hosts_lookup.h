#pragma once
// A container's hosts file as a database of names (hosts(5)): hoy keeps in it who shares a network
// with the container (net/attach/names.h), and what --add-host said. The container may write to it,
// too, so nothing is believed of it: not its size, not its lines.
//
// It is read for each question, through one small buffer: it is in memory anyway, and so it is
// always what the container's own programs find there. Who writes it meanwhile (hoy does, in place)
// is read again.

#include <cstddef>

#include "core/monitor/dns_message.h"

namespace hoy::core {

constexpr size_t kHostsBufferBytes = 4096;  // a longer line is passed over
// What is behind that is not looked at: some 1,500 members.
constexpr size_t kMostHostsBytes = size_t{64} << 10;

// Pure: looks a question up in one line after the other.
class HostsLookup {
 public:
  HostsLookup(const DnsQuestion& question, DnsFindings* findings);
  // Whether it is a question that a hosts file can know of at all.
  bool wanted() const { return wanted_; }
  void Line(const char* line, size_t size);

 private:
  void Found(const HostAddress& address);

  const DnsQuestion& question_;
  DnsFindings* findings_;
  bool wanted_ = false;
  HostAddress reverse_;  // the address whose name is asked for
};

// `buffer`: kHostsBufferBytes. A file that cannot be read knows nothing.
void LookUpInHosts(const char* path, char* buffer, const DnsQuestion& question,
                   DnsFindings* findings);

// Pure. IPv4 as four numbers, IPv6 as RFC 4291 writes it.
bool ParseHostAddress(const char* text, size_t size, HostAddress* address);

}  // namespace hoy::core
