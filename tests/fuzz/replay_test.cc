// Every fuzz target over its corpus, in the ordinary test run: each file as it is, every short
// prefix of it, and a fixed set of bit flips. A crash, a sanitizer report or a failed assertion in
// the target is the failure; tests/fuzz/corpus/<target>/ holds the inputs.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define FUZZ_TARGET(name) extern "C" int FuzzOneInput_##name(const uint8_t* data, size_t size);
#include "tests/fuzz_targets.inc"
#undef FUZZ_TARGET

namespace {

using Target = int (*)(const uint8_t*, size_t);

struct NamedTarget {
  std::string name;
  Target run;
};
std::ostream& operator<<(std::ostream& stream, const NamedTarget& target) {
  return stream << target.name;
}

std::vector<NamedTarget> Targets() {
  return {
#define FUZZ_TARGET(name) {#name, FuzzOneInput_##name},
#include "tests/fuzz_targets.inc"
#undef FUZZ_TARGET
  };
}

// Runs on a heap copy of exactly the input's size, so that a sanitizer sees one byte too many.
void RunOn(const NamedTarget& target, const std::string& input) {
  std::vector<uint8_t> bytes(input.begin(), input.end());
  bytes.shrink_to_fit();
  target.run(bytes.data(), bytes.size());
}

class FuzzReplay : public testing::TestWithParam<NamedTarget> {};

TEST_P(FuzzReplay, SurvivesItsCorpusPrefixesAndBitFlips) {
  const NamedTarget& target = GetParam();
  const std::filesystem::path corpus =
      std::filesystem::path(HOY_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
  ASSERT_TRUE(std::filesystem::is_directory(corpus)) << "no corpus at " << corpus;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty()) << "the corpus of " << target.name << " is empty";

  RunOn(target, "");
  for (const auto& path : files) {
    SCOPED_TRACE(path.filename().string());
    std::ifstream stream(path, std::ios::binary);
    const std::string input(std::istreambuf_iterator<char>(stream), {});
    RunOn(target, input);
    const size_t step = std::max<size_t>(1, input.size() / 64);
    for (size_t length = 0; length < input.size(); length += step) {
      RunOn(target, input.substr(0, length));
    }
    for (size_t position = 0; position < input.size(); position += step) {
      std::string flipped = input;
      flipped[position] ^= static_cast<char>(1 << (position % 8));
      RunOn(target, flipped);
    }
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FuzzReplay);
INSTANTIATE_TEST_SUITE_P(Targets, FuzzReplay, testing::ValuesIn(Targets()),
                         [](const auto& target) { return target.param.name; });

}  // namespace
