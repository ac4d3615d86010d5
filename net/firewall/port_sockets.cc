#include "net/firewall/port_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "core/monitor/forward.h"
#include "core/sys/fd_packet.h"

namespace hoy::net {
namespace {

constexpr int kRandomAttempts = 64;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  Address(const IpAddress& ip, uint16_t port) {
    if (ip.is_v6()) {
      auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
      to->sin6_family = AF_INET6;
      to->sin6_port = htons(port);
      std::memcpy(&to->sin6_addr, ip.bytes().data(), sizeof to->sin6_addr);
      size = sizeof *to;
    } else {
      auto* to = reinterpret_cast<sockaddr_in*>(&storage);
      to->sin_family = AF_INET;
      to->sin_port = htons(port);
      std::memcpy(&to->sin_addr, ip.bytes().data(), sizeof to->sin_addr);
      size = sizeof *to;
    }
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Error CannotHold(const PublishedPort& port, int code) {
  std::string text = ToString(port);
  Error error = SystemError("publish", text, code);
  if (code == EADDRINUSE) {
    error.kind = ErrorKind::kConflict;
    error.message = fmt::format("port {} is in use", text);
  } else if (code == EADDRNOTAVAIL) {
    error.kind = ErrorKind::kInvalidArgument;
    error.message = fmt::format("port {}: the host has no such address", text);
  } else if (code == EACCES) {
    error.kind = ErrorKind::kPermission;
  }
  return error;
}

// Whether nobody else may listen there. What lingers of an earlier server's connections
// (TIME_WAIT) forbids a plain bind; with SO_REUSEADDR the kernel looks for others when one listens.
bool BindBesideTimeWait(BorrowedFd fd, Address& address) {
  int on = 1, off = 0;
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), address.get(), address.size) != 0 || listen(fd.get(), 0) != 0) return false;
  (void)shutdown(fd.get(), SHUT_RD);  // bound, and listening no more
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
  return true;
}

// Beside what lingers of an earlier server's connections; the kernel looks for others when it
// listens.
Result<Fd> BindToForward(Fd fd, const PublishedPort& port) {
  constexpr int kBacklog = 256;
  int on = 1;
  bool tcp = port.protocol == IPPROTO_TCP;
  Address address(port.host, port.host_port);
  if (tcp) (void)setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  if (bind(fd.get(), address.get(), address.size) != 0 ||
      (tcp && listen(fd.get(), kBacklog) != 0)) {
    return Fail(CannotHold(port, errno));
  }
  return fd;
}

// A socket at that port, 0: one that the kernel chooses. An empty one: the kernel has none of that
// protocol.
Result<Fd> Bind(const PublishedPort& port) {
  int type = port.protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
  Fd fd(socket(port.host.family(), type | SOCK_CLOEXEC, port.protocol));
  if (!fd && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT || errno == EAFNOSUPPORT)) {
    return Fd();
  }
  if (!fd) return Fail(CannotHold(port, errno));
  int on = 1, least = 0;
  if (port.host.is_v6()) (void)setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (IsForwarded(port)) return BindToForward(std::move(fd), port);
  // Nobody ever reads what comes to it when the rules are gone.
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  Address address(port.host, port.host_port);
  if (bind(fd.get(), address.get(), address.size) == 0) return fd;
  int code = errno;
  bool tcp = port.protocol == IPPROTO_TCP;
  if (code == EADDRINUSE && tcp && BindBesideTimeWait(fd, address)) return fd;
  return Fail(CannotHold(port, code));
}

Result<uint16_t> PortOf(BorrowedFd fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return FailErrno("getsockname", "port");
  }
  return ntohs(storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

PublishedPort PortOn(const PortWish& wish, const PortWish::Way& way, uint16_t host_port) {
  return {.host = way.host,
          .host_port = host_port,
          .protocol = wish.protocol,
          .container = way.container,
          .container_port = wish.container_port};
}

using IsTaken = std::function<bool(const PublishedPort&)>;

Result<> HoldWay(const PortWish& wish, const PortWish::Way& way, uint16_t number,
                 const IsTaken& is_taken, HeldPorts& held) {
  TRY(Fd fd, Bind(PortOn(wish, way, number)));
  if (fd && number == 0) {
    TRY(number, PortOf(fd));
  }
  PublishedPort port = PortOn(wish, way, number);
  if (!fd && !IsByRules(port)) return Fail(CannotHold(port, EADDRNOTAVAIL));
  if (is_taken(port)) return Fail(CannotHold(port, EADDRINUSE));
  held.ports.push_back(port);
  if (!fd) return {};
  if (IsForwarded(port)) {
    bool needed = !way.implied && (port.host.IsLoopback() || !IsByRules(port));
    held.forwards.push_back({std::move(fd), port, needed});
  } else {
    held.sockets.push_back(std::move(fd));
  }
  return {};
}

// The wish at this number, 0: one that is free on its first way. Without what is implied.
Result<HeldPorts> HoldAt(const PortWish& wish, uint16_t number, const IsTaken& is_taken) {
  HeldPorts held;
  for (const PortWish::Way& way : wish.ways) {
    if (way.implied) continue;
    TRY(HoldWay(wish, way, number, is_taken, held));
    number = held.ports.back().host_port;
  }
  return held;
}

bool IsInUse(const Error& error) {
  return error.system_errno == EADDRINUSE;
}

// At the number that the rest of the wish has.
Result<> AddImplied(const PortWish& wish, const IsTaken& is_taken, HeldPorts& held) {
  if (held.ports.empty()) return {};
  for (const PortWish::Way& way : wish.ways) {
    if (!way.implied) continue;
    auto added = HoldWay(wish, way, held.ports.front().host_port, is_taken, held);
    bool is_over = added || IsInUse(added.error()) || added.error().system_errno == EADDRNOTAVAIL;
    if (!is_over) return added;
  }
  return {};
}

// Where the kernel has no sockets of the protocol it cannot choose a number either: TCP's are as
// good.
Result<uint16_t> AnyNumber(const PortWish& wish) {
  PortWish tcp = wish;
  tcp.protocol = IPPROTO_TCP;
  TRY(Fd fd, Bind(PortOn(tcp, wish.ways.front(), 0)));
  return PortOf(fd);
}

Result<HeldPorts> HoldOne(const PortWish& wish, const IsTaken& is_taken) {
  if (wish.ways.empty()) return HeldPorts();
  if (wish.first == 0) {
    for (int attempt = 0;; ++attempt) {
      uint16_t number = 0;
      if (wish.protocol == IPPROTO_SCTP) {
        TRY(number, AnyNumber(wish));
      }
      auto held = HoldAt(wish, number, is_taken);
      if (held || !IsInUse(held.error()) || attempt == kRandomAttempts) return held;
    }
  }
  for (uint32_t number = wish.first; number <= wish.last; ++number) {
    auto held = HoldAt(wish, static_cast<uint16_t>(number), is_taken);
    if (held || !IsInUse(held.error()) || wish.first == wish.last) return held;
  }
  Error error = CannotHold(PortOn(wish, wish.ways.front(), wish.first), EADDRINUSE);
  error.message = fmt::format("ports {}-{} are all in use", wish.first, wish.last);
  return Fail(std::move(error));
}

// A port more is a descriptor more, in this process only.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

// A socket in whose queue others are on their way.
struct Bundle {
  Fd keep, put;

  static Result<Bundle> Make() {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
      return FailErrno("socketpair", "ports");
    }
    return Bundle{Fd(pair[0]), Fd(pair[1])};
  }
  Result<> Put(std::string_view packet, std::span<const int> fds) const {
    if (core::SendPacket(put.get(), packet.data(), packet.size(), fds.data(), fds.size()) < 0) {
      return FailErrno("keep", "ports");
    }
    return {};
  }
};

std::string TargetOf(const PublishedPort& port) {
  core::ForwardTarget target{.protocol = port.protocol,
                             .family = static_cast<uint8_t>(port.container.family()),
                             .port = htons(port.container_port),
                             .address = {}};
  std::string_view bytes = port.container.bytes();
  std::memcpy(target.address, bytes.data(), bytes.size());
  return {reinterpret_cast<const char*>(&target), sizeof target};
}

}  // namespace

Result<HeldPorts> HoldPorts(std::span<const PortWish> wishes, const IsTaken& is_taken) {
  constexpr size_t kMany = 256;
  if (wishes.size() > kMany) RaiseDescriptorLimit();
  std::vector<HeldPorts> held(wishes.size());
  auto taken = [&](const PublishedPort& port) {
    auto collides = [&](const PublishedPort& own) { return Collide(own, port); };
    return is_taken(port) || std::ranges::any_of(held, [&](const HeldPorts& one) {
             return std::ranges::any_of(one.ports, collides);
           });
  };
  // Those that were named come before those that are chosen, which then are others; what nobody
  // asked for comes last.
  for (bool chosen : {false, true}) {
    for (size_t i = 0; i < wishes.size(); ++i) {
      bool is_chosen = wishes[i].first == 0 || wishes[i].first != wishes[i].last;
      if (is_chosen != chosen) continue;
      TRY(held[i], HoldOne(wishes[i], taken));
    }
  }
  for (size_t i = 0; i < wishes.size(); ++i) TRY(AddImplied(wishes[i], taken, held[i]));
  HeldPorts all;
  for (HeldPorts& one : held) {
    std::ranges::move(one.ports, std::back_inserter(all.ports));
    std::ranges::move(one.sockets, std::back_inserter(all.sockets));
    std::ranges::move(one.forwards, std::back_inserter(all.forwards));
  }
  TRY(LimitForwards(all));
  return all;
}

bool IsForwarded(const PublishedPort& port) {
  bool has_loopback = port.host.is_v6() && (port.host.IsAny() || port.host.IsLoopback());
  return (has_loopback || !IsByRules(port)) && port.protocol != IPPROTO_SCTP;
}

Result<> LimitForwards(HeldPorts& held, size_t most) {
  std::vector<HeldPorts::Forward>& all = held.forwards;
  if (all.size() <= most) return {};
  std::ranges::stable_partition(all, &HeldPorts::Forward::needed);
  if (all[most].needed) {
    return Fail(
        MakeError(
            ErrorKind::kInvalidArgument,
            fmt::format("more than {} published ports are at ::1, or at IPv6 addresses of the "
                        "host while the container has IPv4 alone",
                        most))
            .WithHint("publish fewer there: -p 0.0.0.0:8000-8999:8000-8999 is for IPv4 alone"));
  }
  int off = 0, least = 0;
  for (HeldPorts::Forward& forward : std::span(all).subspan(most)) {
    if (!IsByRules(forward.port)) {  // nobody asked for it
      std::erase_if(held.ports, [&](const auto& port) { return Collide(port, forward.port); });
      continue;
    }
    int fd = forward.socket.get();
    (void)shutdown(fd, SHUT_RD);  // bound, and listening no more
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    held.sockets.push_back(std::move(forward.socket));
  }
  all.erase(all.begin() + static_cast<ptrdiff_t>(most), all.end());
  return {};
}

Result<Fd> Pack(std::span<const Fd> sockets) {
  TRY(Bundle bundle, Bundle::Make());
  while (!sockets.empty()) {
    auto some = sockets.first(std::min(sockets.size(), core::kMaxPacketFds));
    std::vector<int> numbers;
    for (const Fd& fd : some) numbers.push_back(fd.get());
    TRY(bundle.Put("-", numbers));
    sockets = sockets.subspan(some.size());
  }
  return std::move(bundle.keep);
}

Result<PackedForwards> PackForwards(std::span<const HeldPorts::Forward> forwards) {
  PackedForwards packed;
  packed.watch.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!packed.watch) return FailErrno("epoll_create", "ports");
  TRY(Bundle bundle, Bundle::Make());
  while (!forwards.empty()) {
    auto some = forwards.first(std::min(forwards.size(), core::kMaxPacketFds));
    std::vector<int> numbers;
    std::string targets;
    for (const HeldPorts::Forward& forward : some) {
      epoll_event event{.events = EPOLLIN, .data = {}};
      if (epoll_ctl(packed.watch.get(), EPOLL_CTL_ADD, forward.socket.get(), &event) != 0) {
        return FailErrno("epoll_ctl", "ports");
      }
      numbers.push_back(forward.socket.get());
      targets += TargetOf(forward.port);
    }
    TRY(bundle.Put(targets, numbers));
    forwards = forwards.subspan(some.size());
  }
  packed.bundle = std::move(bundle.keep);
  return packed;
}

}  // namespace hoy::net
