#include "oci/layer/layer_applier.h"

#include <sys/sysmacros.h>

#include "oci/layer/sha256.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

class LayerApplier : public LayerFixture {};

TEST_F(LayerApplier, UnpacksFilesWithContentOwnerModeAndTime) {
  LayerTar tar;
  tar.Add(
      {.name = "a/b", .body = "hello", .mode = 0640, .uid = 12, .gid = 34, .mtime = 1234567890});
  AppliedLayer applied = Apply(tar);
  EXPECT_EQ(Content("a/b"), "hello");
  EXPECT_EQ(Mode("a/b"), 0640U);
  EXPECT_EQ(Stat("a/b").st_uid, 12U);
  EXPECT_EQ(Stat("a/b").st_gid, 34U);
  EXPECT_EQ(Stat("a/b").st_mtim.tv_sec, 1234567890);
  EXPECT_EQ(applied.file_bytes, 5U);
  EXPECT_EQ(applied.entries, 1U);
}

TEST_F(LayerApplier, TakesTheDiffIdOfTheWholeStreamAlsoBehindTheEndOfTheArchive) {
  std::string tar = LayerTar().File("a", "x").Finish() + std::string(9000, '\0');
  auto applied = TryApply(tar);
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->diff_id, Sha256Of(tar));
  EXPECT_EQ(applied->tar_bytes, tar.size());
}

TEST_F(LayerApplier, UnpacksFilesLargerThanItsBuffers) {
  std::string body(3'000'001, 'z');
  for (size_t i = 0; i < body.size(); i += 4096) body[i] = static_cast<char>(i / 4096);
  Apply(LayerTar().File("big", body).File("after", "1"));
  EXPECT_TRUE(Content("big") == body);
  EXPECT_EQ(Content("after"), "1");
}

TEST_F(LayerApplier, KeepsSpecialModeBitsWhateverTheUmask) {
  mode_t before = umask(077);
  LayerTar tar;
  tar.Add({.name = "sudo", .body = "x", .mode = 04755, .uid = 7, .gid = 8});
  tar.Add({.name = "wall", .body = "x", .mode = 02755});
  tar.Dir("tmp", 01777).Dir("shared", 02775).File("plain", "x", 0666);
  Apply(tar);
  umask(before);
  EXPECT_EQ(Mode("sudo"), 04755U);
  EXPECT_EQ(Mode("wall"), 02755U);
  EXPECT_EQ(Mode("tmp"), 01777U);
  EXPECT_EQ(Mode("shared"), 02775U);
  EXPECT_EQ(Mode("plain"), 0666U);
}

TEST_F(LayerApplier, DoesNotInheritTheGroupOfASetgidDirectory) {
  LayerTar tar;
  tar.Add({.name = "d", .type = '5', .mode = 02755, .gid = 50});
  tar.File("d/file", "x").Dir("d/sub").Symlink("d/link", "x").File("d/implied/x", "");
  Apply(tar);
  EXPECT_EQ(Stat("d").st_gid, 50U);
  for (const char* name : {"d/file", "d/sub", "d/link", "d/implied"}) {
    EXPECT_EQ(Stat(name).st_gid, 0U) << name;
  }
  EXPECT_EQ(Mode("d/sub"), 0755U);
  EXPECT_EQ(Mode("d/implied"), 0755U);
}

TEST_F(LayerApplier, KeepsDirectoryTimesThoughFilesComeLater) {
  LayerTar tar;
  tar.Add({.name = "./", .type = '5', .mode = 0700, .mtime = 111});
  tar.Add({.name = "a", .type = '5', .mode = 0755, .mtime = 222});
  tar.Add({.name = "a/b", .type = '5', .mode = 0755, .mtime = 333});
  tar.File("a/b/one", "1").File("c", "2").File("a/two", "3").File("a/b/three", "4");
  tar.Add({.name = "late/x", .body = "5"});
  tar.Add({.name = "late", .type = '5', .mode = 0711, .mtime = 444});
  AppliedLayer applied = Apply(tar);
  EXPECT_EQ(Stat("").st_mtim.tv_sec, 111);
  EXPECT_EQ(Mode(""), 0700U);
  EXPECT_EQ(Stat("a").st_mtim.tv_sec, 222);
  EXPECT_EQ(Stat("a/b").st_mtim.tv_sec, 333);
  EXPECT_EQ(Stat("late").st_mtim.tv_sec, 444);
  EXPECT_EQ(Mode("late"), 0711U);
  EXPECT_TRUE(applied.needs.directories.empty());
}

TEST_F(LayerApplier, KeepsTimesInTreesDeeperThanItsCache) {
  LayerTar tar;
  std::string path = "d";
  for (int depth = 0; depth < 150; ++depth) {
    tar.Add(
        {.name = "x", .type = '5', .mode = 0755, .mtime = 1000U + depth, .pax = {{"path", path}}});
    path += "/d";
  }
  tar.Add({.name = "x", .body = "deep", .pax = {{"path", path}}});
  tar.File("d/d/f", "");
  Apply(tar);
  EXPECT_EQ(Content(path), "deep");
  std::string check = "d";
  for (int depth = 0; depth < 150; ++depth, check += "/d") {
    ASSERT_EQ(Stat(check).st_mtim.tv_sec, 1000 + depth) << depth;
  }
}

TEST_F(LayerApplier, MakesSymlinksAsTheyAreWritten) {
  Apply(
      LayerTar().Symlink("abs", "/etc/passwd").Symlink("dots", "../../../x").Symlink("no", "gone"));
  char target[64] = {};
  ASSERT_GT(readlink(Path("abs").c_str(), target, sizeof target), 0);
  EXPECT_STREQ(target, "/etc/passwd");
  EXPECT_EQ(Stat("abs").st_mtim.tv_sec, 1'600'000'000);
}

TEST_F(LayerApplier, LinksHardLinksAlsoAcrossDirectories) {
  Apply(LayerTar().File("a/one", "same").HardLink("b/two", "a/one").HardLink("three", "./b/two"));
  EXPECT_EQ(Stat("a/one").st_ino, Stat("b/two").st_ino);
  EXPECT_EQ(Stat("a/one").st_nlink, 3U);
  EXPECT_EQ(Content("three"), "same");
}

TEST_F(LayerApplier, MakesDevicesAndFifos) {
  LayerTar tar;
  tar.Add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3});
  tar.Add({.name = "disk", .type = '4', .mode = 0660, .gid = 6, .major = 8, .minor = 1});
  tar.Add({.name = "pipe", .type = '6', .mode = 0620});
  Apply(tar);
  EXPECT_TRUE(S_ISCHR(Stat("null").st_mode));
  EXPECT_EQ(Stat("null").st_rdev, makedev(1, 3));
  EXPECT_EQ(Mode("null"), 0666U);
  EXPECT_TRUE(S_ISBLK(Stat("disk").st_mode));
  EXPECT_EQ(Stat("disk").st_gid, 6U);
  EXPECT_TRUE(S_ISFIFO(Stat("pipe").st_mode));
}

TEST_F(LayerApplier, TakesLargeOwnersFromPaxAndFromBase256) {
  LayerTar tar;
  tar.Add({.name = "pax", .pax = {{"uid", "100000"}, {"gid", "4000000000"}}});
  tar.Add({.name = "gnu", .uid = 3000000000, .gid = 70000});
  Apply(tar);
  EXPECT_EQ(Stat("pax").st_uid, 100000U);
  EXPECT_EQ(Stat("pax").st_gid, 4000000000U);
  EXPECT_EQ(Stat("gnu").st_uid, 3000000000U);
  EXPECT_EQ(Stat("gnu").st_gid, 70000U);
}

TEST_F(LayerApplier, RefusesAnOwnerThatMeansNoChange) {
  LayerTar tar;
  tar.Add({.name = "f", .pax = {{"uid", "4294967295"}}});
  EXPECT_EQ(Failure(tar).kind, ErrorKind::kCorrupt);
}

TEST_F(LayerApplier, ReadsLongNamesOfPaxAndGnu) {
  std::string directory(120, 'd');
  std::string pax_name = directory + "/" + std::string(200, 'p');
  std::string gnu_name = directory + "/" + std::string(201, 'g');
  LayerTar tar;
  tar.Add({.name = "short", .body = "1", .pax = {{"path", pax_name}}});
  tar.Add({.name = "././@LongLink", .type = 'L', .body = gnu_name + '\0'});
  tar.Add({.name = "short", .body = "2"});
  tar.Add({.name = "././@LongLink", .type = 'K', .body = gnu_name + '\0'});
  tar.Add({.name = "link", .type = '1', .link = "short"});
  Apply(tar);
  EXPECT_EQ(Content(pax_name), "1");
  EXPECT_EQ(Content(gnu_name), "2");
  EXPECT_EQ(Stat("link").st_ino, Stat(gnu_name).st_ino);
}

TEST_F(LayerApplier, KeepsNamesAsBytes) {
  std::string latin1 = "caf\xe9";
  std::string utf8 = "caf\xc3\xa9-\xe6\xbc\xa2";
  std::string decomposed = "e\xcc\x81";  // must not become U+00E9
  LayerTar tar;
  tar.File(latin1, "1");
  tar.Add({.name = "x", .body = "2", .pax = {{"path", utf8}}});
  tar.Add({.name = "x", .body = "3", .pax = {{"path", decomposed}}});
  tar.Add({.name = "x", .body = "4", .pax = {{"path", "pax-" + latin1}}});
  // Go leaves the header's field empty when it can hold no part of the target.
  tar.Add({.name = "link", .type = '2', .pax = {{"linkpath", utf8}}});
  Apply(tar);
  EXPECT_EQ(Content(latin1), "1");
  EXPECT_EQ(Content(utf8), "2");
  EXPECT_EQ(Content(decomposed), "3");
  EXPECT_EQ(Content("pax-" + latin1), "4");
  EXPECT_EQ(Content("link"), "2");
}

TEST_F(LayerApplier, IgnoresPaxGlobalHeaders) {
  LayerTar tar;
  tar.Add({.name = "g", .type = 'g', .body = LayerTar::PaxRecord("comment", "a git commit")});
  tar.File("f", "x");
  Apply(tar);
  EXPECT_EQ(Content("f"), "x");
  EXPECT_FALSE(Exists("g"));
}

TEST_F(LayerApplier, LeavesHolesInSparseFiles) {
  // GNU sparse format 1.0: the map comes first in the data, in decimal lines.
  std::string map = "2\n0\n5\n1048576\n5\n";
  map.resize(512, '\0');
  LayerTar tar;
  tar.Add({.name = "GNUSparseFile.0/s",
           .body = map + "firstlast!",
           .pax = {{"GNU.sparse.major", "1"},
                   {"GNU.sparse.minor", "0"},
                   {"GNU.sparse.name", "sparse"},
                   {"GNU.sparse.realsize", "2097152"}}});
  AppliedLayer applied = Apply(tar);
  ASSERT_EQ(Stat("sparse").st_size, 2097152);
  EXPECT_LT(Stat("sparse").st_blocks * 512, 262144);
  EXPECT_EQ(applied.file_bytes, 10U);
  std::string content = Content("sparse");
  EXPECT_EQ(content.substr(0, 5), "first");
  EXPECT_EQ(content.substr(1048576, 5), "last!");
  EXPECT_EQ(content[1048575], '\0');
}

TEST_F(LayerApplier, SetsExtendedAttributesAndFileCapabilities) {
  // VFS_CAP_REVISION_2, effective, CAP_NET_RAW (linux/capability.h).
  const std::string capability(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x00\x00\x00\x00",
      20);
  LayerTar tar;
  tar.Add({.name = "ping",
           .body = "x",
           .mode = 0755,
           .uid = 5,
           .gid = 5,
           .pax = {{"SCHILY.xattr.security.capability", capability}}});
  tar.Add({.name = "dir", .type = '5', .mode = 0755, .pax = {{"SCHILY.xattr.user.k", "v=1"}}});
  tar.Add({.name = "link", .type = '2', .link = "x", .pax = {{"SCHILY.xattr.trusted.t", "on"}}});
  Apply(tar);
  EXPECT_EQ(Xattr("ping", "security.capability"), capability);
  EXPECT_EQ(Xattr("dir", "user.k"), "v=1");
  EXPECT_EQ(Xattr("link", "trusted.t"), "on");
}

TEST_F(LayerApplier, DoesNotTakeOverlayfsAttributesFromALayer) {
  LayerTar tar;
  tar.Add({.name = "d",
           .type = '5',
           .mode = 0755,
           .pax = {{"SCHILY.xattr.trusted.overlay.opaque", "y"},
                   {"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                   {"SCHILY.xattr.security.selinux", "label"}}});
  Apply(tar);
  EXPECT_EQ(Xattr("d", "trusted.overlay.opaque"), std::nullopt);
  EXPECT_EQ(Xattr("d", "trusted.overlay.redirect"), std::nullopt);
  EXPECT_EQ(Xattr("d", "security.selinux"), std::nullopt);
}

TEST_F(LayerApplier, TurnsWhiteoutsIntoOverlayWhiteouts) {
  Apply(LayerTar().File("a/.wh.gone", "").File("a/here", "x").File(".wh.top", ""));
  EXPECT_TRUE(IsWhiteout("a/gone"));
  EXPECT_TRUE(IsWhiteout("top"));
  EXPECT_FALSE(Exists("a/.wh.gone"));
  EXPECT_EQ(Content("a/here"), "x");
}

TEST_F(LayerApplier, AWhiteoutHidesOnlyLowerLayersWhateverTheOrder) {
  Apply(LayerTar()
            .File("new", "1")
            .File(".wh.new", "")
            .File(".wh.again", "")
            .File("again", "2")
            .Dir("dir")
            .File("dir/x", "3")
            .File(".wh.dir", "")
            .File(".wh.made", "")
            .Dir("made")
            .File("made/y", "4")
            .File(".wh.implied", "")
            .File("implied/z", "5"));
  EXPECT_EQ(Content("new"), "1");
  EXPECT_EQ(Content("again"), "2");
  EXPECT_EQ(Content("dir/x"), "3");
  EXPECT_TRUE(IsOpaque("dir"));
  EXPECT_EQ(Content("made/y"), "4");
  EXPECT_TRUE(IsOpaque("made"));
  EXPECT_EQ(Content("implied/z"), "5");
  EXPECT_TRUE(IsOpaque("implied"));
}

TEST_F(LayerApplier, MarksOpaqueDirectoriesWhateverTheOrder) {
  Apply(LayerTar()
            .File("first/.wh..wh..opq", "")
            .File("first/x", "1")
            .File("last/x", "2")
            .File("last/.wh..wh..opq", ""));
  EXPECT_TRUE(IsOpaque("first"));
  EXPECT_TRUE(IsOpaque("last"));
  EXPECT_EQ(Content("first/x"), "1");
  EXPECT_EQ(Content("last/x"), "2");
  EXPECT_FALSE(Exists("last/.wh..wh..opq"));
}

TEST_F(LayerApplier, IgnoresTheBookkeepingOfAufs) {
  Apply(LayerTar().Dir(".wh..wh.plnk").File(".wh..wh.plnk/12.34", "x").File(".wh..wh.aufs", ""));
  EXPECT_TRUE(core::ListDirectory(Path(""))->empty());
}

TEST_F(LayerApplier, RefusesWhiteoutsOfNothingAndOfDirectoriesAbove) {
  for (const char* name : {".wh.", "a/.wh..", ".wh...", "a/.wh..."}) {
    Error error = Failure(LayerTar().Dir("a").File(name, ""));
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt) << name;
    EXPECT_NE(error.message.find(name), std::string::npos) << error.message;
  }
}

TEST_F(LayerApplier, LaterEntriesReplaceEarlierOnesOfAnotherType) {
  Apply(LayerTar()
            .Dir("a")
            .File("a/x", "")
            .File("a", "file")
            .File("b", "")
            .Dir("b")
            .File("b/x", "in")
            .Symlink("c", "b")
            .Dir("c")
            .File("c/x", "own")
            .File("d", "old")
            .Symlink("d", "b")
            .Dir("e", 0700)
            .File("e/kept", "k")
            .Dir("e", 0755)
            .File("f", "1")
            .File("f", "2")
            .File("g", "1")
            .HardLink("g", "f"));
  EXPECT_EQ(Content("a"), "file");
  EXPECT_EQ(Content("b/x"), "in");
  EXPECT_EQ(Content("c/x"), "own");
  EXPECT_TRUE(S_ISLNK(Stat("d").st_mode));
  EXPECT_EQ(Content("e/kept"), "k");
  EXPECT_EQ(Mode("e"), 0755U);
  EXPECT_EQ(Content("f"), "2");
  EXPECT_EQ(Content("g"), "2");
}

TEST_F(LayerApplier, AHardLinkToItselfIsHarmless) {
  Apply(LayerTar().File("a", "x").HardLink("a", "./a"));
  EXPECT_EQ(Content("a"), "x");
}

TEST_F(LayerApplier, AnEmptyStreamIsAnEmptyLayer) {
  for (const std::string& tar : {std::string(), std::string(1024, '\0')}) {
    auto applied = TryApply(tar);
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(applied->entries, 0U);
    EXPECT_EQ(applied->diff_id, Sha256Of(tar));
  }
}

TEST_F(LayerApplier, RefusesTruncatedAndDamagedTars) {
  std::string tar = LayerTar().File("a", std::string(5000, 'x')).Finish();
  auto truncated = TryApply(tar.substr(0, 2000));
  ASSERT_FALSE(truncated);
  EXPECT_EQ(truncated.error().kind, ErrorKind::kCorrupt);
  std::string damaged = LayerTar().File("a", "").File("b", "").Finish();
  damaged[512 + 150] ^= 1;  // the checksum
  EXPECT_EQ(KindOf(TryApply(damaged)), ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(TryApply("this is no tar at all")), ErrorKind::kCorrupt);
}

TEST_F(LayerApplier, StopsAtItsSizeLimit) {
  std::string tar =
      LayerTar().File("a", std::string(600, 'x')).File("b", std::string(600, 'y')).Finish();
  EXPECT_TRUE(TryApply(tar, "enough", {.max_unpacked_bytes = 1200}));
  auto refused = TryApply(tar, "layer", {.max_unpacked_bytes = 1199});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(refused.error().message.find("1199"), std::string::npos);
  // A file that is too large by its header alone is not read.
  auto early = TryApply(tar.substr(0, 512), "early", {.max_unpacked_bytes = 599});
  ASSERT_FALSE(early);
  EXPECT_NE(early.error().message.find("599"), std::string::npos) << early.error().message;
}

TEST_F(LayerApplier, ShowsControlCharactersOfNamesInErrorsAsHex) {
  EXPECT_NE(Failure(LayerTar().File("../\x1b[31m", "")).message.find("\\x1b[31m"),
            std::string::npos);
}

}  // namespace
}  // namespace hoy::oci::test
