#pragma once
// Answers what the programs of a container ask by DNS: names that its hosts file knows, at once;
// everything else it passes on to name servers, from the host's side, where also those on the
// host's loopback can be reached.
//
// The sockets at which it is asked lie in the container's network namespace, where hoy has put them
// (net/attach/resolver_sockets.h), so that whoever asks is in the container. That is all it knows
// of them: what they send may be anything, as much as they like. Every table is fixed, what does
// not fit is dropped and asked again, and nothing waits but in the one poll of the monitor's loop.
// The time that questions take is the host's, not the container's: after a tenth of a second's they
// wait for the next.
//
//   by UDP   each question that is passed on has a socket of its own, connected to the server, and
//            an id of its own: an answer from anywhere else does not arrive, and nobody can guess
//            both. A server that is silent or fails is followed by the next; the one that answered
//            last is asked first.
//   by TCP   core/monitor/resolver_streams.h

#include <netinet/in.h>

#include <cstdint>

#include "core/monitor/dns_message.h"
#include "core/monitor/hosts_lookup.h"
#include "core/monitor/name_servers.h"
#include "core/monitor/resolver_streams.h"

namespace hoy::core {

class Resolver {
 public:
  // All of it zero: what is not used costs no memory.
  constexpr Resolver() = default;

  // The sockets are its own from here on, and take the place of earlier ones. Paths: of the two
  // files that it reads.
  void Start(int datagrams, int listener, const char* hosts, const char* servers);

  // To be polled for input, or -1: nobody can ask.
  int fd() const { return started_ && paused_until_ == 0 ? epoll_ : -1; }
  // CLOCK_MONOTONIC, nanoseconds; INT64_MAX: it waits for nothing.
  int64_t due() const;
  // When something came, or something is due. Takes a bounded share of what there is.
  void Handle();

 private:
  static constexpr int kMostForwarded = 128;
  static constexpr int kMostOfOneAsker = kMostForwarded / 4;
  static constexpr size_t kMostQueryBytes = 320;  // a name of any length, and usual extensions
  static constexpr size_t kMostDatagramBytes = 4096;

  struct Forwarded {
    bool used;
    uint8_t server;  // of the servers
    uint8_t tries;
    int fd;          // connected to it
    uint64_t begun;  // before those with greater numbers
    int64_t due;
    sockaddr_in asker;
    uint16_t asker_id;
    uint16_t size;
    uint16_t question_end;
    uint8_t query[kMostQueryBytes];  // under our own id
  };

  void Work(int64_t now);
  Forwarded* PlaceFor(uint16_t asker_id, const sockaddr_in& asker);
  void HearAskers();
  void Answer(size_t size, const sockaddr_in& asker);
  void Forward(const DnsQuestion& question, size_t size, const sockaddr_in& asker);
  bool Ask(Forwarded& one);
  void AskNext(Forwarded& one);
  void HearServer(Forwarded& one);
  void Close(Forwarded& one);
  void Reply(const uint8_t* message, size_t size, const sockaddr_in& asker);

  bool started_ = false;
  int epoll_ = 0;
  int datagrams_ = 0;
  int used_ = 0;
  uint32_t turn_ = 0;
  uint64_t begun_ = 0;
  int64_t second_ends_ = 0;
  int64_t spent_ = 0;         // of this second
  int64_t paused_until_ = 0;  // what was to be spent of it is
  ResolverFiles files_{};
  ResolverStreams streams_;
  NameServers servers_{};
  Forwarded forwarded_[kMostForwarded]{};
  uint8_t datagram_[kMostDatagramBytes]{};
  uint8_t answer_[kMostAnswerBytes]{};
};

}  // namespace hoy::core
