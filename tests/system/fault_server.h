#pragma once
// An HTTP/1.1 server on a loopback port that does what a test tells it to, above all what no good
// server does: break off, lie about lengths, stall, send other bytes. Threads of this process; for
// faults only (the real registry is tests/support/registry.h).

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hoy::test {

struct FaultRequest {
  std::string method;
  std::string target;                          // "/v2/app/blobs/sha256:...?query"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string Header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct FaultReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  uint64_t filler = 0;                     // so many spaces after the body
  bool without_length = false;             // no Content-Length: the body ends with the connection
  std::optional<uint64_t> content_length;  // the lie; else the body's and the filler's
  std::optional<size_t> break_after;       // sends so much of the body, then closes
  std::optional<size_t> stall_after;       // sends so much, then nothing until the server goes
  std::optional<size_t> drip_after;        // sends so much, then one byte every two seconds
  bool silent = false;                     // says nothing at all, not even a status
  std::optional<size_t> pause_after;  // sends so much, then the rest when `paused` has returned
  std::function<void()> paused;
};

class FaultServer {
 public:
  using Handler = std::function<FaultReply(const FaultRequest&)>;

  explicit FaultServer(Handler handler, const char* address = "127.0.0.1")
      : handler_(std::move(handler)), host_(address) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{.sin_family = AF_INET};
    ::inet_pton(AF_INET, address, &name.sin_addr);
    socklen_t size = sizeof(name);
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&name), size) != 0 ||
        ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
      throw std::runtime_error("fault server: cannot listen");
    }
    port_ = ntohs(name.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }

  ~FaultServer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      for (int fd : connections_) ::shutdown(fd, SHUT_RDWR);
    }
    stopped_.notify_all();
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  FaultServer(const FaultServer&) = delete;

  std::string address() const { return host_ + ":" + std::to_string(port_); }
  std::string Url(const std::string& target) const { return "http://" + address() + target; }

  std::vector<FaultRequest> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  // Requests with that method whose target contains `part`.
  std::vector<FaultRequest> Requests(const std::string& method, const std::string& part) const {
    std::vector<FaultRequest> found;
    for (FaultRequest& request : requests()) {
      if (request.method == method && request.target.find(part) != std::string::npos) {
        found.push_back(std::move(request));
      }
    }
    return found;
  }
  // Waits until somebody is stalled on a reply.
  void WaitForStall() {
    std::unique_lock lock(mutex_);
    stopped_.wait(lock, [this] { return stalled_ > 0; });
  }

 private:
  void Accept() {
    while (true) {
      int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      std::lock_guard lock(mutex_);
      if (fd < 0 || stopping_) {
        if (fd >= 0) ::close(fd);
        return;
      }
      connections_.push_back(fd);
      threads_.emplace_back([this, fd] {
        Serve(fd);
        std::lock_guard close_lock(mutex_);
        connections_.remove(fd);
        ::close(fd);
      });
    }
  }

  void Serve(int fd) {
    std::string buffer;
    while (std::optional<FaultRequest> request = ReadRequest(fd, &buffer)) {
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      if (!Answer(fd, *request, handler_(*request))) return;
    }
  }

  static bool Fill(int fd, std::string* buffer) {
    char bytes[16384];
    ssize_t count = ::recv(fd, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    buffer->append(bytes, static_cast<size_t>(count));
    return true;
  }

  static std::optional<FaultRequest> ReadRequest(int fd, std::string* buffer) {
    size_t end;
    while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
      // A TLS hello: answered as a server that knows HTTP only does.
      if (!buffer->empty() && (*buffer)[0] == '\x16') {
        Send(fd, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        return std::nullopt;
      }
      if (!Fill(fd, buffer)) return std::nullopt;
    }
    FaultRequest request;
    std::string head = buffer->substr(0, end + 2);
    buffer->erase(0, end + 4);
    size_t first_space = head.find(' ');
    size_t second_space = head.find(' ', first_space + 1);
    request.method = head.substr(0, first_space);
    request.target = head.substr(first_space + 1, second_space - first_space - 1);
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
      size_t line_end = head.find("\r\n", at);
      size_t colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      size_t value = head.find_first_not_of(' ', colon + 1);
      request.headers[name] = head.substr(value, line_end - value);
      at = line_end + 2;
    }
    size_t length = std::strtoul(request.Header("content-length").c_str(), nullptr, 10);
    while (buffer->size() < length) {
      if (!Fill(fd, buffer)) return std::nullopt;
    }
    request.body = buffer->substr(0, length);
    buffer->erase(0, length);
    return request;
  }

  static bool Send(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // False: the connection is done for.
  bool Answer(int fd, const FaultRequest& request, const FaultReply& reply) {
    if (reply.silent) return Stall();
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Whatever\r\n";
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    const uint64_t length = reply.content_length.value_or(reply.body.size() + reply.filler);
    if (!reply.without_length) head += "Content-Length: " + std::to_string(length) + "\r\n";
    head += reply.without_length ? "Connection: close\r\n\r\n" : "\r\n";
    if (!Send(fd, head)) return false;
    if (request.method == "HEAD") return true;
    std::string_view body = reply.body;
    if (reply.stall_after) {
      Send(fd, body.substr(0, *reply.stall_after));
      return Stall();
    }
    if (reply.drip_after) {
      size_t at = *reply.drip_after;
      bool sent = Send(fd, body.substr(0, at));
      std::unique_lock lock(mutex_);
      for (; sent && at < body.size(); ++at) {
        if (stopped_.wait_for(lock, std::chrono::seconds(2), [this] { return stopping_; })) break;
        sent = Send(fd, body.substr(at, 1));
      }
      return false;
    }
    if (reply.break_after) {
      Send(fd, body.substr(0, *reply.break_after));
      return false;
    }
    if (reply.pause_after) {
      if (!Send(fd, body.substr(0, *reply.pause_after))) return false;
      reply.paused();
      body.remove_prefix(*reply.pause_after);
    }
    if (!Send(fd, body)) return false;
    const std::string spaces(64 << 10, ' ');
    for (uint64_t left = reply.filler; left > 0; left -= std::min(left, spaces.size())) {
      if (!Send(fd, std::string_view(spaces).substr(0, left))) return false;
    }
    return !reply.without_length && length == body.size() + reply.filler;
  }

  bool Stall() {
    std::unique_lock lock(mutex_);
    ++stalled_;
    stopped_.notify_all();
    stopped_.wait(lock, [this] { return stopping_; });
    return false;
  }

  const Handler handler_;
  const std::string host_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  int stalled_ = 0;
  std::list<int> connections_;
  std::list<std::thread> threads_;
  std::vector<FaultRequest> requests_;
};

// The replies of a good registry for what it was given; tests put faults in front of it.
class FakeRegistryContent {
 public:
  void AddBlob(const std::string& digest, std::string bytes) { blobs_[digest] = std::move(bytes); }
  // `reference` is a tag or a digest.
  void AddManifest(const std::string& reference, std::string bytes, std::string media_type,
                   std::string digest) {
    manifests_[reference] = {std::move(bytes), std::move(media_type), std::move(digest)};
  }

  FaultReply Answer(const FaultRequest& request, bool ranges = true) const {
    std::string reference = request.target.substr(request.target.rfind('/') + 1);
    if (request.target.find("/manifests/") != std::string::npos) {
      auto found = manifests_.find(reference);
      if (found == manifests_.end()) return NotFound();
      return {.headers = {{"Content-Type", found->second.media_type},
                          {"Docker-Content-Digest", found->second.digest}},
              .body = found->second.bytes};
    }
    auto found = blobs_.find(reference);
    if (found == blobs_.end()) return NotFound();
    const std::string& bytes = found->second;
    std::string range = request.Header("range");
    if (!ranges || range.empty()) return {.body = bytes};
    size_t start = std::strtoul(range.c_str() + 6, nullptr, 10);  // "bytes=N-"
    if (start >= bytes.size()) return {.status = 416};
    return {.status = 206,
            .headers = {{"Content-Range", "bytes " + std::to_string(start) + "-" +
                                              std::to_string(bytes.size() - 1) + "/" +
                                              std::to_string(bytes.size())}},
            .body = bytes.substr(start)};
  }

 private:
  struct Manifest {
    std::string bytes, media_type, digest;
  };
  static FaultReply NotFound() {
    return {.status = 404,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
  }
  std::map<std::string, std::string> blobs_;
  std::map<std::string, Manifest> manifests_;
};

}  // namespace hoy::test
