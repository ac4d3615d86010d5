#include "cli/ops/journal_log.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(JournalEntry, IsTakenOnlyWhole) {
  const std::string one = "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=5\nPRIORITY=3\nMESSAGE\n" +
                          std::string("\x03\0\0\0\0\0\0\0", 8) +
                          "a\nb\nSYSLOG_TIMESTAMP=1970-01-01T00:00:01.5Z\n\n";
  for (size_t size = 0; size < one.size(); ++size) {
    std::string bytes = one.substr(0, size);
    EXPECT_FALSE(TakeJournalEntry(&bytes)) << size;
    EXPECT_EQ(bytes.size(), size) << "nothing is taken";
  }
  std::string bytes = one + "MESSAGE=next\n\nMESSAGE=cut";
  auto entry = TakeJournalEntry(&bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->text, "a\nb\n");
  EXPECT_EQ(entry->stream, core::LogStream::kStderr);
  EXPECT_EQ(entry->time, 1'500'000'000) << "when it was written, not when it came";
  EXPECT_EQ(entry->cursor, "s=1;i=2");
  entry = TakeJournalEntry(&bytes);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->text, "next\n");
  EXPECT_EQ(entry->stream, core::LogStream::kStdout);
  EXPECT_FALSE(TakeJournalEntry(&bytes));
  EXPECT_EQ(bytes, "MESSAGE=cut");
}

TEST(JournalEntry, APartHasNoNewline) {
  std::string bytes = "MESSAGE=ab\nCONTAINER_PARTIAL_MESSAGE=true\n\n\n\nMESSAGE=\n\n";
  EXPECT_EQ(TakeJournalEntry(&bytes)->text, "ab");
  EXPECT_EQ(TakeJournalEntry(&bytes)->text, "\n");
}

TEST(JournalEntry, ALengthThatIsALieTakesNothing) {
  std::string bytes = "MESSAGE\n" + std::string(8, '\xff') + "text\n\n";
  EXPECT_FALSE(TakeJournalEntry(&bytes));
}

}  // namespace
}  // namespace hoy::cli
