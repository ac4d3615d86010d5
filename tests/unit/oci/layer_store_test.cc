#include "oci/layer/layer_store.h"

#include <sys/file.h>

#include "oci/image/layer_directory.h"
#include "oci/image/layer_path.h"
#include "oci/layer/sha256.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

class DirectoryLayerStoreTest : public LayerFixture {
 protected:
  void SetUp() override {
    LayerFixture::SetUp();
    if (IsSkipped()) return;
    layout_ = {.data = base_ + "/data", .run = base_ + "/run"};
    ASSERT_TRUE(core::PrepareLayout(layout_));
    store_ = OpenDirectoryLayerStore(layout_);
  }
  std::unique_ptr<LayerWriter> Unpack(const Digest& chain_id, const LayerTar& tar) {
    auto writer = store_->Begin(chain_id);
    EXPECT_TRUE(writer.has_value());
    std::string bytes = tar.Finish();
    TextSource source(bytes);
    EXPECT_TRUE((*writer)->Apply(source, {}).has_value());
    return *std::move(writer);
  }
  std::vector<std::string> Layers() const { return core::ListDirectory(layout_.Layers()).value(); }

  core::Layout layout_;
  std::unique_ptr<LayerStore> store_;
  Digest one_ = Sha256Of("1");
  Digest two_ = Sha256Of("2");
};

TEST_F(DirectoryLayerStoreTest, PublishesLayersOnCommitOnly) {
  std::vector<std::unique_ptr<LayerWriter>> writers;
  writers.push_back(Unpack(one_, LayerTar().File("a", "1")));
  writers.push_back(Unpack(two_, LayerTar().HardLink("b", "a")));
  EXPECT_FALSE(store_->Has(one_));
  ASSERT_TRUE(writers[0]->Finish({}));
  ASSERT_TRUE(writers[1]->Finish({writers[0]->directory()}));
  ASSERT_TRUE(store_->Commit(writers));
  EXPECT_TRUE(store_->Has(one_));
  EXPECT_EQ(writers[1]->directory(), store_->Directory(two_));
  writers.clear();
  EXPECT_EQ(core::ReadFile(LayerFiles(layout_, two_) + "/b").value_or(""), "1");
  EXPECT_EQ(Layers().size(), 2U);
}

TEST_F(DirectoryLayerStoreTest, DropsWhatIsNotCommitted) {
  Unpack(one_, LayerTar().File("a", "1"));
  EXPECT_TRUE(Layers().empty());
}

TEST_F(DirectoryLayerStoreTest, TheSecondToCommitALayerSucceedsToo) {
  for (int round = 0; round < 2; ++round) {
    std::vector<std::unique_ptr<LayerWriter>> writers;
    writers.push_back(Unpack(one_, LayerTar().File("a", "1")));
    ASSERT_TRUE(writers[0]->Finish({}));
    auto committed = store_->Commit(writers);
    EXPECT_TRUE(committed) << committed.error().message;
  }
  EXPECT_EQ(Layers().size(), 1U);
}

TEST_F(DirectoryLayerStoreTest, RemovesTheStagingOfTheDeadAndLeavesThatOfTheLiving) {
  core::MakeDirectories(layout_.Layers() + "/.staging-1-0/fs/deep").value();
  core::MakeDirectories(layout_.Layers() + "/.removed-1-0/fs").value();
  auto living = store_->Begin(one_);
  ASSERT_TRUE(living);
  auto other = store_->Begin(two_);
  ASSERT_TRUE(other);
  EXPECT_EQ(Layers().size(), 2U);
  EXPECT_TRUE(core::Exists((*living)->directory()));
}

// A hoy that was killed in rmi left them, and this one has got its pid.
TEST_F(DirectoryLayerStoreTest, ALayerIsMovedAsidePastTheNamesOfTheDead) {
  core::MakeDirectories(LayerFiles(layout_, one_)).value();
  // The next names in this process are known from the first one.
  std::string first = MoveLayerAside(layout_, one_).value().path;
  size_t dash = first.rfind('-') + 1;
  size_t next = std::stoul(first.substr(dash)) + 1;
  std::string full = first.substr(0, dash) + std::to_string(next);
  std::string empty = first.substr(0, dash) + std::to_string(next + 1);
  core::MakeDirectories(full + "/fs").value();
  core::MakeDirectories(empty).value();
  core::MakeDirectories(LayerFiles(layout_, one_)).value();
  auto aside = MoveLayerAside(layout_, one_);
  ASSERT_TRUE(aside) << aside.error().message;
  EXPECT_EQ(aside->path, first.substr(0, dash) + std::to_string(next + 2));
  EXPECT_TRUE(core::Exists(aside->path + "/fs"));
  EXPECT_FALSE(core::Exists(LayerDirectory(layout_, one_)));
}

TEST(ChainIds, FollowTheImageSpecification) {
  Digest a = Sha256Of("a");
  Digest b = Sha256Of("b");
  Digest c = Sha256Of("c");
  auto chain = ChainIds({a, b, c});
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_EQ(chain[0], a);
  EXPECT_EQ(chain[1], Sha256Of(a.ToString() + " " + b.ToString()));
  EXPECT_EQ(chain[2], Sha256Of(chain[1].ToString() + " " + c.ToString()));
  EXPECT_TRUE(ChainIds({}).empty());
}

}  // namespace
}  // namespace hoy::oci::test
