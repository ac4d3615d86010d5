#include "oci/registry/search.h"

#include <algorithm>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ui/filter.h"
#include "cli/ui/parser.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

constexpr size_t kDescriptionColumns = 45;  // docker's

// "localhost:5000/app" -> {"localhost:5000", "app"}; a term without a registry is docker.io's.
std::pair<std::string, std::string> SplitTerm(std::string_view term) {
  size_t slash = term.find('/');
  std::string_view first = term.substr(0, slash);
  bool registry = slash != std::string_view::npos &&
                  (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  if (!registry) return {"docker.io", std::string(term)};
  return {ToLower(first), std::string(term.substr(slash + 1))};
}

std::string OneLine(std::string text, bool no_trunc) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (no_trunc || text.size() <= kDescriptionColumns) return text;
  size_t end = kDescriptionColumns - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

struct SearchFilter {
  int64_t stars = 0;
  std::optional<bool> official, automated;

  static Result<SearchFilter> Parse(const std::vector<std::string>& texts) {
    TRY(Filters filters, Filters::Parse(texts, {"stars", "is-official", "is-automated"}));
    SearchFilter filter;
    for (const std::string& value : filters.Values("stars")) {
      auto stars = ParseInteger<int64_t>(value);
      if (!stars) return Fail(ErrorKind::kInvalidArgument, "filter stars={}: not a number", value);
      filter.stars = *stars;
    }
    TRY(filter.official, Flag(filters, "is-official"));
    TRY(filter.automated, Flag(filters, "is-automated"));
    return filter;
  }
  bool Matches(const oci::FoundImage& image) const {
    return image.stars >= stars && (!official || image.official == *official) &&
           (!automated || image.automated == *automated);
  }

 private:
  static Result<std::optional<bool>> Flag(const Filters& filters, std::string_view key) {
    std::optional<bool> wanted;
    for (const std::string& value : filters.Values(key)) {
      wanted = ParseBool(value);
      if (!wanted) {
        return Fail(ErrorKind::kInvalidArgument, "filter {}={}: wants true or false", key, value);
      }
    }
    return wanted;
  }
};

std::string_view Mark(bool value) {
  return value ? "[OK]" : "";
}

}  // namespace

Result<std::vector<Json>> RunSearch(Context&, const SearchOptions& options) {
  oci::SearchRequest request;
  TRY(request.credentials, MakeCredentialOptions(options.creds, options.authfile));
  TRY(request.http, MakeHttpOptions(options.tls_verify, options.cert_dir));
  std::tie(request.registry, request.term) = SplitTerm(options.term);
  TRY_CONTEXT(MindRegistriesConf(request.registry, request.http), "search '{}'", options.term);
  TRY(SearchFilter filter, SearchFilter::Parse(options.filters));
  const int64_t limit = options.limit.value_or(options.list_tags ? 10 : 25);
  if (limit < 1) return Fail(ErrorKind::kInvalidArgument, "--limit wants a number from 1 on");
  request.limit = static_cast<size_t>(limit);
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  std::vector<Json> rows;
  if (options.list_tags) {
    TRY(auto repository, oci::Reference::Parse(options.term));
    TRY_CONTEXT_SET(auto tags, oci::ListTags(repository, request.limit, request, cancel),
                    "search '{}'", options.term);
    for (std::string& tag : tags) {
      rows.push_back({{"Name", repository.FamiliarName()}, {"Tag", OneLine(std::move(tag), true)}});
    }
    return rows;
  }
  TRY_CONTEXT_SET(auto found, oci::SearchImages(request, cancel), "search '{}'", options.term);
  for (const oci::FoundImage& image : found) {
    if (!filter.Matches(image) || rows.size() >= request.limit) continue;
    auto name = oci::Reference::Parse(image.name);
    if (!name) continue;
    rows.push_back({{"Index", image.index},
                    {"Name", name->FamiliarName()},
                    {"Description", OneLine(image.description, options.no_trunc)},
                    {"StarCount", image.stars},
                    {"IsOfficial", Mark(image.official)},
                    {"IsAutomated", Mark(image.automated)}});
  }
  return rows;
}

}  // namespace hoy::cli
