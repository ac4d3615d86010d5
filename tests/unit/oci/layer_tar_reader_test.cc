// What is particular to reading tars; the common cases are in layer_applier_test.cc.

#include "oci/layer/tar_reader.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci::test {
namespace {

// Reads a whole archive. On success the entries, each with its bytes (holes as zeros).
struct ReadEntry {
  TarEntry entry;
  std::string content;
};
Result<std::vector<ReadEntry>> Read(const std::string& tar) {
  TextSource source(tar);
  ReadAhead ahead(source);
  TarReader reader(ahead);
  std::vector<ReadEntry> entries;
  TarEntry entry;
  while (true) {
    TRY(bool more, reader.Next(entry));
    if (!more) return entries;
    std::string content;
    if (!entry.is_hard_link && entry.type == S_IFREG) {
      content.resize(static_cast<size_t>(entry.size));
      while (true) {
        TRY(TarReader::Block block, reader.ReadBlock());
        if (block.bytes.empty()) break;
        memcpy(content.data() + block.offset, block.bytes.data(), block.bytes.size());
      }
    }
    entries.push_back({.entry = entry, .content = std::move(content)});
  }
}

std::string WithPax(const std::string& records) {
  return LayerTar().Add({.name = "pax", .type = 'x', .body = records}).File("f", "x").Finish();
}

// Changes bytes of the first header and mends its checksum.
std::string Patched(std::string tar, size_t offset, std::string_view bytes) {
  tar.replace(offset, bytes.size(), bytes);
  tar.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[i]);
  char text[9];
  snprintf(text, sizeof text, "%06o", sum);
  return tar.replace(148, 7, std::string_view(text, 7));
}

TEST(TarReader, JoinsTheUstarPrefixButNotGnusFieldsThere) {
  std::string tar = LayerTar().File("name", "x").Finish();
  EXPECT_EQ(Read(Patched(tar, 345, "some/prefix"))->at(0).entry.name, "some/prefix/name");
  std::string gnu = Patched(tar, 257, std::string_view("ustar  \0", 8));
  EXPECT_EQ(Read(Patched(gnu, 345, "12345670"))->at(0).entry.name, "name");
  std::string star = Patched(tar, 508, "tar");
  star = Patched(star, 345, std::string(131, 'p') + "times");
  EXPECT_EQ(Read(star)->at(0).entry.name, std::string(131, 'p') + "/name");
}

TEST(TarReader, TakesV7DirectoriesByTheirTrailingSlash) {
  LayerTar tar;
  tar.Add({.name = "d/", .type = '\0'}).Add({.name = "f", .type = '\0', .body = "x"});
  auto entries = Read(Patched(tar.Finish(), 257, std::string(8, '\0')));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(0).entry.type, mode_t{S_IFDIR});
  EXPECT_EQ(entries->at(1).content, "x");
}

TEST(TarReader, IgnoresTheSizeOfEntriesWithoutData) {
  // As Go does: the next header follows at once.
  std::string tar = LayerTar().HardLink("l", "t").File("next", "x").Finish();
  auto entries = Read(Patched(tar, 124, "00000001000"));
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->at(1).entry.name, "next");
}

TEST(TarReader, ReadsPaxTimesBeforeAndAfterTheEpoch) {
  auto time = [](const char* text) {
    LayerTar tar;
    tar.Add({.name = "f", .pax = {{"mtime", text}}});
    return Read(tar.Finish())->at(0).entry.mtime;
  };
  EXPECT_EQ(time("12.25").tv_sec, 12);
  EXPECT_EQ(time("12.25").tv_nsec, 250'000'000);
  EXPECT_EQ(time("12.1234567899").tv_nsec, 123'456'789);
  EXPECT_EQ(time("-1.25").tv_sec, -2);
  EXPECT_EQ(time("-1.25").tv_nsec, 750'000'000);
}

TEST(TarReader, AnEmptyPaxValueLeavesTheHeadersOwn) {
  EXPECT_EQ(Read(WithPax(LayerTar::PaxRecord("path", "")))->at(0).entry.name, "f");
}

TEST(TarReader, KeepsBytesOfAttributesAndTheLastOfSeveralRecords) {
  std::string value("a\0b\nc=d", 7);
  auto entries =
      Read(WithPax(LayerTar::PaxRecord("SCHILY.xattr.user.k", value) +
                   LayerTar::PaxRecord("path", "one") + LayerTar::PaxRecord("path", "two")));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(0).entry.name, "two");
  EXPECT_EQ(entries->at(0).entry.xattrs.at(0).second, value);
}

// As in Go, where each starts a map of its own.
TEST(TarReader, TakesTheLastOfSeveralExtendedHeaders) {
  LayerTar tar;
  tar.Add({.type = 'x',
           .body = LayerTar::PaxRecord("path", "one") +
                   LayerTar::PaxRecord("SCHILY.xattr.user.a", "1")});
  tar.Add({.type = 'x', .body = LayerTar::PaxRecord("SCHILY.xattr.user.b", "2")}).File("f", "x");
  auto entries = Read(tar.Finish());
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->at(0).entry.name, "f");
  ASSERT_EQ(entries->at(0).entry.xattrs.size(), 1U);
  EXPECT_EQ(entries->at(0).entry.xattrs[0].first, "user.b");
}

TEST(TarReader, RefusesHeadersWithoutEndBeforeOneEntry) {
  auto tar = [](int count) {
    LayerTar made;
    for (char type : {'L', 'K'}) made.Add({.type = type, .body = std::string(1 << 20, 'n')});
    const std::string records = LayerTar::PaxRecord("path", std::string(1'000'000, 'p'));
    for (int i = 0; i < count; ++i) made.Add({.type = 'x', .body = records});
    return made.File("f", "x").Finish();
  };
  EXPECT_TRUE(Read(tar(1)));  // the largest of each
  EXPECT_EQ(KindOf(Read(tar(3))), ErrorKind::kCorrupt);
}

TEST(TarReader, RefusesMalformedPaxRecords) {
  for (const std::string& records :
       {std::string("x"), std::string("5 a=b"), std::string("6 a=b "), std::string("99 a=b\n"),
        std::string("0 a=b\n"), std::string("-6 a=b\n"), std::string("5 ab\n"),
        std::string("18446744073709551616 a=b\n"), LayerTar::PaxRecord("", "x"),
        LayerTar::PaxRecord("path", std::string("a\0b", 3)), LayerTar::PaxRecord("size", "-1"),
        LayerTar::PaxRecord("size", "9223372036854775807"), LayerTar::PaxRecord("uid", "x"),
        LayerTar::PaxRecord("mtime", "1.x"), LayerTar::PaxRecord("SCHILY.xattr.", "x"),
        LayerTar::PaxRecord("GNU.sparse.map", "0"), LayerTar::PaxRecord("GNU.sparse.numbytes", "1"),
        LayerTar::PaxRecord("GNU.sparse.map", "0,1")}) {
    EXPECT_EQ(KindOf(Read(WithPax(records))), ErrorKind::kCorrupt) << records;
  }
}

TEST(TarReader, RefusesSparseMapsThatDoNotFit) {
  auto sparse = [](const std::string& size, const std::string& map) {
    return KindOf(Read(WithPax(LayerTar::PaxRecord("GNU.sparse.size", size) +
                               LayerTar::PaxRecord("GNU.sparse.map", map))));
  };
  EXPECT_EQ(sparse("10", "9,1"), std::nullopt);
  EXPECT_EQ(sparse("10", "3,0,9,1,10,0"), std::nullopt);
  for (const char* map : {"10,1", "9,2", "5,1,4,0", "0,1,0,0,0,1", "9223372036854775807,1"}) {
    EXPECT_EQ(sparse("10", map), ErrorKind::kCorrupt) << map;
  }
  EXPECT_EQ(KindOf(Read(WithPax(LayerTar::PaxRecord("GNU.sparse.map", "0,1")))),
            ErrorKind::kCorrupt);
}

TEST(TarReader, ReadsTheOldGnuSparseFormat) {
  auto octal = [](uint64_t value) {
    char text[13];
    snprintf(text, sizeof text, "%011llo", static_cast<unsigned long long>(value));
    return std::string(text, 12);
  };
  // Five parts of one byte: four in the header, the fifth in a block of its own.
  std::string more = octal(40) + octal(1);
  more.resize(512, '\0');
  std::string tar = LayerTar().Add({.name = "s", .type = 'S', .body = "abcde"}).Finish();
  tar.insert(512, more);
  tar = Patched(tar, 257, std::string_view("ustar  \0", 8));
  std::string map;
  for (uint64_t i = 0; i < 4; ++i) map += octal(i * 10) + octal(1);
  map += '\1' + octal(50);
  auto entries = Read(Patched(tar, 386, map));
  ASSERT_TRUE(entries) << entries.error().message;
  std::string expected(50, '\0');
  for (size_t i = 0; i < 5; ++i) expected[i * 10] = "abcde"[i];
  EXPECT_EQ(entries->at(0).content, expected);
}

TEST(TarReader, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(KindOf(Read(LayerTar().Add({.name = "m", .type = 'M', .body = "x"}).Finish())),
            ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(Read(LayerTar().Add({.name = ""}).Finish())), ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(Read(LayerTar().Symlink("l", "").Finish())), ErrorKind::kCorrupt);
  std::string tar = LayerTar().File("f", "x").Finish();
  EXPECT_EQ(KindOf(Read(Patched(tar, 124, "12x"))), ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(Read(Patched(tar, 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))),
            ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(Read(Patched(tar, 124, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))),
            ErrorKind::kCorrupt);
}

TEST(TarReader, RefusesAnEndInsideAnEntryButNotBetweenEntries) {
  LayerTar tar;
  tar.File("a", std::string(700, 'x'));
  tar.Add({.name = "b", .body = "y", .pax = {{"path", "c"}}});
  const std::string& bytes = tar.unfinished();
  // Padding may be missing, also in part, and so may the two blocks of zeros, or one of them: what
  // Go's archive/tar reads, and so docker and podman.
  const size_t end_of_a = 512 + 700;
  const size_t end_of_b = 1536 + 3 * 512 + 1;
  for (size_t length = 0; length <= bytes.size(); ++length) {
    const bool is_clean =
        length == 0 || (length >= end_of_a && length <= 1536) || length >= end_of_b;
    EXPECT_EQ(Read(bytes.substr(0, length)).has_value(), is_clean) << length;
  }
  EXPECT_EQ(Read(bytes + std::string(512, '\0'))->size(), 2U);
  EXPECT_EQ(Read(bytes.substr(0, end_of_b))->at(1).content, "y");
}

TEST(TarReader, RefusesHeadersThatWouldFillTheMemory) {
  LayerTar tar;
  tar.Add({.name = "pax", .type = 'x', .body = std::string((1 << 20) + 1, 'x')});
  EXPECT_EQ(KindOf(Read(tar.Finish())), ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace hoy::oci::test
