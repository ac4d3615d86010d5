#include "oci/s3/answers.h"

#include <gtest/gtest.h>

#include "oci/registry/retry.h"
#include "oci/s3/access.h"
#include "oci/s3/hash.h"
#include "oci/s3/manifest.h"
#include "oci/s3/metadata.h"

namespace hoy::oci {
namespace {

TEST(S3Answers, ReadsAPageOfAListing) {
  auto page = ParseListPage(
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>to&amp;ken</NextContinuationToken>"
      "<Contents><Key>a%20b%2Bc</Key><LastModified>x</LastModified><ETag>&quot;e&quot;</ETag>"
      "<Size>7</Size></Contents></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "a b+c");
  EXPECT_EQ(page->objects[0].size, 7u);
  EXPECT_EQ(page->objects[0].etag, "e");
  EXPECT_EQ(page->next, "to&ken");
}

TEST(S3Answers, RefusesWhatIsNoListing) {
  for (const char* text :
       {"", "<html/>", "<ListBucketResult>", "{}",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>"
        "</ListBucketResult>",
        "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size>"
        "</Contents></ListBucketResult>"}) {
    EXPECT_FALSE(ParseListPage(text)) << text;
  }
}

TEST(S3Answers, EncodesAsASignatureWantsIt) {
  EXPECT_EQ(UriEncode("a b/c+d~e_f-.%\xc3\xa9"), "a%20b%2Fc%2Bd~e_f-.%25%C3%A9");
  EXPECT_EQ(UriEncode("a/b", true), "a/b");
  EXPECT_EQ(UriDecode("a%20b+c"), "a b c");
  EXPECT_EQ(UriDecode("%2"), std::nullopt);
  EXPECT_EQ(UriDecode("%"), std::nullopt);
}

TEST(S3Answers, ARefusalMayComeWithStatus200) {
  auto done = ParseCompleted("<Error><Code>InternalError</Code><Message>x</Message></Error>");
  ASSERT_FALSE(done);
  EXPECT_TRUE(IsTransient(done.error()));
}

TEST(S3Metadata, IsWhatS3fsWrites) {
  const LocalEntry entry{.kind = S3Kind::kSymlink,
                         .size = 3,
                         .mtime_ns = 1700000000'000000005,
                         .mode = 0777,
                         .uid = 1000,
                         .gid = 100};
  HttpResponse response;
  for (const std::string& header : MetadataHeaders(entry)) {
    const size_t colon = header.find(':');
    response.headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
  }
  EXPECT_EQ(response.Header("x-amz-meta-mode"), "41471");
  EXPECT_EQ(response.Header("x-amz-meta-mtime"), "1700000000.000000005");
  LocalEntry fallback;
  fallback.size = 3;
  auto read = ReadMetadata(response, false, fallback);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, entry);
  EXPECT_FALSE(ReadMetadata(response, true, fallback)) << "its key says that it is a directory";
}

TEST(S3Metadata, DevicesDoNotComeFromABucket) {
  for (const char* mode : {"8624", "24996", "4480", "49645"}) {  // c, b, p, s
    HttpResponse response;
    response.headers = {{"x-amz-meta-mode", mode}};
    EXPECT_FALSE(ReadMetadata(response, false, {})) << mode;
  }
}

TEST(S3Manifest, ReadsWhatItWrote) {
  S3Manifest manifest;
  manifest["a b/\xc3\xa9"] = {
      {.size = 5, .mtime_ns = -3, .mode = 04755, .uid = 1, .gid = 2}, "e", "m"};
  manifest["d"] = {{.kind = S3Kind::kDirectory, .mode = 0700}, "", ""};
  const S3Sides sides{"http://h/box/p/", {.inode = UINT64_MAX, .born_ns = 7}};
  auto read = DecodeS3Manifest(EncodeS3Manifest(sides, manifest));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->entries, manifest);
  EXPECT_EQ(read->sides, sides);
  EXPECT_FALSE(DecodeS3Manifest("{\"version\":1,\"entries\":{\"a\":[]}}"));
}

TEST(S3Hash, AnETagOfPartsIsTheMd5OfTheirMd5s) {
  const std::string md5s = Md5Of("a") + Md5Of("b");
  EXPECT_EQ(PartsETag(md5s, 2), ToHex(Md5Of(md5s)) + "-2");
  EXPECT_TRUE(IsPartsETag(PartsETag(md5s, 2)));
  EXPECT_FALSE(IsPartsETag(ToHex(Md5Of("a"))));
  EXPECT_EQ(PartSizeFor(1), kPartSize);
  EXPECT_LE((uint64_t{5} << 40) / PartSizeFor(uint64_t{5} << 40), 10'000u);
}

Variables From(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

TEST(S3Access, OwnKeysComeBeforeVariablesAndThoseBeforeFiles) {
  const core::S3Options place{.bucket = "box", .prefix = ""};
  const auto variables = From({{"AWS_ACCESS_KEY_ID", "env"},
                               {"AWS_SECRET_ACCESS_KEY", "s"},
                               {"AWS_SESSION_TOKEN", "t"},
                               {"AWS_DEFAULT_REGION", "eu-north-1"}});
  auto own = FindS3Access(place, {{"access-key-id", "own"}, {"secret-access-key", "o"}}, variables);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->key_id, "own");
  EXPECT_EQ(own->token, "") << "that is another key's";
  auto env = FindS3Access(place, {}, variables);
  ASSERT_TRUE(env);
  EXPECT_EQ(env->key_id, "env");
  EXPECT_EQ(env->token, "t");
  EXPECT_EQ(env->base, "https://box.s3.eu-north-1.amazonaws.com");
  EXPECT_FALSE(FindS3Access(place, {}, From({{"AWS_ACCESS_KEY_ID", "half"}})));
  EXPECT_FALSE(FindS3Access(place, {}, From({{"AWS_PROFILE", "nowhere"}})));
  auto nobody = FindS3Access({.bucket = "my.box", .endpoint = "http://h:1"}, {}, From({}));
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->key_id, "");
  EXPECT_EQ(nobody->base, "http://h:1/my.box");
}

TEST(S3Access, ReadsTheFilesOfTheAwsTools) {
  const auto sections = ParseAwsFile(
      "# c\n[default]\naws_access_key_id=A\n\n[profile x y]\r\nregion = r ; not a comment\ns3 =\n"
      "  max = 1\n[broken\nk=v\n=\n");
  EXPECT_EQ(sections.at("default").at("aws_access_key_id"), "A");
  EXPECT_EQ(sections.at("profile x y").at("region"), "r ; not a comment");
  EXPECT_FALSE(sections.at("profile x y").contains("max"));
}

}  // namespace
}  // namespace hoy::oci
