#include "cli/ops/port_options.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "net/base/address.h"

namespace hoy::cli {
namespace {

using core::PortBinding;

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
  int count() const { return last - first + 1; }
};

std::optional<PortRange> ParseRange(std::string_view text) {
  auto [first, last] = CutAt(text, '-');
  auto begin = ParseInteger<uint16_t>(first);
  auto end = last ? ParseInteger<uint16_t>(*last) : begin;
  if (!begin || !end || *begin > *end || (*begin == 0 && last)) return std::nullopt;
  return PortRange{*begin, *end};
}

Error Wrong(std::string_view text, std::string_view why) {
  return MakeError(ErrorKind::kInvalidArgument, fmt::format("-p '{}': {}", text, why))
      .WithHint("wants [IP:][HOST_PORT[-LAST]:]CONTAINER_PORT[-LAST][/tcp|udp|sctp]");
}

// The three parts of IP:HOST:CONTAINER; what is not there is empty.
struct Parts {
  std::string_view ip, host, container;
};

std::optional<Parts> SplitParts(std::string_view text) {
  Parts parts;
  auto cut_last = [&text]() -> std::string_view {
    size_t colon = text.rfind(':');
    std::string_view last = colon == std::string_view::npos ? text : text.substr(colon + 1);
    text = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
    return last;
  };
  bool has_host = text.find(':') != std::string_view::npos;
  parts.container = cut_last();
  if (!has_host) return parts;
  bool has_ip = text.find(':') != std::string_view::npos;
  parts.host = cut_last();
  if (!has_ip) return parts;
  parts.ip = text;
  bool opens = parts.ip.starts_with('['), closes = parts.ip.ends_with(']');
  if (opens != closes) return std::nullopt;
  if (opens) parts.ip = parts.ip.substr(1, parts.ip.size() - 2);
  if (opens && parts.ip.empty()) return std::nullopt;
  return parts;
}

// docker's long form, of which the service commands have more.
Result<std::string> FromLongForm(std::string_view text) {
  std::map<std::string_view, std::string_view> values = {{"protocol", "tcp"}, {"published", ""}};
  for (std::string_view field : Split(text, ',')) {
    auto [key, value] = CutAt(field, '=');
    bool known = key == "target" || key == "published" || key == "protocol";
    if (!known || !value || value->empty()) {
      return Fail(Wrong(text, "fields are target=, published= and protocol="));
    }
    values[key] = *value;
  }
  if (!values.contains("target")) return Fail(Wrong(text, "target= is missing"));
  return fmt::format("{}:{}/{}", values["published"], values["target"], values["protocol"]);
}

bool Overlap(const PortBinding& a, const PortBinding& b) {
  bool fixed =
      a.host_port != 0 && b.host_port != 0 && a.host_port_last == 0 && b.host_port_last == 0;
  if (!fixed || a.protocol != b.protocol || a.host_port != b.host_port) return false;
  auto any_of = [](const PortBinding& port) { return net::IpAddress::Parse(port.host_address); };
  auto at_a = any_of(a), at_b = any_of(b);
  if (!at_a || !at_b) return true;  // one is any address of both families
  if (at_a->is_v6() != at_b->is_v6()) return false;
  return *at_a == *at_b || at_a->IsAny() || at_b->IsAny();
}

// Neighbours among the open ports.
struct Run {
  OpenPort first;
  uint16_t count = 1;

  bool Takes(const OpenPort& next) const {
    if (next.protocol != first.protocol || next.host_ip != first.host_ip) return false;
    bool published = first.host_port != 0;
    return next.container_port == first.container_port + count &&
           (next.host_port != 0) == published &&
           (!published || next.host_port == first.host_port + count);
  }
  std::string Text() const {
    auto range = [&](int begin) {
      return count == 1 ? std::to_string(begin) : fmt::format("{}-{}", begin, begin + count - 1);
    };
    std::string inside = fmt::format("{}/{}", range(first.container_port), first.protocol);
    if (first.host_port == 0) return inside;
    return HostText(first.host_ip, range(first.host_port)) + "->" + inside;
  }
};

}  // namespace

Result<std::vector<PortBinding>> ParsePublish(std::string_view typed) {
  std::string text(typed);
  if (text.find('=') != std::string::npos) {
    TRY(text, FromLongForm(typed));
  }
  auto [addresses, protocol_text] = CutAt(text, '/');
  std::string protocol = ToLower(protocol_text.value_or("tcp"));
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return Fail(Wrong(typed, fmt::format("protocol '{}' is none of tcp, udp, sctp", protocol)));
  }
  auto parts = SplitParts(addresses);
  if (!parts) return Fail(Wrong(typed, "brackets belong around an IPv6 address"));
  std::string host_ip(parts->ip);
  if (!host_ip.empty()) {
    auto address = net::IpAddress::Parse(host_ip);
    if (!address) return Fail(Wrong(typed, fmt::format("'{}' is not an IP address", host_ip)));
    host_ip = address->ToString();
  }
  auto container = ParseRange(parts->container);
  if (!container || container->first == 0) {
    return Fail(Wrong(typed, fmt::format("'{}' is not a port of a container", parts->container)));
  }
  PortRange host;
  if (!parts->host.empty()) {
    auto range = ParseRange(parts->host);
    if (!range) {
      return Fail(Wrong(typed, fmt::format("'{}' is not a port of the host", parts->host)));
    }
    host = *range;
  }
  bool any = host.first == 0;
  if (!any && container->count() > 1 && host.count() != container->count()) {
    return Fail(Wrong(typed, fmt::format("{} ports of the host for {} of the container",
                                         host.count(), container->count())));
  }
  std::vector<PortBinding> bindings;
  for (int i = 0; i < container->count(); ++i) {
    PortBinding binding{.host_address = host_ip,
                        .container_port = static_cast<uint16_t>(container->first + i),
                        .protocol = protocol};
    if (!any) binding.host_port = static_cast<uint16_t>(host.first + i);
    if (container->count() == 1 && host.count() > 1) binding.host_port_last = host.last;
    bindings.push_back(std::move(binding));
  }
  return bindings;
}

Result<std::vector<PortBinding>> ParsePublishes(const std::vector<std::string>& texts) {
  std::vector<PortBinding> all;
  for (const std::string& text : texts) {
    TRY(std::vector<PortBinding> bindings, ParsePublish(text));
    for (PortBinding& binding : bindings) {
      if (std::ranges::find(all, binding) != all.end()) continue;
      auto other =
          std::ranges::find_if(all, [&](const PortBinding& one) { return Overlap(one, binding); });
      if (other != all.end()) {
        return Fail(ErrorKind::kInvalidArgument,
                    "-p '{}': port {}/{} of the host leads to port {} already", text,
                    binding.host_port, binding.protocol, other->container_port);
      }
      all.push_back(std::move(binding));
    }
  }
  return all;
}

std::vector<PortBinding> ExposedBindings(const std::vector<std::string>& exposed,
                                         const std::vector<PortBinding>& published) {
  std::vector<PortBinding> bindings;
  for (const std::string& name : exposed) {
    auto is_for = [&](const PortBinding& binding) {
      return PortName(binding.container_port, binding.protocol) == name;
    };
    if (std::ranges::any_of(published, is_for)) continue;
    auto more = ParsePublish(name);
    if (!more) continue;  // an image may expose anything
    bindings.insert(bindings.end(), more->begin(), more->end());
  }
  return bindings;
}

Result<> SetPorts(const std::vector<std::string>& publish, bool publish_all,
                  core::ContainerConfig& config, std::vector<std::string>& warnings) {
  core::NetworkConfig& network = config.network;
  std::vector<std::string>& exposed = config.exposed_ports;
  TRY(network.ports, ParsePublishes(publish));
  network.publish_all = publish_all;
  if (publish_all) {
    std::ranges::move(ExposedBindings(exposed, network.ports), std::back_inserter(network.ports));
  }
  for (const PortBinding& binding : network.ports) {
    std::string name = PortName(binding.container_port, binding.protocol);
    if (std::ranges::find(exposed, name) == exposed.end()) exposed.push_back(std::move(name));
  }
  std::ranges::sort(exposed);
  bool asked = !publish.empty() || publish_all;
  if (!asked || !network.attachments.empty()) return {};
  if (config.namespaces.net == core::NamespaceMode::kJoined) {
    return Fail(ErrorKind::kInvalidArgument,
                "-p: the ports of somebody else's network namespace are not this container's to "
                "publish");
  }
  bool host = config.namespaces.net == core::NamespaceMode::kHost;
  warnings.push_back(
      host ? "-p has no effect with --network host: all ports are the host's"
           : "-p has no effect with --network none, until it is connected to a network");
  return {};
}

std::string PortName(uint16_t port, std::string_view protocol) {
  return fmt::format("{}/{}", port, protocol);
}

std::string HostText(std::string_view ip, std::string_view ports) {
  bool v6 = ip.find(':') != std::string_view::npos;
  return v6 ? fmt::format("[{}]:{}", ip, ports) : fmt::format("{}:{}", ip, ports);
}

std::string HostPortText(const PortBinding& binding) {
  if (binding.host_port == 0) return "";
  if (binding.host_port_last == 0) return std::to_string(binding.host_port);
  return fmt::format("{}-{}", binding.host_port, binding.host_port_last);
}

std::vector<OpenPort> OpenPortsOf(const net::NetworkStatus& status) {
  std::vector<OpenPort> ports;
  for (const net::PublishedPort& port : status.ports) {
    ports.push_back({.container_port = port.container_port,
                     .protocol = std::string(net::TransportName(port.protocol)),
                     .host_ip = port.host.ToString(),
                     .host_port = port.host_port});
  }
  for (const std::string& name : status.exposed) {
    auto [number, protocol] = CutAt(name, '/');
    auto container_port = ParseInteger<uint16_t>(number);
    if (!container_port) continue;
    ports.push_back({.container_port = *container_port,
                     .protocol = std::string(protocol.value_or("tcp")),
                     .host_ip = {}});
  }
  return ports;
}

std::string PortsText(std::vector<OpenPort> ports) {
  // So that neighbours of one address come after each other.
  std::ranges::sort(ports, {}, [](const OpenPort& port) {
    return std::tuple(port.host_ip, port.protocol, port.container_port, port.host_port);
  });
  std::vector<Run> runs;
  for (OpenPort& port : ports) {
    if (!runs.empty() && runs.back().Takes(port)) {
      ++runs.back().count;
    } else {
      runs.push_back({.first = std::move(port)});
    }
  }
  std::ranges::stable_sort(runs, {}, [](const Run& run) {
    return std::tuple(run.first.container_port, run.first.protocol, run.first.host_ip);
  });
  std::string text;
  for (const Run& run : runs) text += (text.empty() ? "" : ", ") + run.Text();
  return text;
}

bool HasPort(std::string_view filter, std::string_view port_name) {
  auto wanted = ParsePorts("filter", filter);
  return wanted && std::ranges::find(*wanted, port_name) != wanted->end();
}

}  // namespace hoy::cli
