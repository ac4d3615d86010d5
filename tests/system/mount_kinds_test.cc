// What -v and --mount make besides plain binds: sources that are made, throw-away layers over
// directories of the host, files of other owners, images, globs and terminals.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class MountKinds : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directories(Path("src/sub"));
    WriteFile(Path("src/file"), "of the host\n");
    WriteFile(Path("src/sub/inner"), "inner\n");
  }
  std::string OwnerOf(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(lstat(Path(name).c_str(), &status), 0) << name;
    return fmt::format("{}:{}", status.st_uid, status.st_gid);
  }
};

TEST_F(MountKinds, AMissingSourceIsMadeWhenTheContainerStarts) {
  const std::string id =
      RunOk({"create", "-v", Path("new/dir") + ":/d", Busybox(), "touch", "/d/file"});
  EXPECT_FALSE(fs::exists(Path("new")));
  RunOk({"start", "-a", id});
  EXPECT_TRUE(fs::exists(Path("new/dir/file")));
  fs::remove_all(Path("new"));
  RunOk({"start", "-a", id});
  EXPECT_TRUE(fs::exists(Path("new/dir/file")));
  Shell("touch /d/file",
        {"--mount", fmt::format("type=bind,src={},dst=/d,bind-create-src", Path("asked"))});
  EXPECT_TRUE(fs::exists(Path("asked/file")));
}

TEST_F(MountKinds, AMissingSourceIsNotMadeForAStartThatCannotBe) {
  for (const std::string target : {"/d", "/etc"}) {
    const Output output =
        Run({"run", "--rm", "-u", "nobody-here", "-v", Path("new/dir") + ":" + target, Busybox()});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_FALSE(fs::exists(Path("new")));
  }
}

TEST_F(MountKinds, AnOverlayForgetsWhatWasWritten) {
  fs::permissions(Path("src"), fs::perms{0751});
  const std::string script =
      "stat -c %a /d; cat /d/file; rm /d/file; echo new >/d/sub/inner; touch /d/made; ls /d";
  const std::string id =
      RunOk({"create", "-v", Path("src") + ":/d:O", "-v", Path("src/sub") + ":/e:O", Busybox(),
             "sh", "-c", script + "; touch /e/other"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(RunOk({"start", "-a", id}), "751\nof the host\nmade\nsub");
    EXPECT_EQ(ReadFile(Path("src/file")), "of the host\n");
    EXPECT_EQ(ReadFile(Path("src/sub/inner")), "inner\n");
    EXPECT_EQ(ListNames(Path("src/sub")), std::vector<std::string>{"inner"});
    const std::string written = data() + "/containers/" + id + "/overlays";
    EXPECT_TRUE(Eventually([&] { return !fs::exists(written); }));
  }
  // Nothing is written through cp either.
  EXPECT_NE(Run({"cp", Path("src/file"), id + ":/d/copied"}).code, 0);
  EXPECT_FALSE(fs::exists(Path("src/copied")));
  // Over a volume.
  Shell("echo kept >/v/file", {"-v", "data:/v"});
  EXPECT_EQ(Shell("echo lost >/v/file; cat /v/file", {"-v", "data:/v:O"}), "lost");
  EXPECT_EQ(Shell("cat /v/file", {"-v", "data:/v"}), "kept");
  RunOk({"rm", id});
  RunOk({"volume", "rm", "data"});
}

// The scratch directory's file system can map owners, or it cannot: what the container sees is the
// same, and what the source's owner has is the source's owner's again from the outside where it
// can.
TEST_F(MountKinds, TheContainersUserOwnsWhatTheSourcesOwnerHas) {
  for (const char* name : {"src", "src/file", "src/sub", "src/sub/inner"}) {
    ASSERT_EQ(chown(Path(name).c_str(), 1234, 1235), 0);
  }
  WriteFile(Path("src/roots"), "");
  const std::string look =
      "stat -c %u:%g /d /d/sub/inner /d/roots; touch /d/made; stat -c %u:%g "
      "/d/made";
  const std::vector<std::string> as_user = {"-u", "77:78", "-v", Path("src") + ":/d:U"};
  EXPECT_EQ(Shell(look, as_user), "77:78\n77:78\n0:0\n77:78");
  EXPECT_EQ(OwnerOf("src/made"), OwnerOf("src"));
  EXPECT_EQ(OwnerOf("src/roots"), "0:0");
  EXPECT_EQ(Shell(look, as_user), "77:78\n77:78\n0:0\n77:78");
  Shell("touch /v/a; stat -c %u /v/a", {"-u", "77", "-v", "data:/v:U"});
  EXPECT_EQ(Shell("stat -c %u /v/a", {"-u", "99", "--mount", "src=data,dst=/v,U"}), "99");
  RunOk({"volume", "rm", "data"});
}

// On a file system of its own that can map owners: nothing on the disk changes.
TEST_F(MountKinds, OwnersAreMappedWhereTheFileSystemCan) {
  const Output output = HostShell(fmt::format(
      R"sh(truncate -s 8M $DIR/image && mkfs.ext4 -q $DIR/image && mkdir $DIR/disk
export DIR HOY
unshare -m bash -ec '
  mount -o loop $DIR/image $DIR/disk || exit 77
  cd $DIR/disk; mkdir -p src/sub; touch src/file src/sub/inner src/roots
  chown 1234:1235 src src/file src/sub src/sub/inner
  on_disk() {{ stat -c %u:%g src src/file src/sub src/sub/inner src/roots; }}
  before=$(on_disk)
  for i in 1 2; do
    $HOY run --rm -u 77:78 -v $DIR/disk/src:/d:U {} sh -c "
      stat -c %u:%g /d /d/sub/inner /d/roots; touch /d/made$i; stat -c %u:%g /d/made$i"
  done
  [ "$(on_disk)" = "$before" ] || echo changed: $(on_disk)
  stat -c %u:%g src/made1 src/made2')sh",
      Busybox()));
  if (output.code == 77) SKIP_BECAUSE("a loop device cannot be mounted: " + output.err);
  EXPECT_EQ(output.code, 0) << output;
  const std::string seen = "77:78\n77:78\n0:0\n77:78\n";
  EXPECT_EQ(output.out, seen + seen + "1234:1235\n1234:1235\n") << output;
}

// An overlay cannot: its files change their owners for good.
TEST_F(MountKinds, OwnersAreChangedWhereTheFileSystemCannotMapThem) {
  fs::create_directories(Path("upper"));
  fs::create_directories(Path("merged"));
  for (const char* name : {"src", "src/file", "src/sub", "src/sub/inner"}) {
    ASSERT_EQ(chown(Path(name).c_str(), 1234, 1235), 0);
  }
  WriteFile(Path("src/roots"), "");
  const Output output = HostShell(fmt::format(
      R"sh(export DIR HOY
unshare -m bash -ec '
  mount -t tmpfs t $DIR/upper; mkdir $DIR/upper/u $DIR/upper/w
  chown 1234:1235 $DIR/upper/u
  mount -t overlay o -o lowerdir=$DIR/src,upperdir=$DIR/upper/u,workdir=$DIR/upper/w $DIR/merged
  $HOY run --rm -u 77:78 -v $DIR/merged:/d:U {} stat -c %u:%g /d /d/sub/inner /d/roots
  cd $DIR/merged; stat -c %u:%g . file sub/inner roots')sh",
      Busybox()));
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "77:78\n77:78\n0:0\n77:78\n77:78\n77:78\n0:0\n") << output;
}

TEST_F(MountKinds, AnImageIsMountedReadOnlyOrToBeThrownAway) {
  const std::string image = Configured();
  const std::string mount = "type=image,src=" + image + ",dst=/tools";
  // A program of the image is found, and what is in it cannot be changed.
  EXPECT_EQ(RunOk({"run", "--rm", "--mount", mount, Busybox(), "/tools/bin/echo", "from there"}),
            "from there");
  EXPECT_TRUE(Has(RunShell("touch /tools/made", {"--mount", mount}).err, "Read-only"));
  EXPECT_EQ(Shell("touch /tools/made && ls /tools/made", {"--mount", mount + ",rw"}),
            "/tools/made");
  EXPECT_EQ(Shell("test -e /tools/made || echo gone", {"--mount", mount}), "gone");
  EXPECT_EQ(Shell("ls /b/sh", {"--mount", "type=image,src=" + image + ",dst=/b,subpath=bin"}),
            "/b/sh");
  const Output part = RunShell("true", {"--mount", mount + ",subpath=no/such"});
  EXPECT_EQ(part.code, 125) << part;
  EXPECT_TRUE(Has(part.err, "mount '/tools': subpath 'no/such' of image '" + image + "'")) << part;
  EXPECT_FALSE(Has(part.err, "was removed")) << part;
  EXPECT_EQ(RunShell("true", {"--pull", "never", "--mount", "type=image,src=none,dst=/t"}).code,
            125);

  // It stays as long as a container wants it.
  const std::string id = RunOk({"create", "--mount", mount, Busybox(), "/tools/bin/true"});
  const Json json = Inspect(id).at("Mounts").at(0);
  EXPECT_EQ(json.at("Type"), "image");
  EXPECT_EQ(json.at("Source"), image);
  EXPECT_EQ(json.at("RW"), false);
  EXPECT_NE(Run({"rmi", image}).code, 0);
  Run({"rmi", "-f", image});
  RunOk({"image", "prune", "-af"});
  RunOk({"start", "-a", id});
}

TEST_F(MountKinds, AGlobMountsWhatItFinds) {
  WriteFile(Path("src/b.so"), "b\n");
  WriteFile(Path("src/a.so"), "a\n");
  const std::string pattern = "type=glob,src=" + Path("src") + "/*.so";
  EXPECT_EQ(Shell("ls /lib2; cat /lib2/b.so", {"--mount", pattern + ",dst=/lib2,ro"}),
            "a.so\nb.so\nb");
  EXPECT_EQ(Shell("cat " + Path("src/a.so"), {"--mount", pattern}), "a");
}

TEST_F(MountKinds, TerminalsOfAnotherInstance) {
  EXPECT_EQ(Shell("stat -f -c %T /x/pts; ls /x/pts; stat -c %a /x/pts/ptmx; grep -c 'mode=600' "
                  "/proc/mounts",
                  {"--mount", "type=devpts,dst=/x/pts,mode=0600"}),
            "devpts\nptmx\n666\n1");
}

// In a copy of the host's mounts, with files in /etc and /run that the host does not have.
TEST_F(MountKinds, VendorsDescribeDevicesInTheDirectoriesOfTheHost) {
  env["HOY_CDI_DIRS"] = std::nullopt;
  fs::create_directories(Path("etc/cdi"));
  WriteFile(Path("etc/cdi/card.yaml"), R"(
cdiVersion: "0.6.0"
kind: example.com/card
devices:
- name: one
  containerEdits: {env: [FROM=etc]}
- name: two
  containerEdits: {env: [FROM=etc]}
)");
  WriteFile(Path("card.json"), R"({"cdiVersion": "0.6.0", "kind": "example.com/card", "devices": [
{"name": "one", "containerEdits": {"env": ["FROM=run"]}}]})");
  const Output output = HostShell(fmt::format(
      R"sh(export DIR HOY
unshare -m bash -ec '
  mount -t overlay o -o lowerdir=$DIR/etc:/etc /etc
  mount -t tmpfs t /run; mkdir /run/cdi; cp $DIR/card.json /run/cdi/
  from() {{ $HOY run --rm --device example.com/card=$1 {} sh -c "echo \$FROM"; }}
  from one; from two
  $HOY __complete -- run --device exam | grep example
  rm /run/cdi/card.json
  from one; from two
  $HOY __complete -- run --device exam | grep example')sh",
      Busybox()));
  EXPECT_EQ(output.code, 0) << output;
  const std::string completed = "example.com/card=one\nexample.com/card=two\n";
  EXPECT_EQ(output.out, "run\netc\n" + completed + "etc\netc\n" + completed) << output;
}

TEST_F(MountKinds, ADeviceThatAVendorDescribes) {
  fs::create_directories(Path("cdi"));
  WriteFile(Path("cdi/card.yaml"), fmt::format(R"(
cdiVersion: "0.6.0"
kind: example.com/card
containerEdits:
  env: [CARD=any]
devices:
- name: one
  containerEdits:
    additionalGids: [4321]
    deviceNodes: [{{path: /dev/card/one, hostPath: /dev/null, fileMode: 0600}}]
    mounts: [{{hostPath: {}, containerPath: /opt/card.so, options: [ro, nosuid, bind]}}]
)",
                                               Path("src/file")));
  env["HOY_CDI_DIRS"] = Path("cdi");
  const Output output = RunShell(
      "echo x >/dev/card/one && stat -c '%a %t:%T' /dev/card/one; cat /opt/card.so; echo $CARD; "
      "id -G; echo y >/opt/card.so",
      {"--device", "example.com/card=one"});
  EXPECT_TRUE(Has(output.out, "600 1:3\nof the host\nany\n0 ")) << output;
  EXPECT_TRUE(Has(output.out, "4321\n")) << output;
  EXPECT_TRUE(Has(output.err, "Read-only")) << output;
  for (const char* typed : {"--device", "--device="}) {
    std::vector<std::string> words = {"__complete", "--", "run", typed};
    if (words.back() == "--device") words.emplace_back("exam");
    EXPECT_TRUE(Has(RunOk(words), "example.com/card=one\n")) << typed;
  }
  EXPECT_EQ(RunOk({"__complete", "--", "run", "--device", "/dev"}), ":files");
  const Output other = RunShell("true", {"--device", "example.com/card=two"});
  EXPECT_EQ(other.code, 125);
  EXPECT_TRUE(Has(other.err, "--device: no CDI device 'example.com/card=two'")) << other;
  EXPECT_TRUE(Has(other.err, "there are example.com/card=one")) << other;
  // What it wants done runs when the container has all its mounts, and nothing is read-only yet.
  WriteFile(Path("hook"),
            fmt::format(R"sh(#!/bin/sh
state=$(cat)
bundle=$(echo "$state" | sed 's/.*"bundle":"\([^"]*\)".*/\1/')
root=$(sed 's/.*"path":"\([^"]*\)".*/\1/' "$bundle/config.json")
echo "$1 $HOOK $(cat "$root/opt/card.so")" >"$root/etc/hooked"
echo "$state" >{}
[ "$1" = good ] || exec sh -c "echo what went wrong >&2; exit 3"
)sh",
                        Path("state")),
            0755);
  WriteFile(Path("cdi/gpu.json"), fmt::format(R"({{
"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu",
"containerEdits": {{"mounts": [{{"hostPath": "{0}", "containerPath": "/opt/card.so"}}]}},
"devices": [
 {{"name": "all", "containerEdits": {{"hooks": [
   {{"hookName": "createContainer", "path": "{1}", "args": ["hook", "good"], "env": ["HOOK=set"]}},
   {{"hookName": "createRuntime", "path": "/bin/true", "timeout": 60}}]}}}},
 {{"name": "0", "containerEdits": {{"hooks": [
   {{"hookName": "createContainer", "path": "{1}", "args": ["hook", "bad"]}}]}}}}]}})",
                                              Path("src/file"), Path("hook")));
  EXPECT_EQ(
      Shell("cat /etc/hooked", {"--gpus", "all,\"capabilities=compute,utility\"", "--read-only"}),
      "good set of the host");
  EXPECT_TRUE(Has(ReadFile(Path("state")), "\"status\":\"creating\""));
  for (const char* gpus : {"device=0", "\"device=0\",capabilities=utility"}) {
    const Output failed = RunShell("echo ran", {"--gpus", gpus});
    EXPECT_EQ(failed.code, 125) << failed;
    EXPECT_EQ(failed.out, "");
    EXPECT_TRUE(Has(failed.err, "' ended with 3: what went wrong")) << failed;
  }
  fs::remove(Path("cdi/gpu.json"));

  const Output gpus = RunShell("true", {"--gpus", "all"});
  EXPECT_EQ(gpus.code, 125);
  EXPECT_TRUE(Has(gpus.err, "--gpus: no CDI device 'nvidia.com/gpu=all'")) << gpus;
}

}  // namespace
}  // namespace hoy::test
