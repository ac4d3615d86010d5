#include "core/state/name_generator.h"

#include <gtest/gtest.h>

#include <set>

#include "core/base/text.h"

namespace hoy::core {
namespace {

TEST(NameGenerator, AcceptsDockersNamesOnly) {
  for (const char* name : {"ab", "web-1", "a.b_c-d", "0x", "Web"}) {
    EXPECT_TRUE(IsValidContainerName(name)) << name;
  }
  for (const char* name : {"", "a", "-web", "_web", ".web", "we b", "a/b", "wéb", "a:b"}) {
    EXPECT_FALSE(IsValidContainerName(name)) << name;
  }
  EXPECT_FALSE(IsValidContainerName(std::string(256, 'a')));
  EXPECT_TRUE(IsValidContainerName(std::string(64, 'a'))) << "so are volumes called";
  EXPECT_FALSE(CheckContainerName(std::string(64, 'a')));
  EXPECT_FALSE(CheckContainerName("-web"));
  EXPECT_TRUE(CheckContainerName(std::string(63, 'a')));
  EXPECT_TRUE(CheckContainerName(std::string(64, 'A')));
}

TEST(NameGenerator, MakesTenThousandDifferentValidNames) {
  std::set<std::string> names;
  for (uint64_t i = 0; i < 10'000; ++i) {
    std::string name = ContainerNameFor(i);
    EXPECT_TRUE(IsValidContainerName(name)) << name;
    EXPECT_EQ(Split(name, '_').size(), 2U) << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 10'000U);
}

TEST(NameGenerator, MakesIdsOf64HexDigitsThatDoNotReadAsNumbers) {
  for (int i = 0; i < 100; ++i) {
    std::string id = RandomContainerId();
    EXPECT_EQ(id.size(), 64U);
    EXPECT_TRUE(IsHex(id));
    EXPECT_NE(id.substr(0, 12).find_first_of("abcdef"), std::string::npos);
  }
  EXPECT_NE(RandomContainerId(), RandomContainerId());
}

}  // namespace
}  // namespace hoy::core
