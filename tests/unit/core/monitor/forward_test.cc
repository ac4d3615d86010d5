#include "core/monitor/forward.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "net/firewall/port_sockets.h"
#include "tests/unit/net/private_network.h"

namespace hoy::core {
namespace {

using net::Address;

// A socket whose answers are waited for patiently.
class Peer {
 public:
  Peer(int family, int port = 0, const std::string& host = "") {
    fd_.reset(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    timeval patience{.tv_sec = 60, .tv_usec = 0};
    EXPECT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    if (host.empty()) return;
    auto [address, size] = At(host, port);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0) << strerror(errno);
  }
  void Send(const std::string& text, const std::string& host, int port) {
    auto [address, size] = At(host, port);
    EXPECT_EQ(
        sendto(fd_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), size),
        static_cast<ssize_t>(text.size()))
        << strerror(errno);
  }
  std::string Hear() {
    char text[64];
    size_ = sizeof from_;
    ssize_t count =
        recvfrom(fd_.get(), text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from_), &size_);
    return count < 0 ? strerror(errno) : std::string(text, static_cast<size_t>(count));
  }
  // To whom was heard last.
  void Answer(const std::string& text) {
    EXPECT_EQ(
        sendto(fd_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from_), size_),
        static_cast<ssize_t>(text.size()));
  }

 private:
  static std::pair<sockaddr_storage, socklen_t> At(const std::string& host, int port) {
    sockaddr_storage storage{};
    auto ip = Address(host);
    storage.ss_family = static_cast<sa_family_t>(ip.family());
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    (ip.is_v6() ? v6->sin6_port : v4->sin_port) = htons(static_cast<uint16_t>(port));
    void* bytes = ip.is_v6() ? static_cast<void*>(&v6->sin6_addr) : &v4->sin_addr;
    std::memcpy(bytes, ip.bytes().data(), ip.bytes().size());
    return {storage, static_cast<socklen_t>(ip.is_v6() ? sizeof *v6 : sizeof *v4)};
  }

  Fd fd_;
  sockaddr_storage from_{};
  socklen_t size_ = 0;
};

class Forwarding : public net::PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(net::Shell("ip link set lo up; ip addr add fd00::1/128 dev lo nodad;"
                         "ip addr add fd00::2/128 dev lo nodad"),
              "");
    // The kernel takes them for its own a moment later.
    ASSERT_EQ(net::Shell("for to in fd00::1 fd00::2; do timeout 60 sh -c \"until ip -6 route get "
                         "$to | grep -q ^local; do sleep 0.01; done\" || echo $to is missing; "
                         "done"),
              "");
  }
  void TearDown() override {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  // What comes to port 53 of `host` by UDP goes to `container`'s 5353.
  void Start(const std::string& host, const std::string& container) {
    net::PortWish wish{.ways = {{Address(host), Address(container)}},
                       .first = 53,
                       .last = 53,
                       .container_port = 5353,
                       .protocol = IPPROTO_UDP};
    auto held = net::HoldPorts({&wish, 1}, [](const net::PublishedPort&) { return false; });
    ASSERT_TRUE(held) << held.error().message;
    net::PackedForwards packed = net::Get(net::PackForwards(held->forwards));
    auto forwards = std::make_unique<Forwards>();
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (forwards->Start(packed.bundle.get())) forwards->RunUntilIdle();
      _exit(0);
    }
    ASSERT_GT(child_, 0);
  }
  size_t Descriptors() const {
    std::filesystem::directory_iterator fds("/proc/" + std::to_string(child_) + "/fd");
    return static_cast<size_t>(std::distance(begin(fds), end(fds)));
  }

  pid_t child_ = -1;
};

// Each of them has a socket of its own to the container.
TEST_F(Forwarding, MoreUdpClientsThanThereArePlacesAreAllAnswered) {
  Start("::1", "127.0.0.1");
  Peer server(AF_INET, 5353, "127.0.0.1");
  std::vector<std::unique_ptr<Peer>> clients;
  constexpr int kClients = 300;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Peer>(AF_INET6));
    clients.back()->Send(std::to_string(i), "::1", 53);
    ASSERT_EQ(server.Hear(), std::to_string(i));
    server.Answer("to " + std::to_string(i));
    ASSERT_EQ(clients.back()->Hear(), "to " + std::to_string(i));
  }
  EXPECT_LT(Descriptors(), static_cast<size_t>(kClients) / 2 + 50);
  // Whose place another has got has a new one.
  clients.front()->Send("again", "::1", 53);
  ASSERT_EQ(server.Hear(), "again");
  server.Answer("heard");
  EXPECT_EQ(clients.front()->Hear(), "heard");
}

// The container has IPv4 alone: then it is not for the host's own ::1 only.
TEST_F(Forwarding, ClientsOfOnePortAndSeveralAddressesAreNotMixedUp) {
  Start("::", "127.0.0.1");
  Peer server(AF_INET, 5353, "127.0.0.1");
  Peer one(AF_INET6, 7000, "fd00::1"), two(AF_INET6, 7000, "fd00::2");
  one.Send("one", "fd00::1", 53);
  ASSERT_EQ(server.Hear(), "one");
  two.Send("two", "fd00::1", 53);
  ASSERT_EQ(server.Hear(), "two");
  server.Answer("to two");
  EXPECT_EQ(two.Hear(), "to two");
  one.Send("more", "fd00::1", 53);
  ASSERT_EQ(server.Hear(), "more");
  server.Answer("to one");
  EXPECT_EQ(one.Hear(), "to one");
}

}  // namespace
}  // namespace hoy::core
