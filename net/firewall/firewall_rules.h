#pragma once
// Where a firewall keeps its rules: the seam below Firewall (firewall.h), whose contract each of
// these keeps with what the kernel has for it.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/firewall/firewall.h"

namespace hoy::net {

using IsOverFunction = std::function<bool(const OwnedPort&)>;

class FirewallRules {
 public:
  virtual ~FirewallRules() = default;

  // kUnsupported, of any call: this kernel or host cannot keep rules so.
  virtual Result<std::string> Driver() = 0;
  virtual Result<> AddNetwork(const BridgeRules& rules) = 0;
  virtual Result<> Publish(std::string_view container_id, std::span<const PublishedPort> ports,
                           const IsOverFunction& is_over) = 0;
  virtual Result<std::vector<OwnedPort>> Published() = 0;
  virtual Result<bool> IsWhole() = 0;
  virtual Result<bool> HasNetwork(const BridgeRules& rules) = 0;
  virtual Result<> Remove(std::string_view id) = 0;

  bool was_mended() const { return was_mended_; }

 protected:
  bool was_mended_ = false;
};

// The first of them that was published already, as `Publish` reports it.
Error PortIsTaken(const PublishedPort& port, const OwnedPort& holder);

}  // namespace hoy::net
