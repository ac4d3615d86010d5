#include "oci/image/reference.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLegacyDomain = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr std::string_view kDefaultTag = "latest";
constexpr size_t kMaxNameLength = 255;
constexpr size_t kMaxTagLength = 128;

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsLower(c) || IsUpper(c) || IsDigit(c);
}
bool HasUpper(std::string_view text) {
  return std::ranges::any_of(text, IsUpper);
}

std::unexpected<Error> Malformed(std::string_view text, std::string_view reason) {
  return Fail(ErrorKind::kInvalidArgument, "invalid image reference '{}': {}", text.substr(0, 512),
              reason);
}

// component := [a-z0-9]+ (separator [a-z0-9]+)*, separator := "." | "_" | "__" | "-"+
bool IsPathComponent(std::string_view text) {
  auto alphanumeric = [](char c) { return IsLower(c) || IsDigit(c); };
  size_t at = 0;
  while (true) {
    size_t start = at;
    while (at < text.size() && alphanumeric(text[at])) ++at;
    if (at == start) return false;
    if (at == text.size()) return true;
    size_t separator = at;
    while (at < text.size() && text[at] == text[separator]) ++at;
    size_t length = at - separator;
    switch (text[separator]) {
      case '.':
        if (length > 1) return false;
        break;
      case '_':
        if (length > 2) return false;
        break;
      case '-': break;
      default: return false;
    }
  }
}

// label := [A-Za-z0-9] ([A-Za-z0-9-]* [A-Za-z0-9])?
bool IsHostLabel(std::string_view label) {
  return !label.empty() && IsWord(label.front()) && IsWord(label.back()) &&
         std::ranges::all_of(label, [](char c) { return IsWord(c) || c == '-'; });
}

bool IsDomain(std::string_view domain) {
  std::string_view host = domain;
  if (host.starts_with('[')) {  // an IPv6 address
    size_t close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    std::string_view address = host.substr(1, close - 1);
    if (!std::ranges::all_of(address, [](char c) {
          return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
        })) {
      return false;
    }
    host.remove_prefix(close + 1);
    if (host.empty()) return true;
    return host.size() > 1 && host.front() == ':' && std::ranges::all_of(host.substr(1), IsDigit);
  }
  auto [name, port] = CutAt(host, ':');
  if (port && (port->empty() || !std::ranges::all_of(*port, IsDigit))) return false;
  auto labels = Split(name, '.');
  return !labels.empty() && std::ranges::all_of(labels, IsHostLabel);
}

bool LooksLikeDomain(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
         HasUpper(first);
}

bool IsTag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTagLength && (IsWord(tag[0]) || tag[0] == '_') &&
         std::ranges::all_of(tag,
                             [](char c) { return IsWord(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace

bool ReadsAsImageId(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  const bool prefixed = text.starts_with(kAlgorithm);
  if (prefixed) text.remove_prefix(kAlgorithm.size());
  return IsHex(text) && (prefixed ? text.size() <= 64 : text.size() == 64);
}

Result<Reference> Reference::Parse(std::string_view text) {
  if (text.empty()) return Malformed(text, "it is empty");
  if (text.find("://") != std::string_view::npos) {
    return Malformed(text, "a reference has no scheme");
  }
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) {
    return Malformed(text, "it has white space");
  }
  if (ReadsAsImageId(text)) return Malformed(text, "it is an image id, not a name");
  Reference reference;
  auto [rest, digest_text] = CutAt(text, '@');
  if (digest_text) {
    auto digest = Digest::Parse(*digest_text);
    if (!digest) return Malformed(text, digest.error().message);
    reference.digest_ = *std::move(digest);
  }
  std::string_view name = rest;
  size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    std::string_view tag = rest.substr(colon + 1);
    if (!IsTag(tag)) {
      return Malformed(text, tag.size() > kMaxTagLength ? "the tag is longer than 128 characters"
                                                        : "the tag is malformed");
    }
    reference.tag_ = tag;
    name = rest.substr(0, colon);
  }
  if (name.empty()) return Malformed(text, "it has no name");

  auto [first, remainder] = CutAt(name, '/');
  if (remainder && LooksLikeDomain(first)) {
    if (!IsDomain(first)) return Malformed(text, "the registry host is malformed");
    reference.domain_ = first == kLegacyDomain ? kDefaultDomain : first;
    reference.path_ = *remainder;
  } else {
    reference.domain_ = kDefaultDomain;
    reference.path_ = name;
  }
  if (HasUpper(reference.path_)) {
    return Malformed(text, "the repository name must be lower case");
  }
  auto components = Split(reference.path_, '/');
  if (components.empty() || !std::ranges::all_of(components, IsPathComponent)) {
    return Malformed(text, "the repository name is malformed");
  }
  if (reference.domain_ == kDefaultDomain && components.size() == 1) {
    reference.path_.insert(0, kOfficialPrefix);
  }
  if (reference.Name().size() > kMaxNameLength) {
    return Malformed(text, "the name is longer than 255 characters");
  }
  return reference;
}

Result<Reference> Reference::ParseWithDefaultTag(std::string_view text) {
  TRY(Reference reference, Parse(text));
  if (reference.tag_.empty() && reference.digest_.empty()) reference.tag_ = kDefaultTag;
  return reference;
}

Result<Reference> Reference::ParseAsName(std::string_view text) {
  TRY(Reference reference, ParseWithDefaultTag(text));
  if (!reference.digest_.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "an image cannot be named by a digest");
  }
  if (reference.FamiliarName() == "sha256") {
    return Fail(ErrorKind::kInvalidArgument, "'{}' would read like a digest, not like a name",
                text);
  }
  return reference;
}

std::string Reference::ToString() const {
  std::string text = Name();
  if (!tag_.empty()) text += ":" + tag_;
  if (!digest_.empty()) text += "@" + digest_.ToString();
  return text;
}

std::string Reference::FamiliarName() const {
  if (domain_ != kDefaultDomain) return Name();
  std::string_view path = path_;
  auto [first, rest] = CutAt(path, '/');
  // Without its domain this would read as a repository of another one.
  if (LooksLikeDomain(first)) return Name();
  if (path.starts_with(kOfficialPrefix) && rest->find('/') == std::string_view::npos) path = *rest;
  return std::string(path);
}

std::string Reference::Familiar() const {
  std::string text = FamiliarName();
  if (!tag_.empty()) text += ":" + tag_;
  if (!digest_.empty()) text += "@" + digest_.ToString();
  return text;
}

Reference Reference::WithTag(std::string_view tag) const {
  Reference copy = *this;
  copy.tag_ = tag;
  copy.digest_ = {};
  return copy;
}

Reference Reference::WithDigest(const Digest& digest) const {
  Reference copy = *this;
  copy.tag_.clear();
  copy.digest_ = digest;
  return copy;
}

}  // namespace hoy::oci
