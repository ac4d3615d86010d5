#include <fmt/core.h>
#include <gtest/gtest.h>

#include "oci/image/manifest.h"
#include "oci/image/manifest_edit.h"

namespace hoy::oci {
namespace {

using namespace std::string_literals;

std::string Digested(char c) {
  return "sha256:" + std::string(64, c);
}

std::string DescriptorJson(std::string_view type, char digest, std::string_view more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":10{}}})", type, Digested(digest),
                     more);
}

std::string ManifestJson(std::string_view type, std::string_view config_type,
                         std::string_view layer_type) {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{},{}]}})", type,
                     DescriptorJson(config_type, 'c'), DescriptorJson(layer_type, '1'),
                     DescriptorJson(layer_type, '2'));
}

std::string OciManifest() {
  return ManifestJson(media_type::kOciManifest, media_type::kOciConfig, media_type::kOciLayerGzip);
}

Index ParseIndex(const std::string& text) {
  auto document = ParseManifestOrIndex(text, {});
  EXPECT_TRUE(document) << document.error().message;
  return std::get<Index>(*document);
}

TEST(ConvertManifest, ChangesMediaTypesAndNothingThatHasThemAlready) {
  const std::string oci = OciManifest();
  EXPECT_EQ(ConvertManifest(oci, ManifestFormat::kOci)->bytes, oci);
  auto docker = ConvertManifest(oci, ManifestFormat::kDocker);
  ASSERT_TRUE(docker) << docker.error().message;
  EXPECT_EQ(docker->media_type, media_type::kDockerManifest);
  EXPECT_EQ(docker->bytes.find("vnd.oci"), std::string::npos) << docker->bytes;
  EXPECT_EQ(ConvertManifest(docker->bytes, ManifestFormat::kOci)->media_type,
            media_type::kOciManifest);
  auto zstd = ConvertManifest(
      ManifestJson(media_type::kOciManifest, media_type::kOciConfig, media_type::kOciLayerZstd),
      ManifestFormat::kDocker);
  ASSERT_FALSE(zstd);
  EXPECT_EQ(zstd.error().kind, ErrorKind::kUnsupported);
}

TEST(Manifest, ReadsOciAndDockerManifests) {
  auto oci = ParseManifest(OciManifest(), media_type::kOciManifest);
  ASSERT_TRUE(oci) << oci.error().message;
  EXPECT_EQ(oci->config.digest.ToString(), Digested('c'));
  ASSERT_EQ(oci->layers.size(), 2U);
  EXPECT_EQ(oci->layers[1].digest.ToString(), Digested('2'));
  EXPECT_EQ(oci->layers[1].size, 10);
  auto docker =
      ParseManifest(ManifestJson(media_type::kDockerManifest, media_type::kDockerConfig,
                                 media_type::kDockerLayerGzip),
                    "application/vnd.docker.distribution.manifest.v2+json; charset=utf-8");
  ASSERT_TRUE(docker) << docker.error().message;
  EXPECT_EQ(docker->media_type, media_type::kDockerManifest);
}

TEST(Manifest, GuessesTheTypeWhenNobodySaysIt) {
  std::string text = fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[]}})",
                                 DescriptorJson(media_type::kOciConfig, 'c'));
  EXPECT_EQ(ParseManifest(text)->media_type, media_type::kOciManifest);
  EXPECT_EQ(ParseManifest(text, "application/json")->media_type, media_type::kOciManifest);
  EXPECT_EQ(ParseIndex(R"({"schemaVersion":2,"manifests":[]})").media_type, media_type::kOciIndex);
}

struct Bad {
  std::string text;
  ErrorKind kind;
  std::string reason;
  std::string announced = {};
};

TEST(Manifest, RefusesWithAReason) {
  std::string config = DescriptorJson(media_type::kOciConfig, 'c');
  std::string layer = DescriptorJson(media_type::kOciLayer, '1');
  auto with = [&](std::string_view members) {
    return fmt::format(R"({{"schemaVersion":2,{}}})", members);
  };
  const Bad cases[] = {
      {"", ErrorKind::kCorrupt, "parse error"},
      {"<html>", ErrorKind::kCorrupt, "parse error"},
      {"[]", ErrorKind::kCorrupt, "not an object"},
      {"{}", ErrorKind::kCorrupt, "schemaVersion"},
      {R"({"schemaVersion":1,"fsLayers":[]})", ErrorKind::kUnsupported, "schema 1"},
      {"{}", ErrorKind::kUnsupported, "schema 1",
       "application/vnd.docker.distribution.manifest.v1+prettyjws"},
      {with(R"("layers":[])"), ErrorKind::kCorrupt, "'config' is missing"},
      {with("\"config\":" + config), ErrorKind::kCorrupt, "'layers' is missing"},
      {with("\"config\":3,\"layers\":[]"), ErrorKind::kCorrupt, "not a descriptor"},
      {with("\"config\":" + config + ",\"layers\":{}"), ErrorKind::kCorrupt, "not an array"},
      {with("\"manifests\":[],\"layers\":[]"), ErrorKind::kCorrupt, "both"},
      {with("\"manifests\":[],\"config\":" + config), ErrorKind::kCorrupt, "both"},
      {OciManifest(), ErrorKind::kCorrupt, "announced as",
       std::string(media_type::kDockerManifest)},
      {with(R"("config":{"mediaType":"x","digest":"sha256:12","size":1},"layers":[])"),
       ErrorKind::kCorrupt, "64 lower-case hex"},
      {with(R"("config":{"mediaType":"x","size":1},"layers":[])"), ErrorKind::kCorrupt,
       "'digest' is missing"},
      {with("\"config\":{\"digest\":\"" + Digested('a') + "\",\"size\":-1},\"layers\":[]"),
       ErrorKind::kCorrupt, "not a size"},
      {with("\"config\":{\"digest\":\"" + Digested('a') + "\",\"size\":1e3},\"layers\":[]"),
       ErrorKind::kCorrupt, "not a size"},
      {with("\"config\":{\"digest\":\"" + Digested('a') +
            "\",\"size\":18446744073709551615},\"layers\":[]"),
       ErrorKind::kCorrupt, "not a size"},
      {with("\"config\":" + DescriptorJson("application/vnd.cncf.helm.config.v1+json", 'c') +
            ",\"layers\":[]"),
       ErrorKind::kUnsupported, "helm"},
      {with("\"config\":" + config + ",\"layers\":[" +
            DescriptorJson("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", '1') + "]"),
       ErrorKind::kUnsupported, "foreign"},
      {with("\"config\":" + config + ",\"layers\":[" +
            DescriptorJson("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", '1') +
            "]"),
       ErrorKind::kUnsupported, "foreign"},
      {with("\"config\":" + config + ",\"layers\":[" +
            DescriptorJson("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", '1') + "]"),
       ErrorKind::kUnsupported, "encrypted"},
      {with("\"config\":" + config + ",\"layers\":[" + DescriptorJson("text/x", '1') + "]"),
       ErrorKind::kUnsupported, "text/x"},
      {with(R"("mediaType":"application/x","layers":[])"), ErrorKind::kUnsupported,
       "application/x"},
      {std::string(100'000, '['), ErrorKind::kCorrupt, "too deep"},
      {with("\"a\":" + std::string(100, '[') + std::string(100, ']')), ErrorKind::kCorrupt,
       "too deep"},
      {std::string(kMaxDocumentBytes + 1, ' '), ErrorKind::kCorrupt, "larger than"},
      {with("\"mediaType\":\"a\\u0000b\""), ErrorKind::kCorrupt, "NUL"},
      {with("\"mediaType\":\"\xff\""), ErrorKind::kCorrupt, "UTF-8"},
  };
  for (const Bad& bad : cases) {
    auto document = ParseManifestOrIndex(bad.text, bad.announced);
    ASSERT_FALSE(document) << bad.text.substr(0, 200);
    EXPECT_EQ(document.error().kind, bad.kind) << document.error().message;
    EXPECT_NE(document.error().message.find(bad.reason), std::string::npos)
        << document.error().message << " should say: " << bad.reason;
    EXPECT_EQ(document.error().message.find("json.exception"), std::string::npos);
  }
}

TEST(Manifest, RefusesMoreLayersThanAnImageCanHave) {
  std::string layer = DescriptorJson(media_type::kOciLayer, '1');
  std::string layers = layer;
  for (size_t i = 0; i < kMaxLayers; ++i) layers += "," + layer;
  std::string text = fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]}})",
                                 DescriptorJson(media_type::kOciConfig, 'c'), layers);
  ASSERT_LT(text.size(), kMaxDocumentBytes);
  EXPECT_EQ(ParseManifest(text).error().kind, ErrorKind::kCorrupt);
}

TEST(Manifest, AnIndexIsNoManifest) {
  EXPECT_EQ(ParseManifest(R"({"schemaVersion":2,"manifests":[]})").error().kind,
            ErrorKind::kCorrupt);
}

std::string Entry(char digest, std::string_view os, std::string_view architecture,
                  std::string_view variant = "") {
  return DescriptorJson(
      media_type::kOciManifest, digest,
      fmt::format(R"(,"platform":{{"os":"{}","architecture":"{}","variant":"{}"}})", os,
                  architecture, variant));
}

char Selected(const std::string& entries, const Platform& wanted) {
  auto chosen =
      SelectPlatform(ParseIndex(R"({"schemaVersion":2,"manifests":[)" + entries + "]}"), wanted);
  return chosen ? chosen->digest.hex()[0] : '-';
}

TEST(SelectPlatform, TakesTheBestMatch) {
  Platform arm64{.os = "linux", .architecture = "arm64", .variant = ""};
  Platform armv7{.os = "linux", .architecture = "arm", .variant = "v7"};
  std::string all = Entry('0', "unknown", "unknown") + "," + Entry('1', "linux", "amd64") + "," +
                    Entry('2', "linux", "arm", "v5") + "," + Entry('3', "linux", "arm", "v6") +
                    "," + Entry('4', "linux", "arm64", "v8") + "," +
                    Entry('5', "windows", "arm64") + "," + Entry('6', "linux", "arm64", "v8");
  EXPECT_EQ(Selected(all, arm64), '4');
  EXPECT_EQ(Selected(all, armv7), '3');
  EXPECT_EQ(Selected(all + "," + Entry('7', "linux", "arm", "v7"), armv7), '7');
  EXPECT_EQ(Selected(all, {.os = "linux", .architecture = "s390x", .variant = ""}), '-');
}

TEST(SelectPlatform, FallsBackToAnEntryThatDoesNotSay) {
  Platform amd64{.os = "linux", .architecture = "amd64", .variant = ""};
  std::string silent = DescriptorJson(media_type::kOciManifest, '9');
  EXPECT_EQ(Selected(silent, amd64), '9');
  EXPECT_EQ(Selected(silent + "," + Entry('1', "linux", "amd64"), amd64), '1');
}

TEST(SelectPlatform, NamesWhatThereIs) {
  auto index = ParseIndex(R"({"schemaVersion":2,"manifests":[)" + Entry('1', "linux", "arm64") +
                          "," + Entry('2', "linux", "arm", "v6") + "]}");
  auto chosen = SelectPlatform(index, {.os = "linux", .architecture = "amd64", .variant = ""});
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(chosen.error().message.find("linux/amd64"), std::string::npos);
  EXPECT_NE(chosen.error().hint.find("linux/arm64, linux/arm/v6"), std::string::npos);
}

}  // namespace
}  // namespace hoy::oci
