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
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    host = host.substr(0, host.find(':'));
  }
  if (host == "localhost" || host == "::1") return true;
  auto fields = Split(host, '.');
  return fields.size() == 4 && fields[0] == "127" &&
         std::all_of(fields.begin(), fields.end(),
                     [](std::string_view field) { return ParseInteger<uint8_t>(field); });
}

}  // namespace hoy::oci
