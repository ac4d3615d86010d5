#include "oci/trust/strict_json.h"

#include <vector>

namespace hoy::oci {

Json ParseStrictJson(std::string_view bytes, size_t limit) {
  (void)ParseBoundedJson(bytes, limit);  // size, depth and syntax first: they bound what follows
  std::vector<std::set<std::string>> names;
  auto check = [&](int, Json::parse_event_t event, Json& value) {
    switch (event) {
      case Json::parse_event_t::object_start: names.emplace_back(); break;
      case Json::parse_event_t::object_end: names.pop_back(); break;
      case Json::parse_event_t::key: {
        const auto& name = value.get_ref<const std::string&>();
        if (!names.back().insert(name).second) {
          throw MalformedJson{fmt::format("'{}' comes twice", name)};
        }
        break;
      }
      default: break;
    }
    return true;
  };
  return Json::parse(bytes.begin(), bytes.end(), check);
}

StrictObject::StrictObject(const Json& value, std::string what)
    : value_(value), what_(std::move(what)) {
  if (!value.is_object()) throw MalformedJson{fmt::format("{} is not an object", what_)};
}

const Json* StrictObject::Optional(const char* key) {
  asked_.insert(key);
  auto member = value_.find(key);
  return member == value_.end() ? nullptr : &*member;
}

const Json& StrictObject::Required(const char* key) {
  const Json* member = Optional(key);
  if (member == nullptr) throw MalformedJson{fmt::format("{} lacks '{}'", what_, key)};
  return *member;
}

std::string StrictObject::RequiredText(const char* key) {
  return StrictText(Required(key), fmt::format("'{}' of {}", key, what_));
}

void StrictObject::ExpectNoOther() const {
  for (const auto& [name, member] : value_.items()) {
    if (!asked_.contains(name)) {
      throw MalformedJson{fmt::format("{} has a '{}', which is unknown", what_, name)};
    }
  }
}

const std::string& StrictText(const Json& value, std::string_view what) {
  if (!value.is_string()) throw MalformedJson{fmt::format("{} is not a string", what)};
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) {
    throw MalformedJson{fmt::format("{} has a NUL character", what)};
  }
  return text;
}

}  // namespace hoy::oci
