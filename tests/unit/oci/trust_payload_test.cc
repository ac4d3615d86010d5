#include <gtest/gtest.h>

#include "oci/registry/base64.h"
#include "oci/registry/registries_d.h"
#include "oci/trust/openpgp.h"
#include "oci/trust/payload.h"
#include "oci/trust/public_key.h"

namespace hoy::oci {
namespace {

constexpr char kDigest[] =
    "sha256:3333333333333333333333333333333333333333333333333333333333333333";

std::string Payload(const std::string& type, const std::string& optional = "{}",
                    const std::string& more_critical = "") {
  return R"({"critical":{"type":")" + type + R"(","image":{"docker-manifest-digest":")" + kDigest +
         R"("},"identity":{"docker-reference":"busybox:1"})" + more_critical + R"(},"optional":)" +
         optional + "}";
}
constexpr char kSimple[] = "atomic container signature";
constexpr char kCosign[] = "cosign container image signature";

TEST(SignaturePayload, NamesAnImage) {
  auto simple = ParseSimplePayload(
      Payload(kSimple, R"({"creator":"test","timestamp":1483228800,"other":[]})"));
  ASSERT_TRUE(simple) << simple.error().message;
  EXPECT_EQ(simple->manifest.ToString(), kDigest);
  EXPECT_EQ(simple->reference, "busybox:1");
  EXPECT_TRUE(ParseSigstorePayload(Payload(kCosign)));
  EXPECT_TRUE(ParseSigstorePayload(Payload(kCosign, "null")));
}

TEST(SignaturePayload, IsReadStrictly) {
  EXPECT_FALSE(ParseSimplePayload(Payload(kCosign)));
  EXPECT_FALSE(ParseSigstorePayload(Payload(kSimple)));
  EXPECT_FALSE(ParseSimplePayload(Payload(kSimple, "null")));
  EXPECT_FALSE(ParseSimplePayload(Payload(kSimple, R"({"creator":1})")));
  EXPECT_FALSE(ParseSimplePayload(Payload(kSimple, R"({"timestamp":1.5})")));
  EXPECT_FALSE(ParseSimplePayload(Payload(kSimple, "{}", R"(,"more":1)")));
  EXPECT_FALSE(
      ParseSimplePayload(Payload(kSimple, "{}", R"(,"type":"atomic container signature")")));
  EXPECT_FALSE(ParseSimplePayload(Payload(kSimple) + "x"));
  EXPECT_FALSE(ParseSimplePayload(R"({"critical":{},"optional":{}})"));
  EXPECT_FALSE(ParseSimplePayload("[]"));
}

TEST(SignatureAttachments, AreTheSignedLayersOfAManifest) {
  auto layer = [](const std::string& type, const std::string& annotations) {
    return R"({"mediaType":")" + type + R"(","digest":")" + kDigest + R"(","size":7)" +
           annotations + "}";
  };
  const std::string type(kSigstorePayloadType);
  const std::string signature = R"(,"annotations":{"dev.cosignproject.cosign/signature":"c2ln"})";
  auto found = ParseAttachments(R"({"layers":[)" + layer(type, signature) + "," +
                                layer("text/plain", signature) + "," + layer(type, "") + "]}");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].signature, "c2ln");
  EXPECT_EQ((*found)[0].size, 7);
  EXPECT_FALSE(ParseAttachments(R"({"layers":{}})"));
}

TEST(SignatureFile, IsAMessageOrNamesItsKind) {
  EXPECT_EQ(ParseSignatureFile("\x90text")->bytes, "\x90text");
  std::string sigstore("\0sigstore-json\n", 15);
  auto parsed = ParseSignatureFile(
      sigstore +
      R"({"mimeType":"application/vnd.dev.cosign.simplesigning.v1+json",)"
      R"("payload":"dGV4dA==","annotations":{"dev.cosignproject.cosign/signature":"c2ln"}})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->bytes, "text");
  EXPECT_EQ(parsed->signature, "c2ln");
  EXPECT_FALSE(ParseSignatureFile(std::string("\0other\n", 7)));
}

TEST(OpenPgp, KeysMayBeArmored) {
  const std::string packets = "\x98\x33\x04keys";
  const std::string block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n" +
                            Base64Encode(packets) + "\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n";
  EXPECT_EQ(DearmorKeys(packets).value(), packets);
  EXPECT_EQ(DearmorKeys("text before\n" + block + block).value(), packets + packets);
  EXPECT_FALSE(DearmorKeys("no key"));
  EXPECT_FALSE(DearmorKeys(""));
  EXPECT_FALSE(DearmorKeys(block.substr(0, block.size() - 30)));
}

TEST(OpenPgp, OnlyOneGoodSignatureOfOneTextCounts) {
  const std::string good =
      "[GNUPG:] PLAINTEXT 62 1 p\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 5FF7 x\n[GNUPG:] VALIDSIG "
      "E26B\n";
  EXPECT_TRUE(CheckGpgvStatus(good));
  EXPECT_FALSE(CheckGpgvStatus(""));
  EXPECT_FALSE(CheckGpgvStatus(good + good));
  EXPECT_FALSE(CheckGpgvStatus(good.substr(good.find("[GNUPG:] NEWSIG"))));
  for (const char* bad : {"BADSIG", "ERRSIG", "NO_PUBKEY", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"}) {
    EXPECT_FALSE(CheckGpgvStatus(good + "[GNUPG:] " + bad + " 5FF7\n")) << bad;
  }
}

TEST(PublicKey, RefusesWhatIsNoKey) {
  EXPECT_EQ(VerifyWithKey("no key", "bytes", "signature").error().kind, ErrorKind::kCorrupt);
}

SignaturePlaces Places(const std::string& yaml, const std::string& name) {
  auto conf = ParseRegistriesD(yaml, "x.yaml");
  EXPECT_TRUE(conf) << conf.error().message;
  return PlacesFor(*conf, Reference::Parse(name).value());
}

TEST(RegistriesD, TheMostSpecificSectionSaysWhere) {
  const std::string yaml =
      "# comment\n"
      "default-docker:\n"
      "  lookaside: file:///default\n"
      "  use-sigstore-attachments: true\n"
      "docker:\n"
      "  docker.io/library:\n"
      "    sigstore: https://old.test\n"
      "    other: [1, {a: b}]\n"
      "  \"quay.io:443/app:1\":\n"
      "    lookaside: http://new.test/base\n"
      "    use-sigstore-attachments: false\n";
  EXPECT_EQ(Places(yaml, "busybox").lookaside, "https://old.test");
  EXPECT_TRUE(Places(yaml, "busybox").attachments);
  EXPECT_EQ(Places(yaml, "quay.io:443/app:1").lookaside, "http://new.test/base");
  EXPECT_FALSE(Places(yaml, "quay.io:443/app:1").attachments);
  EXPECT_EQ(Places(yaml, "quay.io:443/app:2").lookaside, "file:///default");
  EXPECT_TRUE(Places("", "busybox").lookaside.starts_with("file:///"));
  EXPECT_FALSE(Places("docker:\n", "busybox").attachments);
}

TEST(RegistriesD, AMistakeSaysItsLine) {
  for (const char* yaml :
       {"docker: [1]", "dokcer: {}", "docker: {a: {use-sigstore-attachments: maybe}}",
        "docker: {a: {}, a: {}}", "docker: {a: &x {}, b: *x}", "a: b: c", "\t", "docker: {a: 1}",
        "docker: {a: {lookaside: [x]}}", "--- {}\n--- {}\n", "\"\\xff"}) {
    auto conf = ParseRegistriesD(yaml, "x.yaml");
    ASSERT_FALSE(conf) << yaml;
    EXPECT_TRUE(conf.error().message.starts_with("'x.yaml', line ")) << conf.error().message;
  }
}

TEST(RegistriesD, TwoFilesMayNotSpeakOfTheSameScope) {
  RegistriesD base = *ParseRegistriesD("docker: {a: {lookaside: x}}", "one.yaml");
  EXPECT_TRUE(MergeRegistriesD(base, *ParseRegistriesD("docker: {b: {lookaside: x}}", "two.yaml")));
  EXPECT_FALSE(MergeRegistriesD(base, *ParseRegistriesD("docker: {a: {}}", "two.yaml")));
}

}  // namespace
}  // namespace hoy::oci
