#include "net/netlink/socket.h"

#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "core/sys/files.h"
#include "net/netlink/namespace.h"

namespace hoy::net {
namespace {

constexpr int kDumpAttempts = 10;

// The messages of one datagram.
class Messages {
 public:
  explicit Messages(std::string_view bytes) : rest_(bytes) {}

  struct Message {
    nlmsghdr header;
    std::string_view payload;
  };
  std::optional<Message> Next() {
    nlmsghdr header;
    if (rest_.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, rest_.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest_.size()) return std::nullopt;
    Message message{header, rest_.substr(sizeof header, header.nlmsg_len - sizeof header)};
    rest_.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), rest_.size()));
    return message;
  }

 private:
  std::string_view rest_;
};

struct Ack {
  int system_errno = 0;
  std::string text;  // of the kernel; empty: it has nothing to add
};

Ack ReadAck(const Messages::Message& message) {
  Ack ack;
  nlmsgerr error{};
  if (message.payload.size() < sizeof error) return {EPROTO, {}};
  std::memcpy(&error, message.payload.data(), sizeof error);
  ack.system_errno = -error.error;
  if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return ack;
  size_t skip = sizeof error;
  if ((message.header.nlmsg_flags & NLM_F_CAPPED) == 0) {
    skip += NLMSG_ALIGN(error.msg.nlmsg_len) - sizeof error.msg;
  }
  if (skip > message.payload.size()) return ack;
  if (auto text = Attributes::Find(message.payload.substr(skip), NLMSGERR_ATTR_MSG)) {
    ack.text = text->Text();
  }
  return ack;
}

Error AckError(const Ack& ack, std::string_view stage, std::string_view subject) {
  Error error = SystemError(stage, subject, ack.system_errno);
  if (!ack.text.empty()) error.message += fmt::format(" ({})", ack.text);
  return error;
}

// Only acknowledgements: what the first failure is, if any.
struct Acks {
  std::optional<std::pair<uint32_t, Ack>> failure;
  uint32_t last = 0;  // the highest sequence number that was acknowledged
};

void Collect(std::string_view datagram, Acks& acks) {
  Messages messages(datagram);
  while (auto message = messages.Next()) {
    if (message->header.nlmsg_type != NLMSG_ERROR) continue;
    Ack ack = ReadAck(*message);
    if (ack.system_errno != 0 && !acks.failure) acks.failure = {message->header.nlmsg_seq, ack};
    acks.last = std::max(acks.last, message->header.nlmsg_seq);
  }
}

NetlinkMessage BatchMark(int type) {
  NetlinkMessage message(type, 0);
  message.Struct(nfgenmsg{.nfgen_family = AF_UNSPEC,
                          .version = NFNETLINK_V0,
                          .res_id = BigEndian(uint16_t{NFNL_SUBSYS_NFTABLES})});
  return message;
}

// A batch is one datagram, and the kernel answers each message of it that fails. Both have to fit;
// where they cannot, the send says so.
void GrowBuffers(BorrowedFd fd, size_t batch_bytes) {
  constexpr size_t kUsual = 1 << 16;  // what every socket takes (net.core.wmem_default)
  if (batch_bytes <= kUsual) return;
  int bytes = static_cast<int>(std::min<size_t>(batch_bytes * 2, INT32_MAX));
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
}

const char* NameOf(int protocol) {
  if (protocol == NETLINK_ROUTE) return "rtnetlink";
  return protocol == NETLINK_SOCK_DIAG ? "sock_diag" : "nfnetlink";
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return FailErrno("open", NameOf(protocol));
  int on = 1;
  // An old kernel has none of these; the errno alone has to do then.
  (void)setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return NetlinkSocket(std::move(fd));
}

Result<NetlinkSocket> NetlinkSocket::OpenIn(BorrowedFd namespace_fd, int protocol) {
  TRY(NamespaceVisit visit, NamespaceVisit::Enter(namespace_fd));
  return Open(protocol);
}

Result<> NetlinkSocket::Send(std::string_view bytes, std::string_view stage) {
  while (true) {
    ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), 0);
    if (sent >= 0) return {};
    if (errno != EINTR) return FailErrno(stage, "netlink");
  }
}

Result<std::string> NetlinkSocket::Receive(std::string_view stage, bool wait) {
  // Its size first: room for the largest, all set to zero, would cost more than the question.
  auto receive = [&](char* to, size_t size, int flags) {
    ssize_t count = 0;
    do {
      count = recv(fd_.get(), to, size, flags | (wait ? 0 : MSG_DONTWAIT));
    } while (count < 0 && errno == EINTR);
    return count;
  };
  char first = 0;
  ssize_t size = receive(&first, sizeof first, MSG_PEEK | MSG_TRUNC);
  if (size < 0 && !wait && errno == EAGAIN) return std::string();
  if (size < 0) return FailErrno(stage, "netlink");
  std::string datagram(static_cast<size_t>(size), '\0');
  if (receive(datagram.data(), datagram.size(), 0) < 0) return FailErrno(stage, "netlink");
  return datagram;
}

Result<> NetlinkSocket::Request(NetlinkMessage message, std::string_view stage,
                                std::string_view subject) {
  message.SetSequence(++sequence_);
  message.AddFlags(NLM_F_ACK);
  TRY(Send(message.bytes(), stage));
  while (true) {
    TRY(std::string datagram, Receive(stage, true));
    Acks acks;
    Collect(datagram, acks);
    if (acks.failure && acks.failure->first == sequence_) {
      return Fail(AckError(acks.failure->second, stage, subject));
    }
    if (acks.last == sequence_) return {};
  }
}

Result<Reply> NetlinkSocket::Get(NetlinkMessage message, std::string_view stage,
                                 std::string_view subject) {
  message.SetSequence(++sequence_);
  TRY(Send(message.bytes(), stage));
  while (true) {
    TRY(std::string datagram, Receive(stage, true));
    Messages messages(datagram);
    while (auto answer = messages.Next()) {
      if (answer->header.nlmsg_seq != sequence_) continue;
      if (answer->header.nlmsg_type == NLMSG_ERROR) {
        return Fail(AckError(ReadAck(*answer), stage, subject));
      }
      return Reply{answer->header.nlmsg_type, std::string(answer->payload)};
    }
  }
}

Result<std::vector<Reply>> NetlinkSocket::Dump(NetlinkMessage message, std::string_view stage) {
  message.AddFlags(NLM_F_DUMP);
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    message.SetSequence(++sequence_);
    TRY(Send(message.bytes(), stage));
    std::vector<Reply> replies;
    bool done = false, interrupted = false;
    while (!done) {
      TRY(std::string datagram, Receive(stage, true));
      Messages messages(datagram);
      while (auto answer = messages.Next()) {
        if (answer->header.nlmsg_seq != sequence_) continue;
        interrupted |= (answer->header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (answer->header.nlmsg_type == NLMSG_ERROR) {
          return Fail(AckError(ReadAck(*answer), stage, ""));
        }
        if (answer->header.nlmsg_type == NLMSG_DONE) {
          done = true;
          // The end may carry an error of its own (netlink_dump_done).
          auto code = Attribute{0, answer->payload}.Number<int>();
          if (code && *code == -EINTR) interrupted = true;
          if (code && *code < 0 && *code != -EINTR) {
            return Fail(SystemError(stage, "", -*code));
          }
          break;
        }
        replies.push_back({answer->header.nlmsg_type, std::string(answer->payload)});
      }
    }
    if (!interrupted) return replies;
  }
  return Fail(SystemError(stage, "", EBUSY));
}

Result<> NetlinkSocket::Transaction(std::span<Change> changes, std::string_view stage,
                                    std::optional<uint32_t> generation) {
  if (changes.empty()) return {};
  std::string batch;
  auto append = [&](NetlinkMessage& message) {
    message.SetSequence(++sequence_);
    batch += message.bytes();
    return sequence_;
  };
  NetlinkMessage begin = BatchMark(NFNL_MSG_BATCH_BEGIN);
  if (generation) begin.Big(NFNL_BATCH_GENID, *generation);
  NetlinkMessage end = BatchMark(NFNL_MSG_BATCH_END);
  uint32_t first = append(begin) + 1;
  changes.back().message.AddFlags(NLM_F_ACK);
  for (Change& change : changes) append(change.message);
  uint32_t last = sequence_;
  append(end);
  GrowBuffers(fd_, batch.size());
  TRY(Send(batch, stage));
  Acks acks;
  while (true) {
    TRY(std::string datagram, Receive(stage, false));
    if (datagram.empty()) break;
    Collect(datagram, acks);
  }
  if (acks.failure) {
    uint32_t at = acks.failure->first;
    bool known = at >= first && at <= last;  // else it is the commit that failed
    return Fail(AckError(acks.failure->second, stage,
                         known ? changes[at - first].subject : std::string_view()));
  }
  if (acks.last != last) {
    return Fail(ErrorKind::kSystem, "{}: the kernel did not acknowledge it", stage);
  }
  return {};
}

}  // namespace hoy::net
