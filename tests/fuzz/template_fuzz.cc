// --format templates: any text parses to an error or renders to text or an error; nothing throws.

#include <cstdint>
#include <string_view>

#include "cli/ui/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const hoy::cli::Json kData = hoy::cli::Json::parse(R"({
    "Id": "abc", "Count": 3, "Size": 1.5, "Nothing": null, "Names": ["a", "b"],
    "State": {"Running": true}, "Labels": "k=v,x=y"})");
  auto parsed = hoy::cli::Template::Parse({reinterpret_cast<const char*>(data), size});
  if (parsed) {
    (void)parsed->Render(kData);
    (void)parsed->RenderHeader(kData);
  }
  return 0;
}
