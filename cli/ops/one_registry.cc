#include "cli/ops/one_registry.h"

#include <fmt/core.h>

#include "cli/ops/transport.h"
#include "core/base/text.h"
#include "oci/image/reference.h"
#include "oci/image/registries_conf.h"

namespace hoy::cli {

Result<> CheckOneRegistry(const std::string& creds, const std::set<std::string>& registries) {
  if (creds.empty() || registries.size() < 2) return {};
  return Fail(
      MakeError(ErrorKind::kInvalidArgument,
                fmt::format("--creds would go to several registries: {}", Join(registries, ", ")))
          .WithHint("log in to each with 'hoy login'"));
}

Result<std::set<std::string>> RegistriesOf(std::span<const std::string> images) {
  std::set<std::string> registries;
  for (const std::string& image : images) {
    if (ParseTransport(image)) continue;
    TRY(std::string name, oci::ResolveShortName(WithoutDockerTransport(image)));
    auto reference = oci::Reference::Parse(name);
    if (reference) registries.insert(reference->domain());  // what is no name is refused later
  }
  return registries;
}

}  // namespace hoy::cli
