// hoy manifest, and names that hold several platforms: pulled, run, pushed, saved and removed
// whole; skopeo and podman judge what comes out.

#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

Image For(const std::string& architecture, MediaTypes types = MediaTypes::kOci,
          Compression compression = Compression::kGzip) {
  ImageBuilder builder(types);
  builder.Layer(Tar().Directory("etc").File("etc/arch", architecture), compression);
  builder.Layer(Tar().File("etc/both", "same"), compression);
  builder.Platform(architecture);
  return builder.Build();
}

std::string Digest(const Output& output) {
  return output.out.substr(0, output.out.find('\n'));
}

class ManifestList : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    if (RunCommand({.argv = {"which", "skopeo"}}).code != 0) SKIP_BECAUSE("skopeo is missing");
    WriteFile(Path("policy.json"), R"({"default":[{"type":"insecureAcceptAnything"}]})");
  }

  // app:1 is an index of amd64 and arm64.
  std::vector<IndexEntry> PushIndex(Registry& registry, MediaTypes types = MediaTypes::kOci) {
    std::vector<IndexEntry> entries = {{For("amd64", types), "amd64", ""},
                                       {For("arm64", types), "arm64", ""}};
    index_ = BuildIndex(entries, types);
    registry.PushIndex("app", "1", index_, entries);
    return entries;
  }
  std::string Raw(const std::string& image) const {
    const Output raw =
        RunCommand({.argv = {"skopeo", "inspect", "--raw", "--tls-verify=false", image}});
    EXPECT_EQ(raw.code, 0) << raw;
    return raw.out;
  }
  // All of it, every blob verified.
  void SkopeoCopy(const std::string& from, const std::string& to) const {
    const Output copy = RunCommand({.argv = {"skopeo", "--policy", Path("policy.json"), "copy",
                                             "-q", "--all", "--src-tls-verify=false", from, to}});
    EXPECT_EQ(copy.code, 0) << copy;
  }
  // Of the image that the name means on this machine, or for a platform.
  std::string ArchitectureOf(const std::string& name, const std::string& platform = "") const {
    std::vector<std::string> words = {"image", "inspect", "--format", "{{.Architecture}}", name};
    if (!platform.empty()) words.insert(words.begin() + 2, "--platform=" + platform);
    const Output output = Run(words);
    return output.code == 0 ? Digest(output) : output.err;
  }
  void ExpectNothingLeft() const {
    EXPECT_TRUE(ListNames(data() + "/images/blobs/sha256").empty());
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
  }

  Blob index_;
};

TEST_F(ManifestList, APullOfAllPlatformsKeepsAndDropsThemTogether) {
  for (MediaTypes types : {MediaTypes::kOci, MediaTypes::kDocker}) {
    Registry from, to;
    PushIndex(from, types);
    const std::string name = from.Reference("app", "1");
    EXPECT_EQ(RunOk({"pull", "--all-platforms", name}), name);
    EXPECT_EQ(ArchitectureOf(name), "amd64");
    EXPECT_EQ(ArchitectureOf(name, "linux/arm64"), "arm64");
    EXPECT_NE(ArchitectureOf(name, "linux/s390x").find("does not exist for linux/s390x"),
              std::string::npos);
    EXPECT_NE(RunOk({"history", "--platform", "linux/arm64", name}), "");

    // One line, of this machine's image; the tree has both, -a the other one too.
    EXPECT_EQ(RunOk({"images", "-q"}).size(), 12u);
    EXPECT_EQ(RunOk({"images", "-qa"}).size(), 25u);
    EXPECT_EQ(RunOk({"images", "--digests", "--format", "{{.Digest}}"}), index_.digest);
    const std::string tree = RunOk({"images", "--tree"});
    EXPECT_NE(tree.find("├─ linux/amd64"), std::string::npos) << tree;
    EXPECT_NE(tree.find("└─ linux/arm64"), std::string::npos) << tree;
    EXPECT_EQ(RunOk({"images", "-qf", "dangling=true"}), "");

    // What is pushed is what was pulled, and a second pull finds nothing to do.
    const Output again = Run({"pull", "--all-platforms", name});
    EXPECT_EQ(again.code, 0) << again;
    EXPECT_EQ(again.err.find("Downloaded"), std::string::npos) << again;
    RunOk({"push", "-q", name, to.Reference("new", "2")});
    EXPECT_EQ(Raw("docker://" + to.Reference("new", "2")), index_.bytes);
    SkopeoCopy("docker://" + to.Reference("new", "2"), "dir:" + Path("copy"));

    // Another name keeps all of it; the last one drops all of it.
    RunOk({"tag", name, "localhost/other:1"});
    RunOk({"rmi", name});
    EXPECT_EQ(ArchitectureOf("localhost/other:1", "linux/arm64"), "arm64");
    EXPECT_EQ(Run({"image", "prune", "-f"}).out, "Total reclaimed space: 0B\n");
    EXPECT_EQ(ArchitectureOf("localhost/other:1", "linux/arm64"), "arm64");
    RunOk({"rmi", "localhost/other:1"});
    ExpectNothingLeft();
  }
}

TEST_F(ManifestList, SavesAndLoadsAllPlatforms) {
  Registry registry;
  PushIndex(registry);
  const std::string name = registry.Reference("app", "1");
  RunOk({"pull", "-q", "--all-platforms", name});
  const std::map<std::string, std::string> formats = {
      {"oci-archive", "oci-archive"}, {"oci-dir", "oci"}, {"docker-dir", "dir"}};
  for (const auto& [format, transport] : formats) {
    RunOk({"save", "--format", format, "-o", Path(format), name});
    if (format != "docker-dir") {  // its manifests are Docker's
      EXPECT_EQ(Raw(transport + ":" + Path(format)), index_.bytes) << format;
    }
    SkopeoCopy(transport + ":" + Path(format), "dir:" + Path("copy-" + format));
  }
  // docker-archive holds this machine's only, or the one that is asked for.
  RunOk({"save", "-o", Path("one"), "--platform", "linux/arm64", name});
  RunOk({"rmi", name});
  ExpectNothingLeft();
  RunOk({"load", "-i", Path("one")});
  EXPECT_EQ(ArchitectureOf(name), "arm64");
  RunOk({"rmi", name});
  RunOk({"load", "--all-platforms", "-i", Path("oci-archive")});
  EXPECT_EQ(ArchitectureOf(name), "amd64");
  EXPECT_EQ(ArchitectureOf(name, "linux/arm64"), "arm64");
  RunOk({"rmi", name});
  // And what skopeo writes.
  SkopeoCopy("oci-archive:" + Path("oci-archive"), "oci:" + Path("by-skopeo") + ":x");
  const std::string pulled = RunOk({"pull", "--all-platforms", "oci:" + Path("by-skopeo") + ":x"});
  EXPECT_EQ(ArchitectureOf(pulled, "linux/arm64"), "arm64");
  RunOk({"rmi", pulled});
  ExpectNothingLeft();
}

TEST_F(ManifestList, SomePlatformsFirstAndAnotherWhenItIsAskedFor) {
  Registry registry;
  std::vector<IndexEntry> entries = {
      {For("amd64"), "amd64", ""}, {For("arm64"), "arm64", ""}, {For("s390x"), "s390x", ""}};
  registry.PushIndex("app", "1", BuildIndex(entries), entries);
  const std::string name = registry.Reference("app", "1");
  RunOk({"pull", "-q", "--platform", "linux/amd64", "--platform", "linux/s390x", name});
  EXPECT_EQ(ArchitectureOf(name, "linux/s390x"), "s390x");
  EXPECT_NE(ArchitectureOf(name, "linux/arm64").find("is not on this machine"), std::string::npos);
  EXPECT_NE(Run({"save", "--format", "oci-archive", "-o", Path("x"), name})
                .err.find("its image for linux/arm64 is not on this machine"),
            std::string::npos);
  EXPECT_EQ(Run({"create", "--pull=never", "--platform", "linux/arm64", name, "x"}).code, 125);
  const std::string container = RunOk({"create", "-q", "--platform", "linux/arm64", name, "x"});
  EXPECT_EQ(ArchitectureOf(name, "linux/arm64"), "arm64");
  EXPECT_EQ(ArchitectureOf(name), "amd64");
  // It is in use now, as part of the list.
  const Output used = Run({"rmi", name});
  EXPECT_EQ(used.code, 125) << used;
  EXPECT_NE(used.err.find("uses the image"), std::string::npos) << used;
  RunOk({"rm", container});
}

TEST_F(ManifestList, IsMadeOfRemoteAndLocalImagesAndPushedWithTheirBlobs) {
  Registry from, to;
  from.Push("team/amd", "1", For("amd64"));
  from.Push("team/arm", "1", For("arm64", MediaTypes::kOci, Compression::kNone));
  RunOk({"pull", "-q", from.Reference("team/arm", "1")});
  const std::string list = to.Reference("app", "1");
  Run({"manifest", "create", "--annotation", "made=here", list});
  EXPECT_EQ(Run({"manifest", "create", list}).code, 125);
  EXPECT_EQ(Run({"manifest", "exists", list}).code, 0);
  EXPECT_EQ(Run({"image", "exists", list}).code, 0);
  EXPECT_EQ(RunOk({"images", "--format", "{{.Size}}", list}), "-");
  const Output inspected = Run({"inspect", list});
  EXPECT_NE(inspected.err.find("is a manifest list"), std::string::npos) << inspected;
  const std::string both =
      RunOk({"manifest", "add", list, "docker://" + from.Reference("team/amd", "1"),
             from.Reference("team/arm", "1")});
  EXPECT_EQ(Json::parse(RunOk({"manifest", "inspect", both}))["manifests"].size(), 2u);
  RunOk({"manifest", "annotate", "--variant", "v8", "--os-version", "5", "--annotation", "a=b",
         list, from.Reference("team/arm", "1")});
  Json document = Json::parse(RunOk({"manifest", "inspect", list}));
  EXPECT_EQ(document["annotations"]["made"], "here");
  ASSERT_EQ(document["manifests"].size(), 2u);
  EXPECT_EQ(document["manifests"][0]["platform"]["architecture"], "amd64");
  EXPECT_EQ(document["manifests"][1]["platform"]["variant"], "v8");
  EXPECT_EQ(document["manifests"][1]["platform"]["os.version"], "5");
  EXPECT_EQ(document["manifests"][1]["annotations"]["a"], "b");

  // The plain layers are packed on the way, so the list follows; nothing fetched stays behind.
  const auto blobs = ListNames(data() + "/images/blobs/sha256");
  const Output pushed = Run({"manifest", "push", "--digestfile", Path("digest"), list});
  ASSERT_EQ(pushed.code, 0) << pushed;
  EXPECT_EQ(ListNames(data() + "/images/blobs/sha256"), blobs);
  EXPECT_EQ(ReadFile(Path("digest")), pushed.out);
  SkopeoCopy("docker://" + list, "dir:" + Path("copy"));
  const Json arrived = Json::parse(Raw("docker://" + list));
  EXPECT_EQ(arrived["manifests"][0], document["manifests"][0]);
  EXPECT_NE(arrived["manifests"][1]["digest"], document["manifests"][1]["digest"]);
  EXPECT_EQ(arrived["manifests"][1]["platform"], document["manifests"][1]["platform"]);

  // Within one registry blobs are mounted; Docker's format for the list and its images.
  RunOk({"manifest", "push", "-q", "--format", "v2s2", list, from.Reference("app", "2")});
  SkopeoCopy("docker://" + from.Reference("app", "2"), "dir:" + Path("copy2"));
  const Json docker = Json::parse(Raw("docker://" + from.Reference("app", "2")));
  EXPECT_EQ(docker["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
  for (const Json& entry : docker["manifests"]) {
    EXPECT_EQ(entry["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
  }

  // run pulls what it needs from where it was found.
  const std::string container = RunOk({"create", "-q", list, "x"});
  EXPECT_EQ(ArchitectureOf(list), "amd64");
  RunOk({"rm", container});

  RunOk({"manifest", "remove", list, document["manifests"][0]["digest"]});
  EXPECT_EQ(Run({"manifest", "remove", list, document["manifests"][0]["digest"]}).code, 1);
  RunOk({"manifest", "push", "--purge", "-q", list, to.Reference("app", "3")});
  EXPECT_EQ(Run({"manifest", "exists", list}).code, 1);
  EXPECT_EQ(ArchitectureOf(from.Reference("team/arm", "1")), "arm64");
}

TEST_F(ManifestList, IsPushedToArchivesAndDirectories) {
  Registry from;
  const Image remote = For("amd64", MediaTypes::kDocker);
  from.Push("team/amd", "1", remote);
  from.Push("team/arm", "1", For("arm64"));
  RunOk({"pull", "-q", from.Reference("team/arm", "1")});
  const std::string list = "localhost/list:1";
  RunOk({"manifest", "create", list, from.Reference("team/amd", "1"),
         from.Reference("team/arm", "1")});
  const std::string oci = "application/vnd.oci.image.manifest.v1+json";
  const std::string docker = "application/vnd.docker.distribution.manifest.v2+json";
  struct Row {
    std::string target;
    std::vector<std::string> options;
    std::string first, second;  // what the entries have become
  };
  for (const Row& row : std::initializer_list<Row>{
           {"oci:" + Path("layout") + ":v1", {}, oci, oci},
           {"oci-archive:" + Path("archive") + ":v1", {"--format=oci"}, oci, oci},
           {"dir:" + Path("dir"), {}, docker, oci},
           {"dir:" + Path("dir2"), {"--format=v2s2"}, docker, docker}}) {
    std::vector<std::string> words = {"manifest",     "push", "--digestfile",
                                      Path("digest"), list,   row.target};
    words.insert(words.begin() + 2, row.options.begin(), row.options.end());
    const std::string digest = RunOk(words);
    EXPECT_EQ(ReadFile(Path("digest")), digest + "\n");
    const std::string raw = Raw(row.target);
    EXPECT_EQ(Sha256Digest(raw), digest) << row.target;
    const Json document = Json::parse(raw);
    ASSERT_EQ(document["manifests"].size(), 2u) << raw;
    EXPECT_EQ(document["manifests"][0]["mediaType"], row.first) << row.target;
    EXPECT_EQ(document["manifests"][1]["mediaType"], row.second) << row.target;
    SkopeoCopy(row.target, "dir:" + Path("copy-" + digest.substr(7, 12)));
  }
  // What was fetched for it does not stay.
  for (const std::string& digest : {remote.config_digest, remote.layer_digests[0]}) {
    EXPECT_FALSE(std::filesystem::exists(data() + "/images/blobs/sha256/" + digest.substr(7)));
  }
  RunOk({"manifest", "push", "--all=false", list, "dir:" + Path("alone")});
  EXPECT_EQ(ListNames(Path("alone")), (std::vector<std::string>{"manifest.json", "version"}));
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"docker-archive:" + Path("no")}, "a docker-archive holds no lists"},
      {{"--format=v2s2", "oci:" + Path("no")}, "it holds manifests in the OCI format only"},
      {{"--compression-format=zstd", "oci:" + Path("no")}, "layers are written there as they are"},
      {{"containers-storage:x"}, "that store belongs to podman"}};
  for (const auto& [more, text] : refused) {
    std::vector<std::string> words = {"manifest", "push"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end() - 1, list);
    const Output output = Run(words);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(text), std::string::npos) << output;
  }
  EXPECT_FALSE(std::filesystem::exists(Path("no")));
  RunOk({"manifest", "push", "--rm", list, "oci:" + Path("layout") + ":v2"});
  EXPECT_EQ(Run({"manifest", "exists", list}).code, 1);
  RunOk({"rmi", from.Reference("team/arm", "1")});
  ExpectNothingLeft();
  RunOk({"pull", "-q", "--all-platforms", "oci:" + Path("layout") + ":v1"});
  EXPECT_EQ(ArchitectureOf("localhost/layout:v1", "linux/arm64"), "arm64");
}

// --creds are one registry's. Whom they are for is asked before anybody is.
TEST_F(ManifestList, CredsAreNotForSeveralRegistries) {
  auto closed = [](const FaultRequest&) {
    return FaultReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
  };
  FaultServer one(closed), two(closed);
  Registry open_one, open_two;
  open_one.Push("app", "1", For("amd64"));
  open_two.Push("app", "1", For("arm64"));
  const std::string list = "localhost/list:1";
  RunOk({"manifest", "create", list, open_one.Reference("app", "1")});
  const std::string a = one.address() + "/app:1", b = two.address() + "/app:1";
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"manifest", "create", "--creds", "me:secret", "localhost/new:1", a, "docker://" + b},
           {"manifest", "add", "--creds", "me:secret", list, a, b},
           {"pull", "--creds", "me:secret", a, b}}) {
    const Output output = Run(words);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("--creds would go to several registries: "), std::string::npos)
        << output;
    EXPECT_NE(output.err.find("hint: log in to each with 'hoy login'"), std::string::npos)
        << output;
  }
  EXPECT_TRUE(one.requests().empty());
  EXPECT_TRUE(two.requests().empty());
  RunOk({"manifest", "push", "--creds", "me:secret", list, "oci:" + Path("first")});
  RunOk({"manifest", "add", list, open_two.Reference("app", "1")});
  const Output output =
      Run({"manifest", "push", "--creds", "me:secret", list, "oci:" + Path("no")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("several registries: "), std::string::npos) << output;
  EXPECT_NE(output.err.find(open_one.address()), std::string::npos) << output;
  EXPECT_NE(output.err.find(open_two.address()), std::string::npos) << output;
  RunOk({"pull", "-q", open_two.Reference("app", "1")});
  RunOk({"manifest", "push", "--creds", "me:secret", list, "oci:" + Path("second")});
}

TEST_F(ManifestList, TakesListsApartAndTogether) {
  Registry registry;
  const auto entries = PushIndex(registry);
  const std::string name = registry.Reference("app", "1");
  RunOk({"manifest", "create", "localhost/one:1", name});
  Json one = Json::parse(RunOk({"manifest", "inspect", "localhost/one:1"}));
  ASSERT_EQ(one["manifests"].size(), 1u);
  EXPECT_EQ(one["manifests"][0]["digest"], entries[0].image.manifest.digest);
  RunOk({"manifest", "create", "--all", "localhost/two:1", name});
  EXPECT_EQ(Json::parse(RunOk({"manifest", "inspect", "localhost/two:1"}))["manifests"],
            Json::parse(index_.bytes)["manifests"]);
  RunOk({"manifest", "create", "--amend", "--all", "localhost/one:1", "localhost/two:1"});
  EXPECT_EQ(Json::parse(RunOk({"manifest", "inspect", "localhost/one:1"}))["manifests"].size(), 2u);
  // Of a registry, as it is there; docker's way to name an entry, too.
  EXPECT_EQ(Json::parse(RunOk({"manifest", "inspect", "docker://" + name})),
            Json::parse(index_.bytes));
  EXPECT_EQ(Run({"manifest", "inspect", "localhost:1/none"}).code, 125);
  RunOk({"manifest", "rm", "localhost/one:1", "localhost/two:1"});
  EXPECT_EQ(Run({"manifest", "rm", "localhost/one:1"}).code, 1);
  RunOk({"manifest", "rm", "-i", "localhost/one:1"});
  ExpectNothingLeft();
}

TEST_F(ManifestList, IsMadeOfArchivesAndDirectories) {
  Registry registry;
  PushIndex(registry);
  const std::string name = registry.Reference("app", "1");
  SkopeoCopy("docker://" + name, "oci:" + Path("both") + ":1");
  WriteOciLayout(Path("one"), "1", For("s390x"));
  RunOk({"manifest", "create", "--all", "localhost/list:1", "oci:" + Path("both") + ":1"});
  RunOk({"manifest", "add", "localhost/list:1", "oci:" + Path("one")});
  const Json entries = Json::parse(RunOk({"manifest", "inspect", "localhost/list:1"}))["manifests"];
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1]["platform"]["architecture"], "arm64");
  EXPECT_EQ(ArchitectureOf("localhost/list:1", "linux/s390x"), "s390x");
  EXPECT_EQ(Run({"image", "prune", "-f"}).out, "Total reclaimed space: 0B\n");
  RunOk({"manifest", "push", "-q", "localhost/list:1", registry.Reference("list", "1")});
  SkopeoCopy("docker://" + registry.Reference("list", "1"), "dir:" + Path("copy"));
  EXPECT_EQ(Run({"manifest", "add", "localhost/list:1", "oci:" + Path("none")}).code, 125);
  RunOk({"manifest", "rm", "localhost/list:1"});
  ExpectNothingLeft();
}

// What is added at the same time is all there in the end.
TEST_F(ManifestList, ConcurrentChangesAllCount) {
  Registry registry;
  std::vector<std::string> names;
  for (const char* architecture : {"amd64", "arm64", "s390x", "ppc64le"}) {
    registry.Push(architecture, "1", For(architecture));
    names.push_back(registry.Reference(architecture, "1"));
  }
  RunOk({"manifest", "create", "localhost/list:1"});
  std::vector<Background> adding;
  for (const std::string& name : names) {
    adding.emplace_back(Hoy({"manifest", "add", "localhost/list:1", name}));
  }
  for (Background& one : adding) {
    const Output output = one.Finish();
    EXPECT_EQ(output.code, 0) << output;
  }
  EXPECT_EQ(Json::parse(RunOk({"manifest", "inspect", "localhost/list:1"}))["manifests"].size(),
            4u);
}

// BuildKit's attestations are entries that are no images: they come and go with the list.
TEST_F(ManifestList, CarriesWhatIsNoImage) {
  Registry from, to;
  ImageBuilder builder;
  builder.Layer(Tar().File("in-toto", "{}"), Compression::kNone);
  const Image attestation = builder.Build(
      [](Json& manifest) { manifest["layers"][0]["mediaType"] = "application/vnd.in-toto+json"; });
  std::vector<IndexEntry> entries = {{For("amd64"), "amd64", ""}, {attestation, "unknown", ""}};
  Blob plain = BuildIndex(entries);
  Json document = Json::parse(plain.bytes);
  document["manifests"][1]["platform"]["os"] = "unknown";
  Blob index{.bytes = document.dump(), .digest = {}, .media_type = plain.media_type};
  index.digest = Sha256Digest(index.bytes);
  from.PushIndex("app", "1", index, entries);
  const std::string name = from.Reference("app", "1");
  RunOk({"pull", "-q", "--all-platforms", name});
  RunOk({"push", "-q", name, to.Reference("app", "1")});
  EXPECT_EQ(Raw("docker://" + to.Reference("app", "1")), index.bytes);
  SkopeoCopy("docker://" + to.Reference("app", "1"), "dir:" + Path("copy"));
  RunOk({"save", "--format", "oci-dir", "-o", Path("layout"), name});
  RunOk({"rmi", name});
  ExpectNothingLeft();
  const std::string pulled = RunOk({"pull", "--all-platforms", "oci:" + Path("layout")});
  RunOk({"push", "-q", pulled, to.Reference("app", "2")});
  EXPECT_EQ(Raw("docker://" + to.Reference("app", "2")), index.bytes);
}

}  // namespace
}  // namespace hoy::test
