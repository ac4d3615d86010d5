#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/sys/files.h"
#include "oci/archive/formats.h"

namespace {

// A layout of its own, removed when the process ends.
class Ground {
 public:
  Ground() {
    char path[] = "/tmp/hoy-archive-fuzz-XXXXXX";
    if (mkdtemp(path) == nullptr) abort();
    base_ = path;
    layout = {.data = base_ + "/d", .run = base_ + "/r"};
    if (!hoy::core::PrepareLayout(layout)) abort();
  }
  ~Ground() { (void)hoy::core::RemoveTree(base_); }
  hoy::core::Layout layout;

 private:
  std::string base_;
};

}  // namespace

// Archives from strangers, in place and, when they are compressed, spooled: indexed and listed, or
// refused; every blob that is offered can be opened and has the size that was said. Nothing stays.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy;
  static Ground ground;
  Fd file(memfd_create("archive", MFD_CLOEXEC));
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!core::WriteAll(file, text, "memfd") || lseek(file.get(), 0, SEEK_SET) != 0) abort();
  if (auto files = oci::OpenTarFiles(ground.layout, std::move(file), "archive")) {
    if (auto source = oci::OpenAnyFormat(*std::move(files), "title")) {
      if (auto images = (*source)->Images()) {
        for (const oci::OfferedImage& image : *images) {
          auto bytes = (*source)->ReadDocument(image.target);
          if (!bytes) continue;
          auto manifest = oci::ParseManifest(*bytes);
          if (!manifest) continue;
          (void)(*source)->ReadDocument(manifest->config);
          for (const oci::Descriptor& layer : manifest->layers) {
            auto blob = (*source)->OpenBlob(layer);
            if (!blob) continue;
            std::vector<std::byte> buffer(4096);
            int64_t total = 0;
            while (true) {
              auto count = (*blob)->Read(buffer);
              if (!count || *count == 0) break;
              total += static_cast<int64_t>(*count);
            }
            if (total != layer.size) abort();
          }
        }
      }
    }
  }
  if (!core::ListDirectory(ground.layout.Ingest()).value().empty()) abort();
  return 0;
}
