#pragma once
// A layer unpacked into a temporary directory, and questions about what came of it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sys/files.h"
#include "oci/layer/byte_source.h"
#include "oci/layer/layer_applier.h"
#include "tests/support/must_run.h"
#include "tests/unit/oci/layer_tar.h"

namespace hoy::oci::test {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text, size_t at_most = SIZE_MAX)
      : text_(text), at_most_(at_most) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t count = std::min({buffer.size(), text_.size(), at_most_});
    memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
  size_t at_most_;
};

// nullopt: it went well.
template <typename T>
std::optional<ErrorKind> KindOf(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().kind);
}

class LayerFixture : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) SKIP_BECAUSE("unpacking sets owners and makes devices: needs root");
    char path[] = "/tmp/hoy-layer-test-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    base_ = path;
    ASSERT_EQ(mkdir(Path("").c_str(), 0755), 0);
  }
  void TearDown() override {
    if (base_.empty()) return;
    EXPECT_TRUE(core::RemoveTree(base_));
  }

  std::string Path(const std::string& inside, const std::string& layer = "layer") const {
    return base_ + "/" + layer + (inside.empty() ? "" : "/" + inside);
  }

  Result<AppliedLayer> TryApply(const std::string& tar, const std::string& layer = "layer",
                                const ApplyOptions& options = {}) {
    core::MakeDirectories(Path("", layer)).value();
    TRY(Fd target, core::OpenDirectory(Path("", layer)));
    TextSource source(tar);
    return ApplyLayer(source, target, options);
  }
  AppliedLayer Apply(const LayerTar& tar, const std::string& layer = "layer") {
    auto applied = TryApply(tar.Finish(), layer);
    EXPECT_TRUE(applied.has_value()) << applied.error().message;
    return applied.value_or(AppliedLayer{});
  }
  Error Failure(const LayerTar& tar) {
    auto applied = TryApply(tar.Finish());
    EXPECT_FALSE(applied.has_value());
    return applied ? Error{} : applied.error();
  }
  Result<> Finish(const AppliedLayer& applied, const std::vector<std::string>& lower_layers,
                  const std::string& layer = "layer") {
    std::vector<std::string> directories;
    for (const std::string& lower : lower_layers) directories.push_back(Path("", lower));
    TRY(Fd target, core::OpenDirectory(Path("", layer)));
    return FinishLayer(target, applied.needs, directories);
  }

  struct stat Stat(const std::string& inside, const std::string& layer = "layer") const {
    struct stat status{};
    EXPECT_EQ(lstat(Path(inside, layer).c_str(), &status), 0) << inside << ": " << strerror(errno);
    return status;
  }
  mode_t Mode(const std::string& inside) const { return Stat(inside).st_mode & 07777; }
  bool Exists(const std::string& inside) const { return core::Exists(Path(inside)); }
  bool IsWhiteout(const std::string& inside) const {
    struct stat status = Stat(inside);
    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
  }
  bool IsDirectory(const std::string& inside) const { return S_ISDIR(Stat(inside).st_mode); }
  std::string Content(const std::string& inside) const {
    auto bytes = core::ReadFile(Path(inside));
    EXPECT_TRUE(bytes.has_value()) << inside;
    return bytes.value_or("");
  }
  std::optional<std::string> Xattr(const std::string& inside, const char* name,
                                   const std::string& layer = "layer") const {
    char value[256];
    ssize_t size = lgetxattr(Path(inside, layer).c_str(), name, value, sizeof value);
    if (size < 0) return std::nullopt;
    return std::string(value, static_cast<size_t>(size));
  }
  bool IsOpaque(const std::string& inside) const {
    return Xattr(inside, "trusted.overlay.opaque") == "y";
  }

  std::string base_;
};

}  // namespace hoy::oci::test
