#include "net/firewall/firewall.h"

#include <algorithm>
#include <iterator>

#include "net/firewall/iptables_firewall.h"
#include "net/firewall/nftables_firewall.h"

namespace hoy::net {
namespace {

std::string& FellBack() {
  static std::string driver;
  return driver;
}

Result<std::unique_ptr<FirewallRules>> OpenIptables() {
  auto iptables = IptablesFirewall::Open();
  if (!iptables) {
    Error error = std::move(iptables).error();
    error.message = "the kernel has no nf_tables, and " + error.message;
    return Fail(std::move(error));
  }
  FellBack() = iptables->program();
  return std::make_unique<IptablesFirewall>(*std::move(iptables));
}

}  // namespace

std::string_view TransportName(uint8_t protocol) {
  if (protocol == IPPROTO_UDP) return "udp";
  return protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

std::string ToString(const PublishedPort& port) {
  std::string_view protocol = TransportName(port.protocol);
  if (port.host.is_v6()) {
    return fmt::format("[{}]:{}/{}", port.host.ToString(), port.host_port, protocol);
  }
  return fmt::format("{}:{}/{}", port.host.ToString(), port.host_port, protocol);
}

bool IsByRules(const PublishedPort& port) {
  return port.host.is_v6() == port.container.is_v6();
}

bool Collide(const PublishedPort& a, const PublishedPort& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port &&
         a.host.is_v6() == b.host.is_v6() && (a.host == b.host || a.host.IsAny() || b.host.IsAny());
}

Error PortIsTaken(const PublishedPort& port, const OwnedPort& holder) {
  Error error = MakeError(ErrorKind::kConflict, fmt::format("port {} is published by container {}",
                                                            ToString(port), holder.container_id));
  error.stage = "publish";
  error.subject = holder.container_id;
  return error;
}

Firewall::Firewall(std::unique_ptr<FirewallRules> rules) : rules_(std::move(rules)) {}
Firewall::Firewall(Firewall&& other) noexcept = default;
Firewall& Firewall::operator=(Firewall&& other) noexcept = default;
Firewall::~Firewall() = default;

Result<Firewall> Firewall::Open() {
  auto nftables = NftablesFirewall::Open();
  if (nftables) return Firewall(std::make_unique<NftablesFirewall>(*std::move(nftables)));
  if (nftables.error().kind != ErrorKind::kUnsupported) return Fail(std::move(nftables).error());
  TRY(std::unique_ptr<FirewallRules> iptables, OpenIptables());
  Firewall firewall(std::move(iptables));
  firewall.has_fallen_back_ = true;
  return firewall;
}

// That there is no nf_tables, or that its place is taken, shows when it is first asked for: to ask
// for that alone would cost everybody else a question.
template <typename Work>
auto Firewall::Do(const Work& work) -> decltype(work(std::declval<FirewallRules&>())) {
  auto done = work(*rules_);
  bool is_over = done || done.error().kind != ErrorKind::kUnsupported || has_fallen_back_;
  if (is_over) return done;
  TRY(rules_, OpenIptables());
  has_fallen_back_ = true;
  return work(*rules_);
}

Result<std::string> Firewall::Driver() {
  return Do([](FirewallRules& rules) { return rules.Driver(); });
}

const std::string& Firewall::FellBackTo() {
  return FellBack();
}

Result<> Firewall::AddNetwork(const BridgeRules& network) {
  return Do([&](FirewallRules& rules) { return rules.AddNetwork(network); });
}

Result<> Firewall::Publish(std::string_view container_id, std::span<const PublishedPort> ports,
                           const std::function<bool(const OwnedPort&)>& is_over) {
  std::vector<PublishedPort> by_rules;
  std::ranges::copy_if(ports, std::back_inserter(by_rules), IsByRules);
  return Do([&](FirewallRules& rules) { return rules.Publish(container_id, by_rules, is_over); });
}

Result<std::vector<OwnedPort>> Firewall::Published() {
  return Do([](FirewallRules& rules) { return rules.Published(); });
}

Result<bool> Firewall::IsWhole() {
  return Do([](FirewallRules& rules) { return rules.IsWhole(); });
}

Result<bool> Firewall::HasNetwork(const BridgeRules& network) {
  return Do([&](FirewallRules& rules) { return rules.HasNetwork(network); });
}

Result<> Firewall::Remove(std::string_view id) {
  auto done = Do([&](FirewallRules& rules) { return rules.Remove(id); });
  bool no_rules_can_be = !done && !has_fallen_back_ && done.error().kind == ErrorKind::kUnsupported;
  return no_rules_can_be ? Result<>{} : done;
}

bool Firewall::was_mended() const {
  return rules_->was_mended();
}

}  // namespace hoy::net
