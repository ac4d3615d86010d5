// What crosses a published port: from another machine by the host into a container, beside the same
// wires and rules made by hand with ip and nft.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <exception>
#include <future>
#include <stdexcept>
#include <vector>

#include "tests/bench/cases.h"
#include "tests/bench/networks.h"

namespace hoy::bench {
namespace {

constexpr size_t kBytes = size_t{1} << 29;
constexpr size_t kPiece = size_t{128} << 10;
constexpr uint16_t kHostPort = 8080, kContainerPort = 80;
constexpr const char* kHostAddress = "203.0.113.1";

// Another machine and the host, joined by a cable.
struct Machines {
  Fd other = NewNetworkNamespace();
  Fd host = NewNetworkNamespace();

  Machines() {
    RunThere(host, fmt::format("ip link set lo up; ip link add wire type veth peer name wire netns "
                               "{}; ip addr add {}/24 dev wire; ip link set wire up",
                               NameOfNamespace(other), kHostAddress));
    RunThere(other, "ip link set lo up; ip addr add 203.0.113.2/24 dev wire; ip link set wire up");
  }
};

// What a container has, without one.
Fd WireByHand(const Machines& machines) {
  Fd inside = NewNetworkNamespace();
  RunThere(
      machines.host,
      fmt::format("ip link add br0 type bridge; ip addr add 10.1.0.1/24 dev br0; "
                  "ip link set br0 up; "
                  "ip link add v0 type veth peer name eth0 netns {}; "
                  "ip link set v0 master br0; ip link set v0 up; "
                  "echo 1 > /proc/sys/net/ipv4/ip_forward; "
                  "nft add table ip plain; "
                  "nft 'add chain ip plain pre {{ type nat hook prerouting priority -100; }}'; "
                  "nft 'add chain ip plain post {{ type nat hook postrouting priority 100; }}'; "
                  "nft add rule ip plain pre tcp dport {} dnat to 10.1.0.2:{}; "
                  "nft add rule ip plain post ip saddr 10.1.0.0/24 oifname wire masquerade",
                  NameOfNamespace(inside), kHostPort, kContainerPort));
  RunThere(inside,
           "ip link set lo up; ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up; "
           "ip route add default via 10.1.0.1");
  return inside;
}

double NowSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[noreturn]] void Throw(const char* what) {
  throw std::runtime_error(fmt::format("{}: errno {}", what, errno));
}

sockaddr_in At(const char* address, uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &at.sin_addr);
  return at;
}

Fd Listen(const Fd& there) {
  return std::async(
             std::launch::async,
             [&] {
               EnterForGood(there);
               Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
               const int on = 1;
               ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
               const sockaddr_in at = At("0.0.0.0", kContainerPort);
               if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
                   ::listen(fd.get(), 1) != 0) {
                 Throw("listen in the container");
               }
               return fd;
             })
      .get();
}

void Receive(const Fd& listener) {
  const Fd stream(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::vector<char> piece(kPiece);
  size_t received = 0;
  while (true) {
    const ssize_t count = ::recv(stream.get(), piece.data(), piece.size(), 0);
    if (count < 0) Throw("receive");
    if (count == 0) break;
    received += static_cast<size_t>(count);
  }
  if (received != kBytes) throw std::runtime_error("not all has arrived");
}

void Send(const Fd& there) {
  EnterForGood(there);
  const Fd stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in at = At(kHostAddress, kHostPort);
  if (::connect(stream.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    Throw("connect to the published port");
  }
  const std::vector<char> piece(kPiece, 'x');
  for (size_t sent = 0; sent < kBytes;) {
    const ssize_t count = ::send(stream.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (count <= 0) Throw("send");
    sent += static_cast<size_t>(count);
  }
}

// MB/s from the other machine by the port into that namespace.
double Cross(const Machines& machines, const Fd& inside) {
  const Fd listener = Listen(inside);
  const double begin = NowSeconds();
  auto sender = std::async(std::launch::async, [&] { Send(machines.other); });
  auto receiver = std::async(std::launch::async, [&] { Receive(listener); });
  try {
    sender.get();
  } catch (...) {
    ::shutdown(listener.get(), SHUT_RDWR);  // nobody comes
    throw;
  }
  receiver.get();
  return static_cast<double>(kBytes) / 1e6 / (NowSeconds() - begin);
}

}  // namespace

void PublishedPortThroughput(Ground& ground, Report& report, int rounds) {
  const Machines by_hand, by_hoy;
  const Fd plain = WireByHand(by_hand);
  const auto hoy = [&](const std::vector<std::string>& arguments) {
    Program program = ground.Hoy(arguments);
    program.network_namespace = by_hoy.host.get();
    return program;
  };
  Measure(hoy({"run", "-d", "--name", "serves", "--network", "bridge", "-p",
               fmt::format("{}:{}", kHostPort, kContainerPort), ground.image(), "sleep", "86400"}));
  const std::string pid = ground.Text(hoy({"inspect", "--format", "{{.State.Pid}}", "serves"}));
  const Fd container(
      ::open(fmt::format("/proc/{}/ns/net", std::stoi(pid)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!container) Throw("the container's namespace");
  const std::string metric = "into a published port";
  report.Compare(metric, "MB/s", rounds,
                 {{"hoy", [&] { return Cross(by_hoy, container); }},
                  {"veth and nft by hand", [&] { return Cross(by_hand, plain); }}});
  Measure(hoy({"rm", "-f", "serves"}));
  const auto ours = report.Median(metric, "hoy");
  const auto theirs = report.Median(metric, "veth and nft by hand");
  if (!ours || !theirs) return;
  report.Target(
      fmt::format("{}: {:.2f} of plain veth and nft (at least 0.95)", metric, *ours / *theirs),
      *ours >= 0.95 * *theirs);
}

}  // namespace hoy::bench
