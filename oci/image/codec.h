#pragma once
// JSON of images, read with suspicion. For the codecs of this directory only: nothing outside sees
// the JSON library. Its exceptions end in DecodeJson.

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/image/image_config.h"

namespace hoy::oci {

using Json = nlohmann::json;

// Thrown by the readers below and by nothing else; becomes kCorrupt in DecodeJson.
struct MalformedJson {
  std::string reason;
};

// Parses a document of at most `limit` bytes and 64 levels (nlohmann's parser itself has no
// recursion, but copying and writing deep values has). Throws MalformedJson or Json::exception.
Json ParseBoundedJson(std::string_view bytes, size_t limit);
// For answers that are only looked into: is_discarded() where it is no such document.
Json ParseOrDiscard(std::string_view bytes, size_t limit);
std::string ReasonOf(const Json::exception& exception);  // without the library's "[json...]" prefix

// Runs `decode(const Json& object)`, a function to Result<T> that may throw as the readers do. The
// document must be an object. `what` names it in errors: "image config: ...".
template <typename T, typename Decode>
Result<T> DecodeJson(std::string_view bytes, std::string_view what, size_t limit, Decode decode) {
  try {
    Json document = ParseBoundedJson(bytes, limit);
    if (!document.is_object()) throw MalformedJson{"it is not an object"};
    return decode(static_cast<const Json&>(document));
  } catch (const MalformedJson& malformed) {
    return Fail(ErrorKind::kCorrupt, "{}: {}", what, malformed.reason);
  } catch (const Json::exception& exception) {
    return Fail(ErrorKind::kCorrupt, "{}: {}", what, ReasonOf(exception));
  }
}

// Readers of a member. Missing and null count as empty (Go's encoders write both).
const Json* FindMember(const Json& object, const char* key);  // nullptr: missing or null
std::string StringAt(const Json& object, const char* key);
bool BoolAt(const Json& object, const char* key);
int64_t IntegerAt(const Json& object, const char* key);  // must be there, not negative
std::vector<std::string> StringsAt(const Json& object, const char* key);
std::map<std::string, std::string> StringMapAt(const Json& object, const char* key);
std::vector<std::string> KeysAt(const Json& object, const char* key);  // of a set: {"a":{}}
core::Timestamp TimeAt(const Json& object, const char* key);           // 0: missing or not a time
Digest DigestAt(const Json& object, const char* key);                  // must be there
std::vector<Digest> DigestsAt(const Json& object, const char* key);

// The `config` member of an image configuration, with Docker's spelling of the names.
Json EncodeRunConfig(const ImageRunConfig& config);
ImageRunConfig DecodeRunConfig(const Json& object);

}  // namespace hoy::oci
