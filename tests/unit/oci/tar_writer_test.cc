// What TarWriter writes, TarReader reads back; tar(1) is asked by the system tests.

#include "oci/layer/tar_writer.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <map>

#include "oci/layer/read_ahead.h"
#include "tests/unit/oci/layer_fixture.h"

namespace hoy::oci {
namespace {

class StringSink final : public ByteSink {
 public:
  Result<> Write(std::span<const std::byte> bytes) override {
    text += AsText(bytes);
    return {};
  }
  std::string text;
};

struct File {
  TarEntry entry;
  std::string content;
};

std::string Write(const std::vector<File>& files) {
  StringSink sink;
  TarWriter writer(sink);
  for (const File& file : files) {
    EXPECT_TRUE(writer.Begin(file.entry));
    if (!file.content.empty()) {
      EXPECT_TRUE(writer.Write(std::as_bytes(std::span(file.content))));
    }
  }
  EXPECT_TRUE(writer.Finish());
  return sink.text;
}

std::vector<File> Read(const std::string& tar) {
  test::TextSource source(tar);
  ReadAhead ahead(source);
  TarReader reader(ahead);
  std::vector<File> files;
  TarEntry entry;
  while (true) {
    auto more = reader.Next(entry);
    EXPECT_TRUE(more) << more.error().message;
    if (!more.value_or(false)) return files;
    File& file = files.emplace_back(File{.entry = entry, .content = {}});
    while (true) {
      auto block = reader.ReadBlock().value();
      if (block.bytes.empty()) break;
      file.content += AsText(block.bytes);
    }
  }
}

TEST(TarWriter, HolesStayHoles) {
  StringSink sink;
  TarWriter writer(sink);
  const std::string long_name = "d/" + std::string(120, 'n');
  for (const std::string& name : {std::string("plain"), long_name}) {
    TarEntry entry{.name = name, .type = S_IFREG, .mode = 0644, .size = int64_t{5} << 30};
    ASSERT_TRUE(writer.BeginSparse(entry, {{1000, 3}, {int64_t{4} << 30, 2}}));
    EXPECT_EQ(writer.data_left(), 5);
    ASSERT_TRUE(writer.Write(std::as_bytes(std::span(std::string_view("abcde")))));
    ASSERT_TRUE(writer.BeginSparse(entry, {})) << "a hole alone";
  }
  ASSERT_TRUE(writer.Finish());
  EXPECT_LT(sink.text.size(), 20'000U);

  test::TextSource source(sink.text);
  ReadAhead ahead(source);
  TarReader reader(ahead);
  TarEntry entry;
  for (const std::string& name : {std::string("plain"), long_name}) {
    ASSERT_TRUE(reader.Next(entry).value());
    EXPECT_EQ(entry.name, name);
    EXPECT_EQ(entry.size, int64_t{5} << 30);
    std::map<int64_t, std::string> parts;
    while (true) {
      auto block = reader.ReadBlock().value();
      if (block.bytes.empty()) break;
      parts[block.offset] += AsText(block.bytes);
    }
    EXPECT_EQ(parts, (std::map<int64_t, std::string>{{1000, "abc"}, {int64_t{4} << 30, "de"}}));
    ASSERT_TRUE(reader.Next(entry).value());
    EXPECT_EQ(entry.size, int64_t{5} << 30);
    EXPECT_TRUE(reader.ReadBlock().value().bytes.empty());
  }
  EXPECT_FALSE(reader.Next(entry).value());
}

TEST(TarWriter, EveryKindOfEntryComesBack) {
  std::vector<File> files = {
      {{.name = "d", .type = S_IFDIR, .mode = 01777, .uid = 1, .gid = 2, .mtime = {.tv_sec = 3}},
       ""},
      {{.name = "d/file", .type = S_IFREG, .mode = 04755, .size = 600}, std::string(600, 'x')},
      {{.name = "d/hard", .link_target = "d/file", .is_hard_link = true, .type = S_IFREG}, ""},
      {{.name = "sym", .link_target = "../d", .type = S_IFLNK, .mode = 0777}, ""},
      {{.name = "null", .type = S_IFCHR, .mode = 0666, .device = makedev(1, 3)}, ""},
      {{.name = "disk", .type = S_IFBLK, .device = makedev(259, 70000)}, ""},
      {{.name = "pipe", .type = S_IFIFO, .mode = 0600}, ""},
      {{.name = "empty", .type = S_IFREG}, ""},
  };
  auto read = Read(Write(files));
  ASSERT_EQ(read.size(), files.size());
  EXPECT_EQ(read[0].entry.name, "d/");
  for (size_t i = 0; i < files.size(); ++i) {
    const TarEntry& want = files[i].entry;
    const TarEntry& got = read[i].entry;
    if (i > 0) {
      EXPECT_EQ(got.name, want.name);
    }
    EXPECT_EQ(got.type, want.type) << want.name;
    EXPECT_EQ(got.mode, want.mode) << want.name;
    EXPECT_EQ(got.uid, want.uid);
    EXPECT_EQ(got.gid, want.gid);
    EXPECT_EQ(got.device, want.device) << want.name;
    EXPECT_EQ(got.link_target, want.link_target);
    EXPECT_EQ(got.is_hard_link, want.is_hard_link);
    EXPECT_EQ(got.mtime.tv_sec, want.mtime.tv_sec);
    EXPECT_EQ(read[i].content, files[i].content);
  }
}

TEST(TarWriter, WhatUstarCannotSayComesBackThroughPax) {
  std::string deep = std::string(90, 'a') + "/" + std::string(90, 'b');      // fits the prefix
  std::string deeper = std::string(300, 'c') + "/" + std::string(200, 'd');  // does not
  TarEntry odd{.name = deeper,
               .link_target = std::string(150, 'l'),
               .type = S_IFLNK,
               .mode = 0777,
               .uid = 3'000'000'000,
               .gid = 2'097'152,
               .mtime = {.tv_sec = -5}};
  odd.xattrs = {{"user.key", std::string("a\0=\n", 4)}, {"security.capability", "\1\2\3"}};
  TarEntry bytes{.name = "caf\xe9\n", .type = S_IFREG};
  auto read = Read(Write({{{.name = deep, .type = S_IFREG}, ""}, {odd, ""}, {bytes, ""}}));
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].entry.name, deep);
  EXPECT_EQ(read[1].entry.name, deeper);
  EXPECT_EQ(read[1].entry.link_target, odd.link_target);
  EXPECT_EQ(read[1].entry.uid, odd.uid);
  EXPECT_EQ(read[1].entry.gid, odd.gid);
  EXPECT_EQ(read[1].entry.mtime.tv_sec, -5);
  EXPECT_EQ(read[1].entry.xattrs, odd.xattrs);
  EXPECT_EQ(read[2].entry.name, "caf\xe9\n");
}

TEST(TarWriter, OnlyWhatNeedsOneGetsAPaxHeader) {
  TarEntry plain{.name = std::string(100, 'n'), .type = S_IFREG};
  EXPECT_EQ(Write({{plain, ""}}).size(), 512u + 1024u);
  plain.name += 'n';
  EXPECT_EQ(Write({{plain, ""}}).size(), 3 * 512u + 1024u);
}

TEST(TarWriter, RefusesMoreDataThanPromised) {
  StringSink sink;
  TarWriter writer(sink);
  ASSERT_TRUE(writer.Begin({.name = "f", .type = S_IFREG, .size = 1}));
  EXPECT_FALSE(writer.Write(std::as_bytes(std::span("ab", 2))));
}

}  // namespace
}  // namespace hoy::oci
