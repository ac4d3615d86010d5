#include "core/monitor/resolver_streams.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/monitor/read_clock.h"

namespace hoy::core {
namespace {

constexpr int64_t kPatience = 10'000'000'000;       // with an asker, and with an answer that comes
constexpr int64_t kServerPatience = 2'500'000'000;  // with a server that has not said anything
constexpr int64_t kFullTablePause = 1'000'000'000;
constexpr uint16_t kLeastQueryBytes = kDnsHeaderBytes;

bool IsForLater() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

void WatchResolverFd(int epoll, int fd, uint32_t events, ResolverEvent kind, size_t place) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(kind) << 32 | place;
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT) {
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

void ResolverStreams::Start(int epoll, int listener, ResolverFiles* files) {
  if (listener_ > 0) close(listener_);
  epoll_ = epoll;
  listener_ = listener;
  listens_ = false;
  files_ = files;
  WatchListener();
}

int64_t ResolverStreams::due() const {
  int64_t first = paused_until_ != 0 ? paused_until_ : INT64_MAX;
  for (const Stream& stream : streams_) {
    if (used_ == 0) break;
    if (stream.state != State::kFree && stream.due < first) first = stream.due;
  }
  return first;
}

ResolverStreams::Stream* ResolverStreams::OldestIdle() {
  Stream* oldest = nullptr;
  for (Stream& stream : streams_) {
    bool is_idle = stream.state == State::kReading && stream.query_size == 0;
    if (is_idle && (oldest == nullptr || stream.due < oldest->due)) oldest = &stream;
  }
  return oldest;
}

// While there is no place, those that come wait in the kernel's queue.
void ResolverStreams::WatchListener() {
  bool takes = paused_until_ == 0 && (used_ < kMost || OldestIdle() != nullptr);
  if (takes == listens_) return;
  listens_ = takes;
  WatchResolverFd(epoll_, listener_, takes ? uint32_t{EPOLLIN} : 0, ResolverEvent::kListener, 0);
}

void ResolverStreams::Accept() {
  Stream* idle = used_ == kMost ? OldestIdle() : nullptr;
  if (used_ == kMost && idle == nullptr) return;
  int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      paused_until_ = ReadClock(CLOCK_MONOTONIC) + kFullTablePause;
      WatchListener();
    }
    return;
  }
  if (idle != nullptr) Close(*idle);
  for (Stream& stream : streams_) {
    if (stream.state != State::kFree) continue;
    ++used_;
    stream.state = State::kReading;
    stream.asker_fd = fd;
    stream.has_server = false;
    stream.query_size = 0;
    stream.due = ReadClock(CLOCK_MONOTONIC) + kPatience;
    Watch(stream);
    break;
  }
  WatchListener();
}

void ResolverStreams::Handle(ResolverEvent kind, size_t place, uint32_t events) {
  Stream& stream = streams_[place];
  if (stream.state == State::kFree) return;  // it ended with an event before this
  // An asker that is gone needs no answer.
  if (kind == ResolverEvent::kAsker && (events & (EPOLLERR | EPOLLHUP)) != 0) {
    Close(stream);
    return;
  }
  switch (stream.state) {
    case State::kReading: ReadQuery(stream); break;
    case State::kConnecting:
      if (kind == ResolverEvent::kServer) Connected(stream);
      break;
    case State::kRelaying: Relay(stream); break;
    case State::kFree: break;
  }
  WatchListener();  // it may be idle now, or no more
}

void ResolverStreams::EndOverdue(int64_t now) {
  if (paused_until_ != 0 && paused_until_ <= now) {
    paused_until_ = 0;
    WatchListener();
  }
  for (Stream& stream : streams_) {
    if (used_ == 0) break;
    if (stream.state == State::kFree || stream.due > now) continue;
    // Of an answer of our own all has been seen.
    bool is_unanswered = stream.state == State::kConnecting ||
                         (stream.state == State::kRelaying && stream.seen < kPrefixBytes);
    if (is_unanswered) {
      ConnectNext(stream);
    } else {
      Close(stream);
    }
  }
}

void ResolverStreams::ReadQuery(Stream& stream) {
  while (true) {
    size_t wanted = kPrefixBytes;
    if (stream.query_size >= kPrefixBytes) {
      wanted += DnsId(stream.query);  // a number of two bytes, as an id is
      if (wanted < kPrefixBytes + kLeastQueryBytes || wanted > sizeof stream.query) {
        Close(stream);
        return;
      }
    }
    if (stream.query_size == wanted) break;
    ssize_t count =
        recv(stream.asker_fd, stream.query + stream.query_size, wanted - stream.query_size, 0);
    if (count < 0 && IsForLater()) return;
    if (count <= 0) {
      Close(stream);
      return;
    }
    stream.query_size = static_cast<uint16_t>(stream.query_size + count);
  }
  Decide(stream);
}

void ResolverStreams::Decide(Stream& stream) {
  const uint8_t* query = stream.query + kPrefixBytes;
  uint8_t* answer = stream.buffer + kPrefixBytes;
  size_t size = 0;
  DnsQuestion question;
  switch (ReadDnsQuery(query, stream.query_size - kPrefixBytes, &question)) {
    case DnsVerdict::kIgnore: Close(stream); return;
    case DnsVerdict::kFormat: size = WriteDnsError(query, nullptr, DnsCode::kFormat, answer); break;
    case DnsVerdict::kNotImplemented:
      size = WriteDnsError(query, nullptr, DnsCode::kNotImplemented, answer);
      break;
    case DnsVerdict::kQuestion: {
      DnsFindings findings;
      LookUpInHosts(files_->hosts, files_->buffer, question, &findings);
      if (findings.known) {
        size = WriteDnsAnswer(query, question, findings, kMostAnswerBytes, turn_++, answer);
        break;
      }
      servers_.Read(files_->servers);
      if (servers_.count == 0) {
        size = WriteDnsError(query, &question, DnsCode::kServer, answer);
        break;
      }
      stream.server = files_->preferred;
      if (stream.server >= servers_.count) stream.server = 0;
      stream.tries = 0;
      Connect(stream);
      return;
    }
  }
  Answer(stream, size);
}

// With what is in the buffer, behind the room for its length.
void ResolverStreams::Answer(Stream& stream, size_t size) {
  SetDnsId(stream.buffer, static_cast<uint16_t>(size));
  stream.begin = 0;
  stream.end = static_cast<uint16_t>(size + kPrefixBytes);
  stream.seen = stream.size = stream.end;
  stream.state = State::kRelaying;
  stream.due = ReadClock(CLOCK_MONOTONIC) + kPatience;
  Relay(stream);
}

void ResolverStreams::Connect(Stream& stream) {
  ++stream.tries;
  stream.state = State::kConnecting;
  stream.begin = stream.end = 0;
  stream.seen = stream.size = 0;
  stream.due = ReadClock(CLOCK_MONOTONIC) + kServerPatience;
  int fd = -1;
  if (stream.server < servers_.count) {
    const sockaddr_storage& server = servers_.addresses[stream.server];
    fd = socket(server.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&server), SizeOf(server)) != 0 &&
        errno != EINPROGRESS) {
      close(fd);
      fd = -1;
    }
  }
  if (fd < 0) {
    ConnectNext(stream);
    return;
  }
  stream.server_fd = fd;
  stream.has_server = true;
  Watch(stream);
}

void ResolverStreams::ConnectNext(Stream& stream) {
  CloseServer(stream);
  if (stream.tries < servers_.count) {
    stream.server = static_cast<uint8_t>((stream.server + 1u) % servers_.count);
    Connect(stream);
    return;
  }
  const uint8_t* query = stream.query + kPrefixBytes;
  DnsQuestion question;
  if (ReadDnsQuery(query, stream.query_size - kPrefixBytes, &question) != DnsVerdict::kQuestion) {
    Close(stream);
    return;
  }
  Answer(stream, WriteDnsError(query, &question, DnsCode::kServer, stream.buffer + kPrefixBytes));
}

void ResolverStreams::Connected(Stream& stream) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(stream.server_fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
      send(stream.server_fd, stream.query, stream.query_size, MSG_NOSIGNAL) != stream.query_size) {
    ConnectNext(stream);
    return;
  }
  stream.state = State::kRelaying;
  Watch(stream);
}

void ResolverStreams::Relay(Stream& stream) {
  while (true) {
    if (stream.begin < stream.end) {
      ssize_t count = send(stream.asker_fd, stream.buffer + stream.begin,
                           static_cast<size_t>(stream.end - stream.begin), MSG_NOSIGNAL);
      if (count < 0 && IsForLater()) break;
      if (count < 0) {
        Close(stream);
        return;
      }
      stream.begin = static_cast<uint16_t>(stream.begin + count);
      continue;
    }
    bool knows_size = stream.seen >= kPrefixBytes;
    if (knows_size && stream.seen == stream.size) {
      CloseServer(stream);
      stream.state = State::kReading;
      stream.query_size = 0;
      stream.due = ReadClock(CLOCK_MONOTONIC) + kPatience;
      break;
    }
    size_t wanted = kPrefixBytes - stream.seen;
    if (knows_size) wanted = stream.size - stream.seen;
    if (wanted > sizeof stream.buffer) wanted = sizeof stream.buffer;
    // The two bytes of the length are gathered before anything is passed on.
    uint8_t* to = knows_size ? stream.buffer : stream.buffer + stream.seen;
    ssize_t count = recv(stream.server_fd, to, wanted, 0);
    if (count < 0 && IsForLater()) break;
    if (count <= 0) {
      if (!knows_size) {
        ConnectNext(stream);
      } else {
        Close(stream);
      }
      return;
    }
    stream.seen += static_cast<uint32_t>(count);
    if (!knows_size && stream.seen < kPrefixBytes) continue;
    if (!knows_size) {
      stream.size = kPrefixBytes + DnsId(stream.buffer);
      stream.due = ReadClock(CLOCK_MONOTONIC) + kPatience;
      stream.end = kPrefixBytes;
    } else {
      stream.end = static_cast<uint16_t>(count);
    }
    stream.begin = 0;
  }
  Watch(stream);
}

void ResolverStreams::CloseServer(Stream& stream) {
  if (stream.has_server) close(stream.server_fd);
  stream.has_server = false;
}

void ResolverStreams::Close(Stream& stream) {
  CloseServer(stream);
  close(stream.asker_fd);
  stream.state = State::kFree;
  --used_;
  WatchListener();
}

void ResolverStreams::Watch(Stream& stream) {
  bool to_send = stream.state == State::kRelaying && stream.begin < stream.end;
  uint32_t of_asker = 0;
  if (stream.state == State::kReading) of_asker = EPOLLIN;
  if (to_send) of_asker = EPOLLOUT;
  WatchResolverFd(epoll_, stream.asker_fd, of_asker, ResolverEvent::kAsker, PlaceOf(stream));
  if (!stream.has_server) return;
  if (to_send) {
    // That it has ended would be told again and again.
    epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.server_fd, nullptr);
    return;
  }
  uint32_t of_server = stream.state == State::kConnecting ? EPOLLOUT : EPOLLIN;
  WatchResolverFd(epoll_, stream.server_fd, of_server, ResolverEvent::kServer, PlaceOf(stream));
}

}  // namespace hoy::core
