// hoy push: to docker-registry, with skopeo and podman as readers of what has arrived, and to a
// server that breaks off.

#include <atomic>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/token_server.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 7;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

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

// The upload half of a registry, in memory.
class UploadServer {
 public:
  FaultReply Answer(const FaultRequest& request) {
    std::lock_guard lock(mutex_);
    if (request.method == "HEAD") return {.status = 404};
    if (request.method == "POST") {
      sessions_.emplace_back();
      return {.status = 202,
              .headers = {{"Location", "/upload/" + std::to_string(sessions_.size() - 1)}}};
    }
    if (request.target.find("/manifests/") != std::string::npos) return {.status = 201};
    size_t slash = request.target.rfind('/');
    std::string& session = sessions_.at(std::stoul(request.target.substr(slash + 1)));
    if (request.method == "GET") return Range(204, request, session.size());
    if (request.method == "PATCH") {
      if (fault_patch) {
        if (auto reply = fault_patch(request, session)) return *reply;
      }
      session += request.body;
      return Range(202, request, session.size());
    }
    session += request.body;  // PUT
    stored.push_back(session);
    return {.status = 201};
  }
  FaultServer::Handler Handler() {
    return [this](const FaultRequest& request) { return Answer(request); };
  }

  std::function<std::optional<FaultReply>(const FaultRequest&, std::string& session)> fault_patch;
  std::vector<std::string> stored;

 private:
  static FaultReply Range(int status, const FaultRequest& request, size_t size) {
    return {.status = status,
            .headers = {{"Location", request.target},
                        {"Range", "0-" + std::to_string(size > 0 ? size - 1 : 0)}}};
  }
  std::mutex mutex_;
  std::vector<std::string> sessions_;
};

class PushFaults : public Push {
 protected:
  void SetUp() override {
    Push::SetUp();
    image_ = TwoLayers();
    PullFrom(from_, image_);
    big_ = image_.blobs[0].bytes;
    for (const Blob& blob : image_.blobs) {
      if (blob.digest == image_.layer_digests[1]) big_ = blob.bytes;
    }
  }
  bool Stored(const std::string& bytes) const {
    return std::ranges::find(uploads_.stored, bytes) != uploads_.stored.end();
  }

  Registry from_;
  Image image_;
  std::string big_;
  UploadServer uploads_;
};

TEST_F(PushFaults, InChunks) {
  FaultServer to(uploads_.Handler());
  RunOk({"push", "-q", "--chunk-size", "1m", pulled_, to.address() + "/new:2"});
  auto patches = to.Requests("PATCH", "/upload/");
  ASSERT_GE(patches.size(), 3u);
  EXPECT_EQ(patches[0].Header("content-range"), "0-1048575");
  EXPECT_EQ(patches[1].Header("content-range"), "1048576-2097151");
  EXPECT_TRUE(Stored(big_));
}

TEST_F(PushFaults, ABrokenChunkGoesOnWhereTheRegistryStopped) {
  std::atomic<int> broken = 0;
  uploads_.fault_patch = [&](const FaultRequest& request,
                             std::string& session) -> std::optional<FaultReply> {
    if (session.size() < (1 << 20) || broken++ > 0) return std::nullopt;
    session += request.body.substr(0, 1000);  // so much arrived before the line broke
    return FaultReply{.body = "xxxx", .break_after = 1};
  };
  FaultServer to(uploads_.Handler());
  RunOk({"push", "-q", "--chunk-size", "1m", pulled_, to.address() + "/new:2"});
  EXPECT_EQ(to.Requests("GET", "/upload/").size(), 1u);
  auto patches = to.Requests("PATCH", "/upload/");
  ASSERT_GE(patches.size(), 3u);
  EXPECT_TRUE(patches[2].Header("content-range").starts_with("1049576-")) << "goes on there";
  EXPECT_TRUE(Stored(big_));
}

TEST_F(PushFaults, ASessionThatIsGoneStartsOver) {
  std::atomic<int> broken = 0;
  uploads_.fault_patch = [&](const FaultRequest&, std::string&) -> std::optional<FaultReply> {
    if (broken++ > 0) return std::nullopt;
    return FaultReply{.body = "xxxx", .break_after = 1};
  };
  FaultServer to([&](const FaultRequest& request) {
    if (request.method == "GET") return FaultReply{.status = 404};
    return uploads_.Answer(request);
  });
  RunOk({"push", "-q", "--chunk-size", "1m", pulled_, to.address() + "/new:2"});
  EXPECT_TRUE(Stored(big_));
}

TEST_F(PushFaults, SaysWhatHappenedAndWhatToDo) {
  struct Row {
    std::string where;  // a method and a part of the target
    FaultReply reply;
    std::vector<std::string> says;
    bool once = false;  // what would be tried again
  };
  const Row rows[] = {
      {"POST /blobs/uploads/",
       {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}},
       {"layer '", "wants a login", "hint: check the name; if it is private: hoy login {to}"}},
      {"POST /blobs/uploads/",
       {.status = 403, .body = R"({"errors":[{"code":"DENIED","message":"not yours"}]})"},
       {"layer '", "'{to}/new': access denied: not yours",
        "hint: a push may need a login: hoy login {to}"}},
      {"PUT /manifests/",
       {.status = 403},
       {"manifest of '{to}/new:2': access denied", "hint: a push may need a login"}},
      {"PUT /upload/",
       {.status = 413},
       {"layer '", "too large for registry '{to}' or a proxy before it",
        "hint: try smaller pieces: hoy push --chunk-size"}},
      {"PUT /upload/",
       {.status = 429, .headers = {{"Retry-After", "7200"}}},
       {"layer '", "limits the rate of requests", "try again in 2 hours"}},
      {"POST /blobs/uploads/",
       {.status = 500},
       {"layer '", "answered 500 Internal Server Error",
        "hint: the registry has a problem; try again later"},
       true},
      {"PUT /manifests/",
       {.status = 500},
       {"manifest of '{to}/new:2'", "answered 500 Internal Server Error",
        "hint: the registry has a problem"},
       true},
      {"PUT /upload/",
       {.status = 507},
       {"layer '", "answered 507 Insufficient Storage",
        "hint: the registry has no room left: ask whoever keeps it"},
       true},
      {"PUT /upload/",
       {.body = "xxxx", .break_after = 1},
       {"layer '", "'{to}' broke off", "hint: try again"},
       true},
      {"POST /blobs/uploads/",
       {.status = 202},
       {"the registry opens an upload without saying where", "hint: this may not be a registry"}},
  };
  for (const Row& row : rows) {
    const size_t space = row.where.find(' ');
    FaultServer to([&](const FaultRequest& request) {
      const bool spoilt = request.method == row.where.substr(0, space) &&
                          request.target.find(row.where.substr(space + 1)) != std::string::npos;
      return spoilt ? row.reply : uploads_.Answer(request);
    });
    std::vector<std::string> words = {"push", pulled_, to.address() + "/new:2"};
    if (row.once) words.insert(words.begin() + 1, "--retry=0");
    const Output output = Run(words);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_NE(output.err.find("hoy: push '" + to.address() + "/new:2': "), std::string::npos)
        << output;
    for (std::string text : row.says) {
      for (size_t at; (at = text.find("{to}")) != std::string::npos;)
        text.replace(at, 4, to.address());
      EXPECT_NE(output.err.find(text), std::string::npos) << "expected: " << text << "\n" << output;
    }
  }
}

// What goes in one piece is sent again from its beginning, under a new upload.
TEST_F(PushFaults, ABrokenPutIsSentAgain) {
  std::atomic<int> broken = 0;
  FaultServer to([&](const FaultRequest& request) {
    const bool whole =
        request.method == "PUT" && request.target.find("/upload/") != std::string::npos;
    if (!whole || broken++ > 0) return uploads_.Answer(request);
    return FaultReply{.body = "xxxx", .break_after = 1};
  });
  RunOk({"push", "-q", "--retry-delay=10ms", pulled_, to.address() + "/new:2"});
  for (const Blob& blob : image_.blobs) EXPECT_TRUE(Stored(blob.bytes)) << blob.media_type;
  EXPECT_EQ(to.Requests("PUT", "/upload/").size(), image_.blobs.size() + 1);
}

TEST_F(PushFaults, CredentialsDoNotFollowAnUploadToAnotherHost) {
  FaultServer storage(uploads_.Handler(), "127.0.0.2");
  TokenRegistry to([&](const FaultRequest& request) {
    FaultReply reply = uploads_.Answer(request);
    for (auto& [name, value] : reply.headers) {
      if (name == "Location") value = storage.Url(value);
    }
    return reply;
  });
  RunOk({"push", "-q", "--creds", "user:secret", pulled_, to.address() + "/new:2"});
  ASSERT_FALSE(storage.requests().empty());
  for (const FaultRequest& request : storage.requests()) {
    EXPECT_EQ(request.Header("authorization"), "") << request.method << " " << request.target;
  }
  bool asked_to_push = false;
  for (const FaultRequest& request : to.requests()) {
    asked_to_push = asked_to_push || (request.target.starts_with("/token") &&
                                      request.target.find("pull%2Cpush") != std::string::npos);
  }
  EXPECT_TRUE(asked_to_push);
}

}  // namespace
}  // namespace hoy::test
