#pragma once
// A netlink socket of one network namespace: requests with their acknowledgement, dumps, and the
// batches of nftables. The kernel answers within the send, so nothing here waits.
//
// Errors say what was asked, what errno says, and the kernel's own sentence where it has one
// (extended acks, Linux 4.12): "add bridge 'hoy0': Invalid argument (bridge is busy)". `stage` and
// `subject` of the error are the verb and the object of the request.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "net/netlink/message.h"

namespace hoy::net {

class NetlinkSocket {
 public:
  // `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG. A socket belongs to the
  // network namespace it was made in, for ever.
  static Result<NetlinkSocket> Open(int protocol);
  // In the namespace of that descriptor. The calling thread visits it; no other thread notices.
  static Result<NetlinkSocket> OpenIn(BorrowedFd namespace_fd, int protocol);

  // One request that changes something.
  Result<> Request(NetlinkMessage message, std::string_view stage, std::string_view subject);
  // All messages of an answer, again from the start when the kernel says that it changed meanwhile.
  Result<std::vector<Reply>> Dump(NetlinkMessage message, std::string_view stage);
  // One object. kNotFound: there is none.
  Result<Reply> Get(NetlinkMessage message, std::string_view stage, std::string_view subject);

  // nftables' transactions (linux/netfilter/nfnetlink.h): all of the messages or none. What the
  // error is about is `subjects` of the message that failed.
  struct Change {
    NetlinkMessage message;
    std::string subject;
  };
  // `generation`: only if the ruleset is still that one (nf_tables.h, NFT_MSG_GETGEN; Linux 4.16);
  // ERESTART when it is not.
  Result<> Transaction(std::span<Change> changes, std::string_view stage,
                       std::optional<uint32_t> generation = std::nullopt);

 private:
  explicit NetlinkSocket(Fd fd) : fd_(std::move(fd)) {}
  Result<> Send(std::string_view bytes, std::string_view stage);
  // The next datagram. Empty: nothing more has come.
  Result<std::string> Receive(std::string_view stage, bool wait);

  Fd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace hoy::net
