// policy.json: what is signed, by whom and for which name decides whether an image comes in.
// GPG signatures are skopeo's own; those of sigstore are made with openssl, as cosign does.

#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

class SignaturePolicy : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    ImageBuilder builder;
    builder.Layer(Tar().File("word", "hello"));
    image_ = builder.Build();
    fs::create_directories(Path("home/.config/containers/registries.d"));
  }
  // ~/.config/containers/policy.json: `docker` is the object of that transport's scopes.
  void Policy(const std::string& docker, const std::string& more = "") {
    WriteFile(
        Path("home/.config/containers/policy.json"),
        R"({"default":[{"type":"reject"}],"transports":{"docker":{)" + docker + "}" + more + "}}");
  }
  std::string PolicyFile() const { return Path("home/.config/containers/policy.json"); }
  void RegistriesD(const std::string& yaml) {
    WriteFile(Path("home/.config/containers/registries.d/default.yaml"), yaml);
  }
  void ExpectRefused(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& says) const {
    Output output = Run(arguments);
    EXPECT_EQ(output.code, 125) << output;
    for (const std::string& text : says) {
      EXPECT_NE(output.err.find(text), std::string::npos) << "expected: " << text << "\n" << output;
    }
    ExpectNothingStays();
  }
  void ExpectNothingStays() const {
    for (const char* place : {"images/refs", "images/blobs/sha256", "images/ingest", "layers"}) {
      EXPECT_TRUE(ListNames(data() + "/" + place).empty()) << place;
    }
  }
  Output Do(std::vector<std::string> argv) const {
    Command command{.argv = std::move(argv), .directory = directory()};
    command.env = {{"GNUPGHOME", Path("gpg")}, {"HOME", Path("home")}};
    const Output output = RunCommand(command);
    EXPECT_EQ(output.code, 0) << command.argv[0] << "\n" << output;
    return output;
  }

  Image image_;
};

TEST_F(SignaturePolicy, ARejectedImageSaysWhichRuleAndNothingOfItStays) {
  Registry registry;
  registry.Push("app", "1", image_);
  Policy("\"" + registry.address() + R"(/app":[{"type":"insecureAcceptAnything"}])");
  RunOk({"pull", "-q", registry.Reference("app", "1")});
  RunOk({"rmi", registry.Reference("app", "1")});

  Policy("\"" + registry.address() + R"(":[{"type":"insecureAcceptAnything"},{"type":"reject"}])");
  const std::string rule = "rejected by policy '" + PolicyFile() + "', scope '" +
                           registry.address() +
                           "' of transport 'docker' (requirement 2, reject): it takes no image";
  ExpectRefused({"pull", "-q", registry.Reference("app", "1")}, {rule});
  ExpectRefused({"run", "--rm", registry.Reference("app", "1"), "/x"}, {rule});
  // A policy that was named counts alone.
  WriteFile(Path("accept.json"), R"({"default":[{"type":"insecureAcceptAnything"}]})");
  RunOk(
      {"create", "--signature-policy", Path("accept.json"), registry.Reference("app", "1"), "/x"});
  env["HOY_SIGNATURE_POLICY"] = Path("accept.json");
  RunOk({"pull", "-q", registry.Reference("app", "1")});
  // What is here already is not let in again.
  env.erase("HOY_SIGNATURE_POLICY");
  Output again = Run({"pull", "-q", registry.Reference("app", "1")});
  EXPECT_EQ(again.code, 125) << again;
}

TEST_F(SignaturePolicy, WhatIsNotUnderstoodIsNotAcceptance) {
  FaultServer server([](const FaultRequest&) { return FaultReply{.status = 500}; });
  const std::string name = server.address() + "/app:1";
  ExpectRefused({"pull", "--signature-policy", Path("none.json"), name}, {"none.json"});
  WriteFile(Path("policy.json"), R"({"default":[{"type":"acceptAnything"}]})");
  ExpectRefused({"pull", "--signature-policy", Path("policy.json"), name},
                {"policy.json': 'default': the requirement 'acceptAnything' is unknown"});
  WriteFile(PolicyFile(), R"({"default":[{"type":"insecureAcceptAnything"}]}})");
  ExpectRefused({"pull", name}, {"policy '" + PolicyFile() + "'"});
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(SignaturePolicy, ArchivesAndDirectoriesHaveTheirTransports) {
  WriteOciLayout(Path("layout"), "v1", image_);
  Do({"tar", "-C", Path("layout"), "-cf", Path("layout.tar"), "."});
  const std::string real = fs::canonical(directory()).string();
  Policy("", R"(,"oci":{")" + real + R"(/layout:v1":[{"type":"reject"}],"":[{"type":)" +
                 R"("insecureAcceptAnything"}]},"oci-archive":{")" + real +
                 R"(":[{"type":"insecureAcceptAnything"}]})");
  ExpectRefused({"pull", "oci:" + Path("layout")},
                {"scope '" + real + "/layout:v1' of transport 'oci' (reject)"});
  ExpectRefused({"load", "-i", Path("layout")}, {"transport 'oci' (reject)"});
  RunOk({"load", "-i", Path("layout.tar")});
  RunOk({"rmi", "localhost/layout:v1"});
  // From stdin it lies nowhere.
  Output output = Run({"load"}, ReadFile(Path("layout.tar")));
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("the default (reject)"), std::string::npos) << output;
  ExpectNothingStays();
}

// import's tar, too, as podman has it. What is here has been let in already.
TEST_F(SignaturePolicy, WhatIsReadIsAskedForAndNotWhatIsHere) {
  WriteOciLayout(Path("layout"), "v1", image_);
  RunOk({"load", "-i", Path("layout")});
  WriteFile(Path("files.tar"), Tar().File("x", "x").Finish());
  Policy("");
  const Output refused = Run({"import", Path("files.tar"), "localhost/x:1"});
  EXPECT_EQ(refused.code, 125) << refused;
  EXPECT_NE(refused.err.find("the default (reject): it takes no image"), std::string::npos)
      << refused;
  RunOk({"save", "-o", Path("saved.tar"), "localhost/layout:v1"});
  RunOk({"push", "localhost/layout:v1", "oci:" + Path("pushed")});
  RunOk({"commit", RunOk({"create", "--pull=never", "localhost/layout:v1", "/x"}), "c:1"});
  Policy("", R"(,"tarball":{"":[{"type":"insecureAcceptAnything"}]})");
  RunOk({"import", Path("files.tar"), "localhost/x:1"});
  RunOk({"import", "--signature-policy", PolicyFile(), Path("files.tar"), "localhost/x:2"});
}

class GpgSigned : public SignaturePolicy {
 protected:
  void SetUp() override {
    SignaturePolicy::SetUp();
    for (const char* tool : {"gpg", "gpgv", "skopeo"}) {
      if (RunCommand({.argv = {"which", tool}}).code != 0) {
        SKIP_BECAUSE(std::string(tool) + " is missing");
      }
    }
    fs::create_directories(Path("gpg"));
    fs::permissions(Path("gpg"), fs::perms::owner_all);
    // gpg itself waits for its agent for a few seconds only.
    ASSERT_TRUE(Eventually([this] {
      return RunCommand({.argv = {"gpgconf", "--launch", "gpg-agent"},
                         .env = {{"GNUPGHOME", Path("gpg")}}})
                 .code == 0;
    }));
    for (const char* who : {"ours", "others"}) {
      Do({"gpg", "--batch", "--passphrase", "", "--quick-gen-key",
          std::string(who) + "@example.test", "ed25519", "sign", "never"});
      Do({"gpg", "--batch", "--armor", "--output", Path(std::string(who) + ".asc"), "--export",
          std::string(who) + "@example.test"});
    }
    RegistriesD("default-docker:\n  lookaside: file://" + Path("lookaside") + "\n");
  }
  void TearDown() override {
    RunCommand({.argv = {"gpgconf", "--kill", "all"}, .env = {{"GNUPGHOME", Path("gpg")}}});
    HoySandbox::TearDown();
  }
  std::string SignedBy(const std::string& who, const std::string& identity = "") const {
    return R"({"type":"signedBy","keyType":"GPGKeys","keyPath":")" + Path(who + ".asc") + "\"" +
           (identity.empty() ? "" : ",\"signedIdentity\":" + identity) + "}";
  }
  // As `skopeo standalone-sign` signs the image under a name, put where lookaside has it.
  void Sign(const std::string& who, const std::string& name, const std::string& path, int number) {
    Sign(image_.manifest, who, name, path, number);
  }
  void Sign(const Blob& manifest, const std::string& who, const std::string& name,
            const std::string& path, int number) {
    WriteFile(Path("manifest.json"), manifest.bytes);
    const std::string where = Path("lookaside/" + path + "@sha256=" + manifest.digest.substr(7));
    fs::create_directories(where);
    Do({"skopeo", "standalone-sign", "-o", where + "/signature-" + std::to_string(number),
        Path("manifest.json"), name, who + "@example.test"});
  }
};

TEST_F(GpgSigned, TheRightKeyForTheRightNameOpensTheDoor) {
  Registry registry;
  registry.Push("app", "1", image_);
  registry.Push("app", "2", image_);
  const std::string name = registry.Reference("app", "1");
  const std::string scope = "\"" + registry.address() + "\":";
  Policy(scope + "[" + SignedBy("ours") + "]");
  ExpectRefused({"pull", "-q", name},
                {"(signedBy): the image has no signature",
                 "hint: they were looked for in file://" + Path("lookaside")});
  Sign("others", name, "app", 1);
  ExpectRefused({"pull", "-q", name}, {"signature 1: it is signed by another key"});
  Sign("ours", name, "app", 2);
  RunOk({"pull", "-q", name});
  RunOk({"rmi", name});
  ExpectRefused({"pull", "-q", registry.Reference("app", "2")},
                {"signature 2: it is for the name '" + name + "'"});
  // Both have to have signed.
  Policy(scope + "[" + SignedBy("ours") + "," +
         SignedBy("others", R"({"type":"matchRepository"})") + "]");
  RunOk({"pull", "-q", name});
  RunOk({"rmi", name});
  // By digest, any name of the repository does.
  Policy(scope + "[" + SignedBy("ours") + "]");
  RunOk({"pull", "-q", registry.address() + "/app@" + image_.manifest.digest});
  // Another manifest of the same image, where none has to sign, takes nothing from this one.
  ImageBuilder builder;
  builder.Layer(Tar().File("word", "hello"));
  registry.Push("twin", "1", builder.Build([](Json& manifest) {
    manifest["annotations"] = {{"made", "again"}};
  }));
  Policy(scope + "[" + SignedBy("ours") + "],\"" + registry.address() +
         R"(/twin":[{"type":"insecureAcceptAnything"}])");
  const std::string twin = registry.Reference("twin", "1");
  for (const std::string& one : {name, twin, name}) RunOk({"pull", "-q", one});
  auto id = [&](const std::string& of) { return RunOk({"inspect", "--format", "{{.Id}}", of}); };
  EXPECT_EQ(id(name), id(twin));
}

TEST_F(GpgSigned, WhatSkopeoSignsAndVerifiesHoyDoes) {
  Registry registry;
  WriteOciLayout(Path("layout"), "v1", image_);
  WriteFile(Path("accept.json"), R"({"default":[{"type":"insecureAcceptAnything"}]})");
  const std::string name = registry.Reference("app", "1");
  Do({"skopeo", "--policy", Path("accept.json"), "--registries.d",
      Path("home/.config/containers/registries.d"), "copy", "-q", "--dest-tls-verify=false",
      "--sign-by", "ours@example.test", "oci:" + Path("layout") + ":v1", "docker://" + name});
  Do({"skopeo", "--policy", Path("accept.json"), "--registries.d",
      Path("home/.config/containers/registries.d"), "copy", "-q", "--src-tls-verify=false",
      "docker://" + name, "dir:" + Path("dir")});
  Policy("\"" + registry.address() + "\":[" + SignedBy("ours") + "]",
         R"(,"dir":{"":[)" +
             SignedBy("ours", R"({"type":"exactReference","dockerReference":")" + name + "\"}") +
             "]}");
  RunOk({"pull", "-q", name});
  RunOk({"rmi", name});
  RunOk({"rmi", RunOk({"pull", "-q", "dir:" + Path("dir")})});
  // skopeo takes the same policy for the same.
  Do({"skopeo", "--policy", PolicyFile(), "--registries.d",
      Path("home/.config/containers/registries.d"), "copy", "-q", "--src-tls-verify=false",
      "docker://" + name, "dir:" + Path("again")});
  // One byte of what is signed, or of the signature.
  std::string signature = ReadFile(Path("dir/signature-1"));
  signature[signature.size() / 2] ^= 1;
  WriteFile(Path("dir/signature-1"), signature);
  ExpectRefused({"load", "-i", Path("dir")}, {"transport 'dir' (signedBy): signature 1: "});
}

// skopeo is asked the same each time.
TEST_F(GpgSigned, EachImageOfAListIsSignedByItself) {
  Registry registry;
  std::vector<IndexEntry> entries;
  for (const char* architecture : {"amd64", "arm64", "unknown"}) {
    ImageBuilder builder;
    builder.Layer(Tar().File("word", architecture)).Platform(architecture);
    entries.push_back({builder.Build(), architecture, ""});
  }
  Json document = Json::parse(BuildIndex(entries).bytes);
  document["manifests"][2]["platform"]["os"] = "unknown";  // an attestation's
  Blob index{.bytes = document.dump(), .digest = {}, .media_type = document["mediaType"]};
  index.digest = Sha256Digest(index.bytes);
  registry.PushIndex("app", "1", index, entries);
  const std::string name = registry.Reference("app", "1");
  Policy("\"" + registry.address() + "\":[" + SignedBy("ours") + "]",
         R"(,"dir":{"":[)" +
             SignedBy("ours", R"({"type":"exactReference","dockerReference":")" + name + "\"}") +
             "]}");
  auto skopeo = [&](const std::vector<std::string>& options, const std::string& to) {
    std::vector<std::string> argv = {"skopeo",
                                     "--policy",
                                     PolicyFile(),
                                     "--registries.d",
                                     Path("home/.config/containers/registries.d"),
                                     "copy",
                                     "-q",
                                     "--src-tls-verify=false"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {"docker://" + name, "dir:" + Path(to)});
    Command command{.argv = std::move(argv)};
    command.env = {{"GNUPGHOME", Path("gpg")}, {"HOME", Path("home")}};
    return RunCommand(command).code == 0;
  };
  Sign(index, "ours", name, "app", 1);
  ExpectRefused({"pull", "-q", name},
                {"the image has no signature", "a signature of the list does not count"});
  EXPECT_FALSE(skopeo({}, "one"));
  Sign(entries[0].image.manifest, "ours", name, "app", 1);
  ExpectRefused({"pull", "-q", "--all-platforms", name}, {"linux/arm64: rejected by policy"});
  EXPECT_FALSE(skopeo({"--all"}, "two"));
  RunOk({"pull", "-q", name});
  RunOk({"rmi", name});
  EXPECT_TRUE(skopeo({}, "three"));
  Sign(entries[1].image.manifest, "ours", name, "app", 1);
  ExpectRefused({"pull", "-q", "--all-platforms", name}, {"unknown/unknown: rejected by policy"});
  EXPECT_FALSE(skopeo({"--all"}, "four"));
  Sign(entries[2].image.manifest, "ours", name, "app", 1);
  RunOk({"pull", "-q", "--all-platforms", name});
  RunOk({"rmi", name});
  ASSERT_TRUE(skopeo({"--all"}, "five"));
  // Those that skopeo has put beside them.
  RunOk({"load", "--all-platforms", "-i", Path("five")});
  RunOk({"image", "prune", "-af"});
  fs::remove(Path("five/" + entries[1].image.manifest.digest.substr(7) + ".signature-1"));
  ExpectRefused({"load", "--all-platforms", "-i", Path("five")}, {"linux/arm64: rejected by"});
}

TEST_F(GpgSigned, LookasideIsReadOverHttpAndGpgvIsAskedFor) {
  Registry registry;
  registry.Push("team/app", "1", image_);
  const std::string name = registry.Reference("team/app", "1");
  Sign("ours", name, "team/app", 1);
  FaultServer lookaside([this](const FaultRequest& request) {
    std::string bytes = ReadFileIfThere(Path("lookaside") + request.target);
    return bytes.empty() ? FaultReply{.status = 404} : FaultReply{.body = bytes};
  });
  RegistriesD("docker:\n  \"" + registry.address() +
              "/team\":\n    sigstore: " + lookaside.Url("") + "\n");
  Policy("\"" + registry.address() + "\":[" + SignedBy("ours") + "]");
  RunOk({"pull", "-q", name});
  RunOk({"rmi", name});
  EXPECT_FALSE(lookaside.Requests("GET", "/team/app@sha256=").empty());
  env["PATH"] = Path("nothing");
  ExpectRefused({"pull", "-q", name},
                {"gpgv, which checks signatures, is not installed", "hint: install it"});
}

class SigstoreSigned : public SignaturePolicy,
                       public testing::WithParamInterface<std::vector<std::string>> {
 protected:
  void MakeKey(const std::string& name, std::vector<std::string> algorithm) {
    std::vector<std::string> command = {"openssl", "genpkey", "-out", name + ".key"};
    command.insert(command.end(), algorithm.begin(), algorithm.end());
    Do(command);
    Do({"openssl", "pkey", "-in", name + ".key", "-pubout", "-out", name + ".pub"});
  }
  std::string Payload(const std::string& reference, const std::string& digest) const {
    return R"({"critical":{"identity":{"docker-reference":")" + reference +
           R"("},"image":{"docker-manifest-digest":")" + digest +
           R"("},"type":"cosign container image signature"},"optional":null})";
  }
  // Pushes the tag sha256-<hex>.sig with one attachment.
  void Attach(Registry& registry, const std::string& key, const std::string& payload) {
    WriteFile(Path("payload"), payload);
    const bool ed25519 = GetParam().back() == "ed25519";
    if (ed25519) {
      Do({"openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key + ".key", "-in", "payload", "-out",
          "signature"});
    } else {
      Do({"openssl", "dgst", "-sha256", "-sign", key + ".key", "-out", "signature", "payload"});
    }
    Image attachment;
    const std::string digest = Sha256Digest(payload);
    attachment.blobs = {{.bytes = "{}", .digest = Sha256Digest("{}"), .media_type = ""},
                        {.bytes = payload, .digest = digest, .media_type = ""}};
    Json manifest = {{"schemaVersion", 2},
                     {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                     {"config",
                      {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                       {"digest", Sha256Digest("{}")},
                       {"size", 2}}},
                     {"layers",
                      {{{"mediaType", "application/vnd.dev.cosign.simplesigning.v1+json"},
                        {"digest", digest},
                        {"size", payload.size()},
                        {"annotations",
                         {{"dev.cosignproject.cosign/signature",
                           Do({"openssl", "base64", "-A", "-in", "signature"}).out}}}}}}};
    attachment.manifest.bytes = manifest.dump();
    attachment.manifest.digest = Sha256Digest(attachment.manifest.bytes);
    attachment.manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
    registry.Push("app", "sha256-" + image_.manifest.digest.substr(7) + ".sig", attachment);
  }
};

TEST_P(SigstoreSigned, AttachmentsAreChecked) {
  Registry registry;
  registry.Push("app", "1", image_);
  const std::string name = registry.Reference("app", "1");
  MakeKey("ours", GetParam());
  MakeKey("others", GetParam());
  const std::string rule = R"({"type":"sigstoreSigned","keyPath":")" + Path("ours.pub") + "\"";
  Policy("\"" + registry.address() + "\":[" + rule + "}]");
  ExpectRefused({"pull", "-q", name},
                {"(sigstoreSigned): the image has no signature", "use-sigstore-attachments: true"});
  RegistriesD("default-docker:\n  use-sigstore-attachments: true\n");
  ExpectRefused({"pull", "-q", name}, {"the image has no signature"});
  Attach(registry, "others", Payload(name, image_.manifest.digest));
  ExpectRefused({"pull", "-q", name}, {"it is signed by another key"});
  Attach(registry, "ours", Payload(name, Sha256Digest("other")));
  ExpectRefused({"pull", "-q", name}, {"it is for another image, " + Sha256Digest("other")});
  const std::string repository = registry.address() + "/app";
  Attach(registry, "ours", Payload(repository, image_.manifest.digest));
  ExpectRefused({"pull", "-q", name}, {"it is for the name '" + repository + "'"});
  Policy("\"" + registry.address() + "\":[" + rule +
         R"(,"signedIdentity":{"type":"matchRepository"}}])");
  RunOk({"pull", "-q", name});
  RunOk({"rmi", name});
  Attach(registry, "ours", Payload(name, image_.manifest.digest));
  Policy("\"" + registry.address() + "\":[" + rule + "}]");
  RunOk({"pull", "-q", name});
}

INSTANTIATE_TEST_SUITE_P(Keys, SigstoreSigned,
                         testing::Values(std::vector<std::string>{"-algorithm", "ec", "-pkeyopt",
                                                                  "ec_paramgen_curve:P-256"},
                                         std::vector<std::string>{"-algorithm", "rsa"},
                                         std::vector<std::string>{"-algorithm", "ed25519"}),
                         [](const auto& one) { return one.param[1]; });

}  // namespace
}  // namespace hoy::test
