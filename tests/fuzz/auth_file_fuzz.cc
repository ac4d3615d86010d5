// auth.json, config.json and what a credential helper prints.

#include <cstdint>
#include <string>
#include <string_view>

#include "oci/registry/auth_edit.h"
#include "oci/registry/auth_file.h"
#include "oci/registry/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto file = ParseAuthFile(text)) {
    for (const auto& [key, credential] : file->auths) {
      if (NormalizeAuthKey(key) != key) __builtin_trap();
      if (!credential.empty() && key.find('/') == std::string::npos &&
          file->Find(key, "some/path") == nullptr) {
        __builtin_trap();
      }
    }
  }
  // What is written can be read back, and holds what was put in.
  const Credential mine{.username = "me", .password = "secret"};
  if (auto edited = WithCredential(text, "reg.example", "reg.example", mine)) {
    auto file = ParseAuthFile(*edited);
    const Credential* found = file ? file->Find("reg.example", "some/path") : nullptr;
    if (found == nullptr || found->password != "secret") __builtin_trap();
    auto without = WithoutCredential(*edited, "reg.example");
    if (!without || !*without || !ParseAuthFile(**without)) __builtin_trap();
  }
  if (auto answer = ParseHelperAnswer(text); answer && answer->username.empty()) __builtin_trap();
  if (auto bytes = Base64Decode(text); bytes && Base64Encode(*bytes).size() != size) {
    __builtin_trap();
  }
  return 0;
}
