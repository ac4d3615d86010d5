#pragma once
// Carries what comes to ports of the host's ::1 to the container, and the answers back: no rule can
// (net/firewall/port_sockets.h); and what comes to other IPv6 addresses of the host, where the
// container has IPv4 alone. The process in which this runs is forwarder.h's.
//
// A connection, or a UDP client, has a place in a table with what it needs; everything is by one
// epoll. Nothing is looked at: bytes are bytes. Where a table is full, who has been silent for
// longest makes room: nobody can shut the ports by saying nothing.

#include <netinet/in.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>

namespace hoy::core {

// Of a listening, or UDP, socket: where it leads to. As it goes along with the sockets.
struct ForwardTarget {
  uint8_t protocol;  // IPPROTO_TCP or UDP
  uint8_t family;    // of the address: AF_INET or AF_INET6
  uint16_t port;     // in network order, as the address
  uint8_t address[16];
};

// Those beyond are not served.
constexpr size_t kMostForwards = 4096;

class Forwards {
 public:
  // All of it zero: what is not used costs no memory.
  constexpr Forwards() = default;

  // Whatever lies in that socket (net/firewall/port_sockets.h), which stays as it is. False: errno.
  bool Start(int bundle);
  // Until nothing has come for a while, and nobody is there.
  void RunUntilIdle();

 private:
  static constexpr int kMostSockets = kMostForwards;
  static constexpr int kMostConnections = 1024;
  static constexpr int kMostClients = 128;  // of UDP
  static constexpr uint32_t kBufferBytes = 16 * 1024;
  enum class Kind : uint8_t { kSocket, kConnection, kClient };

  struct Socket {
    int fd;
    ForwardTarget target;
  };
  struct Side {
    int fd;
    bool is_watched, has_ended;  // it has no more to say
    uint32_t begin, end;         // of what it has said and the other has not taken
  };
  struct Connection {
    bool used, connecting;
    int64_t last;   // when anything happened
    Side sides[2];  // who has connected, and the container
  };
  struct Client {
    bool used;
    int fd;  // connected to the container
    int socket;
    int64_t due;
    sockaddr_in6 address;
    in6_addr here;  // of the host's, the one that it has sent to, and expects to hear from
  };

  void Handle(const epoll_event& event);
  void Accept(Socket& socket);
  Connection& PlaceForOne();
  void Move(Connection& connection);
  void Close(Connection& connection);
  bool MoveFrom(Connection& connection, int from);  // false: it is broken
  void WatchSide(Connection& connection, int which);
  void WatchSockets(bool watched);
  void HearClients(int socket);
  Client* ClientAt(int socket, const sockaddr_in6& address, const in6_addr& here);
  void HearContainer(Client& client);
  void Close(Client& client);
  int Dial(const ForwardTarget& target) const;
  void Watch(int fd, uint32_t events, Kind kind, int place, int side = 0) const;

  int epoll_ = 0;
  int sockets_used_ = 0;
  int connections_used_ = 0;
  int clients_used_ = 0;
  int most_connections_ = 0;                       // as many as there are descriptors for
  uint8_t (*buffers_)[2][kBufferBytes] = nullptr;  // mapped: who says nothing has no page
  int64_t now_ = 0;                                // CLOCK_MONOTONIC, nanoseconds
  int64_t short_until_ = 0;  // the system could not give what a connection needs
  Socket sockets_[kMostSockets]{};
  Connection connections_[kMostConnections]{};
  Client clients_[kMostClients]{};
  uint8_t datagram_[64 * 1024]{};
};

}  // namespace hoy::core
