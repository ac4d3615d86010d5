#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <cstring>
#include <string>
#include <vector>

#include "oci/layer/decompress.h"
#include "oci/layer/read_ahead.h"
#include "oci/layer/sha256.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

std::string Gzip(const std::string& text, bool with_name = false) {
  std::vector<uint8_t> out(text.size() + text.size() / 8 + 4096);
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uint32_t>(text.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uint32_t>(out.size());
  if (with_name) {
    char name[] = "a-file-name";
    char comment[] = "a comment";
    uint8_t extra[] = {'X', 'Y', 2, 0, 1, 2};
    isal_gzip_header header;
    isal_gzip_header_init(&header);
    header.name = name;
    header.name_buf_len = sizeof name;
    header.comment = comment;
    header.comment_buf_len = sizeof comment;
    header.extra = extra;
    header.extra_len = header.extra_buf_len = sizeof extra;
    header.hcrc = 1;
    EXPECT_EQ(isal_write_gzip_header(&stream, &header), 0U);
    stream.gzip_flag = IGZIP_GZIP_NO_HDR;
  }
  EXPECT_EQ(isal_deflate(&stream), COMP_OK);
  return std::string(reinterpret_cast<char*>(out.data()), stream.total_out);
}

std::string Zstd(const std::string& text, bool checksum = true) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string Sample(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>('a' + (state >> 29));
  }
  return text;
}

Result<std::string> ReadAllOf(const std::string& bytes, size_t input = SIZE_MAX,
                              size_t output = 100'000) {
  TextSource source(bytes, input);
  TRY(auto plain, Decompress(source));
  std::string text;
  std::vector<std::byte> buffer(output);
  while (true) {
    TRY(size_t count, plain->Read(buffer));
    if (count == 0) return text;
    text.append(reinterpret_cast<char*>(buffer.data()), count);
  }
}

TEST(Decompress, ReadsGzipZstdAndPlainWhateverTheSizesOfReads) {
  std::string text = Sample(300'000);
  for (const std::string& bytes : {Gzip(text), Gzip(text, true), Zstd(text), text}) {
    EXPECT_EQ(ReadAllOf(bytes), text);
    EXPECT_EQ(ReadAllOf(bytes, 1), text);
    EXPECT_EQ(ReadAllOf(bytes, SIZE_MAX, 7), text);
  }
}

TEST(Decompress, APlainLayerWithAKnownDigestIsNotHashedAgain) {
  const std::string text = Sample(600'000);
  const Digest other = Sha256Of("whatever the caller is sure of");
  TextSource plain(text);
  EXPECT_EQ(DiffIdOf(plain, other), other);
  TextSource unknown(text);
  EXPECT_EQ(DiffIdOf(unknown), Sha256Of(text));
  // The digest of what is compressed is another one than its content's.
  for (const std::string& bytes : {Gzip(text), Zstd(text)}) {
    TextSource compressed(bytes);
    EXPECT_EQ(DiffIdOf(compressed, other), Sha256Of(text));
  }
}

TEST(Decompress, ReadsEmptyInputsAndEmptyContents) {
  for (const std::string& bytes : {std::string(), Gzip(""), Zstd("")}) {
    EXPECT_EQ(ReadAllOf(bytes), "");
    EXPECT_EQ(ReadAllOf(bytes, 1), "");
  }
  EXPECT_EQ(ReadAllOf("a"), "a");
}

TEST(Decompress, ReadsSeveralMembersAndFrames) {
  std::string a = Sample(70'000);
  std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  EXPECT_EQ(ReadAllOf(Gzip(a) + Gzip("", true) + Gzip("b"), 3), a + "b");
  EXPECT_EQ(ReadAllOf(Zstd(a) + skippable + Zstd("b", false)), a + "b");
  EXPECT_EQ(ReadAllOf(skippable + Zstd("b")), "b");
}

TEST(Decompress, RefusesTruncatedInputAtEveryLength) {
  std::string text = Sample(2000);
  for (const std::string& bytes : {Gzip(text, true), Zstd(text)}) {
    for (size_t length = 4; length < bytes.size(); ++length) {
      EXPECT_EQ(KindOf(ReadAllOf(bytes.substr(0, length))), ErrorKind::kCorrupt) << length;
    }
  }
}

TEST(Decompress, RefusesWrongChecksumsAndLengths) {
  std::string text = Sample(2000);
  std::string gzip = Gzip(text);
  for (size_t from_end : {8U, 4U, 100U}) {
    std::string damaged = gzip;
    damaged[damaged.size() - from_end] ^= 1;
    EXPECT_EQ(KindOf(ReadAllOf(damaged)), ErrorKind::kCorrupt) << from_end;
  }
  std::string header = Gzip(text, true);
  header[12] ^= 1;  // in the extra field, which the header's CRC covers
  EXPECT_EQ(KindOf(ReadAllOf(header)), ErrorKind::kCorrupt);
  std::string zstd = Zstd(text);
  zstd.back() ^= 1;
  EXPECT_EQ(KindOf(ReadAllOf(zstd)), ErrorKind::kCorrupt);
}

TEST(Decompress, RefusesWhatFollowsTheLastMember) {
  EXPECT_EQ(KindOf(ReadAllOf(Gzip("a") + "garbage")), ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(ReadAllOf(Gzip("a") + std::string(20, '\0'))), ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(ReadAllOf(Zstd("a") + "garbage")), ErrorKind::kCorrupt);
}

TEST(Decompress, RefusesZstdWindowsOver128MiB) {
  // RFC 8878: magic, a frame header without single-segment flag, window descriptor 2^(10 + 18).
  std::string frame("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00", 9);
  EXPECT_EQ(KindOf(ReadAllOf(frame)), ErrorKind::kCorrupt);
}

TEST(Decompress, PassesTheErrorsOfItsSourceOn) {
  class Broken final : public ByteSource {
   public:
    Result<size_t> Read(std::span<std::byte> buffer) override {
      if (sent_) return Fail(ErrorKind::kNetwork, "gone");
      sent_ = true;
      memcpy(buffer.data(), "\x1f\x8b\x08\x00\x00", 5);
      return 5;
    }

   private:
    bool sent_ = false;
  };
  Broken source;
  auto plain = Decompress(source);
  ASSERT_TRUE(plain);
  std::vector<std::byte> buffer(10);
  EXPECT_EQ(KindOf((*plain)->Read(buffer)), ErrorKind::kNetwork);
}

TEST(ReadAhead, GivesAllBytesAndTheirDigest) {
  std::string text = Sample(5'000'000);
  std::string gzip = Gzip(text);
  TextSource source(gzip);
  ReadAhead ahead(source);
  std::string read;
  while (true) {
    auto bytes = ahead.Next();
    ASSERT_TRUE(bytes);
    if (bytes->empty()) break;
    read.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  EXPECT_TRUE(read == text);
  EXPECT_EQ(ahead.diff_id(), Sha256Of(text));
  EXPECT_EQ(ahead.total_bytes(), text.size());
}

TEST(ReadAhead, CanBeLeftBeforeTheEnd) {
  std::string text = Sample(5'000'000);
  TextSource source(text);
  ReadAhead ahead(source);
  EXPECT_TRUE(ahead.Next());
}

TEST(Sha256, KnowsTheStandardsExample) {
  EXPECT_EQ(Sha256Of("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace hoy::oci::test
