// registries.conf, and what it makes of a few names.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "oci/image/registries_conf.h"

using hoy::oci::Reference;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(size ? reinterpret_cast<const char*>(data) : "", size);
  auto conf = hoy::oci::ParseRegistriesConf(text, "fuzz");
  if (!conf) return 0;
  for (const char* name : {"busybox", "example.com/foo/app:1", "a.example.com:5000/x"}) {
    auto reference = Reference::ParseWithDefaultTag(hoy::oci::ResolveAlias(*conf, name));
    if (!reference) continue;
    auto endpoints = hoy::oci::EndpointsFor(*conf, *reference);
    // Tag and digest are the user's: no configuration changes them.
    if (!endpoints) continue;
    for (const auto& endpoint : *endpoints) {
      if (endpoint.reference.tag() != reference->tag()) __builtin_trap();
      if (endpoint.reference.digest() != reference->digest()) __builtin_trap();
    }
  }
  return 0;
}
