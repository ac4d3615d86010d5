#pragma once
// The rules in chains of iptables (iptables_layout.h). Hoys take turns by a lock of root's, one for
// all data roots and network namespaces, as that of iptables itself is, beside it; what others
// change meanwhile makes the kernel refuse a table, and we look again.

#include "core/base/fd.h"
#include "net/firewall/firewall_rules.h"
#include "net/firewall/iptables_layout.h"
#include "net/firewall/iptables_program.h"

namespace hoy::net {

class IptablesFirewall final : public FirewallRules {
 public:
  static Result<IptablesFirewall> Open();  // kUnsupported: there is no program for it

  // Whether rules of hoy's are there, of the caller's network namespace.
  static bool IsInUse();

  const std::string& program() const { return v4_.name(); }

  Result<std::string> Driver() override { return program(); }
  Result<> AddNetwork(const BridgeRules& rules) override;
  Result<> Publish(std::string_view container_id, std::span<const PublishedPort> ports,
                   const IsOverFunction& is_over) override;
  Result<std::vector<OwnedPort>> Published() override;
  Result<bool> IsWhole() override;
  Result<bool> HasNetwork(const BridgeRules& rules) override;
  Result<> Remove(std::string_view id) override;

 private:
  explicit IptablesFirewall(IptablesProgram v4) : v4_(std::move(v4)) {}

  struct Family {
    bool v6;
    IptablesState now;
    std::vector<IptablesRule> owned;  // what is to be
  };
  using Families = std::vector<Family>;
  Result<Families> Read();
  Result<const IptablesProgram*> ProgramOf(bool v6);
  // `decide` changes what is owned; it is asked again when the kernel refuses what came of it.
  Result<> Change(bool mends, const std::function<Result<>(Families&)>& decide);

  IptablesProgram v4_;
  std::optional<IptablesProgram> v6_;  // found when it is needed
};

}  // namespace hoy::net
