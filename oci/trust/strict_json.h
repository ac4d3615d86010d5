#pragma once
// JSON that decides about trust: what is unknown, doubled or of another type is an error, as
// containers-policy.json(5) and containers-signature(5) ask for. For the codecs of this directory.

#include <set>
#include <string>
#include <string_view>

#include "oci/image/codec.h"

namespace hoy::oci {

// Bounded as ParseBoundedJson, and no object may name a member twice. Throws as that does.
Json ParseStrictJson(std::string_view bytes, size_t limit);

// The same as DecodeJson over ParseStrictJson.
template <typename T, typename Decode>
Result<T> DecodeStrictJson(std::string_view bytes, std::string_view what, size_t limit,
                           Decode decode) {
  try {
    return decode(static_cast<const Json&>(ParseStrictJson(bytes, limit)));
  } catch (const MalformedJson& malformed) {
    return Fail(ErrorKind::kCorrupt, "{}: {}", what, malformed.reason);
  } catch (const Json::exception& exception) {
    return Fail(ErrorKind::kCorrupt, "{}: {}", what, ReasonOf(exception));
  }
}

// One object, of which every member has to be asked for. Throws MalformedJson.
class StrictObject {
 public:
  StrictObject(const Json& value, std::string what);

  const Json* Optional(const char* key);  // nullptr: not there
  const Json& Required(const char* key);
  std::string RequiredText(const char* key);
  // Ends the reading: a member that nobody asked for is an error.
  void ExpectNoOther() const;

  const std::string& what() const { return what_; }

 private:
  const Json& value_;
  const std::string what_;  // "critical"
  std::set<std::string> asked_;
};

// `what` names the value in the error.
const std::string& StrictText(const Json& value, std::string_view what);

}  // namespace hoy::oci
