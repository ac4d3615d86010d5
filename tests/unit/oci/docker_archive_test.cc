// A docker-archive whose lists name the same things over and over, or too many of them.

#include <gtest/gtest.h>

#include <map>

#include "oci/archive/formats.h"
#include "oci/layer/sha256.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

class MemoryFiles final : public FileSet {
 public:
  class Blob final : public SourceBlob {
   public:
    Blob(std::string_view text, size_t& taken) : text_(text), taken_(taken) {}
    Result<size_t> Read(std::span<std::byte> buffer) override {
      TRY(size_t count, text_.Read(buffer));
      taken_ += count;
      return count;
    }

   private:
    TextSource text_;
    size_t& taken_;
  };

  MemoryFiles(std::map<std::string, std::string> files, std::map<std::string, size_t>& taken)
      : files_(std::move(files)), taken_(taken) {}
  std::optional<int64_t> SizeOf(const std::string& name) override {
    auto found = files_.find(name);
    if (found == files_.end()) return std::nullopt;
    return static_cast<int64_t>(found->second.size());
  }
  Result<std::unique_ptr<SourceBlob>> Open(const std::string& name) override {
    auto found = files_.find(name);
    if (found == files_.end()) return Fail(ErrorKind::kNotFound, "'{}' is missing", name);
    return std::make_unique<Blob>(found->second, taken_[name]);
  }
  bool in_tar() const override { return true; }

 private:
  const std::map<std::string, std::string> files_;
  std::map<std::string, size_t>& taken_;  // bytes read, by name
};

std::string Config(int layers, const std::string& comment) {
  std::string ids;
  for (int i = 0; i < layers; ++i) {
    ids += (i > 0 ? ",\"" : "\"") + Sha256Of("layer").ToString() + "\"";
  }
  return R"({"architecture":"amd64","os":"linux","comment":")" + comment +
         R"(","rootfs":{"type":"layers","diff_ids":[)" + ids + "]}}";
}

TEST(DockerArchive, ReadsACompressedLayerOnceHoweverOftenItIsNamed) {
  std::map<std::string, std::string> files = {
      {"manifest.json", R"([{"Config":"a","Layers":["l","l"]},{"Config":"b","Layers":["l"]}])"},
      {"a", Config(2, "")},
      {"b", Config(1, "")},
      {"l", "\x1f\x8b\x08" + std::string(100'000, 'x')}};
  const size_t size = files["l"].size();
  std::map<std::string, size_t> taken;
  auto archive = OpenDockerArchive(std::make_unique<MemoryFiles>(files, taken));
  ASSERT_TRUE(archive);
  auto images = (*archive)->Images();
  ASSERT_TRUE(images) << images.error().message;
  EXPECT_EQ(images->size(), 2U);
  EXPECT_LT(taken["l"], 2 * size);  // and of its beginning, what tells the compression
}

TEST(DockerArchive, KeepsNotMoreThanSomeMegabytesOfConfigs) {
  std::map<std::string, std::string> files;
  std::string list;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "config" + std::to_string(i);
    list += std::string(i > 0 ? "," : "[") + R"({"Config":")" + name + R"(","Layers":[]})";
    files[name] = Config(0, std::string(4'000'000, static_cast<char>('a' + i)));
  }
  files["manifest.json"] = list + "]";
  std::map<std::string, size_t> taken;
  auto archive = OpenDockerArchive(std::make_unique<MemoryFiles>(files, taken));
  ASSERT_TRUE(archive);
  auto images = (*archive)->Images();
  ASSERT_FALSE(images);
  EXPECT_EQ(images.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(images.error().message.find("64 MiB"), std::string::npos) << images.error().message;
}

}  // namespace
}  // namespace hoy::oci::test
