#include "core/state/id_link.h"

#include <gtest/gtest.h>

#include "core/state/container_id.h"
#include "core/state/name_generator.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

TEST(IdLink, PackedIdsComeBackAndFitIntoAnInode) {
  std::string ids[] = {RandomContainerId(),
                       RandomContainerId(),
                       std::string(kIdLength, '0'),
                       std::string(kIdLength, 'f'),
                       std::string(kIdLength - 1, '0') + "1",
                       "1" + std::string(kIdLength - 1, '0')};
  for (const std::string& id : ids) {
    EXPECT_LE(PackId(id).size(), 59U) << id;
    EXPECT_EQ(PackId(id).find('/'), std::string::npos) << id;
    EXPECT_EQ(UnpackId(PackId(id)), id);
  }
}

// The text of RFC 4648's section 5, of the bytes 0, 1, 2 ... 31.
TEST(IdLink, IsBase64url) {
  EXPECT_EQ(PackId("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
}

TEST(IdLink, WhatIsNotPackedIsReturnedAsItIs) {
  std::string id = RandomContainerId();
  EXPECT_EQ(UnpackId(id), id);
  EXPECT_EQ(UnpackId("web"), "web");
  std::string odd = "!" + std::string(42, 'A');
  EXPECT_EQ(UnpackId(odd), odd);
}

TEST(IdLink, IsMadeOnce) {
  ScratchDirectory scratch;
  std::string path = scratch / "web";
  std::string id = RandomContainerId();
  EXPECT_EQ(ReadIdLink(path).value(), "");
  EXPECT_TRUE(MakeIdLink(path, id).value());
  EXPECT_FALSE(MakeIdLink(path, RandomContainerId()).value());
  EXPECT_EQ(ReadIdLink(path).value(), id);
  EXPECT_EQ(MakeIdLink(scratch / "none/web", id).error().system_errno, ENOENT);
}

}  // namespace
}  // namespace hoy::core
