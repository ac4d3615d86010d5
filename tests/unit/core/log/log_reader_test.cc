#include "core/log/log_reader.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/log/line_assembler.h"
#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

constexpr LogStream kOut = LogStream::kStdout;
constexpr LogStream kErr = LogStream::kStderr;

std::string Frame(LogStream stream, std::string_view payload, Timestamp time = 0) {
  FrameHeader header{kFrameMagic, static_cast<uint32_t>(payload.size()), stream, 0, time};
  FrameTrailer trailer = header.length;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(payload);
  bytes.append(reinterpret_cast<const char*>(&trailer), sizeof trailer);
  return bytes;
}

class Log : public testing::Test {
 protected:
  LogReader Open(const std::string& bytes) {
    PutFile(top_ / "log", bytes);
    return *LogReader::Open(top_ / "log");
  }

  // What is left to read, one stream's bytes in < >, the other's in [ ].
  static std::string Rest(LogReader& reader) {
    std::string text;
    while (true) {
      auto frame = reader.Next();
      if (!frame) return text + "!" + frame.error().message;
      if (!*frame) return text;
      bool out = (*frame)->stream == kOut;
      text.append(out ? "<" : "[").append((*frame)->payload).append(out ? ">" : "]");
    }
  }
  std::string Tail(const std::string& bytes, uint64_t lines) {
    LogReader reader = Open(bytes);
    auto sought = reader.SeekToTail(lines);
    return sought ? Rest(reader) : "!" + sought.error().message;
  }

  ScratchDirectory top_;
};

TEST_F(Log, GivesFramesAsTheyWereWritten) {
  LogReader reader = Open(Frame(kOut, "a\n", 7) + Frame(kErr, std::string("\0b", 2), 8));
  auto frame = *reader.Next();
  EXPECT_EQ(frame->stream, kOut);
  EXPECT_EQ(frame->time, 7);
  EXPECT_EQ(frame->payload, "a\n");
  EXPECT_EQ((*reader.Next())->payload, std::string_view("\0b", 2));
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST_F(Log, AFrameThatIsNotWholeIsNotThereYet) {
  const std::string second = Frame(kOut, "second");
  for (size_t cut = 0; cut < second.size(); ++cut) {
    LogReader reader = Open(Frame(kOut, "first") + second.substr(0, cut));
    EXPECT_EQ(Rest(reader), "<first>") << cut;
    PutFile(top_ / "log", Frame(kOut, "first") + second);
    EXPECT_EQ(Rest(reader), "<second>") << cut;
    EXPECT_EQ(Tail(Frame(kOut, "one\ntwo\n") + second.substr(0, cut), 1), "<two\n>") << cut;
  }
}

// As the writer does where the disk is full.
TEST_F(Log, AFrameThatIsTakenBackIsNotPutTogetherWithTheNext) {
  const std::string first = Frame(kOut, "first");
  for (std::string_view other :
       {"other", "another one, which is longer than the one that was cut"}) {
    const std::string next = Frame(kErr, other);
    const std::string taken_back = Frame(kOut, "taken back, and cut in its middle");
    for (size_t cut = 1; cut < taken_back.size(); ++cut) {
      LogReader reader = Open(first + taken_back.substr(0, cut));
      EXPECT_EQ(Rest(reader), "<first>") << cut;
      PutFile(top_ / "log", first + next + first);
      EXPECT_EQ(Rest(reader), fmt::format("[{}]<first>", other)) << cut;
    }
  }
}

TEST_F(Log, DamageIsCorrupt) {
  std::string bytes = Frame(kOut, "first") + Frame(kOut, "second");
  bytes[FrameSize(5)] = 'x';
  LogReader reader = Open(bytes);
  EXPECT_EQ((*reader.Next())->payload, "first");
  EXPECT_EQ(reader.Next().error().kind, ErrorKind::kCorrupt);
}

TEST_F(Log, FramesOfTheGreatestSizePass) {
  const std::string big(kMaxFramePayload, 'x');
  std::string bytes;
  for (int i = 0; i < 15; ++i) bytes += Frame(kOut, big);
  LogReader reader = Open(bytes);
  size_t total = 0;
  while (auto frame = *reader.Next()) total += frame->payload.size();
  EXPECT_EQ(total, 15 * big.size());
}

TEST_F(Log, TailCountsLines) {
  const std::string bytes = Frame(kOut, "a\nb\n") + Frame(kOut, "c\nd\n");
  EXPECT_EQ(Tail(bytes, 0), "");
  EXPECT_EQ(Tail(bytes, 1), "<d\n>");
  EXPECT_EQ(Tail(bytes, 2), "<c\nd\n>");
  EXPECT_EQ(Tail(bytes, 3), "<b\n><c\nd\n>");
  EXPECT_EQ(Tail(bytes, 4), "<a\nb\n><c\nd\n>");
  EXPECT_EQ(Tail(bytes, 99), "<a\nb\n><c\nd\n>");
  EXPECT_EQ(Tail("", 3), "");
}

TEST_F(Log, TailTakesALineWithItsBeginning) {
  const std::string bytes =
      Frame(kOut, "x\nbe") + Frame(kOut, "gin") + Frame(kOut, "ning\n") + Frame(kOut, "un");
  EXPECT_EQ(Tail(bytes, 1), "<un>");
  EXPECT_EQ(Tail(bytes, 2), "<be><gin><ning\n><un>");
}

TEST_F(Log, TailKeepsInterleavedStreamsApart) {
  const std::string bytes = Frame(kOut, "o1\npar") + Frame(kErr, "e1\n") + Frame(kOut, "tial\n");
  EXPECT_EQ(Tail(bytes, 1), "<par><tial\n>") << "the line between ended earlier";
  EXPECT_EQ(Tail(bytes, 2), "<par>[e1\n]<tial\n>");
  EXPECT_EQ(Tail(bytes, 3), "<o1\npar>[e1\n]<tial\n>");
}

TEST_F(Log, AfterATailWhatIsAppendedComes) {
  const std::string bytes = Frame(kOut, "a\nb\n");
  LogReader reader = Open(bytes);
  ASSERT_TRUE(reader.SeekToTail(0).has_value());
  PutFile(top_ / "log", bytes + Frame(kErr, "later\n") + Frame(kOut, "c\n"));
  EXPECT_EQ(Rest(reader), "[later\n]<c\n>");
}

// Against the plain way: cut everything into lines, sort them by where they end, keep the last.
TEST_F(Log, TailAgreesWithCountingFromTheFront) {
  struct Line {
    size_t end = 0;
    size_t stream = 0;
    std::string text;
  };
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    std::string bytes;
    std::vector<Line> lines;
    Line partial[2];
    size_t position = 0;
    for (int i = 0; i < 12; ++i) {
      const size_t stream = random() % 2;
      std::string payload;
      for (size_t n = 1 + random() % 6; n > 0; --n) payload += random() % 3 == 0 ? '\n' : 'x';
      bytes += Frame(stream == 0 ? kOut : kErr, payload);
      for (char c : payload) {
        partial[stream].text += c;
        partial[stream].end = ++position;
        partial[stream].stream = stream;
        if (c == '\n') lines.push_back(std::exchange(partial[stream], {}));
      }
    }
    for (Line& rest : partial) {
      if (!rest.text.empty()) lines.push_back(rest);
    }
    std::ranges::sort(lines, {}, &Line::end);
    for (size_t count = 0; count <= lines.size() + 1; ++count) {
      std::string expected[2];
      for (size_t i = lines.size() - std::min(count, lines.size()); i < lines.size(); ++i) {
        expected[lines[i].stream] += lines[i].text;
      }
      LogReader reader = Open(bytes);
      ASSERT_TRUE(reader.SeekToTail(count).has_value());
      std::string got[2];
      while (auto frame = *reader.Next()) got[frame->stream == kOut ? 0 : 1] += frame->payload;
      EXPECT_EQ(got[0], expected[0]) << round << " " << count;
      EXPECT_EQ(got[1], expected[1]) << round << " " << count;
    }
  }
}

TEST_F(Log, SeeksByTime) {
  const std::string bytes = Frame(kOut, "1", 10) + Frame(kErr, "2", 20) + Frame(kOut, "3", 30);
  for (auto [time, rest] : {std::pair<Timestamp, const char*>{0, "<1>[2]<3>"},
                            {10, "<1>[2]<3>"},
                            {11, "[2]<3>"},
                            {30, "<3>"},
                            {31, ""}}) {
    LogReader reader = Open(bytes);
    ASSERT_TRUE(reader.SeekToTime(time).has_value());
    EXPECT_EQ(Rest(reader), rest) << time;
  }
}

TEST(LineAssembler, PutsLinesOfTwoStreamsTogether) {
  std::string text;
  LineAssembler lines([&](LogStream stream, Timestamp time, std::string_view line) {
    text += (stream == kOut ? "o" : "e") + std::to_string(time) + ":" + std::string(line) + "|";
  });
  lines.Add({kOut, 1, "a\nb\npar"});
  lines.Add({kErr, 2, "oops"});
  lines.Add({kOut, 3, "tial\n\n"});
  lines.Add({kErr, 4, "\nlast"});
  EXPECT_EQ(text, "o1:a\n|o1:b\n|o1:partial\n|o3:\n|e2:oops\n|");
  lines.Flush();
  EXPECT_TRUE(text.ends_with("e4:last|"));
  const size_t size = text.size();
  lines.Flush();
  EXPECT_EQ(text.size(), size);
}

}  // namespace
}  // namespace hoy::core
