#include "oci/image/image_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "core/sys/files.h"
#include "oci/image/layer_path.h"
#include "oci/image/manifest_encode.h"

namespace hoy::oci {
namespace {

Digest D(char c) {
  return Digest::FromHex(std::string(64, c));
}

ListImageUsers Used(std::vector<ImageUser> users) {
  return [users]() -> Result<std::vector<ImageUser>> { return users; };
}

class ImageStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hoy-image-test-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    base_ = path;
    layout_ = {.data = base_ + "/data", .run = base_ + "/run"};
    ASSERT_TRUE(core::PrepareLayout(layout_));
  }
  void TearDown() override { EXPECT_TRUE(core::RemoveTree(base_)); }

  void MakeLayer(const Digest& chain_id) {
    core::MakeDirectories(LayerFiles(layout_, chain_id)).value();
  }
  bool HasLayer(const Digest& chain_id) const {
    return core::Exists(LayerDirectory(layout_, chain_id));
  }

  // An image with the config `id`, the manifest `manifest` and these layers, under `name`.
  void Publish(const std::string& name, char id, char manifest, const std::string& layers,
               core::Timestamp created = 0) {
    ImageRecord record{.id = D(id), .manifest = D(manifest), .created = created};
    record.platform = {.os = "linux", .architecture = "amd64", .variant = ""};
    for (char layer : layers) {
      MakeLayer(D(layer));
      record.chain_ids.push_back(D(layer));
    }
    record.blobs = {D(id), D(manifest)};
    for (const Digest& blob : record.blobs) store().WriteBlob(blob, "{}").value();
    auto published = store().Publish(record, *Reference::ParseWithDefaultTag(name), D(manifest));
    ASSERT_TRUE(published) << published.error().message;
  }
  ImageStore store() const { return ImageStore(layout_); }
  std::string IdOf(const std::string& name) const {
    auto image = store().Resolve(name);
    return image ? image->record.id.hex().substr(0, 1) : "none: " + image.error().message;
  }
  std::vector<std::string> Files(const std::string& directory) const {
    return core::ListDirectory(directory).value();
  }

  std::string base_;
  core::Layout layout_;
};

TEST_F(ImageStoreTest, ResolvesNamesWithDockersDefaults) {
  Publish("busybox", 'a', 'b', "12");
  for (const char* name :
       {"busybox", "busybox:latest", "docker.io/library/busybox", "library/busybox"}) {
    auto image = store().Resolve(name);
    ASSERT_TRUE(image) << name;
    EXPECT_EQ(image->record.id, D('a'));
    EXPECT_EQ(image->reference, "docker.io/library/busybox:latest");
    EXPECT_EQ(LowerDirectories(layout_, image->record.chain_ids).front(),
              LayerFiles(layout_, D('2')));
  }
}

TEST_F(ImageStoreTest, ResolvesDigestsAndUnambiguousIds) {
  Publish("x:1", 'a', 'b', "1");
  EXPECT_EQ(IdOf("x@" + D('b').ToString()), "a");
  EXPECT_EQ(IdOf("x:1@" + D('b').ToString()), "a");
  EXPECT_EQ(IdOf("aaaaaaaaaaaa"), "a");
  EXPECT_EQ(IdOf(D('a').hex()), "a");
  EXPECT_EQ(IdOf(D('a').ToString()), "a");
  EXPECT_EQ(IdOf("sha256:aa"), "a");
  EXPECT_TRUE(store().Resolve("aa")->reference.empty());
  Publish("y", 'c', 'd', "1");
  ImageRecord twin{.id = Digest::FromHex("aab" + std::string(61, '0')), .manifest = D('e')};
  ASSERT_TRUE(store().Publish(twin, *Reference::ParseWithDefaultTag("z"), D('e')));
  auto ambiguous = store().Resolve("aa");
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(IdOf("aaa"), "a");
}

TEST_F(ImageStoreTest, ANameGoesBeforeAnIdPrefix) {
  Publish("x", 'a', 'b', "1");
  Publish("aaa", 'c', 'd', "1");
  EXPECT_EQ(IdOf("aaa"), "c");
  EXPECT_EQ(IdOf("aaaa"), "a");
}

TEST_F(ImageStoreTest, SaysWhatIsNearWhenThereIsNoSuchImage) {
  Publish("busybox:1.36", 'a', 'b', "1");
  for (const char* name : {"busybox", "busybx:1.36", "bussybox"}) {
    auto image = store().Resolve(name);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(image.error().hint, "did you mean 'busybox:1.36'?") << name;
  }
  EXPECT_EQ(store().Resolve("something-else").error().hint, "");
  EXPECT_EQ(store().Resolve("sha256:" + D('f').hex()).error().hint, "") << "an id is no name";
  EXPECT_EQ(store().Resolve("BAD NAME").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(store().Resolve(D('f').hex()).error().kind, ErrorKind::kNotFound);
}

TEST_F(ImageStoreTest, ListsTheNewestFirstWithAllNames) {
  Publish("old:1", 'a', 'b', "1", 100);
  Publish("new:1", 'c', 'd', "2", 200);
  ASSERT_TRUE(store().Tag("old:1", "old:2"));
  auto images = store().List();
  ASSERT_TRUE(images);
  ASSERT_EQ(images->size(), 2U);
  EXPECT_EQ((*images)[0].record.id, D('c'));
  EXPECT_EQ((*images)[1].names,
            (std::vector<std::string>{"docker.io/library/old:1", "docker.io/library/old:2"}));
}

TEST_F(ImageStoreTest, APulledNameMovesAndLeavesADanglingImage) {
  Publish("x", 'a', 'b', "1", 1);
  Publish("x", 'c', 'd', "2", 2);
  EXPECT_EQ(IdOf("x"), "c");
  auto images = store().List();
  ASSERT_EQ(images->size(), 2U);
  EXPECT_TRUE((*images)[1].names.empty());
  EXPECT_EQ((*images)[1].record.repo_digests,
            std::vector<std::string>{"docker.io/library/x@" + D('b').ToString()});
  EXPECT_EQ(IdOf("x@" + D('b').ToString()), "a");
}

TEST_F(ImageStoreTest, NotesARepoDigestOnceAndUntagsItOnce) {
  ImageRecord record{.id = D('a'), .manifest = D('b'), .blobs = {D('a'), D('b')}};
  const std::string digest = "docker.io/library/x@" + D('b').ToString();
  record.repo_digests = {digest};  // as a pull fills it in
  for (const Digest& blob : record.blobs) store().WriteBlob(blob, "{}").value();
  ASSERT_TRUE(store().Publish(record, *Reference::ParseWithDefaultTag("x"), D('b')));
  EXPECT_EQ(store().Resolve("x")->record.repo_digests, std::vector{digest});

  // Records of before may hold it twice.
  record.repo_digests = {digest, digest};
  const std::string path = layout_.ImageRecords() + "/" + D('a').hex();
  ASSERT_TRUE(
      core::WriteFileAtomically(path, EncodeImageRecord(record), core::Durability::kVolatile));
  auto removed = store().Remove("x", {}, {});
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->untagged, (std::vector<std::string>{"x:latest", "x@" + D('b').ToString()}));
}

TEST_F(ImageStoreTest, KeepsTheRepoDigestsOfEarlierPulls) {
  Publish("x", 'a', 'b', "1");
  Publish("localhost:5000/y", 'a', 'b', "1");
  EXPECT_EQ(store().Resolve("x")->record.repo_digests.size(), 2U);
}

TEST_F(ImageStoreTest, ReplacesADamagedRecord) {
  Publish("x", 'a', 'b', "1");
  core::WriteFileAtomically(layout_.ImageRecords() + "/" + D('a').hex(), "",
                            core::Durability::kVolatile)
      .value();
  EXPECT_EQ(store().Resolve("x").error().kind, ErrorKind::kCorrupt);
  Publish("x", 'a', 'b', "1");
  EXPECT_EQ(IdOf("x"), "a");
}

TEST_F(ImageStoreTest, RefusesToPublishWhatIsNotThere) {
  ImageRecord record{.id = D('a'), .manifest = D('b'), .chain_ids = {D('1')}};
  EXPECT_EQ(store().Publish(record, *Reference::ParseWithDefaultTag("x"), D('b')).error().kind,
            ErrorKind::kCorrupt);
  EXPECT_EQ(store().Resolve("x").error().kind, ErrorKind::kNotFound);
}

TEST_F(ImageStoreTest, TagsRefuseDigestsAndUnknownImages) {
  Publish("x", 'a', 'b', "1");
  EXPECT_EQ(store().Tag("x", "y@" + D('b').ToString()).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(store().Tag("x", "sha256:aaaaaaaaaaaa").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(store().Tag("missing", "y").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store().Tag("x", "UPPER").error().kind, ErrorKind::kInvalidArgument);
  ASSERT_TRUE(store().Tag("aaaa", "quay.io/me/y:2"));
  EXPECT_EQ(IdOf("quay.io/me/y:2"), "a");
}

TEST_F(ImageStoreTest, RemovingTheLastNameTakesTheImageItsBlobsAndLayers) {
  Publish("x", 'a', 'b', "12");
  auto removed = store().Remove("x", false, {});
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->untagged, (std::vector<std::string>{"x:latest", "x@" + D('b').ToString()}));
  EXPECT_EQ(removed->deleted, (std::vector<Digest>{D('a'), D('2'), D('1')}));
  EXPECT_TRUE(Files(layout_.Layers()).empty());
  EXPECT_TRUE(Files(layout_.Blobs()).empty());
  EXPECT_TRUE(Files(layout_.ImageRefs()).empty());
  EXPECT_TRUE(Files(layout_.ImageRecords()).empty());
}

TEST_F(ImageStoreTest, RemovingOneOfSeveralNamesOnlyUntags) {
  Publish("x", 'a', 'b', "1");
  ASSERT_TRUE(store().Tag("x", "x:2"));
  auto removed = store().Remove("x:2", false, {});
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->untagged, std::vector<std::string>{"x:2"});
  EXPECT_TRUE(removed->deleted.empty());
  EXPECT_EQ(IdOf("x"), "a");
  EXPECT_TRUE(HasLayer(D('1')));
}

TEST_F(ImageStoreTest, LayersAndBlobsOfOtherImagesStay) {
  Publish("x", 'a', 'b', "12");
  Publish("y", 'c', 'b', "13");
  auto removed = store().Remove("x", false, {});
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->deleted, (std::vector<Digest>{D('a'), D('2')}));
  EXPECT_TRUE(HasLayer(D('1')));
  EXPECT_TRUE(store().HasBlob(D('b')));
  EXPECT_FALSE(store().HasBlob(D('a')));
}

TEST_F(ImageStoreTest, AnIdWithSeveralNamesNeedsForce) {
  Publish("x", 'a', 'b', "1");
  ASSERT_TRUE(store().Tag("x", "y"));
  EXPECT_EQ(store().Remove("aaaa", false, {}).error().kind, ErrorKind::kConflict);
  auto removed = store().Remove("aaaa", true, {});
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->deleted.front(), D('a'));
  EXPECT_EQ(removed->untagged.size(), 3U);
  EXPECT_EQ(store().Resolve("y").error().kind, ErrorKind::kNotFound);
}

TEST_F(ImageStoreTest, AStoppedContainersImageNeedsForceAndKeepsItsLayers) {
  Publish("x", 'a', 'b', "1");
  const ImageUser user{
      .container_id = "0123456789abcdef", .image = D('a'), .chain_ids = {D('1')}, .running = false};
  for (const char* name : {"x", "aaaa"}) {
    auto refused = store().Remove(name, false, Used({user}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    EXPECT_NE(refused.error().message.find("0123456789ab "), std::string::npos);
  }
  auto removed = store().Remove("x", true, Used({user}));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->deleted, std::vector<Digest>{D('a')});
  EXPECT_TRUE(HasLayer(D('1')));
  ASSERT_TRUE(store().CollectGarbage(Used({user})));
  EXPECT_TRUE(HasLayer(D('1')));
  ASSERT_TRUE(store().CollectGarbage({}));
  EXPECT_FALSE(HasLayer(D('1')));
}

TEST_F(ImageStoreTest, ARunningContainersImageIsNeverDeleted) {
  Publish("x", 'a', 'b', "1");
  const ImageUser user{
      .container_id = "c", .image = D('a'), .chain_ids = {D('1')}, .running = true};
  EXPECT_EQ(store().Remove("aaaa", true, Used({user})).error().kind, ErrorKind::kConflict);
  auto removed = store().Remove("x", true, Used({user}));
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->deleted.empty());
  EXPECT_EQ(IdOf("aaaa"), "a");
  EXPECT_EQ(store().Resolve("x").error().kind, ErrorKind::kNotFound);
}

TEST_F(ImageStoreTest, UntagLeavesTheImage) {
  Publish("x", 'a', 'b', "1");
  auto removed = store().Untag("x");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->untagged.front(), "x:latest");
  EXPECT_EQ(IdOf("aaaa"), "a");
  EXPECT_EQ(store().Untag("aaaa").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(ImageStoreTest, RemoveLeavesWhatAPullReliesOn) {
  Publish("x", 'a', 'b', "12");
  {
    auto lease = store().BeginPull();
    ASSERT_TRUE(lease) << lease.error().message;
    const Digest blob = D('b');
    const Digest layer = D('1');
    ASSERT_TRUE(lease->Protect({&blob, 1}, {}));
    ASSERT_TRUE(lease->Protect({}, {&layer, 1}));
    auto removed = store().Remove("x", false, {});
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->deleted, (std::vector<Digest>{D('a'), D('2')}));
    ASSERT_TRUE(store().CollectGarbage({}));
    EXPECT_TRUE(HasLayer(D('1')));
    EXPECT_TRUE(store().HasBlob(D('b')));
  }
  ASSERT_TRUE(store().CollectGarbage({}));
  EXPECT_FALSE(HasLayer(D('1')));
  EXPECT_FALSE(store().HasBlob(D('b')));
  EXPECT_TRUE(Files(layout_.Images() + "/leases").empty());
}

TEST_F(ImageStoreTest, TheLeaseOfADeadPullProtectsNothing) {
  Publish("x", 'a', 'b', "1");
  core::MakeDirectories(layout_.Images() + "/leases").value();
  core::WriteFileAtomically(layout_.Images() + "/leases/1-0", "layer " + D('1').hex() + "\n",
                            core::Durability::kVolatile)
      .value();
  ASSERT_TRUE(store().Remove("x", false, {}));
  EXPECT_FALSE(HasLayer(D('1')));
}

TEST_F(ImageStoreTest, CollectsWhatAKilledPullLeft) {
  Publish("x", 'a', 'b', "1");
  MakeLayer(D('9'));
  store().WriteBlob(D('8'), "x").value();
  core::MakeDirectories(layout_.Layers() + "/.staging-1-1/fs").value();
  auto removed = store().CollectGarbage({});
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->layers, std::vector<Digest>{D('9')});
  EXPECT_EQ(Files(layout_.Layers()), std::vector<std::string>{D('1').hex()});
  EXPECT_FALSE(store().HasBlob(D('8')));
  EXPECT_EQ(IdOf("x"), "a");
}

TEST_F(ImageStoreTest, ReadersSeeTheWholeImageOrNoneWhileItComesAndGoes) {
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    while (!done) {
      auto image = store().Resolve("x");
      if (image ? image->record.id != D('a') || image->record.chain_ids.size() != 1
                : image.error().kind != ErrorKind::kNotFound) {
        ++wrong;
      }
      if (!store().List()) ++wrong;
    }
  });
  for (int round = 0; round < 30; ++round) {
    Publish("x", 'a', 'b', "1");
    EXPECT_TRUE(store().Remove("x", false, {}));
  }
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

// A list of the images of `members` (id and manifest), the first of them this machine's.
NewList ListOf(const std::string& name, char digest, const std::string& members) {
  Index index{.media_type = std::string(media_type::kOciIndex), .manifests = {}};
  NewList list{.name = *Reference::ParseWithDefaultTag(name),
               .digest = D(digest),
               .bytes = {},
               .members = {},
               .expected = std::nullopt,
               .repo_digest = {},
               .absorbed = {}};
  for (size_t i = 0; i < members.size(); i += 2) {
    Platform platform = HostPlatform();
    if (i > 0) platform.architecture = "s390x";
    index.manifests.push_back({.media_type = std::string(media_type::kOciManifest),
                               .digest = D(members[i + 1]),
                               .size = 2,
                               .platform = platform,
                               .annotations = {}});
    list.members.push_back(
        {.manifest = D(members[i + 1]), .image = D(members[i]), .origin = {}, .blobs = {}});
  }
  list.bytes = EncodeIndex(index);
  return list;
}

TEST_F(ImageStoreTest, AListNamesItsImagesTogether) {
  Publish("a", 'a', 'b', "1");
  Publish("c", 'c', 'd', "2");
  ASSERT_TRUE(store().PublishList(ListOf("list", 'e', "cdab")));
  EXPECT_EQ(IdOf("list"), "c");
  ASSERT_TRUE(store().Untag("a"));
  ASSERT_TRUE(store().Untag("c"));
  auto images = store().List().value();
  ASSERT_EQ(images.size(), 2u);
  for (const ListedImage& image : images) EXPECT_FALSE(image.dangling());
  EXPECT_EQ(store().Find("list")->names.size(), 1u);
  EXPECT_EQ(store().Find(D('a').hex())->list_names.size(), 1u);
  // Neither goes while the list is there.
  EXPECT_TRUE(store().CollectGarbage({})->layers.empty());
  auto pruned = store().Prune(std::vector{D('a'), D('c')}, {}, {.dangling_only = true});
  EXPECT_TRUE(pruned->images.empty());
  EXPECT_EQ(store().Remove(D('a').hex(), false, {}).error().kind, ErrorKind::kConflict);
  // Nor while a container uses one of them.
  std::vector<ImageUser> users = {{.container_id = "x", .image = D('a'), .chain_ids = {D('1')}}};
  EXPECT_EQ(store().Remove("list", false, Used(users)).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(store().Prune(std::vector{D('a'), D('c')}, Used(users))->images.empty());
  ASSERT_TRUE(store().Tag("list", "again"));
  ASSERT_TRUE(store().Remove("list", false, Used(users)));
  ASSERT_TRUE(store().Remove("again", false, {}));
  EXPECT_TRUE(store().List()->empty());
  EXPECT_TRUE(Files(layout_.Blobs()).empty());
  EXPECT_FALSE(HasLayer(D('1')) || HasLayer(D('2')));
}

TEST_F(ImageStoreTest, AListIsOnlyReplacedByWhoKnowsIt) {
  Publish("a", 'a', 'b', "1");
  NewList list = ListOf("list", 'e', "ab");
  list.expected = Digest();
  ASSERT_TRUE(store().PublishList(list));
  EXPECT_EQ(store().PublishList(list).error().kind, ErrorKind::kConflict);
  list.expected = D('f');
  EXPECT_EQ(store().PublishList(list).error().kind, ErrorKind::kConflict);
  list.expected = D('e');
  list.digest = D('f');
  ASSERT_TRUE(store().PublishList(list));
  EXPECT_FALSE(store().HasBlob(D('e')));
  EXPECT_TRUE(store().HasBlob(D('f')));
  EXPECT_EQ(store().FindList("list")->value().digest, D('f'));
  // An image that is gone makes no list.
  list.expected = std::nullopt;
  list.members[0].image = D('9');
  EXPECT_EQ(store().PublishList(list).error().kind, ErrorKind::kConflict);
}

TEST_F(ImageStoreTest, ReadersSeeAListWhileItIsChanged) {
  Publish("a", 'a', 'b', "1");
  NewList list = ListOf("list", 'e', "ab");
  ASSERT_TRUE(store().PublishList(list));
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    while (!done) wrong += store().FindList("list") ? 0 : 1;
  });
  for (int round = 10; round < 60; ++round) {
    list.digest = Digest::FromHex(std::string(62, '0') + std::to_string(round));
    EXPECT_TRUE(store().PublishList(list));
  }
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

// A start takes no lock on images: its record may come when the users were listed already.
TEST_F(ImageStoreTest, TheLayersOfAContainerThatIsMadeMeanwhileArePutBack) {
  Publish("x", 'a', 'b', "12");
  int asked = 0;
  const ListImageUsers later = [&]() -> Result<std::vector<ImageUser>> {
    if (++asked == 1) {
      EXPECT_TRUE(HasLayer(D('1')));
      return std::vector<ImageUser>{};
    }
    EXPECT_FALSE(HasLayer(D('1'))) << "who starts now finds nothing to mount";
    return std::vector<ImageUser>{{.container_id = "c", .image = D('a'), .chain_ids = {D('1')}}};
  };
  auto removed = store().Remove("x", false, later);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->deleted, (std::vector<Digest>{D('a'), D('2')}));
  EXPECT_TRUE(HasLayer(D('1')));
  EXPECT_FALSE(HasLayer(D('2')));
}

TEST_F(ImageStoreTest, LayersStayWhereNobodyKnowsWhoUsesThem) {
  Publish("x", 'a', 'b', "1");
  int asked = 0;
  const ListImageUsers failing = [&]() -> Result<std::vector<ImageUser>> {
    if (++asked == 1) return std::vector<ImageUser>{};
    return Fail(ErrorKind::kSystem, "no descriptors");
  };
  EXPECT_FALSE(store().Remove("x", false, failing));
  EXPECT_TRUE(HasLayer(D('1')));
}

TEST_F(ImageStoreTest, CollectsWhatDownloadsLeftUnlessOneGoesOn) {
  core::MakeDirectories(layout_.Ingest()).value();
  const std::string idle = layout_.Ingest() + "/" + D('1').hex() + ".partial";
  const std::string busy = layout_.Ingest() + "/" + D('2').hex() + ".partial";
  for (const std::string& path : {idle, busy}) {
    core::WriteFileAtomically(path, "12345", core::Durability::kVolatile).value();
  }
  Fd held = core::OpenAt(core::kCwd, busy, O_RDONLY).value();
  ASSERT_TRUE(core::TryLockFile(held, core::LockMode::kExclusive).value());
  EXPECT_EQ(store().CollectGarbage({}, core::Now() - 3600 * core::kSecond)->bytes, 0) << "young";
  EXPECT_EQ(store().CollectGarbage({})->bytes, 5);
  EXPECT_FALSE(core::Exists(idle));
  EXPECT_TRUE(core::Exists(busy));
}

}  // namespace
}  // namespace hoy::oci
