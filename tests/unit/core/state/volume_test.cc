#include "core/state/volume.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <atomic>
#include <thread>

#include "core/state/container_record.h"
#include "core/state/name_generator.h"
#include "core/state/s3_volume.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

class Volume : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(PrepareLayout(layout_).has_value()); }

  bool Create(const std::string& name) {
    auto made = CreateVolume(layout_, {.name = name}, Durability::kVolatile);
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return made.value_or(false);
  }
  std::string MakeContainer(const std::string& name, const std::string& volume) {
    ContainerRecord record;
    record.id = RandomContainerId();
    record.name = name;
    record.config.auto_remove = true;
    record.config.mounts = {{.volume = VolumeUse{.name = volume, .anonymous = true}}};
    EXPECT_TRUE(CreateContainer(layout_, record).has_value());
    return record.id;
  }

  ScratchDirectory top_;
  Layout layout_{top_ / "d", top_ / "r"};
};

TEST_F(Volume, HasANameThatIsNoPath) {
  for (const char* good : {"ab", "A.b_c-9", "0x"}) EXPECT_TRUE(IsValidVolumeName(good)) << good;
  for (const char* bad : {"", "a", ".a", "..", "a/b", "a b", "-ab", "a\n"}) {
    EXPECT_FALSE(IsValidVolumeName(bad)) << bad;
    EXPECT_EQ(ReadVolume(layout_, bad).error().kind, ErrorKind::kNotFound) << bad;
    EXPECT_EQ(RemoveVolume(layout_, bad).error().kind, ErrorKind::kNotFound) << bad;
    EXPECT_EQ(CreateVolume(layout_, {.name = bad}, Durability::kVolatile).error().kind,
              ErrorKind::kInvalidArgument);
  }
  EXPECT_TRUE(IsValidVolumeName(std::string(255, 'a')));
  EXPECT_FALSE(IsValidVolumeName(std::string(256, 'a')));
}

TEST_F(Volume, IsReadAsItWasWritten) {
  VolumeRecord record{.name = "data",
                      .created = 1234567890,
                      .labels = {{"a", "b"}, {"c", ""}},
                      .options = {{"type", "tmpfs"}}};
  EXPECT_EQ(CreateVolume(layout_, record, Durability::kDurable), true);
  EXPECT_EQ(CreateVolume(layout_, {.name = "data"}, Durability::kDurable), false);
  auto read = ReadVolume(layout_, "data");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->created, record.created);
  EXPECT_EQ(read->labels, record.labels);
  EXPECT_EQ(read->options, record.options);
  EXPECT_FALSE(read->IsAnonymous());

  PutFile(VolumeDirectory(layout_, "data") + "/volume.json", "{");
  EXPECT_EQ(ReadVolume(layout_, "data").error().kind, ErrorKind::kCorrupt);
  PutFile(VolumeDirectory(layout_, "data") + "/volume.json", R"({"version":99})");
  EXPECT_EQ(ReadVolume(layout_, "data").error().kind, ErrorKind::kUnsupported);
}

TEST_F(Volume, IsMadeByOneOfMany) {
  std::atomic<int> made = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { made += Create("data") ? 1 : 0; });
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(*ListVolumes(layout_), std::vector<std::string>{"data"});
  EXPECT_EQ(ListDirectory(VolumesDirectory(layout_))->size(), 1U) << "a temporary was left";
}

TEST_F(Volume, IsKeptForItsUsers) {
  Create("data");
  Create("other");
  std::string id = MakeContainer("web", "data");
  auto refused = RemoveVolume(layout_, "data");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(refused.error().message.starts_with("volume 'data' is in use by container 'web'"))
      << refused.error().message;
  EXPECT_TRUE(RemoveVolume(layout_, "other").has_value());

  // With a record that does not tell, it may be.
  PutFile(layout_.Container(id) + "/record.json", "");
  auto users = FindVolumeUsers(layout_);
  ASSERT_TRUE(users.has_value());
  EXPECT_EQ(users->unreadable, std::vector<std::string>{id});
  EXPECT_EQ(RemoveVolume(layout_, "data").error().kind, ErrorKind::kConflict);

  auto record =
      ContainerConfig{.mounts = {{.volume = VolumeUse{.name = "data", .anonymous = true}}}};
  RemoveAnonymousVolumes(layout_, record);
  EXPECT_TRUE(ReadVolume(layout_, "data").has_value());
  ASSERT_TRUE(RemoveContainer(layout_, id, "web").has_value());
  RemoveAnonymousVolumes(layout_, record);
  EXPECT_FALSE(ReadVolume(layout_, "data").has_value());
}

TEST_F(Volume, WaitsForThoseWhoUseIt) {
  Create("data");
  std::jthread remover;
  {
    auto lock = VolumeLock::Acquire(layout_, "data", LockMode::kShared);
    ASSERT_TRUE(lock.has_value());
    remover = std::jthread([&] { EXPECT_FALSE(RemoveVolume(layout_, "data").has_value()); });
    MakeContainer("web", "data");
  }
  remover.join();
  EXPECT_TRUE(ReadVolume(layout_, "data").has_value());
  EXPECT_EQ(VolumeLock::Acquire(layout_, "none", LockMode::kShared).error().kind,
            ErrorKind::kNotFound);
}

TEST_F(Volume, IsNotWaitedForWithItsContainerWhileItIsSynced) {
  Create("data");
  ASSERT_TRUE(MakeDirectories(S3Directory(layout_, "data")).has_value());
  auto record =
      ContainerConfig{.mounts = {{.volume = VolumeUse{.name = "data", .anonymous = true}}}};
  {
    auto sync = OpenAt(kCwd, S3Directory(layout_, "data") + "/lock", O_RDWR | O_CREAT, 0600);
    ASSERT_TRUE(sync && LockFile(*sync, LockMode::kExclusive, "lock"));
    RemoveAnonymousVolumes(layout_, record);
    EXPECT_TRUE(ReadVolume(layout_, "data").has_value());
  }
  RemoveAnonymousVolumes(layout_, record);
  EXPECT_FALSE(ReadVolume(layout_, "data").has_value());
}

TEST_F(Volume, IsPendingAnewForEachWhoMayChangeIt) {
  Create("data");
  EXPECT_EQ(*ReadS3Pending(layout_, "data"), std::nullopt);
  ASSERT_TRUE(MarkS3Pending(layout_, "data").has_value());
  auto first = ReadS3Pending(layout_, "data");
  ASSERT_TRUE(first && *first);
  ASSERT_TRUE(MarkS3Pending(layout_, "data").has_value());
  EXPECT_NE(*ReadS3Pending(layout_, "data"), *first);
}

TEST_F(Volume, OfTheDeadIsSweptAway) {
  Create("data");
  std::string left = VolumesDirectory(layout_) + "/.new-x";
  std::string busy = VolumesDirectory(layout_) + "/.gone-y";
  ASSERT_TRUE(MakeDirectories(left + "/_data").has_value());
  ASSERT_TRUE(MakeDirectories(busy).has_value());
  auto held = OpenDirectory(busy);
  ASSERT_TRUE(held && LockFile(*held, LockMode::kExclusive, busy).has_value());
  RemoveAbandonedVolumes(layout_);
  EXPECT_FALSE(Exists(left));
  EXPECT_TRUE(Exists(busy));
  EXPECT_TRUE(Exists(VolumeData(layout_, "data")));
}

TEST(VolumeOptions, SayWhatIsMounted) {
  struct Case {
    StringPairs options;
    Mount mount;
  };
  const Case cases[] = {
      {{}, {.source = "/data"}},
      {{{"type", "none"}, {"o", "bind,ro,nodev"}, {"device", "/srv"}},
       {.source = "/srv", .flags = MS_RDONLY | MS_NODEV, .recursive = false}},
      {{{"o", "rbind"}, {"device", "/srv"}}, {.source = "/srv"}},
      {{{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m,noexec,uid=5"}},
       {.kind = MountKind::kTmpfs, .source = "tmpfs", .flags = MS_NOEXEC, .data = "size=1m,uid=5"}},
      {{{"type", "nfs"}, {"device", "host:/x"}, {"o", "vers=4,nodev,ro"}},
       {.kind = MountKind::kFilesystem,
        .source = "host:/x",
        .filesystem = "nfs",
        .flags = MS_NODEV | MS_RDONLY,
        .data = "vers=4,ro"}},
      {{{"type", "s3"}, {"o", "bucket=box,prefix=a,mode=fuse"}},
       {.kind = MountKind::kFilesystem, .source = "s3://box/a/", .filesystem = "fuse.s3fs"}},
  };
  for (const Case& c : cases) {
    Mount mount;
    auto applied = ApplyVolumeOptions(c.options, "/data", mount);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    EXPECT_EQ(mount, c.mount) << mount.source << " " << mount.data;
  }
  // What the mount itself says holds, whatever the volume says.
  Mount read_only{.flags = MS_RDONLY};
  ASSERT_TRUE(ApplyVolumeOptions({{"o", "bind,rw"}, {"device", "/srv"}}, "/data", read_only));
  EXPECT_EQ(read_only.flags, uint64_t{MS_RDONLY});
  for (const StringPairs& bad : std::vector<StringPairs>{{{"colour", "red"}},
                                                         {{"type", "proc"}, {"device", "p"}},
                                                         {{"type", "nfs"}, {"o", "vers=4"}},
                                                         {{"o", "bind"}},
                                                         {{"o", "size=much"}},
                                                         {{"o", "bind"}, {"device", "srv"}},
                                                         {{"o", "bind,size=1"}, {"device", "/s"}},
                                                         {{"device", "/srv"}}}) {
    Mount mount;
    EXPECT_FALSE(ApplyVolumeOptions(bad, "/data", mount).has_value()) << bad[0].second;
  }
}

}  // namespace
}  // namespace hoy::core
