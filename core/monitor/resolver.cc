#include "core/monitor/resolver.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>

#include "core/monitor/read_clock.h"

namespace hoy::core {
namespace {

constexpr int64_t kServerPatience = 2'000'000'000;
constexpr int kLeastTries = 2;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMostOfASecond = kSecond / 10;
constexpr int kEventsAtOnce = 16;
constexpr int kDatagramsAtOnce = 16;

uint16_t RandomId() {
  uint16_t id = 0;
  while (getrandom(&id, sizeof id, 0) != sizeof id) {
  }
  return id;
}

}  // namespace

void Resolver::Start(int datagrams, int listener, const char* hosts, const char* servers) {
  if (started_) {
    close(datagrams_);
  } else {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return;
  }
  started_ = true;
  datagrams_ = datagrams;
  files_.hosts = hosts;
  files_.servers = servers;
  WatchResolverFd(epoll_, datagrams_, EPOLLIN, ResolverEvent::kDatagram, 0);
  streams_.Start(epoll_, listener, &files_);
}

int64_t Resolver::due() const {
  if (!started_) return INT64_MAX;
  if (paused_until_ != 0) return paused_until_;
  int64_t first = streams_.due();
  if (used_ == 0) return first;
  for (const Forwarded& one : forwarded_) {
    if (one.used && one.due < first) first = one.due;
  }
  return first;
}

void Resolver::Handle() {
  int64_t now = ReadClock(CLOCK_MONOTONIC);
  if (now >= second_ends_) {
    second_ends_ = now + kSecond;
    spent_ = paused_until_ = 0;
  }
  if (paused_until_ != 0) return;
  int64_t before = ReadClock(CLOCK_THREAD_CPUTIME_ID);
  Work(now);
  spent_ += ReadClock(CLOCK_THREAD_CPUTIME_ID) - before;
  if (spent_ >= kMostOfASecond) paused_until_ = second_ends_;
}

void Resolver::Work(int64_t now) {
  epoll_event events[kEventsAtOnce];
  int count = epoll_wait(epoll_, events, kEventsAtOnce, 0);
  // Newcomers last: in a place that became free just now they would be taken for its last owner, of
  // whom there may be an event still.
  for (bool newcomers : {false, true}) {
    for (int i = 0; i < count; ++i) {
      auto kind = static_cast<ResolverEvent>(events[i].data.u64 >> 32);
      auto place = static_cast<size_t>(events[i].data.u64 & 0xffffffff);
      bool is_new = kind == ResolverEvent::kDatagram || kind == ResolverEvent::kListener;
      if (is_new != newcomers) continue;
      switch (kind) {
        case ResolverEvent::kDatagram: HearAskers(); break;
        case ResolverEvent::kForwarded:
          if (forwarded_[place].used) HearServer(forwarded_[place]);
          break;
        case ResolverEvent::kListener: streams_.Accept(); break;
        case ResolverEvent::kAsker:
        case ResolverEvent::kServer: streams_.Handle(kind, place, events[i].events); break;
      }
    }
  }
  streams_.EndOverdue(now);
  for (Forwarded& one : forwarded_) {
    if (used_ == 0) break;
    if (one.used && one.due <= now) AskNext(one);
  }
}

void Resolver::HearAskers() {
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    sockaddr_in asker{};
    socklen_t asker_size = sizeof asker;
    ssize_t size = recvfrom(datagrams_, datagram_, sizeof datagram_, MSG_DONTWAIT,
                            reinterpret_cast<sockaddr*>(&asker), &asker_size);
    if (size < 0) return;
    Answer(static_cast<size_t>(size), asker);
  }
}

void Resolver::Answer(size_t size, const sockaddr_in& asker) {
  DnsQuestion question;
  switch (ReadDnsQuery(datagram_, size, &question)) {
    case DnsVerdict::kIgnore: return;
    case DnsVerdict::kFormat:
      Reply(answer_, WriteDnsError(datagram_, nullptr, DnsCode::kFormat, answer_), asker);
      return;
    case DnsVerdict::kNotImplemented:
      Reply(answer_, WriteDnsError(datagram_, nullptr, DnsCode::kNotImplemented, answer_), asker);
      return;
    case DnsVerdict::kQuestion: break;
  }
  DnsFindings findings;
  LookUpInHosts(files_.hosts, files_.buffer, question, &findings);
  if (!findings.known) {
    Forward(question, size, asker);
    return;
  }
  size_t answer =
      WriteDnsAnswer(datagram_, question, findings, question.most_bytes, turn_++, answer_);
  Reply(answer_, answer, asker);
}

// nullptr: it is being asked already. Of one asker that has many open, or of all when there is no
// place, the one that waits longest for its server makes room: its asker asks again.
Resolver::Forwarded* Resolver::PlaceFor(uint16_t asker_id, const sockaddr_in& asker) {
  Forwarded* free = nullptr;
  Forwarded* oldest = nullptr;
  Forwarded* oldest_own = nullptr;
  int own = 0;
  for (Forwarded& one : forwarded_) {
    if (!one.used) {
      if (free == nullptr) free = &one;
      if (used_ == 0) break;
      continue;
    }
    if (oldest == nullptr || one.begun < oldest->begun) oldest = &one;
    bool is_own =
        one.asker.sin_port == asker.sin_port && one.asker.sin_addr.s_addr == asker.sin_addr.s_addr;
    if (!is_own) continue;
    if (one.asker_id == asker_id) return nullptr;
    ++own;
    if (oldest_own == nullptr || one.begun < oldest_own->begun) oldest_own = &one;
  }
  Forwarded* last = own >= kMostOfOneAsker ? oldest_own : free == nullptr ? oldest : nullptr;
  if (last == nullptr) return free;
  Close(*last);
  return last;
}

void Resolver::Forward(const DnsQuestion& question, size_t size, const sockaddr_in& asker) {
  if (size > kMostQueryBytes) {
    Reply(answer_, WriteDnsTruncated(datagram_, question, answer_), asker);
    return;
  }
  uint16_t asker_id = DnsId(datagram_);
  Forwarded* place = PlaceFor(asker_id, asker);
  if (place == nullptr) return;
  servers_.Read(files_.servers);
  if (servers_.count == 0) {
    Reply(answer_, WriteDnsError(datagram_, &question, DnsCode::kServer, answer_), asker);
    return;
  }
  if (files_.preferred >= servers_.count) files_.preferred = 0;
  Forwarded& one = *place;
  one.used = true;
  one.begun = begun_++;
  ++used_;
  one.server = files_.preferred;
  one.tries = 0;
  one.fd = -1;
  one.asker = asker;
  one.asker_id = asker_id;
  one.size = static_cast<uint16_t>(size);
  one.question_end = question.end;
  memcpy(one.query, datagram_, size);
  if (!Ask(one)) AskNext(one);
}

bool Resolver::Ask(Forwarded& one) {
  ++one.tries;
  one.due = ReadClock(CLOCK_MONOTONIC) + kServerPatience;
  if (one.server >= servers_.count) return false;
  if (one.fd < 0) {
    const sockaddr_storage& server = servers_.addresses[one.server];
    one.fd = socket(server.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (one.fd < 0) return false;
    SetDnsId(one.query, RandomId());
    if (connect(one.fd, reinterpret_cast<const sockaddr*>(&server), SizeOf(server)) != 0) {
      return false;
    }
    WatchResolverFd(epoll_, one.fd, EPOLLIN, ResolverEvent::kForwarded,
                    static_cast<size_t>(&one - forwarded_));
  }
  return send(one.fd, one.query, one.size, MSG_NOSIGNAL | MSG_DONTWAIT) == one.size;
}

// The next server, or, where there is only one, that again: a packet may be lost.
void Resolver::AskNext(Forwarded& one) {
  while (true) {
    auto servers = static_cast<int>(servers_.count);
    if (one.tries >= (servers > kLeastTries ? servers : kLeastTries)) break;
    auto next = static_cast<uint8_t>(servers > 1 ? (one.server + 1) % servers : 0);
    if (next != one.server && one.fd >= 0) {
      close(one.fd);
      one.fd = -1;
    }
    one.server = next;
    if (Ask(one)) return;
  }
  SetDnsId(one.query, one.asker_id);
  DnsQuestion question;
  if (ReadDnsQuery(one.query, one.size, &question) == DnsVerdict::kQuestion) {
    Reply(answer_, WriteDnsError(one.query, &question, DnsCode::kServer, answer_), one.asker);
  }
  Close(one);
}

void Resolver::HearServer(Forwarded& one) {
  ssize_t count = recv(one.fd, datagram_, sizeof datagram_, MSG_DONTWAIT | MSG_TRUNC);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) AskNext(one);  // nobody listens there
    return;
  }
  auto size = static_cast<size_t>(count);
  bool whole = size <= sizeof datagram_;
  if (!IsDnsAnswerTo(one.query, one.question_end, datagram_, whole ? size : sizeof datagram_)) {
    return;
  }
  bool failed =
      DnsCodeOf(datagram_) == DnsCode::kServer || DnsCodeOf(datagram_) == DnsCode::kRefused;
  if (failed && one.tries < servers_.count) {
    AskNext(one);
    return;
  }
  if (!failed) files_.preferred = one.server;
  SetDnsId(datagram_, one.asker_id);
  DnsQuestion question;
  if (whole) {
    Reply(datagram_, size, one.asker);
  } else if (SetDnsId(one.query, one.asker_id);
             ReadDnsQuery(one.query, one.size, &question) == DnsVerdict::kQuestion) {
    Reply(answer_, WriteDnsTruncated(one.query, question, answer_), one.asker);
  }
  Close(one);
}

void Resolver::Close(Forwarded& one) {
  if (one.fd >= 0) close(one.fd);
  one.used = false;
  --used_;
}

void Resolver::Reply(const uint8_t* message, size_t size, const sockaddr_in& asker) {
  // Full, or nobody there: as on any wire.
  (void)sendto(datagrams_, message, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&asker), sizeof asker);
}

}  // namespace hoy::core
