// What -v and --mount make besides plain binds: sources that are made, throw-away layers over
// directories of the host, files of other owners, images, globs and terminals.

#include <fmt/format.h>
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
  EXPECT_EQ(RunShell("true", {"--mount", mount + ",subpath=no/such"}).code, 125);
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

TEST_F(MountKinds, ADeviceThatAVendorDescribes) {
  fs::create_directories(Path("cdi"));
  WriteFile(Path("cdi/card.yaml"), fmt::format(R"(
cdiVersion: "0.6.0"
kind: example.com/card
containerEdits:
  env: [CARD=any]
  hooks: [{{hookName: createContainer, path: /usr/bin/no-such-hook}}]
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
  EXPECT_TRUE(Has(output.err, "the hook '/usr/bin/no-such-hook', which hoy does not run"))
      << output;
  const Output other = RunShell("true", {"--device", "example.com/card=two"});
  EXPECT_EQ(other.code, 125);
  EXPECT_TRUE(Has(other.err, "--device: no CDI device 'example.com/card=two'")) << other;
  EXPECT_TRUE(Has(other.err, "there are example.com/card=one")) << other;
  const Output gpus = RunShell("true", {"--gpus", "all"});
  EXPECT_EQ(gpus.code, 125);
  EXPECT_TRUE(Has(gpus.err, "--gpus: no CDI device 'nvidia.com/gpu=all'")) << gpus;
}

}  // namespace
}  // namespace hoy::test
