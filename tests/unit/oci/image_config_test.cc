#include "oci/image/image_config.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "oci/image/image_record.h"
#include "oci/image/plain_record.h"

namespace hoy::oci {
namespace {

const std::string kDiffId = "sha256:" + std::string(64, 'd');

std::string WithConfig(std::string_view config) {
  return fmt::format(R"({{"os":"linux","architecture":"amd64","config":{},)"
                     R"("rootfs":{{"type":"layers","diff_ids":["{}"]}}}})",
                     config, kDiffId);
}

TEST(ImageConfig, ReadsAllThatAContainerNeeds) {
  auto image = ParseImageConfig(fmt::format(
      R"({{"os":"Linux","architecture":"aarch64","variant":"v8","created":"2024-01-02T03:04:05.6Z",
          "author":"me","rootfs":{{"type":"layers","diff_ids":["{}"]}},
          "config":{{"Entrypoint":["/e","x"],"Cmd":["c"],"Env":["A=1","B="],"User":"u:g",
            "WorkingDir":"/w","StopSignal":"SIGINT","Labels":{{"l":"v"}},"Volumes":{{"/v2":{{}},"/v1":{{}}}},
            "ExposedPorts":{{"80/tcp":{{}}}},"Shell":["/bin/sh"],"Healthcheck":{{"Test":["CMD","t"]}},
            "ArgsEscaped":true,"OnBuild":null}},
          "history":[{{"created":"2024-01-01T00:00:00Z","created_by":"ADD","comment":"c",
                       "author":"a"}},{{"created_by":"ENV","empty_layer":true}}]}})",
      kDiffId));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->platform.ToString(), "linux/arm64");
  EXPECT_EQ(core::FormatRfc3339(image->created), "2024-01-02T03:04:05.600000000Z");
  EXPECT_EQ(image->author, "me");
  const ImageRunConfig& config = image->config;
  EXPECT_EQ(config.entrypoint, (std::vector<std::string>{"/e", "x"}));
  EXPECT_EQ(config.cmd, std::vector<std::string>{"c"});
  EXPECT_EQ(config.env, (std::vector<std::string>{"A=1", "B="}));
  EXPECT_EQ(config.user, "u:g");
  EXPECT_EQ(config.working_dir, "/w");
  EXPECT_EQ(config.stop_signal, "SIGINT");
  EXPECT_EQ(config.labels.at("l"), "v");
  EXPECT_EQ(config.volumes, (std::vector<std::string>{"/v1", "/v2"}));
  EXPECT_EQ(config.exposed_ports, std::vector<std::string>{"80/tcp"});
  EXPECT_EQ(config.shell, std::vector<std::string>{"/bin/sh"});
  EXPECT_EQ(config.healthcheck, R"({"Test":["CMD","t"]})");
  EXPECT_EQ(image->diff_ids.at(0).ToString(), kDiffId);
  ASSERT_EQ(image->history.size(), 2U);
  EXPECT_EQ(image->history[0].created_by, "ADD");
  EXPECT_TRUE(image->history[1].empty_layer);
}

TEST(ImageConfig, TakesNullAndMissingForEmptyAndATextForACommand) {
  auto image = ParseImageConfig(WithConfig(
      R"({"Entrypoint":"/one","Cmd":null,"Env":null,"Labels":null,"Volumes":null,"User":null})"));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->config.entrypoint, std::vector<std::string>{"/one"});
  EXPECT_TRUE(image->config.cmd.empty());
  EXPECT_TRUE(ParseImageConfig(WithConfig("null")));
}

TEST(ImageConfig, ATimeThatIsNoneDoesNotMatter) {
  auto image = ParseImageConfig(
      R"({"created":"yesterday","rootfs":{"type":"layers","diff_ids":[]},"os":"linux"})");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->created, 0);
}

TEST(ImageConfig, RefusesWithAReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"not JSON", "parse error"},
      {"{}", "'rootfs' is missing"},
      {R"({"rootfs":{"type":"squashfs","diff_ids":[]}})", "squashfs"},
      {R"({"rootfs":{"type":"layers","diff_ids":["x"]}})", "no algorithm"},
      {R"({"rootfs":{"type":"layers","diff_ids":[]},"history":{}})", "'history' is not an array"},
      {R"({"rootfs":{"type":"layers","diff_ids":[]},"history":[1]})", "'history' entry"},
      {WithConfig("[]"), "'config' is not an object"},
      {WithConfig(R"({"Env":"A=1"})"), "'Env' is not an array"},
      {WithConfig(R"({"Env":[1]})"), "'Env' is not a string"},
      {WithConfig(R"({"Cmd":{}})"), "'Cmd' is not an array"},
      {WithConfig(R"({"User":0})"), "'User' is not a string"},
      {WithConfig(R"({"Labels":{"a":1}})"), "'Labels' is not a string"},
      {WithConfig(R"({"Volumes":["/v"]})"), "'Volumes' is not an object"},
      {WithConfig("{\"Env\":[\"A=\\u0000\"]}"), "NUL"},
  };
  for (const auto& [text, reason] : cases) {
    auto image = ParseImageConfig(text);
    ASSERT_FALSE(image) << text;
    EXPECT_EQ(image.error().kind, ErrorKind::kCorrupt);
    EXPECT_NE(image.error().message.find(reason), std::string::npos) << image.error().message;
  }
}

TEST(ImageRecord, ReadsBackWhatItWrites) {
  auto digest = [](char c) { return Digest::FromHex(std::string(64, c)); };
  ImageRecord record{.id = digest('1'),
                     .manifest = digest('2'),
                     .platform = {.os = "linux", .architecture = "arm", .variant = "v7"},
                     .created = 1'700'000'000'123'456'789,
                     .pulled = 5,
                     .size = 1234,
                     .chain_ids = {digest('3'), digest('4')},
                     .diff_ids = {digest('3'), digest('5')},
                     .repo_digests = {"docker.io/library/x@" + digest('2').ToString()},
                     .blobs = {digest('1'), digest('2')},
                     .author = "me",
                     .config = {.entrypoint = {"/e"},
                                .cmd = {"a", ""},
                                .env = {"B=2", "A=1"},
                                .user = "u",
                                .working_dir = "/w",
                                .stop_signal = "9",
                                .labels = {{"k", "\"quoted\"\n"}},
                                .volumes = {"/v"},
                                .exposed_ports = {"1/udp"},
                                .shell = {"sh"},
                                .healthcheck = R"({"Test":["NONE"]})"}};
  auto read = DecodeImageRecord(EncodeImageRecord(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, record.id);
  EXPECT_EQ(read->manifest, record.manifest);
  EXPECT_EQ(read->platform, record.platform);
  EXPECT_EQ(read->created, record.created);
  EXPECT_EQ(read->pulled, record.pulled);
  EXPECT_EQ(read->size, record.size);
  EXPECT_EQ(read->chain_ids, record.chain_ids);
  EXPECT_EQ(read->diff_ids, record.diff_ids);
  EXPECT_EQ(read->repo_digests, record.repo_digests);
  EXPECT_EQ(read->blobs, record.blobs);
  EXPECT_EQ(read->author, record.author);
  EXPECT_EQ(read->config, record.config);
}

// What lists are fast by: a record as it is written needs no parser, unless it has what is rare.
TEST(ImageRecord, IsReadWithoutTheParserAsItIsWritten) {
  ImageRecord record{.id = Digest::FromHex(std::string(64, '1')),
                     .manifest = Digest::FromHex(std::string(64, '2')),
                     .platform = {.os = "linux", .architecture = "amd64", .variant = ""},
                     .created = -1,
                     .pulled = INT64_MAX,
                     .size = 0,
                     .chain_ids = {},
                     .diff_ids = {},
                     .repo_digests = {},
                     .blobs = {},
                     .author = "",
                     .config = {}};
  auto same = [&] {
    std::string text = EncodeImageRecord(record);
    auto plain = DecodePlainRecord(text);
    EXPECT_TRUE(plain) << text;
    EXPECT_EQ(plain ? EncodeImageRecord(*plain) : "", text);
    for (size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(DecodePlainRecord(text.substr(0, size))) << text.substr(0, size);
    }
  };
  same();
  record.chain_ids = record.diff_ids = record.blobs = {record.id, record.manifest};
  record.repo_digests = {"a@b", "c@d"};
  record.author = R"(me & "you" \ back)";
  record.config = {.entrypoint = {"/e", "-c"},
                   .cmd = {""},
                   .env = {"B=\t2\n", "A=1"},
                   .user = "u",
                   .working_dir = "/w",
                   .stop_signal = "9",
                   .labels = {{"a", "1"}, {"b", "{\"c\":[]}"}},
                   .volumes = {"/v", "/w"},
                   .exposed_ports = {"1/udp"},
                   .shell = {"sh"},
                   .on_build = {"RUN x"},
                   .healthcheck = ""};
  same();
  record.config.healthcheck = R"({"Test":["NONE"]})";
  EXPECT_FALSE(DecodePlainRecord(EncodeImageRecord(record)));
  EXPECT_TRUE(DecodeImageRecord(EncodeImageRecord(record)));
}

TEST(ImageRecord, WhatTheParserWouldRefuseIsNotPlain) {
  const std::string good = EncodeImageRecord({.id = Digest::FromHex(std::string(64, '1')),
                                              .manifest = Digest::FromHex(std::string(64, '2')),
                                              .platform = {},
                                              .created = 7,
                                              .pulled = 7,
                                              .size = 7,
                                              .chain_ids = {},
                                              .diff_ids = {},
                                              .repo_digests = {"x"},
                                              .blobs = {},
                                              .author = "me",
                                              .config = {.cmd = {"a"}, .labels = {{"k", "v"}}}});
  ASSERT_TRUE(DecodePlainRecord(good));
  const std::vector<std::pair<std::string, std::string>> spoilt = {
      {"\"size\":7", "\"size\":-7"},
      {"\"size\":7", "\"size\":07"},
      {"\"size\":7", "\"size\":7.0"},
      {"\"size\":7", "\"size\":99999999999999999999"},
      {"\"size\":7", "\"size\":"},
      {"\"created\":7", "\"created\":-0"},
      {"\"x\"", "\"x\","},
      {"[\"x\"]", "[,\"x\"]"},
      {"\"me\"", "\"m\ne\""},
      {"\"me\"", "\"m\xc3\x28\""},
      {"\"me\"", "\"\\u0000\""},
      {"{\"Cmd\"", "{,\"Cmd\""},
      {"],\"Labels\"", "]\"Labels\""},
      {"{\"k\":\"v\"}", "{\"k\":\"v\",\"k\":\"w\"}"},
      {"{\"k\":\"v\"}", "{\"k\":\"v\",\"j\":\"w\"}"},
      {"\"version\":1", "\"version\":2"},
      {"sha256:1", "sha256:g"}};
  for (const auto& [what, by] : spoilt) {
    std::string text = good;
    ASSERT_NE(text.find(what), std::string::npos) << what;
    text.replace(text.find(what), what.size(), by);
    EXPECT_FALSE(DecodePlainRecord(text)) << text;
  }
  EXPECT_FALSE(DecodePlainRecord(good + "x"));
}

TEST(ImageRecord, RefusesDamageAndOtherVersions) {
  for (const char* text : {"", "{}", R"({"version":2})", R"({"version":1,"id":"x"})"}) {
    EXPECT_EQ(DecodeImageRecord(text).error().kind, ErrorKind::kCorrupt) << text;
    EXPECT_EQ(DecodeRefRecord(text).error().kind, ErrorKind::kCorrupt) << text;
  }
}

TEST(EscapeReference, GivesOneReadableFileName) {
  EXPECT_EQ(EscapeReference(*Reference::Parse("localhost:5000/a/b:1")), "localhost:5000+a+b:1");
  std::string path(200, 'a');
  auto first = EscapeReference(*Reference::Parse(path + ":" + std::string(100, 'x') + "1"));
  auto second = EscapeReference(*Reference::Parse(path + ":" + std::string(100, 'x') + "2"));
  EXPECT_LE(first.size(), 240U);
  EXPECT_NE(first, second);
}

TEST(RefRecord, ComesBackWhateverItsShape) {
  RefRecord record{.reference = "docker.io/library/busybox:1",
                   .target = Digest::FromHex(std::string(64, 'a')),
                   .image = Digest::FromHex(std::string(64, 'b'))};
  std::string text = EncodeRefRecord(record);
  // As it is written, and as any other JSON writer would.
  std::string spaced = text;
  spaced.insert(1, " ");
  for (const std::string& bytes : {text, spaced, text.substr(0, text.size() - 1)}) {
    auto again = DecodeRefRecord(bytes);
    ASSERT_TRUE(again) << bytes;
    EXPECT_EQ(again->reference, record.reference);
    EXPECT_EQ(again->target, record.target);
    EXPECT_EQ(again->image, record.image);
  }
  for (size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_FALSE(DecodeRefRecord(text.substr(0, size))) << size;
  }
  std::string newer = text;
  newer.replace(newer.find(":1}"), 3, ":2}");
  EXPECT_FALSE(DecodeRefRecord(newer));
}

TEST(Json, BracketsInStringsAreNoDepth) {
  std::string brackets(100, '[');
  std::string text = R"({"os":"linux","author":"\\\"[[)" + brackets +
                     R"(","rootfs":{"type":"layers","diff_ids":[]}})";
  EXPECT_TRUE(ParseImageConfig(text)) << ParseImageConfig(text).error().message;
  EXPECT_FALSE(ParseImageConfig(R"({"a":)" + brackets + std::string(100, ']') + "}"));
  EXPECT_FALSE(ParseImageConfig("{\"a\":\"\\"));
  EXPECT_FALSE(ParseImageConfig("{\"a\":\""));
}

}  // namespace
}  // namespace hoy::oci
