#pragma once
// What hoy asks about URLs.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::oci {

// `location` as a link on `base`; kCorrupt: neither makes a URL.
Result<std::string> ResolveUrl(const std::string& base, const std::string& location);
// Scheme, host and port are the same.
bool SameOrigin(const std::string& one, const std::string& other);

// "localhost", 127.0.0.0/8, ::1, with or without a port or brackets.
bool IsLoopbackHost(std::string_view host_port);

}  // namespace hoy::oci
