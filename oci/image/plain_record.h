#pragma once
// The fast way into an image record. A list of images reads hundreds of them, and a JSON document
// model would take most of its time.

#include <optional>
#include <string_view>

#include "oci/image/image_record.h"

namespace hoy::oci {

// Takes apart a record in the very shape that EncodeImageRecord gives it: those members in that
// order, no spaces, ASCII, none but the short escapes, no health check. What it reads is what the
// parser would read. nullopt: another shape, which is for the parser to take or to refuse.
std::optional<ImageRecord> DecodePlainRecord(std::string_view bytes);

}  // namespace hoy::oci
