#pragma once
// RFC 4648 section 4, strict: padded, no line breaks.

#include <optional>
#include <string>
#include <string_view>

namespace hoy::oci {

std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace hoy::oci
