// xz and bzip2: what people's own archives are packed with.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/sys/files.h"
#include "oci/layer/decompress.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci {
namespace {

// The tool's output for `text`.
std::string Packed(const std::string& tool, const std::string& text) {
  char path[] = "/tmp/hoy-packed-XXXXXX";
  Fd fd(mkstemp(path));
  core::WriteAll(fd, text, path).value();
  EXPECT_EQ(system((tool + " -c " + path + " > " + path + ".out").c_str()), 0);
  std::string packed = core::ReadFile(std::string(path) + ".out").value();
  unlink(path);
  unlink((std::string(path) + ".out").c_str());
  return packed;
}

Result<std::string> Unpacked(const std::string& packed, size_t at_most = SIZE_MAX) {
  test::TextSource text(packed, at_most);
  TRY(auto source, Decompress(text));
  std::string result;
  std::byte buffer[1000];
  while (true) {
    TRY(size_t count, source->Read(buffer));
    if (count == 0) return result;
    result.append(reinterpret_cast<const char*>(buffer), count);
  }
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919 % 10'007);
  return text;
}

class RareCompression : public testing::TestWithParam<const char*> {};

TEST_P(RareCompression, UnpacksOneAndSeveralStreams) {
  std::string packed = Packed(GetParam(), Text());
  EXPECT_EQ(Unpacked(packed).value_or("?"), Text());
  EXPECT_EQ(Unpacked(packed, 7).value_or("?"), Text());
  EXPECT_EQ(Unpacked(packed + packed).value_or("?"), Text() + Text());
  EXPECT_EQ(Unpacked(Packed(GetParam(), "")).value_or("?"), "");
}

TEST_P(RareCompression, RefusesWhatIsCutOrDamaged) {
  std::string packed = Packed(GetParam(), Text());
  for (size_t size : {size_t{7}, packed.size() / 2, packed.size() - 1}) {
    auto result = Unpacked(packed.substr(0, size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
  }
  std::string flipped = packed;
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_FALSE(Unpacked(flipped));
  EXPECT_FALSE(Unpacked(packed + "garbage"));
}
INSTANTIATE_TEST_SUITE_P(Tools, RareCompression, testing::Values("xz", "bzip2"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace hoy::oci
