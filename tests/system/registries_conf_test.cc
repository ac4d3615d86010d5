// registries.conf, client certificates and proxies, as a pull meets them.

#include <atomic>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/connect_proxy.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

class RegistriesConf : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    env["XDG_CONFIG_HOME"] = Path("config");
    env["REGISTRY_AUTH_FILE"] = Path("auth.json");
    WriteFile(Path("auth.json"), "{}");
    env["HOME"] = Path("home");
    fs::create_directories(Path("config/containers/registries.conf.d"));
    ImageBuilder builder;
    builder.Layer(Tar().File("word", "hello"));
    image_ = builder.Build();
  }
  void Configure(const std::string& text) {
    WriteFile(Path("config/containers/registries.conf"), text);
  }

  Image image_;
};

TEST_F(RegistriesConf, AnImageKeepsItsNameWhereverItComesFrom) {
  Registry registry;
  registry.Push("bar/app", "1", image_);
  Configure("[[registry]]\nprefix='example.test/foo'\nlocation='" + registry.address() + "/bar'\n");
  EXPECT_EQ(RunOk({"pull", "-q", "example.test/foo/app:1"}), "example.test/foo/app:1");
  EXPECT_EQ(Inspect("example.test/foo/app:1")["RepoDigests"][0],
            "example.test/foo/app@" + image_.manifest.digest);
}

TEST_F(RegistriesConf, MirrorsAreTriedInOrder) {
  Registry full, empty;
  full.Push("app", "1", image_);
  FaultServer primary([](const FaultRequest&) { return FaultReply{.status = 500}; });
  Configure("[[registry]]\nprefix='example.test'\nlocation='" + primary.address() +
            "'\n[[registry.mirror]]\nlocation='" + empty.address() +
            "'\n[[registry.mirror]]\nlocation='" + full.address() + "'\n");
  Output output = Run({"pull", "example.test/app:1"});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("mirror '" + empty.address() + "/app': "), std::string::npos) << output;
  EXPECT_NE(
      output.err.find("not found: manifest unknown; going on with '" + full.address() + "/app'"),
      std::string::npos)
      << output;
  EXPECT_TRUE(primary.requests().empty());
}

TEST_F(RegistriesConf, APullThroughCacheIsAMirrorThatTakesNoPushes) {
  Registry origin;
  origin.Push("app", "1", image_);
  Registry mirror({.more_yaml = "proxy:\n  remoteurl: http://" + origin.address() + "\n"});
  FaultServer primary([](const FaultRequest&) { return FaultReply{.status = 500}; });
  Configure("[[registry]]\nprefix='example.test'\nlocation='" + primary.address() +
            "'\n[[registry.mirror]]\nlocation='" + mirror.address() + "'\n");
  RunOk({"pull", "-q", "example.test/app:1"});
  EXPECT_TRUE(primary.requests().empty());
  EXPECT_EQ(Inspect("example.test/app:1")["RepoDigests"][0],
            "example.test/app@" + image_.manifest.digest);
  const Output pushed = Run({"push", "example.test/app:1", mirror.Reference("app", "2")});
  EXPECT_EQ(pushed.code, 125) << pushed;
  EXPECT_NE(pushed.err.find("registry '" + mirror.address() + "' takes no pushes"),
            std::string::npos)
      << pushed;
  EXPECT_NE(pushed.err.find("hint: it is read-only: "), std::string::npos) << pushed;
}

TEST_F(RegistriesConf, ADigestOnlyMirrorIsNotAskedForTags) {
  Registry primary;
  primary.Push("app", "1", image_);
  FaultServer mirror([](const FaultRequest&) { return FaultReply{.status = 404}; });
  // A drop-in counts as much as the file.
  WriteFile(Path("config/containers/registries.conf.d/50-mirror.conf"),
            "[[registry]]\nprefix='example.test'\nlocation='" + primary.address() +
                "'\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation='" +
                mirror.address() + "'\n");
  RunOk({"pull", "-q", "example.test/app:1"});
  EXPECT_TRUE(mirror.requests().empty());
  RunOk({"rmi", "example.test/app:1"});
  RunOk({"pull", "-q", "example.test/app@" + image_.manifest.digest});
  EXPECT_FALSE(mirror.requests().empty());
}

TEST_F(RegistriesConf, CredsAreNotForMirrors) {
  FaultServer mirror([](const FaultRequest&) {
    return FaultReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
  });
  Registry primary;
  primary.Push("app", "1", image_);
  Configure("[[registry]]\nprefix='example.test'\nlocation='" + primary.address() +
            "'\n[[registry.mirror]]\nlocation='" + mirror.address() + "'\n");
  RunOk({"pull", "-q", "--creds", "user:secret", "example.test/app:1"});
  ASSERT_FALSE(mirror.requests().empty());
  for (const FaultRequest& request : mirror.requests()) {
    EXPECT_EQ(request.Header("authorization"), "");
  }
}

TEST_F(RegistriesConf, ABlockedImageSaysWhichRule) {
  Configure("[[registry]]\nprefix='example.test/foo'\nblocked=true\n");
  Output output = Run({"pull", "example.test/foo/app:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("is blocked: prefix 'example.test/foo' in '" +
                            Path("config/containers/registries.conf") + "'"),
            std::string::npos)
      << output;
}

TEST_F(RegistriesConf, ABlockedRegistryIsSoForAllVerbs) {
  Configure("[[registry]]\nprefix='127.0.0.1:1'\nblocked=true\n");
  WriteOciLayout(Path("layout"), "v1", image_);
  RunOk({"pull", "oci:" + Path("layout")});
  const std::vector<std::vector<std::string>> verbs = {
      {"push", "localhost/layout:v1", "127.0.0.1:1/app:1"},
      {"search", "127.0.0.1:1/app"},
      {"search", "--list-tags", "127.0.0.1:1/app"},
      {"login", "-u", "me", "--password-stdin", "127.0.0.1:1"}};
  for (const auto& verb : verbs) {
    Output output = Run(verb, "secret\n");
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("is blocked: prefix '127.0.0.1:1' in '"), std::string::npos)
        << verb[0] << " " << output;
  }
}

TEST_F(RegistriesConf, AnAliasLeadsFromAShortNameToTheImage) {
  Registry registry;
  registry.Push("team/tool", "2", image_);
  const std::string full = registry.Reference("team/tool", "2");
  WriteFile(Path("config/containers/registries.conf.d/shortnames.conf"),
            "[aliases]\n'tool' = '" + registry.address() + "/team/tool'\n");
  EXPECT_EQ(RunOk({"pull", "-q", "tool:2"}), full);
  EXPECT_EQ(Inspect("tool:2")["RepoTags"][0], full);
  // What is here is not asked for again, and has the other name, too.
  RunOk({"create", "--name", "one", "--pull", "never", "tool:2", "/x"});
  RunOk({"rm", "one"});
  RunOk({"tag", "tool:2", "tool:2"});
  RunOk({"rmi", "docker.io/library/tool:2"});
  RunOk({"rmi", "tool:2"});
  EXPECT_EQ(Run({"inspect", full}).code, 1);
  // run and create pull by it.
  RunOk({"create", "--name", "two", "-q", "tool:2", "/x"});
}

class MirrorFaults : public RegistriesConf {
 protected:
  void SetUp() override {
    RegistriesConf::SetUp();
    ImageBuilder builder;
    std::string noise(1 << 20, '\0');
    uint32_t state = 7;
    for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    builder.Layer(Tar().File("big", noise));
    image_ = builder.Build();
    for (const Blob& blob : image_.blobs) content_.AddBlob(blob.digest, blob.bytes);
    content_.AddManifest("1", image_.manifest.bytes, image_.manifest.media_type,
                         image_.manifest.digest);
  }
  // Pulls with `mirror` in front of a good registry; returns what that was asked for.
  std::vector<FaultRequest> PullBehind(FaultServer::Handler handler) {
    FaultServer mirror(std::move(handler));
    FaultServer primary([this](const FaultRequest& request) { return content_.Answer(request); });
    Configure("[[registry]]\nprefix='example.test'\nlocation='" + primary.address() +
              "'\n[[registry.mirror]]\nlocation='" + mirror.address() + "'\n");
    Output output = Run({"pull", "--progress=plain", "example.test/app:1"});
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_TRUE(primary.Requests("GET", "/manifests/").empty()) << "the mirror had it";
    RunOk({"rmi", "example.test/app:1"});
    return primary.requests();
  }
  bool IsLayer(const FaultRequest& request) const {
    return request.target.ends_with(image_.layer_digests[0]);
  }

  FakeRegistryContent content_;
};

TEST_F(MirrorFaults, ABlobThatBreaksOffIsCompletedAtTheNextPlace) {
  std::atomic<bool> dead = false;
  auto requests = PullBehind([&](const FaultRequest& request) {
    FaultReply reply = content_.Answer(request);
    if (!IsLayer(request)) return reply;
    reply.break_after = dead.exchange(true) ? 0 : 300'000;
    return reply;
  });
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].Header("range"), "bytes=300000-") << "what had arrived is kept";
}

TEST_F(MirrorFaults, ABlobThatIsMissingComesFromTheNextPlace) {
  auto requests = PullBehind([&](const FaultRequest& request) {
    if (request.target.find("/blobs/") != std::string::npos) return FaultReply{.status = 404};
    return content_.Answer(request);
  });
  EXPECT_EQ(requests.size(), 2u) << "config and layer";
}

TEST_F(MirrorFaults, AWrongBlobIsFetchedAnewAtTheNextPlace) {
  auto requests = PullBehind([&](const FaultRequest& request) {
    FaultReply reply = content_.Answer(request);
    if (IsLayer(request)) reply.body[reply.body.size() / 2] ^= 1;
    return reply;
  });
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].Header("range"), "");
}

TEST_F(RegistriesConf, ADamagedFileSaysItsLine) {
  Configure("[[registry]]\nprefix='example.test'\nblocked=maybe\n");
  Output output = Run({"pull", "example.test/app:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("registries.conf', line 3"), std::string::npos) << output;
}

class RegistryTls : public RegistriesConf {
 protected:
  void SetUp() override {
    RegistriesConf::SetUp();
    fs::create_directory(Path("tls"));
    OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.crt"});
    Certificate("server", "subjectAltName=DNS:registry.test,IP:127.0.0.1");
    Certificate("client", "extendedKeyUsage=clientAuth");
  }
  void OpenSsl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    Output output = RunCommand({.argv = arguments, .directory = Path("tls")});
    ASSERT_EQ(output.code, 0) << output;
  }
  void Certificate(const std::string& name, const std::string& extension) {
    WriteFile(Path("tls/" + name + ".ext"), extension + "\n");
    OpenSsl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr"});
    OpenSsl({"x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", "2", "-extfile", name + ".ext", "-out", name + ".crt"});
  }
  RegistryOptions Options(const std::string& more_tls = "") {
    fs::create_directory(Path("storage"));
    Registry open({.storage = Path("storage")});
    open.Push("app", "1", image_);
    return {.storage = Path("storage"),
            .http_yaml = "  tls:\n    certificate: " + Path("tls/server.crt") +
                         "\n    key: " + Path("tls/server.key") + "\n" + more_tls};
  }
  // certs.d of the user, for HOST:PORT.
  std::string CertificateDirectory(const std::string& host) {
    std::string path = Path("home/.config/containers/certs.d/" + host);
    fs::create_directories(path);
    return path;
  }
};

TEST_F(RegistryTls, AClientCertificateOpensTheDoor) {
  Registry registry(Options("    clientcas:\n      - " + Path("tls/ca.crt") + "\n"));
  std::string directory = CertificateDirectory(registry.address());
  fs::copy_file(Path("tls/ca.crt"), directory + "/ca.crt");
  Output output = Run({"pull", "--tls-verify", registry.Reference("app", "1")});
  EXPECT_EQ(output.code, 125) << output;
  fs::copy_file(Path("tls/client.crt"), directory + "/client.cert");
  fs::copy_file(Path("tls/client.key"), directory + "/client.key");
  RunOk({"pull", "-q", "--tls-verify", registry.Reference("app", "1")});
}

TEST_F(RegistryTls, InsecureByConfigurationIsSoForAllVerbs) {
  Registry registry(Options());
  ConnectProxy proxy;
  const std::string host =
      "registry.test:" + registry.address().substr(registry.address().find(':') + 1);
  env["HTTPS_PROXY"] = proxy.Url();
  const std::vector<std::vector<std::string>> verbs = {
      {"pull", "-q", host + "/app:1"},
      {"search", "--list-tags", host + "/app"},
      {"login", "-u", "me", "--password-stdin", host},
      {"push", "-q", host + "/app:1"}};
  for (const auto& verb : verbs) {
    Configure("");
    Output output = Run(verb, "secret\n");
    EXPECT_EQ(output.code, 125) << verb[0];
    EXPECT_NE(output.err.find("verify the certificate"), std::string::npos) << output;
    Configure("[[registry]]\nprefix='" + host + "'\ninsecure=true\n");
    RunOk(verb, "secret\n");
    std::vector<std::string> strict = verb;
    strict.insert(strict.begin() + 1, "--tls-verify");
    EXPECT_NE(Run(strict, "secret\n").code, 0) << "a flag counts for more: " << verb[0];
  }
}

// What a push fetches back is fetched as a pull would: the flags are for the target.
TEST_F(RegistryTls, ABlobThatComesBackForAPushComesAsByAPull) {
  Registry origin(Options());
  Registry to;
  ConnectProxy proxy;
  const std::string host = "registry.test:" + origin.address().substr(10);
  env["HTTPS_PROXY"] = proxy.Url();
  WriteFile(Path("auth.json"), R"({"auths":{")" + host + R"(":{"auth":"bWU6c2VjcmV0"}}})");
  const std::string blob = data() + "/images/blobs/sha256/" + image_.layer_digests[0].substr(7);
  RunOk({"pull", "-q", "--tls-verify=false", host + "/app:1"});
  RunOk({"manifest", "create", "--tls-verify=false", "localhost/list:1",
         "docker://" + host + "/app:1"});
  fs::remove(blob);
  const std::vector<std::string> push = {"push", "--tls-verify=false", host + "/app:1",
                                         to.Reference("new", "1")};
  auto refused = [&](const std::vector<std::string>& words, const std::string& text) {
    const Output output = Run(words);
    EXPECT_NE(output.code, 0) << output;
    EXPECT_NE(output.err.find(text), std::string::npos) << text << "\n" << output;
    EXPECT_FALSE(fs::exists(blob));
  };
  refused(push, "verify the certificate");
  fs::create_directory(Path("ca"));
  fs::copy_file(Path("tls/ca.crt"), Path("ca/ca.crt"));
  refused({"push", "--cert-dir", Path("ca"), host + "/app:1", to.Reference("new", "1")},
          "verify the certificate");
  Configure("[[registry]]\nprefix='" + host + "'\nblocked=true\n");
  refused(push, "blocked");
  Configure("");
  RunOk({"tag", host + "/app:1", "localhost/kept:1"});
  RunOk({"rmi", "-f", host + "/app:1", "localhost/kept:1"});
  refused({"manifest", "push", "--tls-verify=false", "localhost/list:1", to.Reference("new", "1")},
          "verify the certificate");
  Configure("[[registry]]\nprefix='" + host + "'\ninsecure=true\n");
  RunOk({"manifest", "push", "localhost/list:1", to.Reference("new", "1")});
  RunOk({"pull", "-q", host + "/app:1"});
  fs::remove(blob);
  Registry mirror;
  mirror.Push("app", "1", image_);
  const size_t tunnels = proxy.targets().size();
  Configure("[[registry]]\nprefix='" + host + "'\n[[registry.mirror]]\nlocation='" +
            mirror.address() + "'\n");
  RunOk({"push", "-q", host + "/app:1", to.Reference("mirrored", "1")});
  EXPECT_EQ(proxy.targets().size(), tunnels) << "the mirror had it";
}

class RegistryProxy : public RegistryTls, public testing::WithParamInterface<const char*> {};

TEST_P(RegistryProxy, IsUsedExceptWhereNoProxySaysSo) {
  Registry registry(Options());
  ConnectProxy proxy;
  std::string port = registry.address().substr(registry.address().find(':') + 1);
  std::string host = "registry.test:" + port;
  fs::copy_file(Path("tls/ca.crt"), CertificateDirectory(host) + "/ca.crt");
  const bool upper = GetParam() == std::string("HTTPS_PROXY");
  env[GetParam()] = proxy.Url();
  RunOk({"pull", "-q", host + "/app:1"});
  ASSERT_FALSE(proxy.targets().empty());
  EXPECT_EQ(proxy.targets()[0], host);
  RunOk({"rmi", host + "/app:1"});
  size_t tunnels = proxy.targets().size();
  env[upper ? "NO_PROXY" : "no_proxy"] = "other.test,registry.test";
  Output output = Run({"pull", host + "/app:1"});
  EXPECT_EQ(output.code, 125) << "no such name without the proxy: " << output;
  EXPECT_EQ(proxy.targets().size(), tunnels);
}
INSTANTIATE_TEST_SUITE_P(Cases, RegistryProxy, testing::Values("HTTPS_PROXY", "https_proxy"));

}  // namespace
}  // namespace hoy::test
