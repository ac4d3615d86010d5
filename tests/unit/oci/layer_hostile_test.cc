// Layers that want out. Beside the layer's directory stands another that must stay as it is.

#include "oci/layer/directory_cache.h"
#include "oci/layer/entry_path.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

class HostileLayer : public LayerFixture {
 protected:
  void SetUp() override {
    LayerFixture::SetUp();
    if (IsSkipped()) return;
    core::MakeDirectories(base_ + "/outside/sub").value();
    core::WriteFileAtomically(base_ + "/outside/secret", "untouched", core::Durability::kVolatile)
        .value();
  }
  void TearDown() override {
    if (!base_.empty()) {
      EXPECT_EQ(core::ReadFile(base_ + "/outside/secret").value_or(""), "untouched");
      EXPECT_EQ(core::ListDirectory(base_ + "/outside").value(),
                (std::vector<std::string>{"secret", "sub"}));
      EXPECT_TRUE(core::ListDirectory(base_ + "/outside/sub")->empty());
      EXPECT_EQ(core::ListDirectory(base_).value().size(), 2U);
      struct stat status{};
      EXPECT_EQ(stat((base_ + "/outside/secret").c_str(), &status), 0);
      EXPECT_EQ(status.st_nlink, 1U);
    }
    LayerFixture::TearDown();
  }
};

TEST_F(HostileLayer, NamesThatLeadOutAreRefusedAndNamed) {
  for (const char* name : {"../outside/x", "a/../../outside/x", "..", "./../x", "/../x",
                           "../outside/.wh.secret", "a/b/../../../outside/.wh..wh..opq"}) {
    Error error = Failure(LayerTar().File(name, "evil"));
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt) << name;
    EXPECT_NE(error.message.find(name), std::string::npos) << error.message;
  }
}

TEST_F(HostileLayer, DotsInsideTheLayerAreFine) {
  Apply(LayerTar().File("a/../b/./c//d", "x"));
  EXPECT_EQ(Content("b/c/d"), "x");
  EXPECT_FALSE(Exists("a"));
}

TEST_F(HostileLayer, AbsoluteNamesStartAtTheRootOfTheLayer) {
  Apply(LayerTar().File(base_ + "/outside/x", "1").File("/etc/y", "2"));
  EXPECT_EQ(Content("etc/y"), "2");
  EXPECT_TRUE(core::Exists(Path("") + base_ + "/outside/x"));
}

TEST_F(HostileLayer, AnAbsoluteSymlinkAmongTheParentsStaysInside) {
  std::string outside = base_ + "/outside";
  Error error = Failure(LayerTar().Symlink("evil", outside).File("evil/x", "1"));
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  Apply(LayerTar().Dir("etc").Symlink("link", "/etc").File("link/x", "1").Dir("link/d"), "layer");
  EXPECT_EQ(Content("etc/x"), "1");
  EXPECT_TRUE(IsDirectory("etc/d"));
}

TEST_F(HostileLayer, ARelativeSymlinkAmongTheParentsStaysInside) {
  Apply(LayerTar()
            .Symlink("up", "../../../../..")
            .File("up/x", "1")
            .Symlink("up2", "../outside")
            .Dir("outside")
            .File("up2/y", "2"));
  EXPECT_EQ(Content("x"), "1");
  EXPECT_EQ(Content("outside/y"), "2");
}

TEST_F(HostileLayer, AFileIsNeverWrittenThroughASymlinkOfItsName) {
  std::string secret = base_ + "/outside/secret";
  Apply(LayerTar()
            .Symlink("f", secret)
            .File("f", "evil")
            .Symlink("d", base_ + "/outside")
            .Dir("d", 0700)
            .File("d/secret", "evil"));
  EXPECT_EQ(Content("f"), "evil");
  EXPECT_EQ(Content("d/secret"), "evil");
  EXPECT_FALSE(S_ISLNK(Stat("d").st_mode));
}

TEST_F(HostileLayer, HardLinksReachNothingOutside) {
  Error error = Failure(LayerTar().HardLink("x", "../outside/secret"));
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  for (const std::string& target :
       {base_ + "/outside/secret", std::string("out/secret"), std::string("up/outside/secret")}) {
    LayerTar tar;
    tar.Symlink("out", base_ + "/outside").Symlink("up", "..").HardLink("x", target);
    auto applied = TryApply(tar.Finish());
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(KindOf(Finish(*applied, {})), ErrorKind::kCorrupt) << target;
    EXPECT_FALSE(Exists("x"));
  }
}

TEST_F(HostileLayer, AHardLinkToASymlinkLinksTheSymlink) {
  Apply(LayerTar().Symlink("s", base_ + "/outside/secret").HardLink("x", "s").File("x", "evil"));
  EXPECT_EQ(Content("x"), "evil");
}

TEST_F(HostileLayer, WhiteoutsAndOpaqueMarksThroughSymlinksStayInside) {
  LayerTar tar;
  tar.Symlink("evil", base_ + "/outside").File("evil/.wh.secret", "");
  EXPECT_EQ(Failure(tar).kind, ErrorKind::kCorrupt);
  LayerTar opaque;
  opaque.Symlink("evil", base_ + "/outside").File("evil/.wh..wh..opq", "");
  EXPECT_EQ(Failure(opaque).kind, ErrorKind::kCorrupt);
  char value[8];
  EXPECT_LT(getxattr((base_ + "/outside").c_str(), "trusted.overlay.opaque", value, sizeof value),
            0);
}

TEST_F(HostileLayer, ASymlinkThatTakesADirectorysPlaceIsFollowedInside) {
  Apply(LayerTar()
            .Dir("a")
            .File("a/x", "1")
            .Symlink("a", base_ + "/outside")
            .Dir("a/", 0755)
            .File("a/y", "2"));
  EXPECT_TRUE(IsDirectory("a"));
  EXPECT_EQ(Content("a/y"), "2");
}

TEST_F(HostileLayer, AnAliasThatVanishesIsNotUsedAgain) {
  // "loop" is the root by another name; removing it through itself must not confuse what follows.
  Apply(LayerTar()
            .Symlink("loop", ".")
            .File("loop/a", "1")
            .File("loop/loop", "plain")
            .File("b", "2"));
  EXPECT_EQ(Content("a"), "1");
  EXPECT_EQ(Content("loop/loop"), "plain");
  EXPECT_EQ(Content("b"), "2");
}

TEST_F(HostileLayer, SymlinkLoopsEnd) {
  EXPECT_EQ(Failure(LayerTar().Symlink("a", "b").Symlink("b", "a").File("a/x", "1")).kind,
            ErrorKind::kCorrupt);
}

TEST_F(HostileLayer, AFileAmongTheParentsIsRefused) {
  Error error = Failure(LayerTar().File("f", "x").File("f/g", "y"));
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_NE(error.message.find("'f' is not a directory"), std::string::npos) << error.message;
}

TEST_F(HostileLayer, ANameOfTooManyComponentsIsRefused) {
  std::string name;
  for (int i = 0; i < 4096; ++i) name += "a/";
  EXPECT_TRUE(SplitEntryPath(name));
  EXPECT_TRUE(SplitEntryPath(name + ".."));
  Error error = Failure(LayerTar().Add({.name = "f", .pax = {{"path", name + "f"}}}));
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_NE(error.message.find("more than 4096 components"), std::string::npos) << error.message;
  EXPECT_FALSE(Exists("a"));
}

// Each is remembered by its whole path: what one name costs grows with the square of its depth.
TEST_F(HostileLayer, TheDirectoriesThatOneNameImpliesAreLimited) {
  auto target = core::OpenDirectory(Path(""));
  ASSERT_TRUE(target);
  DirectoryCache directories(*target);
  ASSERT_TRUE(directories.Open());
  const std::string name(250, 'd');
  const std::vector<std::string_view> deep(600, name);
  EXPECT_EQ(KindOf(directories.Enter(deep)), ErrorKind::kCorrupt);
  EXPECT_LE(directories.made_bytes(), size_t{32} << 20);
  EXPECT_TRUE(directories.Close());
}

TEST_F(HostileLayer, TheRootStaysADirectory) {
  EXPECT_EQ(Failure(LayerTar().Symlink("./", "/")).kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Failure(LayerTar().HardLink("x", "/")).kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Failure(LayerTar().Dir("d").HardLink("x", "d")).kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace hoy::oci::test
