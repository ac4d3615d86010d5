#include "oci/registry/list_puller.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "tests/system/fault_server.h"

namespace hoy::oci {
namespace {

class Quiet final : public ProgressSink {
 public:
  void OnStart(const PullHeader&) override {}
  void OnLayer(const LayerProgress&) override {}
  void OnNotice(std::string_view) override {}
  void OnWarning(std::string_view) override {}
  void OnEnd(const PullSummary&) override {}
  void OnFailure() override {}
};

class ListPullerTest : public testing::Test {
 protected:
  ListPullerTest() {
    char name[] = "/tmp/hoy-list-XXXXXX";
    layout.data = ::mkdtemp(name);
    layout.run = layout.data + "/run";
    EXPECT_TRUE(core::PrepareLayout(layout));
    ::setenv("REGISTRY_AUTH_FILE", "/dev/null", 1);
  }
  ~ListPullerTest() override {
    ::unsetenv("REGISTRY_AUTH_FILE");
    EXPECT_TRUE(core::RemoveTree(layout.data));
  }
  // The descriptor of a manifest that is there under its digest and `tag`.
  std::string Add(const std::string& bytes, const std::string& type, const std::string& announced,
                  const std::string& tag = "") {
    const std::string digest = Sha256Of(bytes).ToString();
    content.AddManifest(digest, bytes, type, digest);
    if (!tag.empty()) content.AddManifest(tag, bytes, type, digest);
    return R"({"mediaType":")" + announced + R"(","digest":")" + digest + R"(","size":)" +
           std::to_string(bytes.size()) + R"(,"platform":{"os":"linux","architecture":"amd64"}})";
  }
  static std::string Index(const std::string& entry) {
    return R"({"schemaVersion":2,"mediaType":")" + kIndexType + R"(","manifests":[)" + entry + "]}";
  }

  static inline const std::string kIndexType = "application/vnd.oci.image.index.v1+json";
  static inline const std::string kManifestType = "application/vnd.oci.image.manifest.v1+json";
  core::Layout layout;
  test::FakeRegistryContent content;
};

// Whoever signed a list did not vouch for what is in it: an entry must be the image itself.
TEST_F(ListPullerTest, RefusesAListThatTheIndexCallsAnImage) {
  const std::string config =
      R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";
  const std::string config_digest = Sha256Of(config).ToString();
  content.AddBlob(config_digest, config);
  const std::string image =
      Add(R"({"schemaVersion":2,"mediaType":")" + kManifestType +
              R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
              config_digest + R"(","size":)" + std::to_string(config.size()) + R"(},"layers":[]})",
          kManifestType, kManifestType);
  const std::string inner = Add(Index(image), kIndexType, kManifestType, "inner");
  Add(Index(inner), kIndexType, kIndexType, "outer");
  Add(Index(image), kIndexType, kIndexType, "good");
  test::FaultServer server(
      [this](const test::FaultRequest& request) { return content.Answer(request); });
  Quiet sink;
  auto pull = [&](const std::string& tag, bool platforms) {
    CancelToken cancel;
    PullRequest request{.reference = *Reference::Parse(server.address() + "/app:" + tag)};
    request.platform = {.os = "linux", .architecture = "amd64"};
    if (!platforms) return PullImage(layout, request, sink, cancel);
    return PullPlatforms(layout, request, {}, sink, cancel);
  };
  auto good = pull("good", true);
  EXPECT_TRUE(good) << good.error().message;
  auto refused = pull("outer", true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(refused.error().message.find("calls it an image"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace hoy::oci
