#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/image/image_config.h"
#include "oci/image/image_record.h"

// What of a config is kept in the image's record comes back from there unchanged.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)DecodeImageRecord(text);
  (void)DecodeRefRecord(text);
  auto config = ParseImageConfig(text);
  if (!config) return 0;
  ImageRecord record;
  record.id = Digest::FromHex(std::string(64, 'a'));
  record.manifest = record.id;
  record.platform = config->platform;
  record.created = config->created;
  record.diff_ids = config->diff_ids;
  record.author = config->author;
  record.config = config->config;
  auto again = DecodeImageRecord(EncodeImageRecord(record));
  if (!again || again->config != record.config || again->diff_ids != record.diff_ids ||
      again->author != record.author || again->platform != record.platform) {
    abort();
  }
  return 0;
}
