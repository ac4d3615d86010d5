#pragma once
// A sandbox on a host of its own: a network namespace that the test, every hoy and every container
// of it have for the host's. Nothing of the machine's network is touched, tests may run side by
// side, and what one leaves goes with it, after the check that there was nothing.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "tests/support/sandbox.h"

namespace hoy::test {

// Another machine: a network namespace, joined to the test's own by a cable.
class OtherHost {
 public:
  // `name`: of the cable's end here. Addresses with prefix: "203.0.113.1/24" here, ".2/24" there.
  OtherHost(const std::string& name, const std::string& here, const std::string& there);

  // A program on that machine.
  Output Run(const std::string& script) const;
  Background Start(const std::string& script) const;

 private:
  Command Shell(const std::string& script) const;
  Fd namespace_;
};

// ImageSandbox, with the default network in use where a test names no other.
class NetworkSandbox : public ImageSandbox {
 protected:
  void SetUp() override;
  // Also that neither a link nor an element of the firewall of a container is left.
  void TearDown() override;

  // A program on the test's host.
  static Output Host(const std::string& script);
  // .NetworkSettings.Networks.<network>.<field> of inspect.
  std::string NetworkField(const std::string& container, const std::string& network,
                           const std::string& field) const;
  // Files in RUN/networks/<network>.
  std::vector<std::string> Leases(const std::string& network) const;
  // Links on the host that are one end of a pair.
  static std::vector<std::string> Pairs();

 private:
  Fd home_;
};

}  // namespace hoy::test
