#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/image/image_config.h"
#include "oci/image/image_record.h"
#include "oci/image/plain_record.h"

namespace {

// The fast way reads what the parser reads, which a leading space sends a record to.
void CheckPlainRecord(std::string_view text) {
  using namespace hoy::oci;
  auto plain = DecodePlainRecord(text);
  if (!plain) return;
  auto parsed = DecodeImageRecord(" " + std::string(text));
  if (!parsed || EncodeImageRecord(*parsed) != EncodeImageRecord(*plain)) abort();
}

}  // namespace

// What of a config is kept in the image's record comes back from there unchanged.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckPlainRecord(text);
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
  std::string encoded = EncodeImageRecord(record);
  CheckPlainRecord(encoded);
  auto again = DecodeImageRecord(encoded);
  if (!again || again->config != record.config || again->diff_ids != record.diff_ids ||
      again->author != record.author || again->platform != record.platform) {
    abort();
  }
  return 0;
}
