// A host on which forwarding cannot be switched on: /proc/sys is read-only.

#include "tests/support/network_sandbox.h"

namespace hoy::test {
namespace {

class Forwarding : public NetworkSandbox {
 protected:
  Output RunReadOnly(const std::string& words) const {
    return HostShell(
        "unshare -m sh -c 'mount --bind /proc/sys /proc/sys && mount -o "
        "remount,bind,ro /proc/sys && exec $HOY " +
        words + "'");
  }
  static void Switch(const std::string& value) {
    EXPECT_EQ(Host("echo " + value + " >/proc/sys/net/ipv4/ip_forward").code, 0);
  }
};

TEST_F(Forwarding, CannotBeSwitchedOn) {
  Switch("0");
  RunOk({"network", "create", "--internal", "db"});
  const Output refused = RunReadOnly("run --rm " + Busybox() + " true");
  EXPECT_EQ(refused.code, 125) << refused;
  EXPECT_NE(refused.err.find("write 1 to /proc/sys/net/ipv4/ip_forward on the host"),
            std::string::npos)
      << refused;
  EXPECT_TRUE(Leases("bridge").empty());
  EXPECT_EQ(Host("ip -o link | grep -c hoy-").out, "0\n");
  // What leads nowhere needs none.
  const Output internal =
      RunReadOnly("run --rm --network db " + Busybox() + " ip -o -4 addr show eth0");
  EXPECT_EQ(internal.code, 0) << internal;
  EXPECT_NE(internal.out.find("inet "), std::string::npos) << internal;
  Switch("1");
  const Output ready = RunReadOnly("run --rm " + Busybox() + " ip route");
  EXPECT_EQ(ready.code, 0) << ready;
  EXPECT_EQ(ready.out.find("default via "), 0u) << ready;
}

}  // namespace
}  // namespace hoy::test
