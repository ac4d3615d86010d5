#include "net/attach/resolver_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/net/private_network.h"

namespace hoy::net {
namespace {

class ResolverSockets : public PrivateNetwork {};

// Whatever a program of the container asks of its own socket.
TEST_F(ResolverSockets, NobodyElseCanHaveTheirPlace) {
  Shell("ip link set lo up");
  Fd here(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  core::MonitorNetwork network;
  ExpectOk(OpenResolver(here, network));
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(network.datagrams.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  for (int option : {SO_REUSEADDR, SO_REUSEPORT}) {
    Fd thief(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    int on = 1;
    ASSERT_EQ(setsockopt(thief.get(), SOL_SOCKET, option, &on, sizeof on), 0);
    EXPECT_NE(bind(thief.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  }
}

}  // namespace
}  // namespace hoy::net
