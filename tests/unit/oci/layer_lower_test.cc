// What a layer takes from the layers below it (FinishLayer).

#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

class LayerOverLower : public LayerFixture {};

TEST_F(LayerOverLower, AHardLinkToAFileBelowCopiesItUpAndLinksBoth) {
  LayerTar lower;
  lower.Add({.name = "usr", .type = '5', .mode = 0750, .uid = 3, .gid = 4, .mtime = 99});
  lower.Add({.name = "usr/tool",
             .body = "tool",
             .mode = 04755,
             .uid = 1,
             .gid = 2,
             .mtime = 77,
             .pax = {{"SCHILY.xattr.user.k", "v"}}});
  Apply(lower, "lower");
  AppliedLayer applied =
      Apply(LayerTar().HardLink("bin/tool", "usr/tool").HardLink("bin/tool2", "bin/tool"));
  EXPECT_EQ(applied.needs.links.size(), 2U);
  auto finished = Finish(applied, {"lower"});
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(Content("bin/tool"), "tool");
  EXPECT_EQ(Stat("usr/tool").st_ino, Stat("bin/tool").st_ino);
  EXPECT_EQ(Stat("bin/tool2").st_ino, Stat("bin/tool").st_ino);
  EXPECT_EQ(Mode("bin/tool"), 04755U);
  EXPECT_EQ(Stat("bin/tool").st_uid, 1U);
  EXPECT_EQ(Stat("bin/tool").st_mtim.tv_sec, 77);
  EXPECT_EQ(Xattr("bin/tool", "user.k"), "v");
  EXPECT_EQ(Mode("usr"), 0750U);
  EXPECT_EQ(Stat("usr").st_uid, 3U);
  EXPECT_EQ(Stat("usr").st_mtim.tv_sec, 99);
  EXPECT_EQ(Stat("usr/tool", "lower").st_nlink, 1U);
}

TEST_F(LayerOverLower, AHardLinkToNothingIsRefusedAndNamed) {
  AppliedLayer applied = Apply(LayerTar().HardLink("a", "missing/file"));
  auto finished = Finish(applied, {});
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(finished.error().message.find("missing/file"), std::string::npos);
}

TEST_F(LayerOverLower, AHardLinkSeesTheLayersBelowMerged) {
  Apply(LayerTar().File("d/gone", "1").File("d/old", "bottom").File("o/hidden", "1"), "bottom");
  Apply(LayerTar().File("d/.wh.gone", "").File("d/old", "middle").File("o/.wh..wh..opq", ""),
        "middle");
  AppliedLayer old = Apply(LayerTar().HardLink("x", "d/old"));
  ASSERT_TRUE(Finish(old, {"middle", "bottom"}));
  EXPECT_EQ(Content("x"), "middle");
  for (const char* hidden : {"d/gone", "o/hidden"}) {
    AppliedLayer applied = Apply(LayerTar().HardLink("y", hidden));
    EXPECT_EQ(KindOf(Finish(applied, {"middle", "bottom"})), ErrorKind::kCorrupt) << hidden;
  }
}

TEST_F(LayerOverLower, AHardLinkThroughASymlinkBelowIsFoundInside) {
  Apply(LayerTar().File("usr/bin/sh", "sh").Symlink("bin", "/usr/bin").Symlink("out", "../../etc"),
        "lower");
  AppliedLayer applied = Apply(
      LayerTar().Symlink("bin", "usr/bin").Dir("usr").Dir("usr/bin").HardLink("ash", "bin/sh"));
  auto finished = Finish(applied, {"lower"});
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(Content("ash"), "sh");
  EXPECT_EQ(Content("usr/bin/sh"), "sh");
  AppliedLayer escaping = Apply(LayerTar().HardLink("p", "out/passwd"), "other");
  EXPECT_EQ(KindOf(Finish(escaping, {"lower"}, "other")), ErrorKind::kCorrupt);
}

TEST_F(LayerOverLower, AHardLinkToASymlinkBelowIsASymlink) {
  Apply(LayerTar().Symlink("s", "target"), "lower");
  AppliedLayer applied = Apply(LayerTar().HardLink("l", "s"));
  ASSERT_TRUE(Finish(applied, {"lower"}));
  EXPECT_TRUE(S_ISLNK(Stat("l").st_mode));
}

TEST_F(LayerOverLower, ALaterEntryOfTheLinksNameWins) {
  Apply(LayerTar().File("f", "below"), "lower");
  AppliedLayer applied = Apply(LayerTar().HardLink("l", "f").File("l", "own"));
  ASSERT_TRUE(Finish(applied, {"lower"}));
  EXPECT_EQ(Content("l"), "own");
}

TEST_F(LayerOverLower, DirectoriesWithoutAnEntryTakeOwnerAndModeFromBelow) {
  LayerTar lower;
  lower.Add({.name = "./", .type = '5', .mode = 0711, .mtime = 5});
  lower.Add({.name = "srv",
             .type = '5',
             .mode = 02770,
             .uid = 33,
             .gid = 44,
             .mtime = 66,
             .pax = {{"SCHILY.xattr.user.k", "v"}}});
  Apply(lower, "lower");
  AppliedLayer applied = Apply(LayerTar().File("srv/new/file", "x"));
  auto finished = Finish(applied, {"lower"});
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(Mode("srv"), 02770U);
  EXPECT_EQ(Stat("srv").st_uid, 33U);
  EXPECT_EQ(Stat("srv").st_gid, 44U);
  EXPECT_EQ(Stat("srv").st_mtim.tv_sec, 66);
  EXPECT_EQ(Xattr("srv", "user.k"), "v");
  EXPECT_EQ(Mode("srv/new"), 0755U);
  EXPECT_EQ(Stat("srv/new").st_uid, 0U);
  EXPECT_EQ(Mode(""), 0711U);
}

TEST_F(LayerOverLower, DirectoriesWithAnEntryDoNotChange) {
  LayerTar lower;
  lower.Add({.name = "srv", .type = '5', .mode = 0700, .uid = 33});
  Apply(lower, "lower");
  AppliedLayer applied = Apply(LayerTar().File("srv/x", "").Dir("srv", 0755));
  ASSERT_TRUE(Finish(applied, {"lower"}));
  EXPECT_EQ(Mode("srv"), 0755U);
  EXPECT_EQ(Stat("srv").st_uid, 0U);
}

TEST_F(LayerOverLower, TheOpaqueMarkBelowIsNotCopied) {
  Apply(LayerTar().File("d/.wh..wh..opq", "").File("d/x", ""), "lower");
  AppliedLayer applied = Apply(LayerTar().File("d/y", ""));
  ASSERT_TRUE(Finish(applied, {"lower"}));
  EXPECT_FALSE(IsOpaque("d"));
}

}  // namespace
}  // namespace hoy::oci::test
