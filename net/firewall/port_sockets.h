#pragma once
// A published port of the host is held by a socket that is bound to it and does no more: so nobody
// else can have it, whatever he is, from the moment it was found free to the moment the container's
// monitor ends. Without it a port would be two programs' at once, of which the rules answer for
// one.
//
// The monitor keeps all of them in one descriptor: a socket in whose queue they are on their way
// (unix(7), SCM_RIGHTS), from where nobody ever takes them. It costs no memory of its own.
//
// The host's own ::1 is another matter: no rule leads from there to a container's IPv4 address, and
// to an IPv6 address only where br_netfilter does not turn the answers back too early. Sockets that
// have it, alone or as one of [::], listen in earnest: a process takes what comes to ::1 from there
// (core/monitor/forwarder.h), the rules take the rest before. Where an IPv6 address of the host was
// asked for and the container has IPv4 alone, the process takes all of it, as docker's proxy does.
// So it does where no address was asked for: [::] is implied then.
//
// A port in the table whose socket is free belongs to a container whose monitor is gone.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/monitor/forward.h"
#include "net/firewall/firewall.h"

namespace hoy::net {

// A port of the container and where it is to be reached.
struct PortWish {
  struct Way {
    IpAddress host;
    IpAddress container;   // of the same family; for an IPv6 address of either
    bool implied = false;  // passed over where it is not to be had
  };
  std::vector<Way> ways;  // one port of the host for all of them
  uint16_t first = 0;     // 0: any that is free
  uint16_t last = 0;      // at least first: the first of them that is free
  uint16_t container_port = 0;
  uint8_t protocol = IPPROTO_TCP;
};

struct HeldPorts {
  std::vector<PublishedPort> ports;
  std::vector<Fd> sockets;  // none for a protocol that the kernel has no sockets of (SCTP)
  struct Forward {
    Fd socket;
    PublishedPort port;
    bool needed = false;  // nothing else leads there from any address that was named
  };
  std::vector<Forward> forwards;  // whose sockets are not among those above
};

// All or none, but for what is implied. `is_taken`: what may not be chosen although its socket is
// free. kConflict: it is in use (system_errno EADDRINUSE; the subject is "0.0.0.0:80/tcp"), or all
// of a range are; kPermission; kInvalidArgument: the host has no such address, or LimitForwards.
Result<HeldPorts> HoldPorts(std::span<const PortWish> wishes,
                            const std::function<bool(const PublishedPort&)>& is_taken);

// No more of them are forwarded than one process takes. Of the others, what is implied is not
// published; what rules lead to as well is held alone, and who comes to its ::1 is refused.
// kInvalidArgument: more are needed.
Result<> LimitForwards(HeldPorts& held, size_t most = core::kMostForwards);

// One descriptor that holds them all. `sockets` may be closed then.
Result<Fd> Pack(std::span<const Fd> sockets);

// For the monitor (core/monitor/forwarder.h): a bundle that holds all of them, and what is ready as
// soon as one of them is.
struct PackedForwards {
  Fd bundle;
  Fd watch;
};
Result<PackedForwards> PackForwards(std::span<const HeldPorts::Forward> forwards);

// Pure: whether what comes there, to the host's ::1 at least, is forwarded by a process.
bool IsForwarded(const PublishedPort& port);

// Who has a socket at that port, by sock_diag(7) and /proc. nullopt: nobody that can be seen.
struct PortHolder {
  pid_t pid = 0;        // 0: a process that cannot be seen from here
  std::string program;  // its name (comm)
};
std::optional<PortHolder> FindPortHolder(const PublishedPort& port);

}  // namespace hoy::net
