// hoy pull against Debian's docker-registry: formats, platforms, authentication, TLS, and images
// that are not what they claim.

#include <filesystem>
#include <sstream>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

Image SmallImage(const std::string& content, Compression compression = Compression::kGzip,
                 MediaTypes types = MediaTypes::kOci) {
  ImageBuilder builder(types);
  builder.Layer(Tar().Directory("etc").File("etc/word", content), compression);
  builder.Layer(Tar().File("etc/second", "second"), compression);
  return builder.Build();
}

class PullRegistry : public HoySandbox {
 protected:
  // The bytes of a file in the image's unpacked layers, wherever it is.
  std::string FileInLayers(const std::string& path) const {
    for (const std::string& layer : ListNames(data() + "/layers")) {
      std::string file = data() + "/layers/" + layer + "/fs/" + path;
      if (fs::exists(file)) return ReadFile(file);
    }
    return "(missing)";
  }
  std::vector<std::string> Blobs() const { return ListNames(data() + "/images/blobs/sha256"); }
  // Nothing of an image is visible, and no blob is left that was not verified.
  void ExpectNoImage() const {
    EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
  }
};

TEST_F(PullRegistry, PrintsTheCanonicalNameAndKeepsTheBlobs) {
  Registry registry;
  Image image = SmallImage("hello");
  registry.Push("team/app", "1", image);
  std::string reference = registry.Reference("team/app", "1");
  Output output = Run({"pull", reference});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, reference + "\n");
  EXPECT_NE(output.err.find("1: Pulling from " + registry.address() + "/team/app"),
            std::string::npos);
  EXPECT_NE(output.err.find("Digest: " + image.manifest.digest), std::string::npos);
  EXPECT_NE(output.err.find("Status: Downloaded newer image for " + reference), std::string::npos);
  EXPECT_EQ(FileInLayers("etc/word"), "hello");
  EXPECT_EQ(FileInLayers("etc/second"), "second");
  EXPECT_EQ(Blobs().size(), 4u);  // manifest, config, two layers
  EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
}

TEST_F(PullRegistry, QuietMeansNoProgress) {
  Registry registry;
  registry.Push("app", "1", SmallImage("hello"));
  Output output = Run({"pull", "-q", registry.Reference("app", "1")});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.err, "");
}

TEST_F(PullRegistry, JsonProgressIsOneObjectPerLine) {
  Registry registry;
  registry.Push("app", "1", SmallImage("hello"));
  Output output = Run({"pull", "--progress=json", registry.Reference("app", "1")});
  ASSERT_EQ(output.code, 0) << output;
  std::vector<Json> events;
  std::istringstream lines(output.err);
  for (std::string line; std::getline(lines, line);) events.push_back(Json::parse(line));
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.front()["event"], "start");
  EXPECT_EQ(events.front()["layers"].size(), 2u);
  EXPECT_EQ(events.back()["event"], "end");
  int done = 0;
  for (const Json& event : events) done += event["event"] == "layer" && event["state"] == "done";
  EXPECT_EQ(done, 2);
}

TEST_F(PullRegistry, ASecondPullFindsNothingNew) {
  Registry registry;
  registry.Push("app", "1", SmallImage("hello"));
  std::string reference = registry.Reference("app", "1");
  RunOk({"pull", "-q", reference});
  Output output = Run({"pull", reference});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("Status: Image is up to date for " + reference), std::string::npos);
  EXPECT_EQ(output.err.find("Pull complete"), std::string::npos);
}

TEST_F(PullRegistry, AMovedTagBringsTheNewImageAndSharesLayers) {
  Registry registry;
  registry.Push("app", "1", SmallImage("old"));
  std::string reference = registry.Reference("app", "1");
  RunOk({"pull", "-q", reference});
  ImageBuilder newer;
  newer.Layer(Tar().Directory("etc").File("etc/word", "old"));
  newer.Layer(Tar().File("etc/third", "third"));
  registry.Push("app", "1", newer.Build());
  Output output = Run({"pull", reference});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find(": Already exists"), std::string::npos) << output;
  EXPECT_NE(output.err.find("Status: Downloaded newer image"), std::string::npos) << output;
  EXPECT_EQ(FileInLayers("etc/third"), "third");
}

TEST_F(PullRegistry, ADigestThatIsHereNeedsNoRegistry) {
  std::string reference;
  {
    Registry registry;
    Image image = SmallImage("hello");
    registry.Push("app", "1", image);
    reference = registry.address() + "/app@" + image.manifest.digest;
    RunOk({"pull", "-q", reference});
  }
  Output output = Run({"pull", reference});
  EXPECT_EQ(output.code, 0) << output;
}

struct Format {
  const char* name;
  Compression compression;
  MediaTypes types;
};
class PullFormat : public PullRegistry, public testing::WithParamInterface<Format> {};

TEST_P(PullFormat, Works) {
  Registry registry;
  registry.Push("app", "1", SmallImage("hello", GetParam().compression, GetParam().types));
  Output output = Run({"pull", registry.Reference("app", "1")});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_EQ(FileInLayers("etc/word"), "hello");
}
INSTANTIATE_TEST_SUITE_P(Formats, PullFormat,
                         testing::Values(Format{"OciGzip", Compression::kGzip, MediaTypes::kOci},
                                         Format{"OciZstd", Compression::kZstd, MediaTypes::kOci},
                                         Format{"OciPlain", Compression::kNone, MediaTypes::kOci},
                                         Format{"DockerGzip", Compression::kGzip,
                                                MediaTypes::kDocker}),
                         [](const auto& format) { return std::string(format.param.name); });

class PullPlatform : public PullRegistry {
 protected:
  PullPlatform() {
    for (const char* architecture : {"amd64", "arm64", "riscv64"}) {
      ImageBuilder builder;
      builder.Platform(architecture);
      builder.Layer(Tar().Directory("etc").File("etc/word", architecture));
      entries.push_back({builder.Build(), architecture, ""});
    }
    registry.PushIndex("app", "1", BuildIndex(entries), entries);
    reference = registry.Reference("app", "1");
  }
  Registry registry;
  std::vector<IndexEntry> entries;
  std::string reference;
};

TEST_F(PullPlatform, IsTheOneAskedFor) {
  RunOk({"pull", "-q", "--platform", "linux/arm64", reference});
  EXPECT_EQ(FileInLayers("etc/word"), "arm64");
}

TEST_F(PullPlatform, ComesFromTheEnvironmentToo) {
  env["DOCKER_DEFAULT_PLATFORM"] = "linux/riscv64";
  RunOk({"pull", "-q", reference});
  EXPECT_EQ(FileInLayers("etc/word"), "riscv64");
}

TEST_F(PullPlatform, ChangesWithTheSameTag) {
  RunOk({"pull", "-q", "--platform", "linux/arm64", reference});
  Output output = Run({"pull", "--platform", "linux/amd64", reference});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("Downloaded newer image"), std::string::npos) << output;
}

TEST_F(PullPlatform, ThatIsMissingIsAnErrorThatListsWhatThereIs) {
  Output output = Run({"pull", "--platform", "linux/s390x", reference});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("s390x"), std::string::npos) << output;
  EXPECT_NE(output.err.find("riscv64"), std::string::npos) << output;
  ExpectNoImage();
}

TEST_F(PullPlatform, OfASingleImageIsCheckedWhenAskedFor) {
  registry.Push("single", "1", entries[1].image);
  Output output = Run({"pull", "--platform", "linux/amd64", registry.Reference("single", "1")});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("is for linux/arm64"), std::string::npos) << output;
}

TEST_F(PullRegistry, NamesWhatIsMissing) {
  Registry registry;
  registry.Push("app", "1", SmallImage("hello"));
  Output output = Run({"pull", registry.Reference("app", "2")});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("app:2"), std::string::npos) << output;
  output = Run({"pull", registry.Reference("other", "1")});
  EXPECT_EQ(output.code, 1) << output;
}

TEST_F(PullRegistry, RefusesAMalformedReference) {
  for (const char* reference :
       {"Upper/Case", "http://host/app", "a:b:c:d", ":tag", "app@sha256:1"}) {
    Output output = Run({"pull", reference});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_FALSE(fs::exists(data() + "/images")) << reference;
  }
}

// A blob in the registry's storage is replaced by other bytes of the same length.
TEST_F(PullRegistry, RefusesABlobWithTheWrongDigest) {
  Registry registry;
  Image image = SmallImage("hello");
  registry.Push("app", "1", image);
  std::string path = registry.BlobPath(image.layer_digests[1]);
  std::string bytes = ReadFile(path);
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(path, bytes);
  Output output = Run({"pull", registry.Reference("app", "1")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find(image.layer_digests[1]), std::string::npos) << output;
  ExpectNoImage();
}

TEST_F(PullRegistry, RefusesALayerThatIsNotItsDiffId) {
  Registry registry;
  ImageBuilder builder;
  builder.Layer(Tar().Directory("etc"));
  builder.RawLayer(Gzip(Tar().File("word", "x").Finish()), Sha256Digest("something else"),
                   Compression::kGzip);
  registry.Push("app", "1", builder.Build());
  Output output = Run({"pull", registry.Reference("app", "1")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("config says"), std::string::npos) << output;
  ExpectNoImage();
}

TEST_F(PullRegistry, RefusesASizeThatIsALie) {
  Registry registry;
  ImageBuilder builder;
  builder.Layer(Tar().Directory("etc").File("etc/word", std::string(5000, 'x')),
                Compression::kNone);
  for (int difference : {-100, 100}) {
    Image image = builder.Build([&](Json& manifest) {
      Json& size = manifest["layers"][0]["size"];
      size = size.get<int>() + difference;
    });
    registry.Push("app", "1", image);
    Output output = Run({"pull", registry.Reference("app", "1")});
    EXPECT_EQ(output.code, 125) << output;
    ExpectNoImage();
  }
}

TEST_F(PullRegistry, RefusesAManifestAndAConfigOfDifferentLength) {
  Registry registry;
  ImageBuilder builder;
  builder.Layer(Tar().Directory("etc"));
  builder.whole_config()["rootfs"]["diff_ids"].push_back(Sha256Digest("one more"));
  registry.Push("app", "1", builder.Build());
  Output output = Run({"pull", registry.Reference("app", "1")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("1 layers"), std::string::npos) << output;
  ExpectNoImage();
}

// A blob of an earlier pull went bad on this machine's disk.
TEST_F(PullRegistry, HealsADamagedStoredBlob) {
  Registry registry;
  Image image = SmallImage("hello");
  registry.Push("app", "1", image);
  std::string reference = registry.Reference("app", "1");
  RunOk({"pull", "-q", reference});
  fs::remove_all(data() + "/layers");
  fs::create_directory(data() + "/layers");
  std::string path = data() + "/images/blobs/sha256/" + image.layer_digests[0].substr(7);
  WriteFile(path, std::string(fs::file_size(path), 'x'));
  Output output = Run({"pull", reference});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("pull again"), std::string::npos) << output;
  RunOk({"pull", "-q", reference});
  EXPECT_EQ(FileInLayers("etc/word"), "hello");
}

class PullBasicAuth : public PullRegistry {
 protected:
  void SetUp() override {
    PullRegistry::SetUp();
    Output hash = RunCommand({.argv = {"htpasswd", "-Bbn", "user", "secret"}});
    if (hash.code != 0) SKIP_BECAUSE("htpasswd (apache2-utils) is needed");
    WriteFile(Path("htpasswd"), hash.out);
    fs::create_directory(Path("storage"));
    {
      Registry open({.storage = Path("storage")});
      open.Push("app", "1", SmallImage("hello"));
    }
    registry.emplace(RegistryOptions{
        .storage = Path("storage"),
        .more_yaml = "auth:\n  htpasswd:\n    realm: test\n    path: " + Path("htpasswd") + "\n"});
    reference = registry->Reference("app", "1");
  }
  std::optional<Registry> registry;
  std::string reference;
};

TEST_F(PullBasicAuth, WantsALogin) {
  Output output = Run({"pull", reference});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("hoy login " + registry->address()), std::string::npos) << output;
}

TEST_F(PullBasicAuth, RefusesWrongCredentials) {
  Output output = Run({"pull", "--creds", "user:wrong", reference});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("refused the credentials"), std::string::npos) << output;
  EXPECT_EQ(output.err.find("wrong"), std::string::npos) << "the password is shown: " << output;
}

TEST_F(PullBasicAuth, TakesCredsFromTheFlagTheFileAndTheEnvironment) {
  RunOk({"pull", "-q", "--creds", "user:secret", reference});
  // base64 of user:secret
  Json file = {{"auths", {{registry->address(), {{"auth", "dXNlcjpzZWNyZXQ="}}}}}};
  WriteFile(Path("auth.json"), file.dump());
  RunOk({"rmi", reference});
  RunOk({"pull", "-q", "--authfile", Path("auth.json"), reference});
  RunOk({"rmi", reference});
  env["DOCKER_AUTH_CONFIG"] = file.dump();
  RunOk({"pull", "-q", reference});
}

class PullTls : public PullRegistry {
 protected:
  void SetUp() override {
    PullRegistry::SetUp();
    fs::create_directory(Path("certs"));
    auto openssl = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), "openssl");
      Output output = RunCommand({.argv = arguments, .directory = directory()});
      ASSERT_EQ(output.code, 0) << output;
    };
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=test ca", "-keyout", "ca.key", "-out", "certs/ca.crt"});
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"});
    WriteFile(Path("names"), "subjectAltName=" + names_ + "\n");
    openssl({"x509", "-req", "-in", "server.csr", "-CA", "certs/ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", days_, "-extfile", "names", "-out", "server.crt"});
    fs::create_directory(Path("storage"));
    {
      Registry open({.storage = Path("storage")});
      open.Push("app", "1", SmallImage("hello"));
    }
    registry.emplace(RegistryOptions{.storage = Path("storage"),
                                     .http_yaml = "  tls:\n    certificate: " + Path("server.crt") +
                                                  "\n    key: " + Path("server.key") + "\n"});
    reference = registry->Reference("app", "1");
  }
  std::string names_ = "DNS:localhost,IP:127.0.0.1";
  std::string days_ = "2";
  std::optional<Registry> registry;
  std::string reference;
};

class PullTlsOfAnotherHost : public PullTls {
 protected:
  PullTlsOfAnotherHost() { names_ = "DNS:registry.example,IP:192.0.2.1"; }
};

TEST_F(PullTlsOfAnotherHost, IsRefusedThoughItsCaIsTrusted) {
  Output output = Run({"pull", "--tls-verify=true", "--cert-dir", Path("certs"), reference});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("verify the certificate of '" + registry->address() + "'"),
            std::string::npos)
      << output;
  EXPECT_NE(output.err.find("matches target host name '127.0.0.1'"), std::string::npos) << output;
  EXPECT_EQ(output.err.find("put its CA into"), std::string::npos) << "it is trusted" << output;
  EXPECT_NE(output.err.find("use a name or address that its certificate is for"), std::string::npos)
      << output;
  ExpectNoImage();
}

class PullTlsOfYesterday : public PullTls {
 protected:
  PullTlsOfYesterday() { days_ = "0"; }
};

TEST_F(PullTlsOfYesterday, IsSaidToHaveExpired) {
  Output output;
  // It is good for the second in which it was made.
  EXPECT_TRUE(Eventually([&] {
    output = Run({"pull", "--tls-verify=true", "--cert-dir", Path("certs"), reference});
    return output.code != 0;
  }));
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("certificate has expired"), std::string::npos) << output;
  EXPECT_NE(output.err.find("hint: the registry has to renew it"), std::string::npos) << output;
}

TEST_F(PullTls, RefusesAnUnknownCertificate) {
  Output output = Run({"pull", "--tls-verify=true", reference});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("certificate"), std::string::npos) << output;
  EXPECT_NE(output.err.find("--tls-verify=false"), std::string::npos) << output;
  ExpectNoImage();
}

TEST_F(PullTls, TrustsTheCaOfTheCertificateDirectory) {
  RunOk({"pull", "-q", "--tls-verify=true", "--cert-dir", Path("certs"), reference});
  EXPECT_EQ(FileInLayers("etc/word"), "hello");
}

TEST_F(PullTls, TrustsSslCertFile) {
  env["SSL_CERT_FILE"] = Path("certs/ca.crt");
  RunOk({"pull", "-q", "--tls-verify=true", reference});
}

TEST_F(PullTls, TakesAnyCertificateWhenToldSo) {
  RunOk({"pull", "-q", "--tls-verify=false", reference});
}

TEST_F(PullTls, TakesAnyCertificateOnLoopbackAsDockerDoes) {
  RunOk({"pull", "-q", reference});
}

}  // namespace
}  // namespace hoy::test
