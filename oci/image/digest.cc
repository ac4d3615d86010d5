#include "oci/image/digest.h"

#include "core/base/text.h"

namespace hoy::oci {

Result<Digest> Digest::Parse(std::string_view text) {
  auto [algorithm, hex] = CutAt(text, ':');
  if (!hex.has_value()) {
    return Fail(ErrorKind::kInvalidArgument, "digest '{}' has no algorithm", text.substr(0, 128));
  }
  if (algorithm != "sha256") {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("digest '{}' is not sha256", text.substr(0, 128)))
                    .WithHint("hoy reads sha256 digests only, as registries make them"));
  }
  if (hex->size() != 64 || !IsHex(*hex)) {
    return Fail(ErrorKind::kInvalidArgument, "digest '{}' is not 64 lower-case hex digits",
                text.substr(0, 128));
  }
  return FromHex(*hex);
}

Digest Digest::FromHex(std::string_view hex64) {
  Digest digest;
  digest.hex_ = hex64;
  return digest;
}

}  // namespace hoy::oci
