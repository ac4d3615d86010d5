#pragma once
// A proxy that knows CONNECT (RFC 9110 section 9.3.6) and takes every host for this machine.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hoy::test {

class ConnectProxy {
 public:
  ConnectProxy() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&name), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
      throw std::runtime_error("proxy: cannot listen");
    }
    port_ = ntohs(name.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~ConnectProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  ConnectProxy(const ConnectProxy&) = delete;

  std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // "registry.test:5000", one for each tunnel.
  std::vector<std::string> targets() const {
    std::lock_guard lock(mutex_);
    return targets_;
  }

 private:
  void Accept() {
    while (true) {
      int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      threads_.emplace_back([this, client] {
        Serve(client);
        ::close(client);
      });
    }
  }

  void Serve(int client) {
    std::string head;
    char c = 0;
    while (!head.ends_with("\r\n\r\n") && ::read(client, &c, 1) == 1) head += c;
    if (!head.starts_with("CONNECT ")) return;
    std::string target = head.substr(8, head.find(' ', 8) - 8);
    {
      std::lock_guard lock(mutex_);
      targets_.push_back(target);
    }
    sockaddr_in name{.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(static_cast<uint16_t>(std::stoi(target.substr(target.rfind(':') + 1))));
    int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(server, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0) {
      constexpr char kOk[] = "HTTP/1.1 200 OK\r\n\r\n";
      (void)!::send(client, kOk, sizeof(kOk) - 1, MSG_NOSIGNAL);
      Copy(client, server);
    }
    ::close(server);
  }

  static void Copy(int one, int other) {
    char buffer[16 << 10];
    while (true) {
      pollfd waits[] = {{one, POLLIN, 0}, {other, POLLIN, 0}};
      if (::poll(waits, 2, -1) < 0) return;
      for (int i = 0; i < 2; ++i) {
        if (waits[i].revents == 0) continue;
        ssize_t count = ::read(waits[i].fd, buffer, sizeof(buffer));
        if (count <= 0) return;
        if (::send(i == 0 ? other : one, buffer, static_cast<size_t>(count), MSG_NOSIGNAL) !=
            count) {
          return;
        }
      }
    }
  }

  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::vector<std::string> targets_;
  std::vector<std::thread> threads_;  // the acceptor's, until it has ended
};

}  // namespace hoy::test
