#pragma once
// Changes to an auth file's text (containers-auth.json(5), docker's config.json). What is there and
// not asked for stays as it is: other registries, helpers, docker's own settings.

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/registry/auth_file.h"

namespace hoy::oci {

// The text with `credential` under `key` ("docker.io", "quay.io/team"), in place of every other
// spelling of it. `name` is how the key is written. kCorrupt: the text is not an auth file.
Result<std::string> WithCredential(std::string_view json, std::string_view key,
                                   std::string_view name, const Credential& credential);

// The text without `key`, in any spelling; nullopt: it is not there. kCorrupt.
Result<std::optional<std::string>> WithoutCredential(std::string_view json, std::string_view key);

// The text without any credential. kCorrupt.
Result<std::string> WithoutCredentials(std::string_view json);

}  // namespace hoy::oci
