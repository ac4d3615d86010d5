#pragma once
// A name server of the test's own, by UDP and TCP, in the network namespace where it is made: it
// knows what it is given, and counts who asks for what.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/fd.h"

namespace hoy::test {

class NameServer {
 public:
  // What it does with a name that it knows.
  struct Entry {
    std::string address = {};  // of the one A record; empty: none
    size_t bytes = 0;          // the answer is filled up to this by a second record, TXT
    bool only_by_tcp = false;  // by UDP: truncated
    bool silent = false;       // no answer
    uint8_t code = 0;
  };

  NameServer(const std::string& address, std::map<std::string, Entry> entries)
      : entries_(std::move(entries)),
        datagrams_(Bind(SOCK_DGRAM, address)),
        listener_(Bind(SOCK_STREAM, address)) {
    if (pipe(stop_) != 0) throw std::runtime_error("pipe");
    thread_ = std::thread([this] { Serve(); });
  }
  ~NameServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
  }

  // How often the name was asked for.
  int asked(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
  }

 private:
  static Fd Bind(int type, const std::string& text) {
    Fd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    inet_pton(AF_INET, text.c_str(), &address.sin_addr);
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind " + text);
    }
    if (type == SOCK_STREAM) listen(fd.get(), 16);
    return fd;
  }

  static std::string NameOf(const std::string& query) {
    std::string name;
    for (size_t at = 12; at < query.size() && query[at] != 0; at += query[at] + 1) {
      name += (name.empty() ? "" : ".") + query.substr(at + 1, static_cast<size_t>(query[at]));
    }
    return name;
  }

  static std::string Number(size_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      text += static_cast<char>(value >> shift);
    return text;
  }

  // Empty: none.
  std::string Answer(const std::string& query, bool by_tcp) {
    if (query.size() < 17) return "";
    const std::string name = NameOf(query);
    {
      const std::lock_guard lock(mutex_);
      ++asked_[name];
    }
    auto found = entries_.find(name);
    const Entry entry = found == entries_.end() ? Entry{.code = 3} : found->second;
    if (entry.silent) return "";
    const size_t question_end = 12 + name.size() + 2 + 4;
    const bool wants_address = query[question_end - 3] == 1;
    std::string records;
    size_t count = 0;
    const bool cut = entry.only_by_tcp && !by_tcp;
    if (!cut && wants_address && !entry.address.empty()) {
      in_addr address{};
      inet_pton(AF_INET, entry.address.c_str(), &address);
      records += Number(0xc00c, 2) + Number(1, 2) + Number(1, 2) + Number(60, 4) + Number(4, 2);
      records += std::string(reinterpret_cast<const char*>(&address), sizeof address);
      ++count;
    }
    for (size_t left = cut ? 0 : entry.bytes; left > 0; left -= std::min<size_t>(left, 60'000)) {
      const size_t size = std::min<size_t>(left, 60'000);
      records += Number(0xc00c, 2) + Number(65'280, 2) + Number(1, 2) + Number(60, 4) +
                 Number(size, 2) + std::string(size, 'x');
      ++count;
    }
    std::string head = query.substr(0, 2);
    head += static_cast<char>(cut ? 0x83 : 0x81);
    head += static_cast<char>(0x80 | entry.code);
    head += Number(1, 2) + Number(count, 2) + Number(0, 2) + Number(0, 2);
    return head + query.substr(12, question_end - 12) + records;
  }

  void ServeStream(Fd stream) {
    const int fd = stream.get();
    std::string query(2, '\0');
    if (recv(fd, query.data(), 2, MSG_WAITALL) != 2) return;
    const size_t size = static_cast<uint8_t>(query[0]) << 8 | static_cast<uint8_t>(query[1]);
    query.resize(size);
    if (recv(fd, query.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) return;
    std::string answer = Answer(query, true);
    if (answer.empty()) {
      silent_.push_back(std::move(stream));
      return;
    }
    answer.insert(0, Number(answer.size(), 2));
    for (size_t sent = 0; sent < answer.size();) {
      const ssize_t count = send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
    }
  }

  void Serve() {
    while (true) {
      pollfd slots[3] = {
          {stop_[0], POLLIN, 0}, {datagrams_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      poll(slots, 3, -1);
      if (slots[0].revents != 0) return;
      if (slots[1].revents != 0) {
        std::string query(4096, '\0');
        sockaddr_in asker{};
        socklen_t size = sizeof asker;
        auto* plain = reinterpret_cast<sockaddr*>(&asker);
        const ssize_t count =
            recvfrom(datagrams_.get(), query.data(), query.size(), 0, plain, &size);
        query.resize(count > 0 ? static_cast<size_t>(count) : 0);
        const std::string answer = Answer(query, false);
        if (!answer.empty()) sendto(datagrams_.get(), answer.data(), answer.size(), 0, plain, size);
      }
      if (slots[2].revents != 0) {
        Fd stream(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (stream) ServeStream(std::move(stream));
      }
    }
  }

  const std::map<std::string, Entry> entries_;
  const Fd datagrams_, listener_;
  int stop_[2] = {-1, -1};
  mutable std::mutex mutex_;
  std::map<std::string, int> asked_;
  std::vector<Fd> silent_;  // connections that wait for an answer in vain
  std::thread thread_;
};

}  // namespace hoy::test
