#include <gtest/gtest.h>

#include "oci/image/index_edit.h"

namespace hoy::oci {
namespace {

Digest D(char c) {
  return Digest::FromHex(std::string(64, c));
}

Descriptor Entry(char digest, const std::string& architecture) {
  return {.media_type = std::string(media_type::kOciManifest),
          .digest = D(digest),
          .size = 7,
          .platform = Platform{.os = "linux", .architecture = architecture, .variant = ""},
          .annotations = {}};
}

Index Parsed(const std::string& bytes) {
  auto document = ParseManifestOrIndex(bytes, {});
  EXPECT_TRUE(document) << bytes;
  return std::get<Index>(*document);
}

TEST(IndexEdit, AddsReplacesAndRemovesEntries) {
  std::string index = AddEntry(EmptyIndex(), Entry('a', "amd64")).value();
  index = AddEntry(index, Entry('b', "arm64")).value();
  index = AddEntry(index, Entry('a', "riscv64")).value();
  ASSERT_EQ(Parsed(index).manifests.size(), 2u);
  EXPECT_EQ(Parsed(index).manifests[0].platform->architecture, "riscv64");
  index = RemoveEntry(index, D('a')).value();
  ASSERT_EQ(Parsed(index).manifests.size(), 1u);
  EXPECT_EQ(Parsed(index).manifests[0].digest, D('b'));
  EXPECT_EQ(RemoveEntry(index, D('a')).error().kind, ErrorKind::kNotFound);
}

TEST(IndexEdit, KeepsWhatItDoesNotKnow) {
  const std::string other =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)"
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      D('c').ToString() +
      R"(","size":3,"platform":{"os":"linux","architecture":"arm","os.version":"5"},"new":1}],)"
      R"("later":{"x":2}})";
  const std::string index = CopyEntry(EmptyIndex(), other, D('c')).value();
  EXPECT_NE(index.find(R"("os.version":"5"},"new":1)"), std::string::npos) << index;
  const std::string edited =
      EditEntry(other, D('c'), {.variant = "v7", .annotations = {{"a", "b"}}}).value();
  EXPECT_NE(edited.find(R"("later":{"x":2})"), std::string::npos) << edited;
  EXPECT_NE(edited.find(R"("new":1,"annotations":{"a":"b"})"), std::string::npos) << edited;
  EXPECT_EQ(Parsed(edited).manifests[0].platform->variant, "v7");
  Descriptor sent = Entry('d', "arm");
  sent.size = 9;
  const std::string replaced = ReplaceEntry(edited, D('c'), sent).value();
  EXPECT_EQ(Parsed(replaced).manifests[0].digest, D('d'));
  EXPECT_EQ(Parsed(replaced).manifests[0].size, 9);
  EXPECT_EQ(Parsed(replaced).manifests[0].platform->variant, "v7");
}

TEST(IndexEdit, DockersListsHaveNoAnnotations) {
  std::string index = AddEntry(EmptyIndex(), Entry('a', "amd64")).value();
  index = AnnotateIndex(index, {{"k", "v"}}).value();
  index = EditEntry(index, D('a'), {.annotations = {{"k", "v"}}}).value();
  const EditedManifest docker = ConvertIndex(index, ManifestFormat::kDocker).value();
  EXPECT_EQ(docker.media_type, media_type::kDockerIndex);
  EXPECT_EQ(docker.bytes.find("annotations"), std::string::npos) << docker.bytes;
  EXPECT_EQ(Parsed(docker.bytes).media_type, media_type::kDockerIndex);
}

TEST(IndexEdit, RefusesWhatIsNoIndex) {
  EXPECT_EQ(AddEntry("{}", Entry('a', "amd64")).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(AddEntry("[", Entry('a', "amd64")).error().kind, ErrorKind::kCorrupt);
}

TEST(BlobList, IsAllThatAManifestOfAnyKindRefersTo) {
  const std::string manifest = R"({"schemaVersion":2,"config":{"mediaType":"x/empty","digest":")" +
                               D('a').ToString() +
                               R"(","size":2},"layers":[{"mediaType":"x/any","digest":")" +
                               D('b').ToString() + R"(","size":3}]})";
  const BlobList list = ParseBlobList(manifest).value();
  EXPECT_EQ(list.media_type, media_type::kOciManifest);
  ASSERT_EQ(list.blobs.size(), 2u);
  EXPECT_EQ(list.blobs[0].digest, D('b'));
  EXPECT_EQ(list.blobs[1].digest, D('a'));
  EXPECT_FALSE(ParseBlobList(EmptyIndex()));
}

}  // namespace
}  // namespace hoy::oci
