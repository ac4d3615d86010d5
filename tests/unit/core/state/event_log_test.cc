#include "core/state/event_log.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <map>
#include <thread>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

class EventLog : public testing::Test {
 protected:
  void Record(const std::string& action, const std::string& padding = "") {
    Event event;
    event.type = "container";
    event.action = action;
    event.id = "a";
    if (!padding.empty()) event.attributes = {{"padding", padding}};
    RecordEvent(layout_, event);
  }
  static std::string Actions(const std::vector<Event>& events) {
    std::string actions;
    for (const Event& event : events) actions += event.action + " ";
    return actions;
  }
  std::string Read(EventReader& reader) {
    auto events = reader.Read();
    return events ? Actions(*events) : events.error().message;
  }
  // Fills the current file so far that the next event moves it away.
  void FillFile() {
    const std::string padding(1 << 20, 'x');
    for (int i = 0; i < 4; ++i) Record("fill", padding);
  }
  size_t Files() { return ListDirectory(layout_.Events())->size(); }

  ScratchDirectory top_;
  Layout layout_{top_ / "d", top_ / "r"};
};

TEST_F(EventLog, IsReadAsItWasWritten) {
  Event event{77, "container", "die", "abc", {{"exitCode", "137"}, {"name", "a \"b\"\n"}}};
  auto decoded = DecodeEvent(EncodeEvent(event));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, event);
  for (const char* line : {"", "{", "[]", "{}", R"({"time":"x","type":1})"}) {
    EXPECT_FALSE(DecodeEvent(line).has_value()) << line;
  }
  event.attributes = {{"name", "\xff\xfe"}};
  EXPECT_TRUE(DecodeEvent(EncodeEvent(event)).has_value()) << "bytes that are no UTF-8";
}

TEST_F(EventLog, AReaderSeesThePastAndWhatComes) {
  EventReader reader(layout_);
  EXPECT_EQ(Read(reader), "") << "nothing yet, not even the directory";
  Record("create");
  Record("start");
  ASSERT_TRUE(reader.Watch().has_value());
  EXPECT_EQ(Read(reader), "create start ");
  pollfd slot{reader.watch().get(), POLLIN, 0};
  EXPECT_EQ(poll(&slot, 1, 0), 0) << "nothing happens, nothing wakes";
  Record("die");
  EXPECT_EQ(poll(&slot, 1, 30'000), 1);
  EXPECT_EQ(Read(reader), "die ");
  EXPECT_EQ(Read(reader), "");
  EXPECT_EQ(poll(&slot, 1, 0), 0);
}

TEST_F(EventLog, ALineThatWasCutDoesNotTakeTheNextWithIt) {
  Record("create");
  PutFile(layout_.Events() + "/current",
          TakeFile(layout_.Events() + "/current") + "{\"time\":1,\"ty");
  Record("start");
  EventReader reader(layout_);
  EXPECT_EQ(Read(reader), "create start ");
}

TEST_F(EventLog, NothingIsMissedWhileFilesAreMovedAway) {
  EventReader early(layout_);
  Record("first");
  EXPECT_EQ(Read(early), "first ");
  FillFile();
  EXPECT_EQ(Files(), 1u) << "moved away";
  Record("second");
  EXPECT_EQ(Files(), 2u);
  EventReader late(layout_);
  EXPECT_EQ(Read(late), "first fill fill fill fill second ");
  EXPECT_EQ(Read(early), "fill fill fill fill second ");
  // A writer that had the file open when it was moved away.
  PutFile(layout_.Events() + "/1", TakeFile(layout_.Events() + "/1") + "\n" +
                                       EncodeEvent({1, "container", "late", "a", {}}) + "\n");
  EXPECT_EQ(Read(early), "late ");
  EXPECT_EQ(early.missed() + late.missed(), 0u);
}

TEST_F(EventLog, IsCappedAndAReaderThatStoodStillIsTold) {
  EventReader reader(layout_);
  Record("first");
  EXPECT_EQ(Read(reader), "first ");
  for (int i = 0; i < 5; ++i) FillFile();
  Record("last");
  EXPECT_EQ(Files(), kKeptEventFiles + 1);
  auto events = reader.Read();
  ASSERT_TRUE(events.has_value());
  EXPECT_EQ(events->back().action, "last");
  EXPECT_GT(reader.missed(), 0u);
  EXPECT_EQ(Read(reader), "");
}

TEST_F(EventLog, ManyWritersAndAReaderDoNotDisturbEachOther) {
  constexpr int kWriters = 6;
  constexpr int kEach = 60;
  const std::string padding(20'000, 'x');
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kEach; ++i) Record(std::to_string(writer), padding);
    });
  }
  EventReader reader(layout_);
  ASSERT_TRUE(reader.Watch().has_value());
  std::map<std::string, int> seen;
  int total = 0;
  while (total < kWriters * kEach) {
    pollfd slot{reader.watch().get(), POLLIN, 0};
    if (poll(&slot, 1, 60'000) == 0) break;
    auto events = reader.Read();
    ASSERT_TRUE(events.has_value());
    for (const Event& event : *events) ++seen[event.action];
    total += static_cast<int>(events->size());
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(seen.size(), static_cast<size_t>(kWriters));
  for (const auto& [writer, count] : seen) EXPECT_EQ(count, kEach) << writer;
  EXPECT_GT(Files(), 1u) << "it was moved away meanwhile";
}

}  // namespace
}  // namespace hoy::core
