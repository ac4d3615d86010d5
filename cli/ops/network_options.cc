#include "cli/ops/network_options.h"

#include <algorithm>

#include "core/base/text.h"
#include "net/attach/host_network.h"
#include "net/base/address.h"
#include "net/netlink/route.h"

namespace hoy::cli {
namespace {

constexpr std::string_view kContainer = "container:";
constexpr std::string_view kNamespace = "ns:";
constexpr std::string_view kHostGateway = "host-gateway";

Result<> CheckAddress(std::string_view flag, std::string_view text, bool v6) {
  auto address = net::IpAddress::Parse(text);
  if (address && address->is_v6() == v6) return {};
  return Fail(ErrorKind::kInvalidArgument, "{} '{}': not an IPv{} address", flag, text, v6 ? 6 : 4);
}

Result<> CheckAlias(std::string_view flag, std::string_view text) {
  bool good = !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  });
  if (good) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "{} '{}': only letters, digits, '-', '_' and '.' are allowed", flag, text);
}

Result<> CheckMac(std::string_view flag, std::string_view text) {
  auto mac = net::ParseMac(text);
  constexpr uint8_t kMulticast = 1;
  if (mac && ((*mac)[0] & kMulticast) == 0) return {};
  return Fail(ErrorKind::kInvalidArgument, "{} '{}': not the address of one interface, such as {}",
              flag, text, "02:42:ac:11:00:02");
}

Result<> SetOption(core::NetworkAttachment& attachment, std::string_view text,
                   std::string_view entry) {
  auto [key, value] = CutAt(entry, '=');
  std::string flag = fmt::format("--network '{}': {}", text, key);
  std::string given(value.value_or(""));
  if (key == "name" && attachment.network.empty()) {
    attachment.network = given;
    return {};
  }
  if (key == "ip") {
    TRY(CheckAddress(flag, given, false));
    attachment.address = given;
    return {};
  }
  if (key == "ip6") {
    TRY(CheckAddress(flag, given, true));
    attachment.address6 = given;
    return {};
  }
  if (key == "mac" || key == "mac-address") {
    TRY(CheckMac(flag, given));
    attachment.mac = given;
    return {};
  }
  if (key == "alias") {
    TRY(CheckAlias(flag, given));
    attachment.aliases.push_back(given);
    return {};
  }
  return Fail(ErrorKind::kInvalidArgument,
              "--network '{}': '{}': one of ip=, ip6=, mac=, alias=", text, entry);
}

bool IsDefault(std::string_view text) {
  return text == net::kDefaultNetwork || text == "default" || text == "private";
}

// "NAME:ADDRESS" or "NAME=ADDRESS", an IPv6 address with brackets or without.
Result<std::string> ParseAddedHost(std::string_view text) {
  size_t separator = text.find_first_of("=:");
  std::string_view name = text.substr(0, separator);
  std::string_view address = separator == std::string_view::npos ? "" : text.substr(separator + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  bool is_address = address == kHostGateway || net::IpAddress::Parse(address);
  if (!is_address || name.empty() || name.find_first_of(" \t\n#") != std::string_view::npos) {
    return Fail(ErrorKind::kInvalidArgument, "--add-host '{}': expected NAME:ADDRESS, or NAME:{}",
                text, kHostGateway);
  }
  return fmt::format("{}:{}", name, address);
}

// Flags that speak of an attachment of the container's own.
Result<> RefuseAttachmentFlags(const RunOptions& options, std::string_view mode) {
  for (const auto& [flag, given] :
       {std::pair{"--ip", !options.ip.empty()}, std::pair{"--ip6", !options.ip6.empty()},
        std::pair{"--mac-address", !options.mac_address.empty()},
        std::pair{"--network-alias", !options.network_alias.empty()}}) {
    if (!given) continue;
    return Fail(ErrorKind::kInvalidArgument, "{} cannot be set with --network {}", flag, mode);
  }
  return {};
}

Result<> ApplyFlags(const RunOptions& options, core::NetworkAttachment& first) {
  if (!options.ip.empty()) {
    TRY(CheckAddress("--ip", options.ip, false));
    first.address = options.ip;
  }
  if (!options.ip6.empty()) {
    TRY(CheckAddress("--ip6", options.ip6, true));
    first.address6 = options.ip6;
  }
  if (!options.mac_address.empty()) {
    TRY(CheckMac("--mac-address", options.mac_address));
    first.mac = options.mac_address;
  }
  for (const std::string& alias : options.network_alias) {
    TRY(CheckAlias("--network-alias", alias));
    first.aliases.push_back(alias);
  }
  return {};
}

Result<> SetDns(const RunOptions& options, core::NetworkConfig& config) {
  for (const std::string& server : options.dns) {
    if (net::IpAddress::Parse(server)) continue;
    return Fail(ErrorKind::kInvalidArgument, "--dns '{}': not an IP address", server);
  }
  for (const auto& [flag, texts] : {std::pair{"--dns-search", &options.dns_search},
                                    std::pair{"--dns-option", &options.dns_option}}) {
    for (const std::string& text : *texts) {
      if (!text.empty() && text.find_first_of(" \t\n") == std::string::npos) continue;
      return Fail(ErrorKind::kInvalidArgument, "{} '{}': one word is wanted", flag, text);
    }
  }
  config.dns = options.dns;
  config.dns_search = options.dns_search;
  config.dns_options = options.dns_option;
  config.no_hosts = options.no_hosts;
  if (options.no_hosts && !options.add_host.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--no-hosts: not together with --add-host");
  }
  for (const std::string& text : options.add_host) {
    TRY(std::string host, ParseAddedHost(text));
    config.extra_hosts.push_back(std::move(host));
  }
  return {};
}

// none, host, container:ID, ns:PATH: alone, and without an attachment. False: none of them.
Result<bool> SetAlone(const std::string& text, NetworkChoice& choice) {
  using core::NamespaceMode;
  std::string_view view = text;
  if (view == "none") return true;
  if (view == "host") {
    choice.mode = NamespaceMode::kHost;
    return true;
  }
  if (view.starts_with(kContainer)) {
    choice.mode = NamespaceMode::kJoined;
    choice.config.container = view.substr(kContainer.size());
    if (!choice.config.container.empty()) return true;
    return Fail(ErrorKind::kInvalidArgument, "--network '{}': a container is wanted", text);
  }
  if (view.starts_with(kNamespace)) {
    choice.mode = NamespaceMode::kJoined;
    choice.config.path = view.substr(kNamespace.size());
    if (choice.config.path.starts_with('/')) return true;
    return Fail(ErrorKind::kInvalidArgument, "--network '{}': the path must be absolute", text);
  }
  return false;
}

}  // namespace

Result<> CheckAttachment(const core::NetworkAttachment& wanted) {
  if (!wanted.address.empty()) TRY(CheckAddress("--ip", wanted.address, false));
  if (!wanted.address6.empty()) TRY(CheckAddress("--ip6", wanted.address6, true));
  if (!wanted.mac.empty()) TRY(CheckMac("--mac-address", wanted.mac));
  for (const std::string& alias : wanted.aliases) TRY(CheckAlias("--alias", alias));
  return {};
}

Result<core::NetworkAttachment> ParseAttachment(std::string_view text) {
  core::NetworkAttachment attachment;
  std::string_view options = text;
  if (!text.starts_with("name=")) {
    auto [name, rest] = CutAt(text, ':');
    attachment.network = name;
    options = rest.value_or("");
  }
  if (!options.empty()) {
    for (std::string_view entry : Split(options, ',')) TRY(SetOption(attachment, text, entry));
  }
  if (attachment.network.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--network '{}': the name is missing", text);
  }
  if (IsDefault(attachment.network)) attachment.network = net::kDefaultNetwork;
  return attachment;
}

Result<NetworkChoice> ParseNetworks(const RunOptions& options, std::string_view fallback) {
  NetworkChoice choice;
  std::vector<std::string> networks = options.network;
  if (networks.empty()) networks.emplace_back(fallback);
  for (const std::string& text : networks) {
    TRY(bool alone, SetAlone(text, choice));
    if (alone) {
      if (networks.size() > 1) {
        return Fail(ErrorKind::kInvalidArgument, "--network '{}': not together with others", text);
      }
      TRY(RefuseAttachmentFlags(options, text));
      TRY(SetDns(options, choice.config));
      bool own_files = choice.config.container.empty();
      if (own_files || (!choice.config.HasDns() && choice.config.extra_hosts.empty())) {
        return choice;
      }
      return Fail(ErrorKind::kInvalidArgument,
                  "--dns and --add-host cannot be set with --network {}: the files are shared",
                  text);
    }
    TRY(core::NetworkAttachment attachment, ParseAttachment(text));
    bool twice = std::ranges::any_of(choice.config.attachments, [&](const auto& other) {
      return other.network == attachment.network;
    });
    if (twice) {
      return Fail(ErrorKind::kInvalidArgument, "--network '{}': given twice", attachment.network);
    }
    choice.config.attachments.push_back(std::move(attachment));
  }
  TRY(ApplyFlags(options, choice.config.attachments.front()));
  for (const core::NetworkAttachment& attachment : choice.config.attachments) {
    if (attachment.network != net::kDefaultNetwork || attachment.aliases.empty()) continue;
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          "--network-alias: the default network knows no names")
                    .WithHint("hoy network create NAME, and --network NAME"));
  }
  TRY(SetDns(options, choice.config));
  return choice;
}

std::string NetworkModeName(const core::ContainerConfig& config) {
  if (config.namespaces.net == core::NamespaceMode::kHost) return "host";
  const core::NetworkConfig& network = config.network;
  if (!network.container.empty()) return std::string(kContainer) + network.container;
  if (!network.path.empty()) return std::string(kNamespace) + network.path;
  return network.attachments.empty() ? "none" : network.attachments.front().network;
}

}  // namespace hoy::cli
