#pragma once
// TCP between network namespaces: a socket stays in the one it was made in.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "net/base/address.h"
#include "net/netlink/namespace.h"

namespace hoy::net {

constexpr int kPatienceMs = 60'000;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  SocketAddress() = default;
  SocketAddress(const IpAddress& address, uint16_t port) {
    if (address.is_v6()) {
      auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
      in6->sin6_family = AF_INET6;
      in6->sin6_port = htons(port);
      std::memcpy(&in6->sin6_addr, address.bytes().data(), 16);
      size = sizeof *in6;
    } else {
      auto* in = reinterpret_cast<sockaddr_in*>(&storage);
      in->sin_family = AF_INET;
      in->sin_port = htons(port);
      std::memcpy(&in->sin_addr, address.bytes().data(), 4);
      size = sizeof *in;
    }
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  std::string Text() const {
    const char* bytes = storage.ss_family == AF_INET6
                            ? reinterpret_cast<const char*>(
                                  &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr)
                            : reinterpret_cast<const char*>(
                                  &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr);
    return IpAddress::FromBytes({bytes, storage.ss_family == AF_INET6 ? 16u : 4u})->ToString();
  }
};

// Runs `call` in that namespace; without one, here.
template <typename Call>
auto In(BorrowedFd namespace_fd, Call call) {
  std::optional<NamespaceVisit> visit;
  if (namespace_fd.get() >= 0) {
    auto entered = NamespaceVisit::Enter(namespace_fd);
    EXPECT_TRUE(entered) << entered.error().message;
    if (entered) visit.emplace(*std::move(entered));
  }
  return call();
}

class Listener {
 public:
  Listener(const IpAddress& address, uint16_t port, BorrowedFd namespace_fd = -1) {
    In(namespace_fd, [&] {
      fd_.reset(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      SocketAddress local(address, port);
      EXPECT_EQ(bind(fd_.get(), local.get(), local.size), 0) << ErrnoText(errno);
      EXPECT_EQ(listen(fd_.get(), 16), 0) << ErrnoText(errno);
      return 0;
    });
  }
  // The next connection's client address as it is seen here; "nobody" when there is none.
  std::string AcceptFrom(bool wait = true) {
    pollfd poll_fd{fd_.get(), POLLIN, 0};
    if (poll(&poll_fd, 1, wait ? kPatienceMs : 0) != 1) return "nobody";
    SocketAddress peer;
    Fd client(accept4(fd_.get(), peer.get(), &peer.size, SOCK_CLOEXEC));
    return client ? peer.Text() : std::string(ErrnoText(errno));
  }

 private:
  Fd fd_;
};

// The first packet of a connection is on its way when this returns.
inline Fd BeginConnect(BorrowedFd namespace_fd, const IpAddress& address, uint16_t port) {
  return In(namespace_fd, [&] {
    Fd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SocketAddress remote(address, port);
    (void)connect(fd.get(), remote.get(), remote.size);
    return fd;
  });
}

inline std::string ConnectionState(BorrowedFd fd, int patience_ms) {
  pollfd poll_fd{fd.get(), POLLOUT, 0};
  if (poll(&poll_fd, 1, patience_ms) != 1) return "waiting";
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? "connected" : std::string(ErrnoText(error));
}

// "connected", or what errno says.
inline std::string Connect(BorrowedFd namespace_fd, const IpAddress& address, uint16_t port) {
  Fd fd = BeginConnect(namespace_fd, address, port);
  return ConnectionState(fd, kPatienceMs);
}

class UdpSocket {
 public:
  UdpSocket(const IpAddress& address, uint16_t port, BorrowedFd namespace_fd = -1) {
    In(namespace_fd, [&] {
      fd_.reset(socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      SocketAddress local(address, port);
      EXPECT_EQ(bind(fd_.get(), local.get(), local.size), 0) << ErrnoText(errno);
      return 0;
    });
  }
  void Send(const IpAddress& address, uint16_t port, std::string_view text) {
    SocketAddress to(address, port);
    EXPECT_EQ(sendto(fd_.get(), text.data(), text.size(), 0, to.get(), to.size),
              static_cast<ssize_t>(text.size()))
        << ErrnoText(errno);
  }
  // The next datagram; "nothing" when none comes.
  std::string Receive(int patience_ms = kPatienceMs) {
    pollfd poll_fd{fd_.get(), POLLIN, 0};
    if (poll(&poll_fd, 1, patience_ms) != 1) return "nothing";
    char text[256];
    ssize_t count = recv(fd_.get(), text, sizeof text, 0);
    return count < 0 ? std::string(ErrnoText(errno))
                     : std::string(text, static_cast<size_t>(count));
  }

 private:
  Fd fd_;
};

}  // namespace hoy::net
