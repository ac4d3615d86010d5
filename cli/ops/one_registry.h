#pragma once
// --creds are one registry's: a verb that would send them to several refuses to.

#include <set>
#include <span>
#include <string>

#include "core/base/result.h"

namespace hoy::cli {

// kInvalidArgument: `creds` are given, and there are several registries (host, or host:port).
Result<> CheckOneRegistry(const std::string& creds, const std::set<std::string>& registries);

// Those of images as they were typed; archives and directories have none.
Result<std::set<std::string>> RegistriesOf(std::span<const std::string> images);

}  // namespace hoy::cli
