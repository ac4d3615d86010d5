#include "core/monitor/forward.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>

#include "core/monitor/read_clock.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr int kEventsAtOnce = 64;
constexpr int kDatagramsAtOnce = 64;
constexpr int kMovesAtOnce = 32;  // of one connection, in one direction
constexpr int kIdleMs = 30'000;
constexpr int kShortMs = 1000;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int kOwnDescriptors = 16;                  // more than it has
constexpr int64_t kClientPatience = 90'000'000'000;  // docker's

bool IsForLater() {
  return errno == EAGAIN || errno == EINTR || errno == EINPROGRESS;
}

// Of one whose other end is gone without a word, the kernel hears in the end.
void KeepAlive(int fd) {
  int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

bool IsLoopback(const sockaddr_in6& address) {
  return memcmp(&address.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

bool IsSame(const sockaddr_in6& a, const sockaddr_in6& b) {
  return a.sin6_port == b.sin6_port && a.sin6_scope_id == b.sin6_scope_id &&
         memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
}

// A socket of any address has to be told which of them a datagram was for, and is from.
union PacketInfo {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

void AskForPacketInfo(int fd) {
  int on = 1;
  (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

ssize_t ReceiveDatagram(int fd, iovec data, sockaddr_in6& from, in6_addr& here) {
  PacketInfo info{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &info;
  message.msg_controllen = sizeof info;
  ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT);
  cmsghdr* header = count < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo packet;
    memcpy(&packet, CMSG_DATA(header), sizeof packet);
    here = packet.ipi6_addr;
  }
  return count;
}

void SendDatagram(int fd, iovec data, const sockaddr_in6& to, const in6_addr& here) {
  PacketInfo info{};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_in6*>(&to);
  message.msg_namelen = sizeof to;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &info;
  message.msg_controllen = sizeof info;
  info.header.cmsg_level = IPPROTO_IPV6;
  info.header.cmsg_type = IPV6_PKTINFO;
  info.header.cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
  in6_pktinfo packet{};
  packet.ipi6_addr = here;
  memcpy(CMSG_DATA(&info.header), &packet, sizeof packet);
  (void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// What leads to an IPv6 address leads there by rules (net/firewall/port_sockets.h), from everywhere
// but ::1: a socket of any address is for that alone then.
bool IsForUs(const ForwardTarget& target, const sockaddr_in6& address) {
  return target.family == AF_INET || IsLoopback(address);
}

}  // namespace

bool Forwards::Start(int bundle) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int from = 0;
  if (epoll_ < 0 || setsockopt(bundle, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof from) != 0) {
    return false;
  }
  while (sockets_used_ < kMostSockets) {
    ForwardTarget targets[kMaxPacketFds];
    PacketFds came;
    ssize_t count = ReceivePacket(bundle, targets, sizeof targets, &came, MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN) return false;
    if (count <= 0) break;
    for (size_t i = 0; i < came.count && sockets_used_ < kMostSockets; ++i) {
      if (targets[i].protocol == IPPROTO_UDP) AskForPacketInfo(came.fds[i]);
      sockets_[sockets_used_++] = {came.fds[i], targets[i]};
    }
  }
  constexpr size_t kBuffers = sizeof *buffers_ * kMostConnections;
  void* base = mmap(nullptr, kBuffers, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  rlimit limit{};
  if (base == MAP_FAILED || getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  madvise(base, kBuffers, MADV_NOHUGEPAGE);
  buffers_ = static_cast<uint8_t(*)[2][kBufferBytes]>(base);
  constexpr rlim_t kEnough = kOwnDescriptors + kMostSockets + kMostClients + 2 * kMostConnections;
  auto most = static_cast<int>(limit.rlim_cur < kEnough ? limit.rlim_cur : kEnough);
  int left = (most - kOwnDescriptors - sockets_used_ - kMostClients) / 2;
  most_connections_ = left < 1 ? 1 : left < kMostConnections ? left : kMostConnections;
  WatchSockets(true);
  return sockets_used_ > 0;
}

void Forwards::Watch(int fd, uint32_t events, Kind kind, int place, int side) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(kind) << 32 | static_cast<uint64_t>(place) << 1 |
                   static_cast<uint64_t>(side);
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT) {
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
}

// Those that come meanwhile wait in the kernel's queue.
void Forwards::WatchSockets(bool watched) {
  short_until_ = watched ? 0 : now_ + kShortMs * kNsPerMs;
  for (int i = 0; i < sockets_used_; ++i) {
    bool is_udp = sockets_[i].target.protocol == IPPROTO_UDP;
    Watch(sockets_[i].fd, watched || is_udp ? uint32_t{EPOLLIN} : 0, Kind::kSocket, i);
  }
}

void Forwards::RunUntilIdle() {
  while (true) {
    epoll_event events[kEventsAtOnce];
    int count = epoll_wait(epoll_, events, kEventsAtOnce, short_until_ != 0 ? kShortMs : kIdleMs);
    if (count < 0 && errno != EINTR) return;
    now_ = ReadClock(CLOCK_MONOTONIC);
    // Newcomers last: a place that became free just now may have an event of its last owner.
    for (int i = 0; i < count; ++i) {
      if (static_cast<Kind>(events[i].data.u64 >> 32) != Kind::kSocket) Handle(events[i]);
    }
    for (int i = 0; i < count; ++i) {
      if (static_cast<Kind>(events[i].data.u64 >> 32) == Kind::kSocket) Handle(events[i]);
    }
    for (Client& client : clients_) {
      if (clients_used_ == 0) break;
      if (client.used && client.due <= now_) Close(client);
    }
    if (short_until_ != 0 && now_ >= short_until_) WatchSockets(true);
    if (count == 0 && connections_used_ == 0 && clients_used_ == 0) return;
  }
}

void Forwards::Handle(const epoll_event& event) {
  auto place = static_cast<int>((event.data.u64 & 0xffffffff) >> 1);
  switch (static_cast<Kind>(event.data.u64 >> 32)) {
    case Kind::kSocket:
      if (sockets_[place].target.protocol == IPPROTO_UDP) {
        HearClients(place);
      } else {
        Accept(sockets_[place]);
      }
      break;
    case Kind::kConnection: {
      Connection& connection = connections_[place];
      if (!connection.used) break;
      connection.last = now_;
      if ((event.events & EPOLLERR) != 0) {
        Close(connection);
        break;
      }
      if ((event.data.u64 & 1) != 0) connection.connecting = false;
      Move(connection);
      break;
    }
    case Kind::kClient:
      if (clients_[place].used) HearContainer(clients_[place]);
      break;
  }
}

// Connected to the container, or soon; -1: it cannot be.
int Forwards::Dial(const ForwardTarget& target) const {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (target.family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    v4->sin_family = AF_INET;
    v4->sin_port = target.port;
    memcpy(&v4->sin_addr, target.address, sizeof v4->sin_addr);
    size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = target.port;
    memcpy(&v6->sin6_addr, target.address, sizeof v6->sin6_addr);
    size = sizeof *v6;
  }
  int type = target.protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
  int fd = socket(target.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 || IsForLater()) return fd;
  close(fd);
  return -1;
}

void Forwards::Accept(Socket& socket) {
  int fd = accept4(socket.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    bool is_short = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    if (is_short && connections_used_ > 0) WatchSockets(false);
    if (is_short && connections_used_ == 0) _exit(1);  // again later, by the monitor
    return;
  }
  sockaddr_in6 here{};
  socklen_t size = sizeof here;
  bool is_ours = getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size) == 0 &&
                 IsForUs(socket.target, here);
  int server = is_ours ? Dial(socket.target) : -1;
  if (server < 0) {
    close(fd);
    return;
  }
  Connection& connection = PlaceForOne();
  connection.used = connection.connecting = true;
  connection.last = now_;
  for (int which : {0, 1}) {
    Side& side = connection.sides[which];
    side.fd = which == 0 ? fd : server;
    side.is_watched = side.has_ended = false;
    side.begin = side.end = 0;
    KeepAlive(side.fd);
    WatchSide(connection, which);
  }
  ++connections_used_;
}

// A free one, or that of who has been silent for longest.
Forwards::Connection& Forwards::PlaceForOne() {
  Connection* place = &connections_[0];
  for (int i = 0; i < most_connections_ && place->used; ++i) {
    Connection& other = connections_[i];
    if (!other.used || other.last < place->last) place = &other;
  }
  if (place->used) Close(*place);
  return *place;
}

bool Forwards::MoveFrom(Connection& connection, int from) {
  Side& side = connection.sides[from];
  uint8_t* buffer = buffers_[&connection - connections_][from];
  int to = connection.sides[1 - from].fd;
  for (int turn = 0; turn < kMovesAtOnce; ++turn) {
    if (side.begin < side.end) {
      ssize_t count =
          send(to, buffer + side.begin, side.end - side.begin, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0) return IsForLater();
      side.begin += static_cast<uint32_t>(count);
      continue;
    }
    if (side.has_ended) return true;
    ssize_t count = recv(side.fd, buffer, kBufferBytes, MSG_DONTWAIT);
    if (count < 0) return IsForLater();
    side.begin = 0;
    side.end = static_cast<uint32_t>(count);
    if (count > 0) continue;
    side.has_ended = true;
    if (shutdown(to, SHUT_WR) != 0) return false;
  }
  return true;
}

void Forwards::Move(Connection& connection) {
  if (!connection.connecting) {
    for (int from : {0, 1}) {
      if (MoveFrom(connection, from)) continue;
      Close(connection);
      return;
    }
    const Side* sides = connection.sides;
    if (sides[0].has_ended && sides[1].has_ended) {
      Close(connection);
      return;
    }
  }
  for (int which : {0, 1}) WatchSide(connection, which);
}

// Of who has nothing to do, also that it hung up would be told, again and again.
void Forwards::WatchSide(Connection& connection, int which) {
  Side& side = connection.sides[which];
  const Side& other = connection.sides[1 - which];
  uint32_t events = 0;
  if (connection.connecting) {
    events = which == 1 ? uint32_t{EPOLLOUT} : 0;
  } else {
    if (side.begin == side.end && !side.has_ended) events |= EPOLLIN;
    if (other.begin < other.end) events |= EPOLLOUT;
  }
  if (events != 0) {
    Watch(side.fd, events, Kind::kConnection, static_cast<int>(&connection - connections_), which);
  } else if (side.is_watched) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, side.fd, nullptr);
  }
  side.is_watched = events != 0;
}

void Forwards::Close(Connection& connection) {
  for (const Side& side : connection.sides) close(side.fd);
  connection.used = false;
  --connections_used_;
  if (short_until_ != 0) WatchSockets(true);
}

void Forwards::HearClients(int socket) {
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    sockaddr_in6 from{};
    in6_addr here{};
    ssize_t count = ReceiveDatagram(sockets_[socket].fd, {datagram_, sizeof datagram_}, from, here);
    if (count < 0) return;
    bool is_ours = IsForUs(sockets_[socket].target, from);
    Client* client = is_ours ? ClientAt(socket, from, here) : nullptr;
    // Lost, as on any wire, where it cannot be sent.
    if (client != nullptr) {
      (void)send(client->fd, datagram_, static_cast<size_t>(count), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
}

// The one that has said nothing for longest makes room for another.
Forwards::Client* Forwards::ClientAt(int socket, const sockaddr_in6& address,
                                     const in6_addr& here) {
  Client* place = &clients_[0];
  for (Client& client : clients_) {
    bool is_it = client.used && client.socket == socket && IsSame(client.address, address) &&
                 memcmp(&client.here, &here, sizeof here) == 0;
    if (is_it) {
      client.due = ReadClock(CLOCK_MONOTONIC) + kClientPatience;
      return &client;
    }
    bool is_better = place->used && (!client.used || client.due < place->due);
    if (is_better) place = &client;
  }
  int fd = Dial(sockets_[socket].target);
  if (fd < 0) return nullptr;
  if (place->used) Close(*place);
  *place = {true, fd, socket, ReadClock(CLOCK_MONOTONIC) + kClientPatience, address, here};
  ++clients_used_;
  Watch(fd, EPOLLIN, Kind::kClient, static_cast<int>(place - clients_));
  return place;
}

void Forwards::HearContainer(Client& client) {
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    ssize_t count = recv(client.fd, datagram_, sizeof datagram_, MSG_DONTWAIT);
    if (count < 0) {
      if (!IsForLater()) Close(client);  // nobody listens there
      return;
    }
    client.due = ReadClock(CLOCK_MONOTONIC) + kClientPatience;
    SendDatagram(sockets_[client.socket].fd, {datagram_, static_cast<size_t>(count)},
                 client.address, client.here);
  }
}

void Forwards::Close(Client& client) {
  close(client.fd);
  client.used = false;
  --clients_used_;
}

}  // namespace hoy::core
