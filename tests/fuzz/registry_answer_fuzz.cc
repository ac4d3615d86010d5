// What registries and token servers say in JSON: errors and tokens. Nothing of it may carry a
// control byte on to the terminal or into a header.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "oci/registry/authorizer.h"
#include "oci/registry/status_error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto has_control = [](std::string_view line) {
    return std::any_of(line.begin(), line.end(),
                       [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  };
  if (has_control(ErrorDetail(text))) __builtin_trap();
  if (auto token = ParseTokenAnswer(text)) {
    if (token->token.empty() || has_control(token->token)) __builtin_trap();
    if (token->lifetime.count() <= 0) __builtin_trap();
  }
  HttpResponse response{.status = 429, .headers = {{"retry-after", std::string(text)}}};
  StatusError(response, {.registry = "r", .what = "w"}, 0);
  return 0;
}
