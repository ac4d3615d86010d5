#include "cli/ui/printable.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const char* text : {"", "nginx: worker", "größe", "日本", "😀", "C:\\dir"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("\033[2J"), "\\x1b[2J");
  EXPECT_EQ(Printable("a\nb\tc\rd"), "a\\nb\\tc\\x0dd");
  EXPECT_EQ(Printable("\x7f"), "\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // C1 in UTF-8
}

TEST(Printable, LinesKeepTheirLayout) {
  EXPECT_EQ(PrintableLines("a\tb\n\033[2Jc\r\n"), "a\tb\n\\x1b[2Jc\\x0d\n");
}

TEST(Printable, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(Printable("\xff"), "\\xff");
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");  // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(Printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
  EXPECT_EQ(Printable("a\xe2\x82"), "a\\xe2\\x82");  // cut short
}

}  // namespace
}  // namespace hoy::cli
