#include "oci/image/codec.h"

#include <algorithm>

namespace hoy::oci {
namespace {

constexpr int kMaxDepth = 64;

std::string Text(const Json& value, const char* key) {
  if (!value.is_string()) throw MalformedJson{fmt::format("'{}' is not a string", key)};
  // These texts become arguments, variables and paths, where a NUL would cut them short.
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) {
    throw MalformedJson{fmt::format("'{}' has a NUL character", key)};
  }
  return text;
}

const Json& Object(const Json& value, const char* key) {
  if (!value.is_object()) throw MalformedJson{fmt::format("'{}' is not an object", key)};
  return value;
}

const Json& Array(const Json& value, const char* key) {
  if (!value.is_array()) throw MalformedJson{fmt::format("'{}' is not an array", key)};
  return value;
}

Digest ToDigest(const Json& value, const char* key) {
  auto digest = Digest::Parse(Text(value, key));
  if (!digest) throw MalformedJson{std::move(digest).error().message};
  return *std::move(digest);
}

// The quote that ends the string whose first character is at `i`, or the end of `bytes`.
size_t EndOfString(std::string_view bytes, size_t i) {
  while (true) {
    size_t quote = std::min(bytes.find('"', i), bytes.size());
    size_t backslash = bytes.substr(0, quote).find('\\', i);
    if (backslash == std::string_view::npos) return quote;
    i = backslash + 2;
    if (i > bytes.size()) return bytes.size();
  }
}

// Before the parser sees it: asking in the parser's callback doubles its time, which `images` with
// many images would notice. A document that is not JSON is the parser's to refuse.
void CheckDepth(std::string_view bytes) {
  int depth = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    switch (bytes[i]) {
      case '"': i = EndOfString(bytes, i + 1); break;
      case '[':
      case '{':
        if (++depth > kMaxDepth) throw MalformedJson{"it is nested too deep"};
        break;
      case ']':
      case '}': --depth; break;
      default: break;
    }
  }
}

}  // namespace

Json ParseBoundedJson(std::string_view bytes, size_t limit) {
  if (bytes.size() > limit) {
    throw MalformedJson{fmt::format("it is larger than {} bytes", limit)};
  }
  CheckDepth(bytes);
  return Json::parse(bytes.begin(), bytes.end());
}

Json ParseOrDiscard(std::string_view bytes, size_t limit) {
  try {
    return ParseBoundedJson(bytes, limit);
  } catch (const MalformedJson&) {
    return Json::value_t::discarded;
  } catch (const Json::exception&) {
    return Json::value_t::discarded;
  }
}

std::string ReasonOf(const Json::exception& exception) {
  std::string_view text = exception.what();
  size_t close = text.starts_with("[json.") ? text.find("] ") : std::string_view::npos;
  if (close != std::string_view::npos) text.remove_prefix(close + 2);
  return std::string(text);
}

const Json* FindMember(const Json& object, const char* key) {
  auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

std::string StringAt(const Json& object, const char* key) {
  const Json* value = FindMember(object, key);
  return value == nullptr ? std::string() : Text(*value, key);
}

bool BoolAt(const Json& object, const char* key) {
  const Json* value = FindMember(object, key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) throw MalformedJson{fmt::format("'{}' is not true or false", key)};
  return value->get<bool>();
}

int64_t IntegerAt(const Json& object, const char* key) {
  const Json* value = FindMember(object, key);
  if (value == nullptr) throw MalformedJson{fmt::format("'{}' is missing", key)};
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX) ||
      value->get<int64_t>() < 0) {
    throw MalformedJson{fmt::format("'{}' is not a size", key)};
  }
  return value->get<int64_t>();
}

std::vector<std::string> StringsAt(const Json& object, const char* key) {
  std::vector<std::string> texts;
  const Json* value = FindMember(object, key);
  if (value == nullptr) return texts;
  for (const Json& item : Array(*value, key)) texts.push_back(Text(item, key));
  return texts;
}

std::map<std::string, std::string> StringMapAt(const Json& object, const char* key) {
  std::map<std::string, std::string> texts;
  const Json* value = FindMember(object, key);
  if (value == nullptr) return texts;
  for (const auto& [name, item] : Object(*value, key).items()) {
    texts.emplace(Text(name, key), item.is_null() ? std::string() : Text(item, key));
  }
  return texts;
}

std::vector<std::string> KeysAt(const Json& object, const char* key) {
  std::vector<std::string> names;
  const Json* value = FindMember(object, key);
  if (value == nullptr) return names;
  for (const auto& [name, item] : Object(*value, key).items()) names.push_back(Text(name, key));
  return names;
}

core::Timestamp TimeAt(const Json& object, const char* key) {
  std::string text = StringAt(object, key);
  // A time is only shown, and build tools write odd ones: it is no reason to refuse an image.
  return text.empty() ? 0 : core::ParseRfc3339(text).value_or(0);
}

Digest DigestAt(const Json& object, const char* key) {
  const Json* value = FindMember(object, key);
  if (value == nullptr) throw MalformedJson{fmt::format("'{}' is missing", key)};
  return ToDigest(*value, key);
}

std::vector<Digest> DigestsAt(const Json& object, const char* key) {
  std::vector<Digest> digests;
  const Json* value = FindMember(object, key);
  if (value == nullptr) return digests;
  for (const Json& item : Array(*value, key)) digests.push_back(ToDigest(item, key));
  return digests;
}

}  // namespace hoy::oci
