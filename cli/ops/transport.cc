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

Result<> CheckTransport(std::string_view text) {
  struct Foreign {
    std::string_view prefix;
    std::string_view owner;
    std::string_view way;
  };
  constexpr std::array<Foreign, 4> kForeign = {
      {{"docker-daemon:", "the docker daemon",
        "docker save IMAGE | hoy load, or hoy save IMAGE | docker load"},
       {"containers-storage:", "podman",
        "podman save IMAGE | hoy load, or hoy save IMAGE | podman load"},
       {"ostree:", "ostree", "skopeo copy ostree:... oci:DIR"},
       {"sif:", "singularity", "skopeo copy sif:... oci:DIR"}}};
  for (const Foreign& foreign : kForeign) {
    if (!text.starts_with(foreign.prefix)) continue;
    return Fail(MakeError(ErrorKind::kUnsupported,
                          fmt::format("'{}': that store belongs to {}, and hoy does not touch it",
                                      text, foreign.owner))
                    .WithHint(std::string(foreign.way)));
  }
  return {};
}

std::string_view WithoutDockerTransport(std::string_view text) {
  constexpr std::string_view kPrefix = "docker://";
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
}

}  // namespace hoy::cli
