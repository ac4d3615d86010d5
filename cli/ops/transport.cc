#include "cli/ops/transport.h"

#include <array>
#include <utility>

#include "core/base/text.h"

namespace hoy::cli {

std::optional<TransportReference> ParseTransport(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Transport>, 4> kPrefixes = {
      {{"oci:", Transport::kOci},
       {"oci-archive:", Transport::kOciArchive},
       {"docker-archive:", Transport::kDockerArchive},
       {"dir:", Transport::kDir}}};
  for (const auto& [prefix, transport] : kPrefixes) {
    if (!text.starts_with(prefix)) continue;
    std::string_view rest = text.substr(prefix.size());
    if (transport == Transport::kDir) {
      return TransportReference{.transport = transport, .path = std::string(rest), .reference = {}};
    }
    Cut cut = CutAt(rest, ':');
    return TransportReference{.transport = transport,
                              .path = std::string(cut.before),
                              .reference = std::string(cut.after.value_or(""))};
  }
  return std::nullopt;
}

std::string_view WithoutDockerTransport(std::string_view text) {
  constexpr std::string_view kPrefix = "docker://";
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
}

}  // namespace hoy::cli
