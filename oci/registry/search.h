#pragma once
// Searching: Docker Hub by its own API (hub.docker.com/v2/search/repositories), every other
// registry by the list of its repositories (distribution spec, "_catalog"), where it gives that
// out; and the tags of one repository ("Listing Tags").

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/registry_client.h"

namespace hoy::oci {

struct FoundImage {
  std::string index;  // "docker.io", "localhost:5000"
  std::string name;   // "docker.io/library/busybox"
  std::string description;
  int64_t stars = 0;
  bool official = false;
  bool automated = false;
};

struct SearchRequest {
  std::string registry = "docker.io";
  std::string term;
  size_t limit = 25;
  std::string hub = "https://hub.docker.com";  // what docker.io is searched by
  CredentialOptions credentials;
  HttpOptions http;
  RetryPolicy retry;
};

// The best first, as the registry orders them. kUnsupported: the registry gives out no list.
Result<std::vector<FoundImage>> SearchImages(const SearchRequest& request,
                                             const CancelToken& cancel);

// At most `limit` tags, in the registry's order. kNotFound: no such repository; kCorrupt: one of
// them is outside the grammar of tags.
Result<std::vector<std::string>> ListTags(const Reference& repository, size_t limit,
                                          const SearchRequest& request, const CancelToken& cancel);

// {"results": [{"repo_name", "short_description", "star_count", "is_official", "is_automated"}]}.
// What is not of this shape is kCorrupt.
Result<std::vector<FoundImage>> ParseHubAnswer(std::string_view json);
// The texts below `member` ("tags", "repositories"); null is none. kCorrupt.
Result<std::vector<std::string>> ParseNameList(std::string_view json, const char* member);

}  // namespace hoy::oci
