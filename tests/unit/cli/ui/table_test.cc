#include "cli/ui/table.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(Table, AlignsColumnsThreeApart) {
  std::vector<TableRow> rows = {{"CONTAINER ID", "NAMES"}, {"0123456789ab", "web"}};
  EXPECT_EQ(FormatTable(rows), "CONTAINER ID   NAMES\n0123456789ab   web\n");
}

TEST(Table, GivesNarrowColumnsTenCharacters) {
  std::vector<TableRow> rows = {{"A", "B"}, {"x", "y"}};
  EXPECT_EQ(FormatTable(rows), "A         B\nx         y\n");
}

TEST(Table, CountsCharactersNotBytes) {
  std::vector<TableRow> rows = {{"\"sleep 10000000000…\"", "x"}, {"\"sleep 100000000000\"", "y"}};
  EXPECT_EQ(FormatTable(rows), "\"sleep 10000000000…\"   x\n\"sleep 100000000000\"   y\n");
}

TEST(Table, CutsFlexibleColumnsToFit) {
  std::vector<TableRow> rows = {{"ID", "IMAGE", "N"},
                                {"0123456789ab", "registry.example/very/long/image", "n"}};
  std::vector<size_t> flexible = {1};
  EXPECT_EQ(FormatTable(rows, flexible, 30),
            "ID             IMAGE         N\n0123456789ab   registry.e…   n\n");
}

TEST(Table, NeverCutsBelowEightCharacters) {
  std::vector<TableRow> rows = {{"ID", "IMAGE"}, {"0123456789ab", "registry.example"}};
  std::vector<size_t> flexible = {1};
  EXPECT_EQ(FormatTable(rows, flexible, 5), "ID             IMAGE\n0123456789ab   registr…\n");
}

TEST(Ellipsize, KeepsShortTextsAndWholeCharacters) {
  EXPECT_EQ(Ellipsize("abc", 3), "abc");
  EXPECT_EQ(Ellipsize("abcd", 3), "ab…");
  EXPECT_EQ(Ellipsize("äöüß", 3), "äö…");
  EXPECT_EQ(Ellipsize("abc", 0), "");
}

}  // namespace
}  // namespace hoy::cli
