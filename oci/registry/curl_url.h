#pragma once
// libcurl's URL parser, owned. For the .cc files beside it.

#include <curl/curl.h>

#include <string>

#include "core/base/text.h"

namespace hoy::oci {

struct UrlParts {
  std::string scheme, host, port;
  bool operator==(const UrlParts&) const = default;
  std::string HostPort() const { return host + ":" + port; }
};

struct CurlUrl {
  CURLU* handle = curl_url();
  CurlUrl() = default;
  CurlUrl(const CurlUrl&) = delete;
  ~CurlUrl() { curl_url_cleanup(handle); }

  bool Set(const std::string& url) {
    return curl_url_set(handle, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  }
  std::string Get(CURLUPart part, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return "";
    std::string value(text);
    curl_free(text);
    return value;
  }
};

inline UrlParts OriginOf(const CurlUrl& url) {
  return {.scheme = ToLower(url.Get(CURLUPART_SCHEME)),
          .host = ToLower(url.Get(CURLUPART_HOST)),
          .port = url.Get(CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

}  // namespace hoy::oci
