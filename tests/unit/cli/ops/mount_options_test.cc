#include "cli/ops/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>

#include "cli/ops/heavy/s3fs.h"
#include "cli/ops/heavy/server_address.h"
#include "core/state/s3_volume.h"

namespace hoy::cli {
namespace {

using core::Mount;
using core::MountKind;

constexpr uint64_t kTmpfsFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

TEST(MountOptions, CleansPaths) {
  EXPECT_EQ(CleanPath(""), "/");
  EXPECT_EQ(CleanPath("/"), "/");
  EXPECT_EQ(CleanPath("/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(CleanPath("/a/../../b"), "/b");
}

TEST(MountOptions, ParsesVolumes) {
  struct Case {
    const char* text;
    Mount mount;
  };
  const Case cases[] = {
      {"/src:/dst", {.source = "/src", .target = "/dst", .from_user = true, .create_source = true}},
      {"./x:/dst",
       {.source = "/home/me/x", .target = "/dst", .from_user = true, .create_source = true}},
      {"../x/:/dst/",
       {.source = "/home/x", .target = "/dst", .from_user = true, .create_source = true}},
      {".:/dst:z",
       {.source = "/home/me", .target = "/dst", .from_user = true, .create_source = true}},
      {"/src:/dst:ro,Z",
       {.source = "/src",
        .target = "/dst",
        .flags = MS_RDONLY,
        .recursive_readonly = true,
        .from_user = true,
        .create_source = true}},
      {"/src:/dst:rw,rslave,noexec,cached",
       {.source = "/src",
        .target = "/dst",
        .flags = MS_NOEXEC,
        .propagation = MS_SLAVE | MS_REC,
        .from_user = true,
        .create_source = true}},
      {"data:/dst:nocopy,z",
       {.target = "/dst",
        .from_user = true,
        .volume = core::VolumeUse{.name = "data", .no_copy = true}}},
      {"/only/",
       {.target = "/only", .from_user = true, .volume = core::VolumeUse{.anonymous = true}}},
      {"/src:/dst:O", {.source = "/src", .target = "/dst", .from_user = true, .overlay = true}},
      {"data:/dst:U",
       {.target = "/dst",
        .from_user = true,
        .owned = true,
        .volume = core::VolumeUse{.name = "data"}}},
      {"/src:/dst:bind,ro",
       {.source = "/src",
        .target = "/dst",
        .flags = MS_RDONLY,
        .recursive = false,
        .from_user = true,
        .create_source = true}},
  };
  for (const Case& c : cases) {
    auto mount = ParseVolume(c.text, "/home/me");
    ASSERT_TRUE(mount.has_value()) << c.text << ": " << mount.error().message;
    EXPECT_EQ(*mount, c.mount) << c.text;
  }
}

TEST(MountOptions, RefusesBadVolumes) {
  for (const char* text : {"", "only", "x:/dst", "a/b:/dst", "data:/dst:rshared", ":/dst",
                           "/src:", "/src:dst", "/src:/", "/src:/a/..", "/src:/dst:what",
                           "/src:/dst:ro,rw", "/a:/b:ro:x", "/a:/b:O,U", "/a:/b:O,rslave"}) {
    auto mount = ParseVolume(text, "/");
    ASSERT_FALSE(mount.has_value()) << text;
    EXPECT_EQ(mount.error().kind, ErrorKind::kInvalidArgument) << text;
    EXPECT_TRUE(mount.error().message.starts_with("-v '")) << mount.error().message;
  }
  EXPECT_EQ(ParseVolume("a/b:/dst", "/").error().hint, "for a directory, give a path: ./a/b");
  EXPECT_EQ(ParseVolume("data:/dst:idmap", "/").error().kind, ErrorKind::kUnsupported);
}

TEST(MountOptions, ParsesMountsOfVolumes) {
  auto mount = ParseMount(
      "src=data,dst=/d,ro,volume-nocopy,volume-label=a=b,volume-subpath=x//y/,"
      "volume-driver=local,volume-opt=type=tmpfs,volume-opt=o=size=1m",
      "/");
  ASSERT_TRUE(mount.has_value()) << mount.error().message;
  EXPECT_EQ(mount->target, "/d");
  EXPECT_EQ(mount->flags, uint64_t{MS_RDONLY});
  EXPECT_EQ(*mount->volume, (core::VolumeUse{.name = "data",
                                             .no_copy = true,
                                             .subpath = "x/y",
                                             .labels = {{"a", "b"}},
                                             .options = {{"o", "size=1m"}, {"type", "tmpfs"}}}));
  EXPECT_TRUE(ParseMount("type=volume,target=/d", "/")->volume->anonymous);
  for (const char* text :
       {"src=a/b,dst=/d", "src=data", "dst=/d,volume-driver=nfs", "dst=/d,volume-subpath=../x",
        "dst=/d,volume-subpath=/x", "dst=/d,volume-opt=colour=red",
        "dst=/d,bind-propagation=shared", "dst=/d,volume-nocopy=maybe", "dst=/d,volume-label="}) {
    auto refused = ParseMount(text, "/");
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument) << text;
    EXPECT_TRUE(refused.error().message.starts_with("--mount '")) << refused.error().message;
  }
}

TEST(MountOptions, ParsesMountsOfBuckets) {
  auto mount = ParseMount(
      "type=s3,bucket=box,prefix=/a/,endpoint=http://h:1/,dst=/d,ro,access-key-id=K,"
      "secret-access-key=S",
      "/");
  ASSERT_FALSE(mount) << "a prefix begins with no slash";
  mount = ParseMount(
      "type=s3,bucket=box,prefix=a/,endpoint=http://h:1/,dst=/d,ro,access-key-id=K,"
      "secret-access-key=S",
      "/");
  ASSERT_TRUE(mount) << mount.error().message;
  const core::VolumeUse& volume = *mount->volume;
  EXPECT_EQ(volume.options,
            (core::StringPairs{{"o", "bucket=box,prefix=a/,endpoint=http://h:1"}, {"type", "s3"}}));
  EXPECT_EQ(volume.secrets,
            (core::StringPairs{{"access-key-id", "K"}, {"secret-access-key", "S"}}));
  EXPECT_TRUE(volume.name.starts_with("s3-box-"));
  EXPECT_FALSE(volume.anonymous) << "it stays, for the next container";
  EXPECT_EQ(ParseMount("type=s3,bucket=box,prefix=a,endpoint=http://h:1,dst=/e", "/")->volume->name,
            volume.name)
      << "the same place";
  EXPECT_NE(ParseMount("type=s3,bucket=box,dst=/e", "/")->volume->name, volume.name);
  EXPECT_EQ(ParseMount("type=s3,src=mine,bucket=box,dst=/e", "/")->volume->name, "mine");
  auto options = ParseVolumeOptions(
      "--opt", {"type=s3", "o=bucket=box,access-key-id=K,secret-access-key=S,session-token=T"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->pairs, (core::StringPairs{{"o", "bucket=box"}, {"type", "s3"}}));
  EXPECT_EQ(options->secrets.size(), 3u);
  for (const char* bad :
       {"type=s3,dst=/d", "type=s3,bucket=box", "type=s3,bucket=B,dst=/d",
        "type=s3,bucket=a..b,dst=/d", "type=s3,bucket=box,endpoint=ftp://h,dst=/d",
        "type=s3,bucket=box,endpoint=http://u@h,dst=/d", "type=s3,bucket=box,prefix=a//b,dst=/d",
        "type=s3,bucket=box,mode=nfs,dst=/d", "type=s3,bucket=box,mode=other,dst=/d",
        "type=s3,bucket=box,region=a:b,dst=/d", "type=s3,bucket=box,volume-nocopy,dst=/d",
        "type=s3,bucket=box,access-key-id=K,dst=/d", "type=s3,src=a/b,bucket=box,dst=/d"}) {
    EXPECT_FALSE(ParseMount(bad, "/")) << bad;
  }
  EXPECT_EQ(
      ParseMount("type=s3,endpoint=http://h:1,dst=/e,prefix=a,bucket=box", "/")->volume->options,
      volume.options)
      << "in any order";
  EXPECT_FALSE(ParseVolumeOptions("--opt", {"type=s3"}));
  auto apart = ParseVolumeOptions("--opt", {"type=s3", "bucket=box", "o=prefix=a", "mode=fuse"});
  ASSERT_TRUE(apart);
  EXPECT_EQ(apart->pairs,
            (core::StringPairs{{"o", "bucket=box,prefix=a/,mode=fuse"}, {"type", "s3"}}));
  auto often = ParseVolumeOptions("--opt", {"type=s3", "bucket=box", "sync-interval=1m30s"});
  ASSERT_TRUE(often);
  EXPECT_EQ(often->pairs,
            (core::StringPairs{{"o", "bucket=box,sync-interval=90s"}, {"type", "s3"}}));
  EXPECT_TRUE(core::HaveSameFiles(often->pairs, {{"o", "bucket=box"}, {"type", "s3"}}));
  EXPECT_FALSE(core::HaveSameFiles(often->pairs, {{"o", "bucket=bax"}, {"type", "s3"}}));
  EXPECT_FALSE(ParseVolumeOptions("--opt", {"type=s3", "bucket=box", "sync-interval=5ms"}));
  EXPECT_FALSE(
      ParseVolumeOptions("--opt", {"type=s3", "bucket=box", "mode=fuse", "sync-interval=1m"}));
  EXPECT_FALSE(ParseVolumeOptions("--opt", {"type=s3", "bucket=box,mode=fuse"}));
  EXPECT_FALSE(ParseVolumeOptions("--opt", {"type=s3", "bucket=box", "device=/dev/sda"}));
  EXPECT_FALSE(ParseVolumeOptions("--opt", {"type=s3", "o=bucket=box", "device=/x"}));
}

TEST(MountOptions, TellNoKeysInErrors) {
  const char* const kBad[] = {
      "type=s3,secret-access-key=HIDE",
      "type=s3,bucket=box,secret_access_key=HIDE,dst=/d",
      "type=s3,bucket=box,secret-access-key=HIDE,dst=d",
      "type=s3,src=a/b,session-token=HIDE",
      "type=S3,bucket=box,secret-access-key=HIDE,dst=/d",
      "type=s3,bucket=box,dst=/d,ro=x,key=HIDE",
      "type=s3,bucket=box,dst=/d,\"secret-access-key=a,HIDE",
      "type=s3,bucket=box,dst=/d,\"secret-access-key=a,HIDE\"",
      "type=volume,dst=/d,volume-opt=type=S3,\"volume-opt=o=bucket=box,secret-access-key=HIDE\"",
      "type=volume,dst=/d,volume-opt=type=none,\"volume-opt=o=bind,secret-access-key=HIDE\"",
      "type=volume,dst=d,\"volume-opt=o=bucket=box,access-key-id=HIDE\""};
  for (const char* text : kBad) {
    auto mount = ParseMount(text, "/");
    ASSERT_FALSE(mount) << text;
    EXPECT_EQ(mount.error().message.find("HIDE"), std::string::npos) << mount.error().message;
    EXPECT_EQ(mount.error().hint.find("HIDE"), std::string::npos) << mount.error().hint;
  }
  EXPECT_EQ(core::WithoutS3Secrets("type=s3,bucket=b,session-token=T,word,ro"),
            "type=s3,bucket=b,session-token=***,***,ro");
  EXPECT_EQ(core::WithoutS3Secrets("type=bind,src=/a,what=x"), "type=bind,src=/a,what=x");
}

TEST(MountOptions, ParsesVolumesFrom) {
  auto from = ParseVolumesFrom("web:ro,nocopy");
  ASSERT_TRUE(from.has_value());
  EXPECT_EQ(from->container, "web");
  EXPECT_TRUE(from->read_only && from->no_copy);
  EXPECT_FALSE(ParseVolumesFrom("web")->read_only);
  for (const char* text : {"", ":ro", "web:what", "web:ro:rw"}) {
    EXPECT_FALSE(ParseVolumesFrom(text).has_value()) << text;
  }
}

TEST(MountOptions, ParsesMounts) {
  struct Case {
    const char* text;
    Mount mount;
  };
  const Case cases[] = {
      {"type=bind,src=/s,dst=/d", {.source = "/s", .target = "/d", .from_user = true}},
      {"target=/d,source=./s,type=bind,readonly",
       {.source = "/cwd/s",
        .target = "/d",
        .flags = MS_RDONLY,
        .recursive_readonly = true,
        .from_user = true}},
      {"type=bind,src=/s,dst=/d,consistency=cached",
       {.source = "/s", .target = "/d", .from_user = true}},
      {"type=bind,src=/s,dst=/d,ro=false", {.source = "/s", .target = "/d", .from_user = true}},
      {"type=bind,src=/s,dst=/d,ro=1,bind-recursive=writable",
       {.source = "/s", .target = "/d", .flags = MS_RDONLY, .from_user = true}},
      {"type=bind,src=/s,dst=/d,bind-propagation=rshared,bind-nonrecursive",
       {.source = "/s",
        .target = "/d",
        .propagation = MS_SHARED | MS_REC,
        .recursive = false,
        .from_user = true}},
      {"type=bind,src=/s,dst=/d,bind-create-src,U",
       {.source = "/s", .target = "/d", .from_user = true, .create_source = true, .owned = true}},
      {"type=glob,src=/s/*.so,dst=/d,ro",
       {.source = "/s/*.so",
        .target = "/d",
        .flags = MS_RDONLY,
        .recursive_readonly = true,
        .from_user = true}},
      {"type=glob,src=/s/*", {.source = "/s/*", .from_user = true}},
      {"type=image,src=tools:1,dst=/d,subpath=usr//bin",
       {.target = "/d",
        .flags = MS_RDONLY,
        .recursive_readonly = true,
        .from_user = true,
        .image = core::ImageUse{.reference = "tools:1", .subpath = "usr/bin"}}},
      {"type=image,src=tools,dst=/d,rw",
       {.target = "/d",
        .from_user = true,
        .overlay = true,
        .image = core::ImageUse{.reference = "tools"}}},
      {"type=devpts,dst=/d/pts,mode=0600,gid=5,max=9",
       {.kind = MountKind::kDevpts,
        .source = "devpts",
        .target = "/d/pts",
        .flags = MS_NOSUID | MS_NOEXEC,
        .data = "newinstance,ptmxmode=0666,mode=0600,gid=5,max=9",
        .from_user = true}},
      {"type=bind,\"src=/with,comma\",dst=/d",
       {.source = "/with,comma", .target = "/d", .from_user = true}},
      {"type=tmpfs,dst=/t",
       {.kind = MountKind::kTmpfs,
        .source = "tmpfs",
        .target = "/t",
        .flags = kTmpfsFlags,
        .from_user = true}},
      {"type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770",
       {.kind = MountKind::kTmpfs,
        .source = "tmpfs",
        .target = "/t",
        .flags = kTmpfsFlags,
        .data = "size=67108864,mode=1770",
        .from_user = true}},
  };
  for (const Case& c : cases) {
    auto mount = ParseMount(c.text, "/cwd");
    ASSERT_TRUE(mount.has_value()) << c.text << ": " << mount.error().message;
    EXPECT_EQ(*mount, c.mount) << c.text;
  }
}

TEST(MountOptions, RefusesBadMounts) {
  for (const char* text : {"",
                           "type=bind",
                           "type=volume,src=x,dst=/d",
                           "type=nfs,dst=/d",
                           "type=bind,src=/s",
                           "type=bind,dst=/d",
                           "type=bind,src=/s,dst=d",
                           "type=bind,src=/s,dst=/d,what",
                           "type=bind,src=/s,dst=/d,ro=maybe",
                           "type=bind,src=/s,dst=/d,bind-propagation=odd",
                           "type=bind,src=/s,dst=/d,tmpfs-size=1m",
                           "type=tmpfs,dst=/d,src=/s",
                           "type=tmpfs,dst=/d,tmpfs-mode=9",
                           "type=tmpfs,dst=/d,tmpfs-size=lots",
                           "type=bind,src=\"/s,dst=/d",
                           "type=bind,\"src=/s",
                           "type=bind,src=/s,dst=/d,bind-create-src=maybe",
                           "type=glob,dst=/d",
                           "type=image,dst=/d",
                           "type=image,src=x,dst=/d,subpath=../x",
                           "type=image,src=x,dst=/d,U",
                           "type=image,src=x",
                           "type=devpts,dst=/d,mode=9",
                           "type=devpts,dst=/d,uid=me",
                           "type=glob,src=a*,dst=/d",
                           "type=tmpfs,dst=/d,U"}) {
    auto mount = ParseMount(text, "/");
    ASSERT_FALSE(mount.has_value()) << text;
    EXPECT_EQ(mount.error().kind, ErrorKind::kInvalidArgument) << text;
  }
  EXPECT_EQ(ParseMount("type=volume,src=/x,dst=/y", "/").error().hint,
            "a file or directory of the host is mounted with type=bind");
}

TEST(MountOptions, KnowTheServerOfANetworkFileSystem) {
  EXPECT_EQ(ResolveServer("127.0.0.1:/x", "vers=4"), "vers=4,addr=127.0.0.1");
  EXPECT_EQ(ResolveServer("[::1]:/x", ""), "addr=::1");
  EXPECT_EQ(ResolveServer("//127.0.0.2/share", "a,b=1"), "a,b=1,addr=127.0.0.2");
  EXPECT_EQ(ResolveServer(":/x", "addr=127.0.0.3,ro"), "ro,addr=127.0.0.3");
  EXPECT_FALSE(ResolveServer("/x", "vers=4"));
  EXPECT_FALSE(ResolveServer(":/x", ""));
}

TEST(MountOptions, BecomeThoseOfS3fs) {
  oci::S3SyncRequest request;
  request.place.bucket = "box";
  request.access.region = "eu-west-1";
  auto options = S3fsOptions(request);
  ASSERT_TRUE(options);
  auto has = [&](const std::string& option) {
    return std::ranges::find(*options, option) != options->end();
  };
  EXPECT_TRUE(has("url=https://s3.eu-west-1.amazonaws.com"));
  EXPECT_TRUE(has("endpoint=eu-west-1"));
  EXPECT_TRUE(has("public_bucket=1"));
  EXPECT_FALSE(has("use_path_request_style"));
  request.access.endpoint = "http://127.0.0.1:9000";
  request.access.key_id = "K";
  request.access.secret = "S";
  options = S3fsOptions(request);
  ASSERT_TRUE(options);
  EXPECT_TRUE(has("url=http://127.0.0.1:9000"));
  EXPECT_TRUE(has("use_path_request_style"));
  EXPECT_FALSE(has("public_bucket=1"));
  request.access.endpoint = "http://a,b";
  EXPECT_FALSE(S3fsOptions(request));
}

TEST(MountOptions, ParsesTmpfs) {
  EXPECT_EQ(*ParseTmpfs("/tmp"), (Mount{.kind = MountKind::kTmpfs,
                                        .source = "tmpfs",
                                        .target = "/tmp",
                                        .flags = kTmpfsFlags,
                                        .from_user = true}));
  auto mount = ParseTmpfs("/tmp/:exec,size=10%,mode=700,uid=5,ro");
  ASSERT_TRUE(mount.has_value());
  EXPECT_EQ(mount->flags, MS_NOSUID | MS_NODEV | MS_RDONLY);
  EXPECT_EQ(mount->data, "size=10%,mode=700,uid=5");
  for (const char* text : {"", "tmp", "/", "/t:size=", "/t:size=101%", "/t:mode=8", "/t:uid=me",
                           "/t:huge", "/t:size=1m,data=x"}) {
    EXPECT_FALSE(ParseTmpfs(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hoy::cli
