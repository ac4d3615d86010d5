// skopeo, umoci and podman as independent readers and writers: what hoy saves and commits they
// read, what they write hoy reads, compared file by file.

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/compare_images.h"
#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

// What the OCI layer page has rules for, in two layers.
Image RichImage() {
  Tar base;
  base.Directory("bin").Directory("etc").Directory("keep").Directory("gone").Directory("opaque");
  base.Directory("tmp", 01777)
      .File("bin/suid", "suid", 04755)
      .HardLink("bin/same", "bin/suid", 04755);
  base.File("gone/file", "x").File("opaque/below", "x").File("etc/removed", "x");
  base.File("etc/replaced", "file").Symlink("etc/link", "../keep").File("keep/a", "a");
  base.Directory(std::string(120, 'n'));
  base.File(std::string(120, 'n') + "/" + std::string(120, 'm'), "long");
  base.Add({.name = "etc/owned", .content = "o", .mode = 0640, .uid = 3'000'000, .gid = 70'000});
  base.Add({.name = "etc/old", .content = "o", .mtime = 86'400});
  base.Add({.name = "etc/marked", .content = "x", .xattrs = {{"user.mark", "value"}}});
  base.Add({.name = "keep/pipe", .type = '6', .mode = 0600});
  Tar top;
  top.Whiteout("gone").Whiteout("etc/removed").OpaqueDirectory("opaque").File("opaque/new", "new");
  top.Whiteout("etc/replaced").Directory("etc/replaced").File("etc/replaced/in", "in");
  top.File("keep/b", "b").HardLink("keep/c", "keep/b");
  ImageBuilder builder;
  builder.Layer(base).Layer(top, Compression::kGzip);
  builder.config() = {
      {"Cmd", {"/bin/suid"}}, {"Env", {"PATH=/bin"}}, {"Labels", {{"rich", "yes"}}}};
  return builder.Build();
}

class ImagePeers : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    if (IsSkipped()) return;
    for (const char* tool : {"skopeo", "umoci"}) {
      if (RunCommand({.argv = {"which", tool}}).code != 0)
        SKIP_BECAUSE(std::string(tool) + " is missing");
    }
    WriteOciLayout(Path("rich"), "v1", RichImage());
    WriteFile(Path("policy.json"), R"({"default":[{"type":"insecureAcceptAnything"}]})");
    WriteFile(Path("registries.conf"), "");
    RunOk({"pull", "oci:" + Path("rich")});
    RunOk({"tag", "localhost/rich:v1", "localhost/peers/rich:1"});
  }
  void TearDown() override {
    if (podman_used_) Podman({"rm", "-f", "-a"});
    ImageSandbox::TearDown();
  }

  Output Do(std::vector<std::string> argv) const {
    Command command{.argv = std::move(argv), .timeout = seconds(120)};
    command.env["TMPDIR"] = directory();
    command.env["CONTAINERS_REGISTRIES_CONF"] = Path("registries.conf");
    const Output output = RunCommand(command);
    EXPECT_EQ(output.code, 0) << command.argv[0] << " " << command.argv.back() << "\n" << output;
    return output;
  }
  void Skopeo(const std::string& from, const std::string& to) const {
    Do({"skopeo", "--policy", Path("policy.json"), "copy", "-q", from, to});
  }
  // The tree that umoci makes of an image in a layout.
  std::map<std::string, std::string> Umoci(const std::string& layout,
                                           const std::string& tag) const {
    const std::string bundle = Path("bundle-" + std::to_string(++count_));
    Do({"umoci", "unpack", "--image", layout + ":" + tag, bundle});
    return DescribeTree(bundle + "/rootfs");
  }
  std::map<std::string, std::string> Extracted(const std::string& tar,
                                               Times times = Times::kAll) const {
    const std::string root = Path("root-" + std::to_string(++count_));
    ExtractTar(tar, root);
    return DescribeTree(root, times);
  }
  std::map<std::string, std::string> Hoys(const std::string& image,
                                          Times times = Times::kAll) const {
    const std::string container = RunOk({"create", image, "x"});
    const std::string tar = Path("export-" + std::to_string(++count_));
    RunOk({"export", "-o", tar, container});
    RunOk({"rm", container});
    return Extracted(tar, times);
  }
  Output Podman(std::vector<std::string> arguments) const {
    podman_used_ = true;
    std::vector<std::string> argv = {"podman",    "--root",           Path("p"),
                                     "--runroot", Path("pr"),         "--cgroup-manager",
                                     "cgroupfs",  "--storage-driver", "vfs"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return Do(argv);
  }
  std::map<std::string, std::string> Podmans(const std::string& image) const {
    Output created = Podman({"create", "--network", "none", image, "x"});
    const std::string container = created.out.substr(0, created.out.find('\n'));
    const std::string tar = Path("podman-export-" + std::to_string(++count_));
    Podman({"export", "-o", tar, container});
    Podman({"rm", container});
    return Extracted(tar, Times::kNotOfDirectories);
  }
  void Forget() const { RunOk({"image", "prune", "-af"}); }

  mutable int count_ = 0;
  mutable bool podman_used_ = false;
};

TEST_F(ImagePeers, UmociUnpacksTheTestImageAsHoyDoes) {
  EXPECT_EQ(DiffTrees(Umoci(Path("rich"), "v1"), Hoys("localhost/peers/rich:1")), "");
}

TEST_F(ImagePeers, SkopeoAndUmociReadWhatHoySaves) {
  const auto tree = Hoys("localhost/peers/rich:1");
  const std::string id = RunOk({"inspect", "--format", "{{.Id}}", "localhost/peers/rich:1"});
  const std::map<std::string, std::string> formats = {{"docker-archive", "docker-archive"},
                                                      {"oci-archive", "oci-archive"},
                                                      {"oci-dir", "oci"},
                                                      {"docker-dir", "dir"}};
  for (const auto& [format, transport] : formats) {
    const std::string path = Path("saved-" + format);
    RunOk({"save", "--format", format, "-o", path, "localhost/peers/rich:1"});
    const std::string layout = Path("layout-" + format);
    Skopeo(transport + ":" + path, "oci:" + layout + ":x");
    EXPECT_EQ(DiffTrees(tree, Umoci(layout, "x")), "") << format;
    const Output seen = Do({"skopeo", "inspect", "--config", "--raw", "oci:" + layout + ":x"});
    EXPECT_EQ(Json::parse(seen.out)["config"]["Labels"]["rich"], "yes") << format;
  }
}

TEST_F(ImagePeers, SkopeoAndUmociReadWhatHoyPushesToFilesAndDirectories) {
  const auto tree = Hoys("localhost/peers/rich:1");
  for (const std::string transport : {"docker-archive", "oci-archive", "oci", "dir"}) {
    const std::string target = transport + ":" + Path("pushed-" + transport);
    std::string name = transport == "docker-archive" ? ":localhost/x:1" : ":x";
    if (transport == "dir") name.clear();
    EXPECT_EQ(
        RunOk({"push", "--digestfile", Path("digest"), "localhost/peers/rich:1", target + name}),
        target + name);
    Skopeo(target + name, "oci:" + Path("layout-" + transport) + ":y");
    EXPECT_EQ(DiffTrees(tree, Umoci(Path("layout-" + transport), "y")), "") << transport;
    if (transport == "oci" || transport == "dir") {  // byte for byte what it was
      const Output digest = Do({"skopeo", "inspect", "--format", "{{.Digest}}", target + name});
      EXPECT_EQ(digest.out, ReadFile(Path("digest")));
      EXPECT_EQ(digest.out, RichImage().manifest.digest + "\n");
    }
  }
  const Output daemon = Run({"push", "localhost/peers/rich:1", "docker-daemon:x:1"});
  EXPECT_EQ(daemon.code, 125) << daemon;
  EXPECT_NE(daemon.err.find("hoy save IMAGE | docker load"), std::string::npos) << daemon;
  EXPECT_EQ(Run({"push", "--chunk-size=1m", "localhost/peers/rich:1", "dir:" + Path("n")}).code,
            125);
  // A pull from there says what it does, once; run, too.
  Forget();
  const Output pulled = Run({"pull", "oci:" + Path("pushed-oci") + ":x"});
  EXPECT_NE(pulled.err.find("Pull complete"), std::string::npos) << pulled;
  EXPECT_EQ(Run({"pull", "oci:" + Path("pushed-oci") + ":x"}).err, "");
  Forget();
  const Output ran = Run({"create", "oci:" + Path("pushed-oci") + ":x", "x"});
  EXPECT_NE(ran.err.find("Pull complete"), std::string::npos) << ran;
  RunOk({"rm", ran.out.substr(0, ran.out.find('\n'))});
}

TEST_F(ImagePeers, HoyReadsWhatSkopeoWrites) {
  const auto tree = Hoys("localhost/peers/rich:1");
  Forget();
  const std::map<std::string, std::string> targets = {
      {"docker-archive", ":localhost/from/skopeo:1"},
      {"oci-archive", ":one"},
      {"oci", ":one"},
      {"dir", ""}};
  for (const auto& [transport, name] : targets) {
    const std::string path = Path("by-skopeo-" + transport);
    Skopeo("oci:" + Path("rich") + ":v1", transport + ":" + path + name);
    RunOk({"load", "-i", path});
    const std::string pulled = RunOk({"pull", transport + ":" + path});
    EXPECT_EQ(DiffTrees(tree, Hoys(pulled)), "") << transport;
    Forget();
  }
}

TEST_F(ImagePeers, UmociReadsWhatHoyCommits) {
  const Output changed =
      Run({"run", "--name", "box", Busybox(), "sh", "-c",
           "rm -r /home; mkdir /home; echo a > /home/a; ln /home/a /b; rm /bin/vi; "
           "mkdir -p /x/y; chmod 1777 /x; mkfifo /x/p; chown 5:3000000 /x/y; "
           "echo bytes > \"$(printf '/x/\\377\\376')\""});
  ASSERT_EQ(changed.code, 0) << changed;
  const std::string id = RunOk({"commit", "box", "localhost/committed:1"});
  for (const char* format : {"oci", "docker"}) {
    const std::string name = fmt::format("localhost/committed:{}", format);
    RunOk({"commit", "--format", format, "-a", "A. Uthor", "-m", "why", "-c", "LABEL made=here",
           "box", name});
    RunOk({"save", "--format", "oci-archive", "-o", Path(format), name});
    // As it is in the store, and what skopeo makes of it.
    const Json manifest = Json::parse(RunOk({"manifest", "inspect", name}));
    EXPECT_EQ(manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json",
              format == std::string("oci"));
    const Output seen =
        Do({"skopeo", "inspect", "--config", "--raw", "oci-archive:" + Path(format)});
    const Json config = Json::parse(seen.out);
    EXPECT_EQ(config["author"], "A. Uthor");
    EXPECT_EQ(config["history"].back()["comment"], "why");
    EXPECT_EQ(config["config"]["Labels"]["made"], "here");
    Skopeo("oci-archive:" + Path(format), "oci:" + Path("committed") + ":" + format);
    EXPECT_EQ(DiffTrees(Hoys(id), Umoci(Path("committed"), format)), "") << format;
  }
}

TEST_F(ImagePeers, HoyReadsWhatUmociRepacks) {
  const std::string layout = Path("rich");
  Do({"umoci", "unpack", "--image", layout + ":v1", Path("work")});
  const std::string root = Path("work/rootfs");
  const Output changed = Do({"sh", "-ec",
                             "cd " + root +
                                 " && rm -r keep && mkdir keep && echo n > keep/new && "
                                 "rm etc/old && ln -s new keep/link && chmod 2755 opaque"});
  Do({"umoci", "repack", "--image", layout + ":v2", Path("work")});
  RunOk({"pull", "-q", "oci:" + layout + ":v2"});
  EXPECT_EQ(DiffTrees(Hoys("localhost/rich:v2"), Umoci(layout, "v2")), "");
}

TEST_F(ImagePeers, PodmanAndHoyReadEachOther) {
  if (RunCommand({.argv = {"which", "podman"}}).code != 0) SKIP_BECAUSE("podman is missing");
  const auto tree = Hoys("localhost/peers/rich:1");
  // podman 4's vfs driver leaves directories that a later layer touches with the time of unpacking.
  const auto podmans_tree = Hoys("localhost/peers/rich:1", Times::kNotOfDirectories);
  for (const char* format : {"docker-archive", "oci-archive"}) {
    RunOk({"save", "--format", format, "-o", Path(format), "localhost/peers/rich:1"});
    Podman({"load", "-i", Path(format)});
    EXPECT_EQ(DiffTrees(podmans_tree, Podmans("localhost/peers/rich:1")), "") << format;
  }
  const Json hoys = Inspect("localhost/peers/rich:1");
  Json podmans = Json::parse(Podman({"image", "inspect", "localhost/peers/rich:1"}).out)[0];
  podmans["Id"] = "sha256:" + podmans["Id"].get<std::string>();
  for (const char* path : {"/Id", "/Architecture", "/Os", "/Author", "/Comment", "/RootFS/Layers",
                           "/Config/Cmd", "/Config/Env", "/Config/Labels"}) {
    EXPECT_EQ(hoys[Json::json_pointer(path)], podmans[Json::json_pointer(path)]) << path;
  }
  Forget();
  for (const char* format : {"docker-archive", "oci-archive", "oci-dir", "docker-dir"}) {
    const std::string path = Path(std::string("by-podman-") + format);
    Podman({"save", "--format", format, "-o", path, "localhost/peers/rich:1"});
    const std::string loaded = RunOk({"load", "-i", path});
    EXPECT_EQ(DiffTrees(tree, Hoys(loaded.substr(loaded.find(": ") + 2))), "") << format;
    Forget();
  }
}

TEST_F(ImagePeers, PodmanAndHoyReadEachOthersPushesCommitsAndLists) {
  if (RunCommand({.argv = {"which", "podman"}}).code != 0) SKIP_BECAUSE("podman is missing");
  Registry registry;
  WriteFile(Path("registries.conf"),
            "[[registry]]\nlocation='" + registry.address() + "'\ninsecure=true\n");
  const std::string rich = "localhost/peers/rich:1";
  RunOk({"create", "--name", "box", rich, "x"});
  RunOk({"cp", Path("policy.json"), "box:/keep/new"});
  const std::string committed = registry.Reference("hoy/committed", "1");
  RunOk({"commit", "-a", "A. Uthor", "-m", "why", "-c", "ENV MADE=here", "box", committed});
  RunOk({"rm", "box"});
  RunOk({"push", "-q", committed});
  Podman({"pull", "-q", committed});
  EXPECT_EQ(DiffTrees(Hoys(committed, Times::kNotOfDirectories), Podmans(committed)), "");
  const Json seen = Json::parse(Podman({"image", "inspect", committed}).out)[0];
  EXPECT_EQ(seen["Author"], "A. Uthor");
  EXPECT_EQ(seen["Config"]["Env"], Json({"PATH=/bin", "MADE=here"}));
  EXPECT_EQ("sha256:" + seen["Id"].get<std::string>(), Inspect(committed)["Id"]);

  // hoy's list, read by podman; podman's list of it and what is in it, read by hoy.
  const std::string hoys_list = registry.Reference("hoy/list", "1");
  RunOk({"manifest", "create", "--annotation", "by=hoy", hoys_list, committed});
  RunOk({"manifest", "annotate", "--variant", "v1", hoys_list, committed});
  RunOk({"manifest", "push", "-q", hoys_list});
  const Json raw = Json::parse(
      Do({"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + hoys_list}).out);
  EXPECT_EQ(Json::parse(Podman({"manifest", "inspect", hoys_list}).out)["manifests"],
            raw["manifests"]);
  EXPECT_EQ(raw["manifests"][0]["platform"]["variant"], "v1");
  const std::string podmans_list = registry.Reference("podman/list", "1");
  Podman({"manifest", "create", "list"});
  Podman({"manifest", "add", "list", "docker://" + committed});
  Podman({"manifest", "push", "-q", "--all", "list", "docker://" + podmans_list});
  EXPECT_EQ(Json::parse(RunOk({"manifest", "inspect", podmans_list}))["manifests"].size(), 1u);
  const auto tree = Hoys(committed);
  Forget();
  RunOk({"pull", "-q", "--all-platforms", podmans_list});
  EXPECT_EQ(DiffTrees(tree, Hoys(podmans_list)), "");
  Forget();
  // What podman itself commits, packs and pushes.
  const std::string changed = registry.Reference("podman/changed", "1");
  Podman({"create", "--network", "none", "--name", "box", committed, "x"});
  Podman({"cp", Path("policy.json"), "box:/etc/by-podman"});
  Podman({"commit", "-q", "-c", "ENV ALSO=there", "box", changed});
  Podman({"push", "-q", changed});
  RunOk({"pull", "-q", changed});
  EXPECT_EQ(DiffTrees(Podmans(changed), Hoys(changed, Times::kNotOfDirectories)), "");
  const Json env_of_changed = Inspect(changed)["Config"]["Env"];
  EXPECT_NE(std::ranges::find(env_of_changed, "MADE=here"), env_of_changed.end());
  EXPECT_NE(std::ranges::find(env_of_changed, "ALSO=there"), env_of_changed.end());
  Forget();
  Podman({"push", "-q", "--format", "v2s2", committed,
          "docker://" + registry.Reference("podman/app", "1")});
  RunOk({"pull", "-q", registry.Reference("podman/app", "1")});
  EXPECT_EQ(DiffTrees(tree, Hoys(registry.Reference("podman/app", "1"))), "");
}

}  // namespace
}  // namespace hoy::test
