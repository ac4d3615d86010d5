#include "core/monitor/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>

#include "core/log/gzip.h"
#include "core/log/log_reader.h"
#include "core/monitor/log_repair.h"
#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

constexpr LogStream kOut = LogStream::kStdout;
constexpr LogStream kErr = LogStream::kStderr;

class Writer : public testing::Test {
 protected:
  std::string LogPath() { return top_ / "log"; }

  std::unique_ptr<LogWriter> Open(LogDriver driver, uint64_t max_size = 0, uint32_t max_files = 1,
                                  std::string_view extra = "") {
    path_ = LogPath();
    LogTarget target{.driver = driver, .path = path_.c_str()};
    target.max_size = max_size;
    target.max_files = max_files;
    target.extra = extra;
    auto writer = std::make_unique<LogWriter>();
    EXPECT_EQ(writer->Open(target, true), 0);
    return writer;
  }

  static void Write(LogWriter& writer, LogStream stream, std::string_view bytes) {
    static LogBuffer buffer;
    ASSERT_LE(bytes.size(), sizeof buffer.bytes);
    memcpy(buffer.payload(), bytes.data(), bytes.size());
    writer.Write(stream, buffer, static_cast<uint32_t>(bytes.size()));
  }

  // What is left to read of one stream; "!..." at an error.
  static std::string Rest(LogReader& reader, LogStream stream) {
    std::string text;
    while (true) {
      auto frame = reader.Next();
      if (!frame) return text + "!" + frame.error().message;
      if (!*frame) return text;
      if ((*frame)->stream == stream) text += (*frame)->payload;
    }
  }

  size_t FileCount() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(top_.path())) {
      ++count;
    }
    return count;
  }

  ScratchDirectory top_;
  std::string path_;
};

std::string RandomText(std::mt19937& random, size_t size, unsigned newline_every) {
  std::string text(size, 'x');
  for (char& c : text) {
    c = random() % newline_every == 0 ? '\n' : static_cast<char>('!' + random() % 90);
  }
  return text;
}

TEST_F(Writer, NoFrameCrossesABlockAndEveryByteIsRead) {
  std::mt19937 random(1);
  auto writer = Open(LogDriver::kFile);
  std::string written;
  while (written.size() < 5'000'000) {
    // Small ones as well, so that every size of a gap before a block comes up.
    size_t size = random() % 3 == 0 ? 1 + random() % 40 : 1 + random() % kMaxFramePayload;
    std::string text = RandomText(random, size, 50);
    Write(*writer, kOut, text);
    written += text;
  }
  auto reader = *LogReader::Open(LogPath());
  EXPECT_TRUE(Rest(reader, kOut) == written);

  auto file = MakeLogFile(LogForm::kFrames, *OpenAt(kCwd, LogPath(), O_RDONLY));
  uint64_t end = *file->SeekToEnd();
  EXPECT_EQ(end, std::filesystem::file_size(LogPath()));
  std::string backwards;
  while (auto frame = *file->Previous()) backwards.insert(0, frame->payload);
  EXPECT_TRUE(backwards == written);
  std::string bytes = TakeFile(LogPath());
  for (uint64_t at = 0; at < end; at += kLogBlock) {
    uint32_t magic = 0;
    memcpy(&magic, bytes.data() + at, sizeof magic);
    EXPECT_EQ(magic, kFrameMagic) << at;
  }
}

TEST_F(Writer, EveryGapBeforeABlockIsSkipped) {
  // The last frame of the first block ends `left` bytes before it.
  for (uint64_t left = 0; left < kLeastFrame + 3; ++left) {
    std::filesystem::remove(LogPath());
    auto writer = Open(LogDriver::kFile);
    std::string written;
    uint64_t size = 0;
    while (size < kLogBlock - left) {
      uint64_t room = kLogBlock - left - size - kFrameOverhead;
      uint64_t length = std::min<uint64_t>(room, 60'000);
      if (room - length > 0 && room - length < 2 * kLeastFrame) length -= 2 * kLeastFrame;
      std::string text(length, static_cast<char>('a' + size % 26));
      Write(*writer, kOut, text);
      written += text;
      size += FrameSize(static_cast<uint32_t>(length));
    }
    Write(*writer, kOut, "behind\n");
    Write(*writer, kErr, "last\n");
    auto reader = *LogReader::Open(LogPath());
    EXPECT_TRUE(Rest(reader, kOut) == written + "behind\n") << left;
    auto tail = *LogReader::Open(LogPath());
    ASSERT_TRUE(tail.SeekToTail(2).has_value()) << left;
    EXPECT_TRUE(Rest(tail, kOut).ends_with("behind\n")) << left;
  }
}

TEST_F(Writer, ARotatedLogIsReadAsOneAndEachFileBeginsWithALine) {
  std::mt19937 random(2);
  for (LogDriver driver : {LogDriver::kFile, LogDriver::kJsonFile}) {
    LogForm form = driver == LogDriver::kFile ? LogForm::kFrames : LogForm::kJson;
    for (const auto& entry : std::filesystem::directory_iterator(top_.path())) {
      std::filesystem::remove(entry.path());
    }
    auto writer = Open(driver, 20'000, 1000);
    std::string written;
    for (int i = 0; i < 400; ++i) {
      std::string text = RandomText(random, 1 + random() % 2000, 40);
      Write(*writer, kOut, text);
      written += text;
    }
    writer->Finish();
    auto reader = *LogReader::Open(LogPath(), form);
    EXPECT_TRUE(Rest(reader, kOut) == written) << ToString(driver);
    EXPECT_GT(FileCount(), 15u) << ToString(driver);
    const std::vector<uint64_t> numbers = *RotatedFiles(LogPath()).Numbers();
    for (uint64_t number : numbers) {
      std::string path = LogPath() + "." + std::to_string(number);
      EXPECT_LE(std::filesystem::file_size(path), 22'000u) << ToString(driver);
      auto file = MakeLogFile(form, *OpenAt(kCwd, path, O_RDONLY));
      std::string text;
      while (auto frame = *file->Next()) text += frame->payload;
      EXPECT_TRUE(text.ends_with('\n')) << path;
    }
    for (size_t lines : {0, 1, 700, 5000}) {
      auto tail = *LogReader::Open(LogPath(), form);
      ASSERT_TRUE(tail.SeekToTail(lines).has_value());
      std::string text = Rest(tail, kOut);
      EXPECT_TRUE(written.ends_with(text));
      auto count = static_cast<size_t>(std::ranges::count(text, '\n'));
      EXPECT_TRUE(count == lines || count + 1 == lines) << count << " of " << lines;
    }
  }
}

// A reader at every possible moment between the steps of a writer.
TEST_F(Writer, AReaderLosesAndDoublesNothingAcrossRotations) {
  std::mt19937 random(3);
  auto writer = Open(LogDriver::kFile, 3000, 50);
  std::string written;
  std::string read;
  Write(*writer, kOut, "first\n");
  written = "first\n";
  auto reader = *LogReader::Open(LogPath());
  for (int i = 0; i < 300; ++i) {
    std::string text = RandomText(random, 1 + random() % 900, 30) + "\n";
    Write(*writer, kOut, text);
    written += text;
    if (random() % 4 == 0) read += Rest(reader, kOut);
  }
  read += Rest(reader, kOut);
  EXPECT_TRUE(read == written);
}

TEST_F(Writer, OnlyAsManyFilesAsWantedAreKept) {
  auto writer = Open(LogDriver::kFile, 1000, 3);
  for (int i = 0; i < 100; ++i) Write(*writer, kOut, std::string(200, 'x') + "\n");
  EXPECT_EQ(FileCount(), 3u);
  auto single = Open(LogDriver::kFile, 1000, 1);
  for (int i = 0; i < 100; ++i) Write(*single, kOut, std::string(200, 'x') + "\n");
  EXPECT_LE(std::filesystem::file_size(LogPath()), 1000u);
}

// A client that knows a place finds there what was written next, however often the log was rotated
// since; what is gone, it is told.
TEST_F(Writer, APlaceLeadsToWhatWasWrittenThere) {
  std::mt19937 random(4);
  for (uint32_t files : {1000, 4, 1}) {
    for (const auto& entry : std::filesystem::directory_iterator(top_.path())) {
      std::filesystem::remove(entry.path());
    }
    auto writer = Open(LogDriver::kFile, 5000, files);
    static LogBuffer buffer;
    std::string written;
    std::vector<std::pair<uint64_t, size_t>> places = {{writer->end(), 0}};
    for (int i = 0; i < 200; ++i) {
      std::string text = RandomText(random, 1 + random() % 2000, 40);
      memcpy(buffer.payload(), text.data(), text.size());
      uint64_t place = writer->Write(kOut, buffer, static_cast<uint32_t>(text.size()));
      EXPECT_EQ(place, places.back().first) << "right behind what came before";
      written += text;
      ASSERT_GT(writer->end(), place);
      places.emplace_back(writer->end(), written.size());
    }
    size_t gone = 0;
    for (const auto& [place, size] : places) {
      auto reader = *LogReader::Open(LogPath(), LogForm::kFrames, place);
      const std::string rest = Rest(reader, kOut);
      if (reader.TakeGap()) {
        ++gone;
        EXPECT_LE(rest.size(), written.size() - size);
        EXPECT_TRUE(written.ends_with(rest));
      } else {
        EXPECT_TRUE(rest == written.substr(size)) << files << " " << size;
      }
      EXPECT_GE(places.back().first, reader.place());
      // The same by one that is elsewhere.
      auto other = *LogReader::Open(LogPath());
      (void)other.Next();
      (void)other.TakeGap();
      ASSERT_TRUE(other.SeekToPlace(place).has_value());
      EXPECT_TRUE(Rest(other, kOut) == rest) << files << " " << size;
    }
    EXPECT_EQ(gone > 0, files < 1000) << gone;
    EXPECT_LT(gone, places.size()) << "the last are there";
  }
}

TEST_F(Writer, AReaderHearsOfFilesThatWereGoneBeforeItCame) {
  auto writer = Open(LogDriver::kFile, 1000, 3);
  Write(*writer, kOut, "first\n");
  auto reader = *LogReader::Open(LogPath());
  EXPECT_EQ(Rest(reader, kOut), "first\n");
  for (int i = 0; i < 4; ++i) Write(*writer, kOut, std::string(300, 'x') + "\n");
  Rest(reader, kOut);
  EXPECT_FALSE(reader.TakeGap());
  for (int i = 0; i < 40; ++i) Write(*writer, kOut, std::string(300, 'x') + "\n");
  Rest(reader, kOut);
  EXPECT_TRUE(reader.TakeGap());
  EXPECT_FALSE(reader.TakeGap()) << "once";
}

TEST_F(Writer, OnlyTheDriverFileHasPlaces) {
  for (LogDriver driver : {LogDriver::kJsonFile, LogDriver::kNone}) {
    auto writer = Open(driver);
    static LogBuffer buffer;
    memcpy(buffer.payload(), "a\n", 2);
    EXPECT_EQ(writer->Write(kOut, buffer, 2), kNotLogged);
    EXPECT_EQ(writer->end(), 0u);
  }
}

TEST_F(Writer, AKilledRotationIsFinishedByTheNextWriter) {
  auto writer = Open(LogDriver::kFile, 1000, 5);
  Write(*writer, kOut, "one\n");
  auto reader = *LogReader::Open(LogPath());
  EXPECT_EQ(Rest(reader, kOut), "one\n");
  std::filesystem::rename(LogPath(), LogPath() + ".1");
  EXPECT_EQ(Rest(reader, kOut), "") << "nothing there, nothing wrong";
  auto tail = *LogReader::Open(LogPath());
  ASSERT_TRUE(tail.SeekToTail(1).has_value());
  EXPECT_EQ(Rest(tail, kOut), "one\n");
  auto next = Open(LogDriver::kFile, 1000, 5);
  Write(*next, kOut, "two\n");
  EXPECT_EQ(Rest(reader, kOut), "two\n");
  EXPECT_EQ(Rest(tail, kOut), "two\n");
}

TEST_F(Writer, CompressedFilesAreReadLikeOthers) {
  auto writer = Open(LogDriver::kFile, 5000, 100);
  std::string written;
  for (int i = 0; i < 200; ++i) {
    std::string line = "line " + std::to_string(i) + std::string(i % 90, '-') + "\n";
    Write(*writer, kErr, line);
    written += line;
  }
  auto early = *LogReader::Open(LogPath());
  std::string first((*early.Next())->payload);
  RotatedFiles files(LogPath());
  const std::string second = TakeFile(files.Path(2));
  const std::vector<uint64_t> numbers = *files.Numbers();
  for (uint64_t number : numbers) ASSERT_TRUE(PackFile(files.Path(number)).has_value());
  EXPECT_FALSE(Exists(files.Path(1)));
  EXPECT_TRUE(Exists(files.Path(1) + ".gz"));
  ASSERT_TRUE(PackFile(files.Path(1)).has_value()) << "done already";
  auto reader = *LogReader::Open(LogPath());
  EXPECT_TRUE(Rest(reader, kErr) == written);
  EXPECT_TRUE(first + Rest(early, kErr) == written) << "packed while it was read";
  auto tail = *LogReader::Open(LogPath());
  ASSERT_TRUE(tail.SeekToTail(150).has_value());
  EXPECT_TRUE(Rest(tail, kErr).starts_with("line 50"));

  // Killed between its two steps: both are there, and count once.
  PutFile(files.Path(2), second);
  auto both = *LogReader::Open(LogPath());
  EXPECT_TRUE(Rest(both, kErr) == written);
  ASSERT_TRUE(PackFile(files.Path(2)).has_value());
  EXPECT_FALSE(Exists(files.Path(2)));
  auto once = *LogReader::Open(LogPath());
  EXPECT_TRUE(Rest(once, kErr) == written);

  PutFile(LogPath() + ".3.gz", "not gzip");
  auto damaged = *LogReader::Open(LogPath());
  EXPECT_NE(Rest(damaged, kErr).find("!"), std::string::npos);
}

TEST_F(Writer, SeeksByTimeInALargeLogWithoutReadingIt) {
  auto writer = Open(LogDriver::kFile);
  const std::string filler(60'000, 'x');
  for (int i = 0; i < 300; ++i) Write(*writer, kOut, filler);
  // Their times are in the frames: what is looked for is one of them.
  auto file = MakeLogFile(LogForm::kFrames, *OpenAt(kCwd, LogPath(), O_RDONLY));
  std::vector<Timestamp> times;
  while (auto frame = *file->Next()) times.push_back(frame->time);
  for (size_t i = 0; i < times.size(); i += 7) {
    auto reader = *LogReader::Open(LogPath());
    ASSERT_TRUE(reader.SeekToTime(times[i]).has_value());
    EXPECT_EQ((*reader.Next())->time, times[i]);
  }
  auto late = *LogReader::Open(LogPath());
  ASSERT_TRUE(late.SeekToTime(times.back() + 1).has_value());
  EXPECT_FALSE(late.Next()->has_value());
}

TEST_F(Writer, JsonLinesAreDockers) {
  auto writer = Open(LogDriver::kJsonFile, 0, 1, R"("attrs":{"tag":"web"},)");
  Write(*writer, kOut, "plain\n<a href=\"x\">\t& \\ \x01\x7f\r\n");
  Write(*writer, kErr, "caf\xc3\xa9 \xff\xe2\x80\xa8 \xe2\x82\xac \xf0\x9f\x90\x8b\n\n");
  Write(*writer, kOut, "no end");
  writer->Finish();
  std::string bytes = TakeFile(LogPath());
  std::string without;  // times
  for (size_t at = 0; at < bytes.size();) {
    size_t end = bytes.find('\n', at);
    std::string line = bytes.substr(at, end - at);
    size_t time = line.find("\"time\":\"");
    ASSERT_NE(time, std::string::npos);
    EXPECT_TRUE(ParseRfc3339(line.substr(time + 8, line.size() - time - 10)).has_value()) << line;
    without += line.substr(0, time) + "\n";
    at = end + 1;
  }
  EXPECT_EQ(without, R"({"log":"plain\n","stream":"stdout","attrs":{"tag":"web"},
{"log":"\u003ca href=\"x\"\u003e\u0009\u0026 \\ \u0001)"
                     "\x7f"
                     R"(\r\n","stream":"stdout","attrs":{"tag":"web"},
{"log":"café \ufffd\u2028 € 🐋\n","stream":"stderr","attrs":{"tag":"web"},
{"log":"\n","stream":"stderr","attrs":{"tag":"web"},
{"log":"no end","stream":"stdout","attrs":{"tag":"web"},
)");
}

TEST_F(Writer, LongJsonLinesComeInParts) {
  auto writer = Open(LogDriver::kJsonFile);
  const std::string full(kJsonPart, 'a');
  for (int i = 0; i < 2; ++i) Write(*writer, kOut, full.substr(0, 10'000));
  Write(*writer, kOut, "b\n" + full + "\nend\n");
  auto file = MakeLogFile(LogForm::kJson, *OpenAt(kCwd, LogPath(), O_RDONLY));
  std::vector<size_t> sizes;
  std::vector<Timestamp> times;
  while (auto frame = *file->Next()) {
    sizes.push_back(frame->payload.size());
    times.push_back(frame->time);
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{kJsonPart, 20'000 - kJsonPart + 2, kJsonPart, 1, 4}))
      << "a line that just fills the buffer is one of two parts, as with docker";
  EXPECT_EQ(times[0], times[1]) << "parts have the time of the first";
}

TEST(JsonLine, ItsTextCanBeCounted) {
  EXPECT_EQ(JsonTextSize(""), 0u);
  EXPECT_EQ(JsonTextSize("{\"log\":\"\",\"stream\":\"stdout\"}\n"), 0u);
  std::string lines;
  size_t bytes = 0;
  for (std::string_view text :
       {std::string_view("plain"), std::string_view("\"\\ <&> \n\r\x01\xff\xc3"),
        std::string_view("\xe2\x80\xa8\xe2\x80\xa9\xe2\x82\xac\xef\xbf\xbd")}) {
    bytes += text.size();
    char escaped[256];
    size_t size = EscapeJson(&text, escaped, sizeof escaped);
    lines += "{\"log\":\"" + std::string(escaped, size) + "\",\"stream\":\"stdout\"}\n";
  }
  EXPECT_EQ(JsonTextSize(lines), bytes);
}

TEST(JsonTime, HasAsManyDigitsAsItNeeds) {
  auto format = [](int64_t time) {
    char text[kMaxJsonTime];
    return std::string(text, FormatJsonTime(time, text));
  };
  EXPECT_EQ(format(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format(1'000), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(format(951'782'400'500'000'000), "2000-02-29T00:00:00.5Z");
  EXPECT_EQ(format(1'795'958'219'123'456'789), "2026-11-29T13:16:59.123456789Z");
  EXPECT_EQ(format(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST_F(Writer, WhatACrashLeftIsCutOff) {
  for (LogDriver driver : {LogDriver::kFile, LogDriver::kJsonFile}) {
    LogForm form = driver == LogDriver::kFile ? LogForm::kFrames : LogForm::kJson;
    std::filesystem::remove(LogPath());
    Write(*Open(driver), kOut, "whole\n");
    const std::string whole = TakeFile(LogPath());
    Write(*Open(driver), kOut, "cut\n");
    const std::string both = TakeFile(LogPath());
    for (size_t size = whole.size(); size < both.size(); ++size) {
      PutFile(LogPath(), both.substr(0, size));
      auto before = *LogReader::Open(LogPath(), form);
      EXPECT_EQ(Rest(before, kOut), "whole\n") << size;
      Write(*Open(driver), kOut, "next\n");
      auto reader = *LogReader::Open(LogPath(), form);
      EXPECT_EQ(Rest(reader, kOut), "whole\nnext\n") << ToString(driver) << " " << size;
    }
  }
}

TEST_F(Writer, WhatCannotBeWrittenIsCounted) {
  for (LogDriver driver : {LogDriver::kFile, LogDriver::kJsonFile}) {
    std::string note = top_ / "lost";
    LogTarget target{.driver = driver, .path = "/dev/full"};
    target.lost_path = note.c_str();
    auto writer = std::make_unique<LogWriter>();
    ASSERT_EQ(writer->Open(target, false), 0);
    Write(*writer, kOut, "12345\n");
    Write(*writer, kErr, std::string(50'000, 'x') + "\n");
    writer->Finish();
    EXPECT_EQ(writer->loss().bytes, 50'007u) << ToString(driver);
    EXPECT_EQ(writer->loss().unmarked, 50'007u);
    EXPECT_EQ(TakeFile(note), "50007 50007\n");
  }
}

TEST_F(Writer, NothingIsKeptWithDriverNone) {
  auto writer = Open(LogDriver::kNone);
  Write(*writer, kOut, "x\n");
  writer->Finish();
  EXPECT_EQ(TakeFile(LogPath()), "");
  EXPECT_TRUE(Exists(LogPath())) << "the mark that it has run";
}

}  // namespace
}  // namespace hoy::core
