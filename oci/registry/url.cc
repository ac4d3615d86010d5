#include "oci/registry/url.h"

#include <algorithm>

#include "core/base/text.h"
#include "oci/registry/curl_url.h"

namespace hoy::oci {

Result<std::string> ResolveUrl(const std::string& base, const std::string& location) {
  CurlUrl url;
  if (!url.Set(base) || !url.Set(location)) {
    return Fail(ErrorKind::kCorrupt, "'{}' is not a URL", location);
  }
  return url.Get(CURLUPART_URL);
}

bool SameOrigin(const std::string& one, const std::string& other) {
  CurlUrl first, second;
  return first.Set(one) && second.Set(other) && OriginOf(first) == OriginOf(second);
}

bool IsLoopbackHost(std::string_view host_port) {
  std::string host = ToLower(host_port);
  size_t colon = host.rfind(':');
  if (colon != std::string::npos &&
      (host.starts_with('[') ? host[colon - 1] == ']' : host.find(':') == colon)) {
    if (!ParseInteger<uint16_t>(host.substr(colon + 1))) return false;
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host == "::1") return true;
  auto fields = Split(host, '.');
  return fields.size() == 4 && fields[0] == "127" &&
         std::all_of(fields.begin(), fields.end(),
                     [](std::string_view field) { return ParseInteger<uint8_t>(field); });
}

}  // namespace hoy::oci
