#include "tests/support/network_sandbox.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "core/base/text.h"

namespace hoy::test {
namespace {

Fd CurrentNamespace() {
  return Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

Output RunHere(const std::string& script) {
  return RunCommand({.argv = {"sh", "-c", script}});
}

void MustRun(const std::string& script) {
  const Output output = RunHere(script);
  if (output.code != 0) throw std::runtime_error(script + ": " + output.err);
}

}  // namespace

OtherHost::OtherHost(const std::string& name, const std::string& here, const std::string& there) {
  const Fd home = CurrentNamespace();
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("cannot make a network namespace");
  namespace_ = CurrentNamespace();
  try {
    MustRun("ip link set lo up");
    // Made there, its end moved here: by the descriptor, which the shell inherits.
    const int passed = ::dup(home.get());
    MustRun(
        fmt::format("ip link add {0} type veth peer name eth0 && "
                    "ip link set {0} netns /proc/self/fd/{1} && "
                    "ip addr add {2} dev eth0 && ip link set eth0 up",
                    name, passed, there));
    ::close(passed);
  } catch (...) {
    ::setns(home.get(), CLONE_NEWNET);
    throw;
  }
  if (::setns(home.get(), CLONE_NEWNET) != 0) throw std::runtime_error("cannot come back");
  MustRun(fmt::format("ip addr add {1} dev {0} && ip link set {0} up", name, here));
}

Command OtherHost::Shell(const std::string& script) const {
  return {.argv = {"nsenter", fmt::format("--net=/proc/{}/fd/{}", ::getpid(), namespace_.get()),
                   "sh", "-c", script}};
}

Output OtherHost::Run(const std::string& script) const {
  return RunCommand(Shell(script));
}

Background OtherHost::Start(const std::string& script) const {
  return Background(Shell(script));
}

void NetworkSandbox::SetUp() {
  ImageSandbox::SetUp();
  if (HasFatalFailure()) return;
  env["HOY_NETWORK"] = std::nullopt;
  home_ = CurrentNamespace();
  if (::unshare(CLONE_NEWNET) != 0) {
    SKIP_BECAUSE("cannot make a network namespace: " << std::strerror(errno));
  }
  MustRun("ip link set lo up");
}

void NetworkSandbox::TearDown() {
  ImageSandbox::TearDown();
  std::vector<std::string> left;
  Eventually([&] { return (left = Pairs()).empty(); });
  EXPECT_TRUE(left.empty()) << "links left behind: " << hoy::Join(left, " ");
  for (const std::string& network : ListNames(run() + "/networks")) {
    EXPECT_TRUE(Leases(network).empty()) << "leases left behind on " << network;
  }
  const std::string rules = Host("nft list table inet hoy 2>/dev/null").out;
  for (const std::string& id : Traces().ids) {
    EXPECT_EQ(rules.find(id), std::string::npos) << "left in the firewall: " << rules;
  }
  if (home_ && ::setns(home_.get(), CLONE_NEWNET) != 0) FAIL() << std::strerror(errno);
}

Output NetworkSandbox::Host(const std::string& script) {
  return RunHere(script);
}

std::string NetworkSandbox::NetworkField(const std::string& container, const std::string& network,
                                         const std::string& field) const {
  const Json object = Inspect(container);
  const Json networks = object.value("NetworkSettings", Json::object()).value("Networks", Json());
  if (!networks.contains(network) || !networks[network].contains(field)) return "(absent)";
  const Json& value = networks[network][field];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<std::string> NetworkSandbox::Leases(const std::string& network) const {
  return ListNames(run() + "/networks/" + network);
}

std::vector<std::string> NetworkSandbox::Pairs() {
  std::vector<std::string> names;
  const Json links = Json::parse(Host("ip -j link show type veth").out, nullptr, false);
  for (const Json& link : links.is_array() ? links : Json::array()) {
    const std::string name = link.value("ifname", "");
    if (name.starts_with("hoy")) names.push_back(name);
  }
  return names;
}

}  // namespace hoy::test
