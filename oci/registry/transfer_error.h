#pragma once
// What went wrong with a transfer, and what to do: libcurl's codes as sentences.

#include <curl/curl.h>

#include <string>

#include "core/base/error.h"
#include "oci/registry/curl_url.h"

namespace hoy::oci {

// `easy` has just failed with `code`; `detail` is its CURLOPT_ERRORBUFFER, or "". kNetwork,
// kTimeout, or kInvalidArgument for an address that no registry can have.
Error TransferError(CURL* easy, CURLcode code, const std::string& detail, const UrlParts& url);

}  // namespace hoy::oci
