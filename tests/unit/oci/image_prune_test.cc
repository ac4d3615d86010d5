// ImageStore::Prune: many images at once, what they share, and what damaged ones might.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "core/sys/files.h"
#include "oci/image/image_store.h"
#include "oci/image/layer_directory.h"
#include "oci/image/layer_info.h"
#include "oci/image/layer_path.h"

namespace hoy::oci {
namespace {

Digest D(char c) {
  return Digest::FromHex(std::string(64, c));
}

ListImageUsers Used(std::vector<ImageUser> users) {
  return [users]() -> Result<std::vector<ImageUser>> { return users; };
}

class ImagePrune : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hoy-prune-test-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    base_ = path;
    layout_ = {.data = base_ + "/data", .run = base_ + "/run"};
    ASSERT_TRUE(core::PrepareLayout(layout_));
    // Two images on the layer 1; each blob has 2 bytes, each layer counts 1000.
    Publish("x:1", 'a', 'b', "12");
    Publish("y:1", 'c', 'd', "13");
  }
  void TearDown() override { EXPECT_TRUE(core::RemoveTree(base_)); }

  void Publish(const std::string& name, char id, char manifest, const std::string& layers) {
    ImageRecord record{.id = D(id), .manifest = D(manifest)};
    for (char layer : layers) {
      core::MakeDirectories(LayerFiles(layout_, D(layer))).value();
      LayerInfo info{.diff_id = D(layer), .tar_bytes = 2048, .file_bytes = 1000};
      core::WriteFileAtomically(LayerDirectory(layout_, D(layer)) + "/" + kLayerInfoName,
                                EncodeLayerInfo(info), core::Durability::kVolatile)
          .value();
      record.chain_ids.push_back(D(layer));
    }
    record.blobs = {D(id), D(manifest)};
    for (const Digest& blob : record.blobs) store().WriteBlob(blob, "{}").value();
    store().Publish(record, *Reference::ParseWithDefaultTag(name), D(manifest)).value();
  }
  ImageStore store() const { return ImageStore(layout_); }
  bool HasLayer(char c) const { return core::Exists(LayerDirectory(layout_, D(c))); }

  std::string base_;
  core::Layout layout_;
};

TEST_F(ImagePrune, KeepsWhatOtherImagesNeed) {
  auto pruned = store().Prune(std::vector{D('a')}, {}).value();
  ASSERT_EQ(pruned.images.size(), 1u);
  EXPECT_EQ(pruned.images[0].untagged, std::vector<std::string>{"x:1"});
  EXPECT_EQ(pruned.images[0].deleted, (std::vector{D('a'), D('2')}));
  EXPECT_EQ(pruned.reclaimed, 1004);
  EXPECT_FALSE(HasLayer('2'));
  EXPECT_TRUE(HasLayer('1'));
  EXPECT_FALSE(store().HasBlob(D('b')));
  EXPECT_FALSE(store().Resolve("x:1"));
  EXPECT_TRUE(store().Resolve("y:1"));
}

TEST_F(ImagePrune, CountsASharedLayerOnceWhenBothGo) {
  auto pruned = store().Prune(std::vector{D('a'), D('c'), D('a')}, {}).value();
  EXPECT_EQ(pruned.images.size(), 2u);
  EXPECT_EQ(pruned.reclaimed, 3008);
  EXPECT_TRUE(core::ListDirectory(layout_.Layers()).value().empty());
  EXPECT_TRUE(core::ListDirectory(layout_.Blobs()).value().empty());
}

TEST_F(ImagePrune, ADryRunSaysTheSameAndRemovesNothing) {
  auto plan = store().Prune(std::vector{D('a'), D('c')}, {}, {.dry_run = true}).value();
  EXPECT_EQ(plan.reclaimed, 3008);
  EXPECT_EQ(plan.images.size(), 2u);
  EXPECT_TRUE(HasLayer('1') && HasLayer('2') && HasLayer('3'));
  EXPECT_TRUE(store().Resolve("x:1") && store().Resolve("y:1"));
}

TEST_F(ImagePrune, LeavesImagesOfContainersAndLayersOfPulls) {
  std::vector<ImageUser> users = {{.container_id = "f", .image = D('a'), .chain_ids = {D('2')}}};
  EXPECT_TRUE(store().Prune(std::vector{D('a'), D('9')}, Used(users)).value().images.empty());
  PullLease lease = store().BeginPull().value();
  lease.Protect({}, std::vector{D('3')}).value();
  auto pruned = store().Prune(std::vector{D('c')}, Used(users)).value();
  EXPECT_EQ(pruned.images[0].deleted, std::vector{D('c')});
  EXPECT_TRUE(HasLayer('1') && HasLayer('2') && HasLayer('3'));
}

// A rmi that was killed before it looked for users once more left them.
TEST_F(ImagePrune, WhatTheDeadMovedAsideIsPutBackForAContainerAndElseRemoved) {
  for (char c : {'5', '6'}) {
    core::MakeDirectories(LayerFiles(layout_, D(c))).value();
    EXPECT_TRUE(MoveLayerAside(layout_, D(c)));
  }
  std::string again = MoveLayerAside(layout_, D('2')).value().path;
  core::MakeDirectories(LayerFiles(layout_, D('2'))).value();  // pulled once more since
  std::vector<ImageUser> users = {
      {.container_id = "f", .image = D('9'), .chain_ids = {D('5'), D('2')}}};
  EXPECT_TRUE(store().CollectGarbage(Used(users), 0));
  EXPECT_TRUE(HasLayer('1') && HasLayer('2') && HasLayer('3') && HasLayer('5'));
  EXPECT_FALSE(HasLayer('6'));
  EXPECT_EQ(core::ListDirectory(layout_.Layers())->size(), 4u);
}

TEST_F(ImagePrune, WhatCannotBeReadIsSaidBeforeANameIsGone) {
  std::string loop = layout_.Leases() + "/loop";
  ASSERT_EQ(symlink("loop", loop.c_str()), 0);
  EXPECT_FALSE(store().Prune(std::vector{D('a')}, {}));
  EXPECT_FALSE(store().Remove("x:1", false, {}));
  EXPECT_TRUE(store().Resolve("x:1"));
  ASSERT_EQ(unlink(loop.c_str()), 0);
  EXPECT_TRUE(store().Remove("x:1", false, {}));
  EXPECT_FALSE(store().Resolve("x:1"));
}

// A pull's record comes before its name: whoever listed in between takes it for dangling.
TEST_F(ImagePrune, SparesWhatHasGotANameMeanwhile) {
  EXPECT_TRUE(store().Prune(std::vector{D('a')}, {}, {.dangling_only = true})->images.empty());
  EXPECT_TRUE(store().Resolve("x:1"));
  store().Untag("x:1").value();
  EXPECT_EQ(store().Prune(std::vector{D('a')}, {}, {.dangling_only = true})->images.size(), 1u);
}

// What it needs is not known, so that all stays; but it is in nobody's way, and can be removed.
TEST_F(ImagePrune, ADamagedRecordStopsNothingElse) {
  Publish("bad:1", '4', '5', "4");
  Publish("good:1", '6', '7', "5");
  Publish("torn:1", '8', '9', "6");
  const std::string record = layout_.ImageRecords() + "/" + D('4').hex();
  const std::string name = layout_.ImageRefs() + "/docker.io+library+torn:1";
  ASSERT_TRUE(core::Exists(record) && core::Exists(name));
  for (const std::string& path : {record, name}) {
    core::WriteFileAtomically(path, "{", core::Durability::kVolatile).value();
  }
  std::vector<Error> damaged;
  EXPECT_EQ(store().List(&damaged)->size(), 4u);
  ASSERT_EQ(damaged.size(), 2u);
  EXPECT_NE(damaged[0].hint.find("hoy rmi docker.io/library/torn:1"), std::string::npos);
  EXPECT_NE(damaged[1].hint.find("hoy rmi 444444444444"), std::string::npos);
  EXPECT_EQ(store().FindDamaged()->size(), 2u);

  // An image with that name alone seems to have none.
  EXPECT_FALSE(store().Prune(std::vector{D('8')}, {}, {.dangling_only = true}));
  EXPECT_TRUE(store().CollectGarbage({})->layers.empty());
  EXPECT_EQ(store().Remove("good:1", false, {})->deleted, std::vector{D('6')});
  EXPECT_TRUE(HasLayer('5') && store().HasBlob(D('7'))) << "it might be the damaged one's";

  auto in_use = store().Remove("bad:1", false, Used({{.container_id = "f", .image = D('4')}}));
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(store().Remove("bad:1", false, {})->untagged, std::vector<std::string>{"bad:1"});
  EXPECT_FALSE(core::Exists(record));
  std::vector<ImageUser> of_rootfs = {{.container_id = "f"}};
  EXPECT_EQ(store().Remove("torn:1", false, Used(of_rootfs))->untagged,
            std::vector<std::string>{"torn:1"});
  EXPECT_FALSE(core::Exists(name));
  EXPECT_EQ(store().CollectGarbage({})->layers, (std::vector{D('4'), D('5')}));
  EXPECT_TRUE(HasLayer('6') && store().Resolve(D('8').hex()));

  core::WriteFileAtomically(layout_.ImageRecords() + "/" + D('8').hex(), "",
                            core::Durability::kVolatile)
      .value();
  EXPECT_EQ(store().Remove("8888", false, {})->deleted, std::vector{D('8')});
}

TEST(LayerInfo, RefusesWhatIsNone) {
  EXPECT_FALSE(DecodeLayerInfo("{}"));
  EXPECT_FALSE(DecodeLayerInfo("[]"));
  EXPECT_FALSE(DecodeLayerInfo(R"({"diff_id":"sha256:x","tar_bytes":1,"file_bytes":1})"));
  LayerInfo info{.diff_id = D('a'), .tar_bytes = 5, .file_bytes = 7};
  auto again = DecodeLayerInfo(EncodeLayerInfo(info));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->diff_id, info.diff_id);
  EXPECT_EQ(again->tar_bytes, 5);
  EXPECT_EQ(again->file_bytes, 7);
}

}  // namespace
}  // namespace hoy::oci
