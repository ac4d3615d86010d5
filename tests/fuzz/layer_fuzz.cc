#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/sys/files.h"
#include "oci/layer/layer_applier.h"

namespace {

using hoy::core::ReadFile;

class BytesSource final : public hoy::oci::ByteSource {
 public:
  explicit BytesSource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  hoy::Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t count = std::min(buffer.size(), bytes_.size());
    std::ranges::copy(std::as_bytes(bytes_.first(count)), buffer.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  std::span<const uint8_t> bytes_;
};

// base/{layer,lower,outside/{secret,sub/}}: only `layer` may change.
struct Playground {
  static constexpr int kWatched = 6;
  std::string base;
  struct stat before[kWatched] = {};

  Playground() {
    std::string pattern = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    pattern += "/hoy-layer-fuzz-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) abort();
    base = pattern;
    hoy::core::MakeDirectories(base + "/outside/sub").value();
    hoy::core::MakeDirectories(base + "/lower/etc").value();
    for (const char* file : {"/outside/secret", "/lower/etc/passwd"}) {
      hoy::core::WriteFileAtomically(base + file, "untouched", hoy::core::Durability::kVolatile)
          .value();
    }
    Look(before);
  }
  ~Playground() { (void)hoy::core::RemoveTree(base); }

  void Look(struct stat (&status)[kWatched]) const {
    const char* paths[] = {"/outside", "/outside/secret", "/outside/sub",
                           "/lower",   "/lower/etc",      "/lower/etc/passwd"};
    for (int i = 0; i < kWatched; ++i) {
      if (lstat((base + paths[i]).c_str(), &status[i]) != 0) abort();
    }
  }
  // The change time tells of every write, link, chmod, chown and setxattr.
  void CheckUntouched() const {
    struct stat after[kWatched] = {};
    Look(after);
    for (int i = 0; i < kWatched; ++i) {
      if (after[i].st_ctim.tv_sec != before[i].st_ctim.tv_sec ||
          after[i].st_ctim.tv_nsec != before[i].st_ctim.tv_nsec ||
          after[i].st_nlink != before[i].st_nlink || after[i].st_ino != before[i].st_ino) {
        abort();
      }
    }
    if (ReadFile(base + "/outside/secret").value_or("") != "untouched") abort();
    if (hoy::core::ListDirectory(base).value().size() != 3) abort();
  }
};

}  // namespace

// Whatever the layer says, nothing outside its directory changes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (geteuid() != 0) return 0;  // owners and devices need root
  static const Playground playground;
  std::string target = playground.base + "/layer";
  if (mkdir(target.c_str(), 0755) != 0) abort();
  auto fd = hoy::core::OpenDirectory(target);
  BytesSource source({data, size});
  auto applied = hoy::oci::ApplyLayer(source, *fd, {.max_unpacked_bytes = 1 << 20});
  if (applied) (void)hoy::oci::FinishLayer(*fd, applied->needs, {playground.base + "/lower"});
  playground.CheckUntouched();
  if (!hoy::core::RemoveTree(target)) abort();
  return 0;
}
