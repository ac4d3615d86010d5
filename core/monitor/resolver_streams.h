#pragma once
// The resolver's questions by TCP (RFC 7766): a few connections of the container at a time, one
// question of each at a time. An answer of our own is written at once; for the rest a connection to
// a name server is made, and its answer, of any length, goes through a small buffer. A server that
// fails, or is silent for a while, is followed by the next; after the last one the asker hears so.
// When all places are taken, a newcomer gets that of who has been there longest without a question.

#include <cstdint>

#include "core/monitor/dns_message.h"
#include "core/monitor/hosts_lookup.h"
#include "core/monitor/name_servers.h"

namespace hoy::core {

// What the resolver's epoll says is ready: which table, and the place in it.
enum class ResolverEvent : uint32_t { kDatagram, kForwarded, kListener, kAsker, kServer };
// Watches for EPOLL* `events`; again is a change.
void WatchResolverFd(int epoll, int fd, uint32_t events, ResolverEvent kind, size_t place);

// Where answers come from, and a buffer for reading them, one at a time.
struct ResolverFiles {
  const char* hosts;
  const char* servers;
  uint8_t preferred;  // of the servers: the one that answered last by UDP
  char buffer[kHostsBufferBytes];
};

class ResolverStreams {
 public:
  constexpr ResolverStreams() = default;

  void Start(int epoll, int listener, ResolverFiles* files);
  int64_t due() const;
  void Accept();
  void Handle(ResolverEvent kind, size_t place, uint32_t events);
  void EndOverdue(int64_t now);

 private:
  static constexpr size_t kMost = 8;
  static constexpr size_t kPrefixBytes = 2;  // the length before each message

  enum class State : uint8_t { kFree, kReading, kConnecting, kRelaying };
  struct Stream {
    State state;
    uint8_t server, tries;  // of the servers
    bool has_server;
    int asker_fd, server_fd;
    int64_t due;
    uint16_t query_size;  // what has been read of it, with its prefix
    uint16_t begin, end;  // of what is in the buffer
    uint32_t seen;        // bytes of the answer that have come
    uint32_t size;        // of the answer with its prefix, when that has been seen
    uint8_t query[kPrefixBytes + kPlainDnsBytes];
    uint8_t buffer[kPrefixBytes + kMostAnswerBytes];
  };

  void ReadQuery(Stream& stream);
  void Decide(Stream& stream);
  void Answer(Stream& stream, size_t size);
  void Connect(Stream& stream);
  void ConnectNext(Stream& stream);
  void Connected(Stream& stream);
  void Relay(Stream& stream);
  void CloseServer(Stream& stream);
  void Close(Stream& stream);
  void Watch(Stream& stream);
  void WatchListener();
  Stream* OldestIdle();
  size_t PlaceOf(const Stream& stream) const { return static_cast<size_t>(&stream - streams_); }

  int epoll_ = 0;
  int listener_ = 0;
  size_t used_ = 0;
  bool listens_ = false;
  int64_t paused_until_ = 0;  // no descriptor was left for another
  uint32_t turn_ = 0;
  ResolverFiles* files_ = nullptr;
  NameServers servers_{};
  Stream streams_[kMost]{};
};

}  // namespace hoy::core
