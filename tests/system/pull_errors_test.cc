// The error table: what each way of a registry to fail looks like to a person. Every row is one
// sentence that says what happened, and what to do.

#include <atomic>

#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

constexpr char kSchema1[] = "application/vnd.docker.distribution.manifest.v1+prettyjws";

struct ErrorCase {
  const char* name;
  enum Where { kManifest, kConfig, kLayer } where;
  std::function<FaultReply(FaultReply good)> spoil;
  int code;
  std::vector<std::string> says;  // on stderr; {layer} and {registry} are replaced
  bool once = false;              // what would be tried again
};

FaultReply Refuse(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                  std::string body = "") {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

const std::vector<ErrorCase>& Cases() {
  static const std::vector<ErrorCase> cases = {
      {"Unauthorized",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(401); },
       125,
       {"registry '{registry}' wants a login",
        "hint: check the name; if it is private: hoy login"}},
      {"Forbidden",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(403); },
       125,
       {"access denied", "hint: check the name; if it is private: hoy login {registry}"}},
      {"NotFound",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(404); },
       1,
       {"manifest of '{registry}/app:1': not found", "hint: check the name and the tag"}},
      {"RateLimit",
       ErrorCase::kManifest,
       [](FaultReply) {
         return Refuse(429, {{"Retry-After", "7200"}, {"RateLimit-Limit", "100;w=21600"}});
       },
       125,
       {"limits the rate of pulls", "the limit is 100 requests in 6 hours", "try again in 2 hours",
        "a login may raise it"}},
      {"RateLimitByReset",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(429, {{"RateLimit-Reset", "7200"}}); },
       125,
       {"limits the rate of pulls", "try again in 2 hours"}},
      {"Unavailable",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(503, {{"Retry-After", "3600"}}); },
       125,
       {"answered 503 Service Unavailable", "asks to try again in about an hour"}},
      {"ServerError",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(500); },
       125,
       {"manifest of '{registry}/app:1'", "answered 500 Internal Server Error",
        "hint: the registry has a problem; try again later"},
       true},
      {"NoAnswer",
       ErrorCase::kManifest,
       [](FaultReply good) {
         good.silent = true;
         return good;
       },
       125,
       {"wait for '{registry}'", "hint: the registry or the network stalls; try again later"},
       true},
      {"CutManifest",
       ErrorCase::kManifest,
       [](FaultReply good) {
         good.break_after = good.body.size() / 2;
         return good;
       },
       125,
       {"transfer from '{registry}' broke off", "hint: try again"},
       true},
      {"CutLayer",
       ErrorCase::kLayer,
       [](FaultReply good) {
         good.break_after = good.body.size() / 2;
         return good;
       },
       125,
       {"layer '{layer}'", "transfer from '{registry}' broke off",
        "hint: try again: what has arrived is kept"},
       true},
      {"ShortLayer",
       ErrorCase::kLayer,
       [](FaultReply good) {
         good.body.resize(good.body.size() / 2);
         return good;
       },
       125,
       {"layer '{layer}'", " ended after ", "hint: try again: what has arrived is kept"},
       true},
      {"WrongContentLength",
       ErrorCase::kLayer,
       [](FaultReply good) {
         good.content_length = good.body.size() + 10;
         return good;
       },
       125,
       {"layer '{layer}'", "bytes or more, the manifest promises",
        "hint: the image is damaged or tampered with"}},
      {"NoRegistry",
       ErrorCase::kManifest,
       [](FaultReply) { return Refuse(200, {{"Content-Type", "text/html"}}, "<html>"); },
       125,
       {"manifest of '{registry}/app:1': the answer is a web page",
        "hint: this may not be a registry, or a proxy answered in its place"}},
      {"Schema1",
       ErrorCase::kManifest,
       [](FaultReply) {
         return Refuse(200, {{"Content-Type", kSchema1}},
                       R"({"schemaVersion":1,"name":"app","tag":"1","fsLayers":[]})");
       },
       125,
       {"schema 1", "hint: "}},
      {"WrongManifestDigest",
       ErrorCase::kManifest,
       [](FaultReply good) {
         good.body += " ";
         return good;
       },
       125,
       {"the registry promised sha256:", "hint: the registry or a proxy before it damages data"}},
      {"WrongConfig",
       ErrorCase::kConfig,
       [](FaultReply good) {
         good.body[0] = ' ';
         return good;
       },
       125,
       {"what arrived has the digest sha256:", "damages data"}},
      {"WrongLayer",
       ErrorCase::kLayer,
       [](FaultReply good) {
         good.body[good.body.size() / 2] ^= 1;
         return good;
       },
       125,
       {"layer '{layer}'", "what arrived has the digest sha256:", "damages data"}},
      {"LayerTooLong",
       ErrorCase::kLayer,
       [](FaultReply good) {
         good.body += "more";
         return good;
       },
       125,
       {"layer '{layer}'", "bytes or more, the manifest promises"}},
      {"LayerGone",
       ErrorCase::kLayer,
       [](FaultReply) { return Refuse(404); },
       125,
       {"layer '{layer}'", "not found",
        "hint: the image is damaged in the registry: a part of it is missing there"}},
      {"ConfigGone",
       ErrorCase::kConfig,
       [](FaultReply) { return Refuse(404); },
       125,
       {"fetch the config", "hint: the image is damaged in the registry"}},
      {"LayerLimited",
       ErrorCase::kLayer,
       [](FaultReply) { return Refuse(429, {{"Retry-After", "7200"}}); },
       125,
       {"layer '{layer}'", "limits the rate of pulls", "try again in 2 hours"}},
  };
  return cases;
}

class PullErrors : public HoySandbox {
 protected:
  PullErrors() {
    ImageBuilder builder;
    builder.Layer(Tar().File("word", "hello"));
    image = builder.Build();
    for (const Blob& blob : image.blobs) content.AddBlob(blob.digest, blob.bytes);
    content.AddManifest("1", image.manifest.bytes, image.manifest.media_type,
                        image.manifest.digest);
  }
  bool Concerns(ErrorCase::Where where, const FaultRequest& request) const {
    switch (where) {
      case ErrorCase::kManifest: return request.target.find("/manifests/") != std::string::npos;
      case ErrorCase::kConfig: return request.target.ends_with(image.config_digest);
      case ErrorCase::kLayer: return request.target.ends_with(image.layer_digests[0]);
    }
    return false;
  }
  static std::string Replace(std::string text, const std::string& what, const std::string& by) {
    size_t at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, what.size(), by);
  }

  Image image;
  FakeRegistryContent content;
};

class PullErrorTable : public PullErrors, public testing::WithParamInterface<ErrorCase> {};

TEST_P(PullErrorTable, SaysWhatHappenedAndWhatToDo) {
  FaultServer server([this](const FaultRequest& request) {
    FaultReply good = content.Answer(request);
    return Concerns(GetParam().where, request) ? GetParam().spoil(std::move(good)) : good;
  });
  // Only where nothing else than the stall can happen: a loaded machine stalls, too.
  if (GetParam().name == std::string("NoAnswer")) env["HOY_STALL_TIMEOUT"] = "1";
  partial_blobs_are_expected = GetParam().once;  // to go on from
  std::vector<std::string> arguments = {"pull", "-q", server.address() + "/app:1"};
  if (GetParam().once) arguments.insert(arguments.begin() + 1, "--retry=0");
  Output output = Run(arguments);
  EXPECT_EQ(output.code, GetParam().code) << output;
  for (std::string text : GetParam().says) {
    text = Replace(text, "{registry}", server.address());
    text = Replace(text, "{layer}", image.layer_digests[0].substr(7, 12));
    EXPECT_NE(output.err.find(text), std::string::npos) << "expected: " << text << "\n" << output;
  }
  EXPECT_TRUE(output.err.starts_with("hoy: pull '" + server.address() + "/app:1': ")) << output;
  EXPECT_NE(output.err.find("\nhint: "), std::string::npos) << "what to do?\n" << output;
  EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
  EXPECT_TRUE(ListNames(data() + "/layers").empty());
}

INSTANTIATE_TEST_SUITE_P(Table, PullErrorTable, testing::ValuesIn(Cases()),
                         [](const auto& one) { return one.param.name; });

// The name is there, so that it is the registry which fails, as with a blob.
TEST_F(PullErrors, AnImageThatItsIndexOnlyPromisesIsTheRegistrysFailure) {
  const Blob index = BuildIndex({{.image = image, .architecture = "arm64", .variant = ""}});
  content.AddManifest("all", index.bytes, index.media_type, index.digest);
  FaultServer server([&](const FaultRequest& request) { return content.Answer(request); });
  for (const char* which : {"--platform=linux/arm64", "--all-platforms"}) {
    const Output output = Run({"pull", "-q", which, server.address() + "/app:all"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("manifest of '" + server.address() + "/app@" + image.manifest.digest +
                              "': not found"),
              std::string::npos)
        << output;
    EXPECT_NE(output.err.find("hint: the image is damaged in the registry"), std::string::npos)
        << output;
  }
}

TEST_F(PullErrors, RetryAndItsDelayAreMinded) {
  std::atomic<int> asked = 0;
  FaultServer server([&](const FaultRequest& request) {
    if (request.target.find("/manifests/") == std::string::npos) return content.Answer(request);
    ++asked;
    return Refuse(500);
  });
  Output output =
      Run({"pull", "--retry", "3", "--retry-delay", "1ms", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(asked, 4);
  EXPECT_NE(output.err.find("next try in 0.0 s"), std::string::npos) << output;
  EXPECT_EQ(Run({"pull", "--retry=-1", "127.0.0.1:1/app"}).code, 125);
  output = Run({"pull", "--retry=0", "127.0.0.1:1/app:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("connect to '127.0.0.1:1': Connection refused"), std::string::npos)
      << output;
  EXPECT_NE(output.err.find("hint: check that the registry runs"), std::string::npos) << output;
}

TEST_F(PullErrors, WhoMayNotUnpackLayersIsToldToBeRoot) {
  ImageBuilder builder;
  builder.Layer(Tar().Add({.name = "of-another", .content = "x", .uid = 1000}));
  const Image owned = builder.Build();
  for (const Blob& blob : owned.blobs) content.AddBlob(blob.digest, blob.bytes);
  content.AddManifest("owned", owned.manifest.bytes, owned.manifest.media_type,
                      owned.manifest.digest);
  FaultServer server([&](const FaultRequest& request) { return content.Answer(request); });
  partial_blobs_are_expected = true;
  Command command = Hoy({"pull", "-q", server.address() + "/app:owned"});
  command.argv.insert(command.argv.begin(), {"setpriv", "--bounding-set", "-chown"});
  const Output output = RunCommand(command);
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("'of-another': change owner"), std::string::npos) << output;
  EXPECT_NE(output.err.find("\nhint: layers have files of several owners, and devices: run hoy as "
                            "root"),
            std::string::npos)
      << output;
}

TEST_F(PullErrors, AShortLimitIsWaitedForAndTold) {
  std::atomic<int> refused = 0;
  FaultServer server([&](const FaultRequest& request) {
    if (request.target.find("/manifests/") != std::string::npos && refused++ == 0) {
      return Refuse(429, {{"Retry-After", "1"}});
    }
    return content.Answer(request);
  });
  Output output = Run({"pull", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("limits the rate of pulls; next try in 1.0 s"), std::string::npos)
      << output;
}

TEST_F(PullErrors, ABodyThatEndsEarlyOrLiesAboutItsLengthGoesOn) {
  std::atomic<int> spoilt = 0;
  FaultServer server([&](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    if (!Concerns(ErrorCase::kLayer, request)) return reply;
    switch (spoilt++) {
      case 0: reply.break_after = reply.body.size() / 2; break;
      case 1: reply.content_length = reply.body.size() + 10; break;
      default: break;
    }
    return reply;
  });
  Output output = Run({"pull", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 0) << output;
}

TEST_F(PullErrors, ARepulledTagCostsOneRequest) {
  FaultServer server([&](const FaultRequest& request) { return content.Answer(request); });
  RunOk({"pull", "-q", server.address() + "/app:1"});
  size_t before = server.requests().size();
  RunOk({"pull", "-q", server.address() + "/app:1"});
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), before + 1);
  EXPECT_EQ(requests.back().method, "HEAD");
}

}  // namespace
}  // namespace hoy::test
