#include "oci/registry/search.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"
#include "oci/image/codec.h"
#include "oci/layer/entry_path.h"

namespace hoy::oci {
namespace {

constexpr size_t kPage = 1000;
constexpr size_t kHubPage = 100;  // the most that it gives at a time
constexpr size_t kMaxPages = 100;

std::string TextAt(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
bool FlagAt(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// `</v2/_catalog?last=x&n=100>; rel="next"` (RFC 8288) -> the target; "" when there is none.
std::string NextPage(std::string_view link) {
  size_t end = link.find('>');
  if (!link.starts_with('<') || end == std::string_view::npos) return "";
  if (link.substr(end).find("rel=\"next\"") == std::string_view::npos) return "";
  return std::string(link.substr(1, end - 1));
}

// All pages of a list, until `take` has enough.
template <typename Take>
Result<> ReadPages(RegistryClient& client, std::string path, const char* member,
                   const std::string& what, Take take) {
  for (size_t page = 0; page < kMaxPages && !path.empty(); ++page) {
    TRY(HttpResponse response, client.GetDocument(path, what));
    TRY_CONTEXT_SET(auto names, ParseNameList(response.body, member), "{}", what);
    for (std::string& name : names) {
      if (!take(std::move(name))) return {};
    }
    path = NextPage(response.Header("link"));
  }
  return {};
}

Result<std::vector<FoundImage>> SearchHub(const SearchRequest& request, const CancelToken& cancel) {
  HttpClient http(request.http, cancel);
  const size_t page_size = std::min(request.limit, kHubPage);
  std::vector<FoundImage> found;
  for (size_t page = 1; page <= kMaxPages; ++page) {
    std::string url = fmt::format("{}/v2/search/repositories/?query={}&page_size={}&page={}",
                                  request.hub, PercentEncode(request.term), page_size, page);
    TRY(HttpResponse response,
        WithRetries(request.retry, cancel, {}, [&](Attempt& attempt) -> Result<HttpResponse> {
          TRY(HttpResponse answer, http.Send({.url = url}));
          if (answer.status >= 200 && answer.status <= 299) {
            if (IsWebPage(answer)) return Fail(WebPageError("search"));
            return answer;
          }
          attempt.retry_after = RetryAfter(answer, core::Now());
          return Fail(
              StatusError(answer, {.registry = "docker.io", .what = "search", .push = true}));
        }));
    TRY(std::vector<FoundImage> images, ParseHubAnswer(response.body));
    const bool last = images.size() < page_size;
    for (FoundImage& image : images) {
      if (found.size() == request.limit) return found;
      found.push_back(std::move(image));
    }
    if (last || found.size() == request.limit) break;
  }
  return found;
}

}  // namespace

Result<std::vector<FoundImage>> ParseHubAnswer(std::string_view json) {
  Json document = ParseOrDiscard(json, HttpClient::kBodyLimit);
  auto results = document.is_object() ? document.find("results") : document.end();
  if (!document.is_object() || results == document.end() || !results->is_array()) {
    return Fail(ErrorKind::kCorrupt, "Docker Hub's answer holds no results");
  }
  std::vector<FoundImage> found;
  for (const Json& one : *results) {
    if (!one.is_object() || TextAt(one, "repo_name").empty()) continue;
    FoundImage image{.index = "docker.io", .description = TextAt(one, "short_description")};
    std::string name = TextAt(one, "repo_name");
    image.name =
        fmt::format("docker.io/{}{}", name.find('/') == std::string::npos ? "library/" : "", name);
    auto stars = one.find("star_count");
    if (stars != one.end() && stars->is_number_integer()) image.stars = stars->get<int64_t>();
    image.official = FlagAt(one, "is_official");
    image.automated = FlagAt(one, "is_automated");
    found.push_back(std::move(image));
  }
  return found;
}

Result<std::vector<std::string>> ParseNameList(std::string_view json, const char* member) {
  Json document = ParseOrDiscard(json, HttpClient::kBodyLimit);
  if (!document.is_object()) {
    return Fail(MakeError(ErrorKind::kCorrupt, "the answer is not a JSON object")
                    .WithHint("this may not be a registry, or a proxy answered in its place"));
  }
  auto list = document.find(member);
  if (list == document.end() || list->is_null()) return std::vector<std::string>();
  if (!list->is_array()) return Fail(ErrorKind::kCorrupt, "\"{}\" is not a list", member);
  std::vector<std::string> names;
  for (const Json& name : *list) {
    if (!name.is_string())
      return Fail(ErrorKind::kCorrupt, "\"{}\" holds other than texts", member);
    names.push_back(name.get<std::string>());
  }
  return names;
}

Result<std::vector<FoundImage>> SearchImages(const SearchRequest& request,
                                             const CancelToken& cancel) {
  if (request.registry == "docker.io") return SearchHub(request, cancel);
  HttpClient http(request.http, cancel);
  RegistryClient client(http, request.registry, "", request.credentials, request.retry, {});
  std::vector<FoundImage> found;
  std::string term = ToLower(request.term);
  auto read = ReadPages(
      client, fmt::format("/v2/_catalog?n={}", kPage), "repositories",
      fmt::format("repositories of '{}'", request.registry), [&](std::string name) {
        if (name.find(term) != std::string::npos) {
          found.push_back({.index = request.registry, .name = request.registry + "/" + name});
        }
        return found.size() < request.limit;
      });
  if (read) return found;
  Error error = std::move(read).error();
  if (error.kind == ErrorKind::kNotFound) {
    error.kind = ErrorKind::kUnsupported;
    error.hint =
        "this registry gives out no list of its repositories; with a name, "
        "hoy search --list-tags shows its tags";
  }
  return Fail(std::move(error));
}

Result<std::vector<std::string>> ListTags(const Reference& repository, size_t limit,
                                          const SearchRequest& request, const CancelToken& cancel) {
  HttpClient http(request.http, cancel);
  RegistryClient client(http, repository, request.credentials, request.retry, {});
  std::vector<std::string> tags;
  std::optional<std::string> bad;
  TRY(ReadPages(client,
                fmt::format("/v2/{}/tags/list?n={}", repository.path(), std::min(limit, kPage)),
                "tags", fmt::format("tags of '{}'", repository.Name()), [&](std::string tag) {
                  if (limit == 0) return false;
                  // It becomes a part of names: "5000/other:1" would make it another registry's.
                  auto named = Reference::Parse(repository.Name() + ":" + tag);
                  if (!named || *named != repository.WithTag(tag)) {
                    bad = std::move(tag);
                    return false;
                  }
                  tags.push_back(std::move(tag));
                  return tags.size() < limit;
                }));
  if (bad) {
    return Fail(ErrorKind::kCorrupt, "the registry says that '{}' is a tag of '{}'",
                Printable(*bad), repository.Name());
  }
  return tags;
}

}  // namespace hoy::oci
