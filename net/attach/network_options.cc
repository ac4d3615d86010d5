#include "net/attach/network_options.h"

#include <linux/if_link.h>

#include <algorithm>
#include <span>

#include "core/base/text.h"
#include "net/netlink/route.h"

namespace hoy::net {
namespace {

constexpr int kLeastMtu = 68;  // RFC 791
constexpr int kMostMtu = 65535;
constexpr int kMostVlan = 4094;  // IEEE 802.1Q

constexpr std::string_view kMode = "mode";
constexpr std::string_view kIpvlanFlag = "ipvlan_flag";

struct Word {
  std::string_view driver;
  std::string_view meaning;
  std::string_view name;
  uint32_t value;
};
// The first of a driver and meaning is the default.
constexpr Word kWords[] = {{"macvlan", kMode, "bridge", MACVLAN_MODE_BRIDGE},
                           {"macvlan", kMode, "private", MACVLAN_MODE_PRIVATE},
                           {"macvlan", kMode, "vepa", MACVLAN_MODE_VEPA},
                           {"macvlan", kMode, "passthru", MACVLAN_MODE_PASSTHRU},
                           {"ipvlan", kMode, "l2", IPVLAN_MODE_L2},
                           {"ipvlan", kMode, "l3", IPVLAN_MODE_L3},
                           {"ipvlan", kMode, "l3s", IPVLAN_MODE_L3S},
                           {"ipvlan", kIpvlanFlag, "bridge", 0},
                           {"ipvlan", kIpvlanFlag, "private", IPVLAN_F_PRIVATE},
                           {"ipvlan", kIpvlanFlag, "vepa", IPVLAN_F_VEPA}};

// Under the names that docker and podman have for them, too.
struct Option {
  std::string_view driver;  // empty: of each
  std::string_view name;
  std::string_view meaning;
};
constexpr Option kOptions[] = {{"", "mtu", "mtu"},
                               {"", "com.docker.network.driver.mtu", "mtu"},
                               {"bridge", "vlan", "vlan"},
                               {"bridge", "isolate", "isolate"},
                               {"macvlan", "parent", "parent"},
                               {"macvlan", "mode", kMode},
                               {"macvlan", "macvlan_mode", kMode},
                               {"ipvlan", "parent", "parent"},
                               {"ipvlan", "mode", kMode},
                               {"ipvlan", "ipvlan_mode", kMode},
                               {"ipvlan", kIpvlanFlag, kIpvlanFlag}};

const Option* FindOption(std::string_view driver, std::string_view name) {
  auto found = std::ranges::find_if(kOptions, [&](const Option& option) {
    return option.name == name && (option.driver.empty() || option.driver == driver);
  });
  return found == std::end(kOptions) ? nullptr : &*found;
}

const Word* FindWord(std::string_view driver, std::string_view meaning, std::string_view name) {
  auto found = std::ranges::find_if(kWords, [&](const Word& word) {
    return word.driver == driver && word.meaning == meaning && (name.empty() || word.name == name);
  });
  return found == std::end(kWords) ? nullptr : &*found;
}

// Words for a sentence: what each driver takes.
std::string NamesFor(std::string_view driver) {
  std::string names;
  for (const Option& option : kOptions) {
    bool is_ours = option.name == option.meaning;
    if (!is_ours || (!option.driver.empty() && option.driver != driver)) continue;
    names += names.empty() ? option.name : fmt::format(", {}", option.name);
  }
  return names;
}

Result<> CheckNumber(std::string_view name, const std::string& value, int least, int most) {
  auto number = ParseInteger<int>(value);
  if (number && *number >= least && *number <= most) return {};
  return Fail(ErrorKind::kInvalidArgument, "network option '{}={}': {} to {}", name, value, least,
              most);
}

Result<> CheckValue(std::string_view driver, const Option& option, const std::string& value) {
  if (option.meaning == "mtu") return CheckNumber(option.name, value, kLeastMtu, kMostMtu);
  if (option.meaning == "vlan") return CheckNumber(option.name, value, 1, kMostVlan);
  if (option.meaning == "isolate") {
    if (value == "true" || value == "1" || value == "strict") return {};
    return Fail(
        MakeError(
            ErrorKind::kInvalidArgument,
            fmt::format("network option '{}={}': networks do not reach each other; true or strict",
                        option.name, value))
            .WithHint("hoy network connect puts one container on both"));
  }
  if (FindWord(driver, option.meaning, "") != nullptr) {
    if (!value.empty() && FindWord(driver, option.meaning, value) != nullptr) return {};
    std::string words;
    for (const Word& word : kWords) {
      if (word.driver != driver || word.meaning != option.meaning) continue;
      words += fmt::format("{}{}", words.empty() ? "" : ", ", word.name);
    }
    return Fail(ErrorKind::kInvalidArgument, "network option '{}={}': one of {}", option.name,
                value, words);
  }
  if (!value.empty() && value.size() <= kLongestLinkName) return {};
  return Fail(ErrorKind::kInvalidArgument, "network option '{}={}': not the name of a link",
              option.name, value);
}

std::string ValueOf(std::string_view driver, const core::StringPairs& options,
                    std::string_view meaning) {
  for (const auto& [name, value] : options) {
    const Option* option = FindOption(driver, name);
    if (option != nullptr && option->meaning == meaning) return value;
  }
  return "";
}

uint32_t ValueOfWord(const NetworkRecord& network, std::string_view meaning) {
  const Word* word =
      FindWord(network.driver, meaning, ValueOf(network.driver, network.options, meaning));
  return word != nullptr ? word->value : 0;
}

}  // namespace

Result<> CheckOptions(std::string_view driver, const core::StringPairs& options) {
  for (const auto& [name, value] : options) {
    const Option* option = FindOption(driver, name);
    if (option == nullptr) {
      return Fail(ErrorKind::kInvalidArgument, "network option '{}': driver {} has {}", name,
                  driver, NamesFor(driver));
    }
    TRY(CheckValue(driver, *option, value));
  }
  if (driver == "bridge" || !ValueOf(driver, options, "parent").empty()) return {};
  return Fail(
      MakeError(ErrorKind::kInvalidArgument,
                fmt::format("driver {}: which link of the host are its containers on?", driver))
          .WithHint("--opt parent=eth0, or parent=eth0.50 for a VLAN"));
}

bool HasBridge(const NetworkRecord& network) {
  return network.driver == "bridge";
}

int MtuOf(const NetworkRecord& network) {
  return ParseInteger<int>(ValueOf(network.driver, network.options, "mtu")).value_or(0);
}

uint16_t VlanOf(const NetworkRecord& network) {
  return ParseInteger<uint16_t>(ValueOf(network.driver, network.options, "vlan")).value_or(0);
}

std::string ParentOf(const NetworkRecord& network) {
  return ValueOf(network.driver, network.options, "parent");
}

uint32_t ModeOf(const NetworkRecord& network) {
  return ValueOfWord(network, kMode);
}

uint16_t IpvlanFlagOf(const NetworkRecord& network) {
  return static_cast<uint16_t>(ValueOfWord(network, kIpvlanFlag));
}

std::optional<VlanName> ParseVlanName(std::string_view name) {
  size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  auto tag = ParseInteger<uint16_t>(name.substr(dot + 1));
  if (!tag || *tag == 0 || *tag > kMostVlan) return std::nullopt;
  return VlanName{std::string(name.substr(0, dot)), *tag};
}

}  // namespace hoy::net
