// hoy push: to docker-registry, with skopeo and podman as readers of what has arrived.

#include <atomic>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/token_server.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

Image TwoLayers(Compression compression = Compression::kGzip, MediaTypes types = MediaTypes::kOci) {
  ImageBuilder builder(types);
  builder.Layer(Tar().Directory("etc").File("etc/word", "hello"), compression);
  builder.Layer(Tar().File("big", Noise(3 << 20)), compression);
  return builder.Build();
}

class Push : public HoySandbox {
 protected:
  void PullFrom(Registry& registry, const Image& image, const std::string& name = "app") {
    registry.Push(name, "1", image);
    pulled_ = registry.Reference(name, "1");
    RunOk({"pull", "-q", pulled_});
  }
  static std::string RawManifest(const Registry& registry, const std::string& name,
                                 const std::string& tag) {
    Output raw = RunCommand({.argv = {"skopeo", "inspect", "--raw", "--tls-verify=false",
                                      "docker://" + registry.Reference(name, tag)}});
    EXPECT_EQ(raw.code, 0) << raw;
    return raw.out;
  }
  static std::string Digest(const Registry& registry, const std::string& name,
                            const std::string& tag) {
    return Sha256Digest(RawManifest(registry, name, tag));
  }
  static Json Manifest(const Registry& registry, const std::string& name, const std::string& tag) {
    return Json::parse(RawManifest(registry, name, tag), nullptr, false);
  }
  std::string BlobPath(const std::string& digest) const {
    return data() + "/images/blobs/sha256/" + digest.substr(7);
  }
  void ExpectNothingLeft() const { EXPECT_TRUE(ListNames(data() + "/images/ingest").empty()); }

  std::string pulled_;
};

TEST_F(Push, AnUnchangedImageKeepsItsDigest) {
  Registry from, to;
  Image image = TwoLayers();
  PullFrom(from, image);
  Output output = Run({"push", "--digestfile", Path("digest"), pulled_, to.Reference("new", "2")});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, to.Reference("new", "2") + "\n");
  EXPECT_NE(output.err.find("2: Pushing to " + to.address() + "/new"), std::string::npos);
  EXPECT_NE(output.err.find("2: digest: " + image.manifest.digest), std::string::npos) << output;
  EXPECT_EQ(ReadFile(Path("digest")), image.manifest.digest + "\n");
  EXPECT_EQ(RawManifest(to, "new", "2"), image.manifest.bytes);
  ExpectNothingLeft();
}

// Scripts take the pinned name from there: docker inspect --format '{{index .RepoDigests 0}}'.
TEST_F(Push, TheImageHasTheDigestThatItGotThere) {
  Registry to;
  WriteOciLayout(Path("layout"), "v1", TwoLayers(Compression::kNone));
  RunOk({"load", "-i", Path("layout")});
  const std::string name = to.Reference("new", "2");
  RunOk({"push", "-q", "localhost/layout:v1", name});  // under a name that it has not here
  EXPECT_EQ(Inspect("localhost/layout:v1")["RepoDigests"], Json::array());
  RunOk({"tag", "localhost/layout:v1", name});
  RunOk({"push", "-q", "--digestfile", Path("digest"), name});
  std::string digest = ReadFile(Path("digest"));
  digest.pop_back();
  const std::string pinned = to.address() + "/new@" + digest;
  EXPECT_EQ(RunOk({"inspect", "--format", "{{index .RepoDigests 0}}", name}), pinned);
  EXPECT_EQ(Digest(to, "new", "2"), digest);  // packed on the way
  RunOk({"pull", "-q", pinned});
  RunOk({"rmi", name});  // and its digest with it
  EXPECT_EQ(Inspect("localhost/layout:v1")["RepoDigests"], Json::array());
}

TEST_F(Push, SkopeoAndPodmanReadWhatArrives) {
  Registry from, to;
  PullFrom(from, TwoLayers(Compression::kNone));
  RunOk({"push", "-q", pulled_, to.Reference("new", "2")});
  Output copy =
      RunCommand({.argv = {"skopeo", "copy", "-q", "--src-tls-verify=false", "--insecure-policy",
                           "docker://" + to.Reference("new", "2"), "dir:" + Path("copy")}});
  EXPECT_EQ(copy.code, 0) << copy;
  if (RunCommand({.argv = {"sh", "-c", "command -v podman"}}).code != 0) {
    SKIP_BECAUSE("podman is needed");
  }
  std::vector<std::string> podman = {"podman",    "--root",           Path("podman"),
                                     "--runroot", Path("podman-run"), "--storage-driver",
                                     "vfs"};
  auto pull = podman;
  for (const std::string& word : {std::string("pull"), std::string("-q"),
                                  std::string("--tls-verify=false"), to.Reference("new", "2")}) {
    pull.push_back(word);
  }
  Output pulled = RunCommand({.argv = pull});
  EXPECT_EQ(pulled.code, 0) << pulled;
}

TEST_F(Push, ASecondPushSendsNothing) {
  Registry from, to;
  PullFrom(from, TwoLayers());
  RunOk({"push", "-q", pulled_, to.Reference("new", "2")});
  Output output = Run({"push", pulled_, to.Reference("new", "3")});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.err.find("Pushed"), std::string::npos) << output;
  EXPECT_NE(output.err.find("Already exists"), std::string::npos) << output;
}

TEST_F(Push, MountsLayersOfAnotherRepository) {
  Registry registry;
  PullFrom(registry, TwoLayers(), "team/app");
  Output output = Run({"push", pulled_, registry.Reference("other", "1")});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find(": Mounted from team/app"), std::string::npos) << output;
  EXPECT_EQ(output.err.find("Pushed"), std::string::npos) << output;
  Manifest(registry, "other", "1");
}

TEST_F(Push, PlainLayersArePackedAndTheIdStays) {
  Registry from, to;
  PullFrom(from, TwoLayers(Compression::kNone));
  std::string id = Inspect(pulled_)["Id"];
  RunOk({"push", "-q", pulled_, to.Reference("new", "2")});
  Json manifest = Manifest(to, "new", "2");
  for (const Json& layer : manifest["layers"]) {
    EXPECT_EQ(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
  }
  RunOk({"pull", "-q", to.Reference("new", "2")});
  EXPECT_EQ(Inspect(to.Reference("new", "2"))["Id"], id);
  ExpectNothingLeft();
}

TEST_F(Push, ADockerImageWithZstdBecomesAnOciImage) {
  Registry from, to;
  PullFrom(from, TwoLayers(Compression::kGzip, MediaTypes::kDocker));
  std::string id = Inspect(pulled_)["Id"];
  RunOk({"push", "-q", "--compression-format=zstd", "--compression-level=7", pulled_,
         to.Reference("new", "2")});
  Json manifest = Manifest(to, "new", "2");
  EXPECT_EQ(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json");
  for (const Json& layer : manifest["layers"]) {
    EXPECT_EQ(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
  }
  RunOk({"rmi", pulled_});
  RunOk({"pull", "-q", to.Reference("new", "2")});
  EXPECT_EQ(Inspect(to.Reference("new", "2"))["Id"], id);
}

TEST_F(Push, RefusesACompressionLevelThatThereIsNot) {
  Registry from;
  PullFrom(from, TwoLayers());
  Output output = Run({"push", "--compression-format=gzip", "--compression-level=12", pulled_});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("levels 1 to 9, not 12"), std::string::npos) << output;
}

TEST_F(Push, AllTags) {
  fs::create_directory(Path("storage"));
  Registry registry({.storage = Path("storage")});
  registry.Push("app", "1", TwoLayers());
  registry.Push("app", "2", TwoLayers());
  RunOk({"pull", "-q", registry.Reference("app", "1")});
  RunOk({"pull", "-q", registry.Reference("app", "2")});
  fs::remove_all(Path("storage/docker"));
  EXPECT_EQ(RunOk({"push", "-q", "--all-tags", registry.address() + "/app"}),
            registry.Reference("app", "1") + "\n" + registry.Reference("app", "2"));
  Manifest(registry, "app", "1");
  Manifest(registry, "app", "2");
}

TEST_F(Push, AReadOnlyRegistryIsReadAndTakesNothing) {
  {
    Registry open({.storage = Path("storage")});
    open.Push("app", "1", TwoLayers());
  }
  Registry registry({.storage = Path("storage"),
                     .storage_yaml = "  maintenance:\n    readonly:\n      enabled: true\n"});
  const std::string name = registry.Reference("app", "1");
  RunOk({"pull", "-q", name});
  RunOk({"manifest", "create", "localhost/list:1", name});
  // One whose blobs are there, one whose are not, and a list.
  for (const std::vector<std::string>& push : std::vector<std::vector<std::string>>{
           {"push", name, registry.Reference("app", "2")},
           {"push", name, registry.Reference("new", "1")},
           {"manifest", "push", "localhost/list:1", registry.Reference("app", "list")}}) {
    Output output = Run(push);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("registry '" + registry.address() + "' takes no pushes"),
              std::string::npos)
        << output;
    EXPECT_NE(output.err.find("hint: it is read-only: push to the registry that it mirrors"),
              std::string::npos)
        << output;
    EXPECT_EQ(output.err.find("next try"), std::string::npos) << output;
  }
}

TEST_F(Push, CredsAreNotForTheRegistryThatABlobComesBackFrom) {
  Image image = TwoLayers();
  FakeRegistryContent content;
  for (const Blob& blob : image.blobs) content.AddBlob(blob.digest, blob.bytes);
  for (const std::string& reference : {std::string("1"), image.manifest.digest}) {
    content.AddManifest(reference, image.manifest.bytes, image.manifest.media_type,
                        image.manifest.digest);
  }
  std::atomic<bool> closed = false;
  FaultServer from([&](const FaultRequest& request) {
    if (!closed) return content.Answer(request);
    return FaultReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
  });
  Registry to;
  const std::string name = from.address() + "/app:1";
  RunOk({"manifest", "create", "localhost/list:1", name});
  RunOk({"pull", "-q", name});
  fs::remove(BlobPath(image.layer_digests[1]));
  closed = true;
  Output output = Run({"push", "--creds", "me:secret", name, to.Reference("app", "1")});
  EXPECT_NE(output.err.find("wants a login"), std::string::npos) << output;
  RunOk({"rmi", name});
  output = Run(
      {"manifest", "push", "--creds", "me:secret", "localhost/list:1", to.Reference("app", "1")});
  EXPECT_NE(output.err.find("wants a login"), std::string::npos) << output;
  for (const FaultRequest& request : from.requests()) {
    EXPECT_EQ(request.Header("authorization"), "") << request.target;
  }
}

TEST_F(Push, ABlobThatIsGoneIsFetchedBack) {
  Registry to;
  Image image = TwoLayers();
  {
    Registry from;
    PullFrom(from, image);
    fs::remove(BlobPath(image.layer_digests[1]));
    RunOk({"push", "-q", pulled_, to.Reference("new", "2")});
    EXPECT_EQ(Manifest(to, "new", "2")["layers"].size(), 2u);
    fs::remove(BlobPath(image.layer_digests[1]));
    RunOk({"push", "-q", pulled_, to.Reference("new", "3")});
    EXPECT_FALSE(fs::exists(BlobPath(image.layer_digests[1]))) << "the registry had it";
  }
  Output output = Run({"push", pulled_, to.Reference("elsewhere", "1")});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("layer '" + image.layer_digests[1].substr(7, 12) +
                            "': its blob is no longer on this machine"),
            std::string::npos)
      << output;
  EXPECT_NE(output.err.find("hint: pull the image again"), std::string::npos) << output;
}

TEST_F(Push, ADamagedBlobIsSaid) {
  Registry from, to;
  Image image = TwoLayers();
  PullFrom(from, image);
  std::string bytes = ReadFile(BlobPath(image.layer_digests[1]));
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(BlobPath(image.layer_digests[1]), bytes);
  Output output = Run({"push", pulled_, to.Reference("new", "2")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("the copy on this machine is damaged"), std::string::npos) << output;
}

TEST_F(Push, AnIdNeedsADestination) {
  Registry from, to;
  PullFrom(from, TwoLayers());
  std::string id = Inspect(pulled_)["Id"];
  EXPECT_EQ(Run({"push", id.substr(7, 12)}).code, 125);
  RunOk({"push", "-q", id.substr(7, 12), to.Reference("new", "2")});
}

TEST_F(Push, WithBasicAuthentication) {
  Output hash = RunCommand({.argv = {"htpasswd", "-Bbn", "user", "secret"}});
  if (hash.code != 0) SKIP_BECAUSE("htpasswd (apache2-utils) is needed");
  WriteFile(Path("htpasswd"), hash.out);
  Registry from;
  Registry to(
      {.more_yaml = "auth:\n  htpasswd:\n    realm: test\n    path: " + Path("htpasswd") + "\n"});
  PullFrom(from, TwoLayers());
  Output output = Run({"push", pulled_, to.Reference("new", "2")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("hoy login " + to.address()), std::string::npos) << output;
  RunOk({"push", "-q", "--creds", "user:secret", pulled_, to.Reference("new", "2")});
}

TEST_F(Push, ALostBlobComesBackWithTheNextPull) {
  Registry from;
  Image image = TwoLayers();
  PullFrom(from, image);
  fs::remove(BlobPath(image.layer_digests[1]));
  RunOk({"pull", "-q", pulled_});
  EXPECT_TRUE(fs::exists(BlobPath(image.layer_digests[1])));
}

}  // namespace
}  // namespace hoy::test
