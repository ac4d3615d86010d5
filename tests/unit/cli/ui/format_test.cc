#include "cli/ui/format.h"

#include <gtest/gtest.h>

#include "cli/ui/filter.h"

namespace hoy::cli {
namespace {

const ListModel kModel = {.columns = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}},
                          .more = {{"RunningFor", "CREATED"}}};

std::string Format(std::string_view format, bool quiet = false, bool empty = false) {
  std::vector<Json> rows = {{{"ID", "0123456789ab"}, {"Names", "web"}, {"Size", 7}},
                            {{"ID", "ba9876543210"}, {"Names", "db"}, {"Size", 8}}};
  if (empty) rows.clear();
  auto text = FormatRows(format, quiet, kModel, rows, 0);
  return text ? *text : "error: " + text.error().message;
}

TEST(FormatRows, PrintsTheDefaultTable) {
  std::string table = "CONTAINER ID   NAMES\n0123456789ab   web\nba9876543210   db\n";
  EXPECT_EQ(Format(""), table);
  EXPECT_EQ(Format("table"), table);
}

TEST(FormatRows, PrintsTheHeaderOfAnEmptyTable) {
  EXPECT_EQ(Format("", false, true), "CONTAINER ID   NAMES\n");
  EXPECT_EQ(Format("{{.ID}}", false, true), "");
  EXPECT_EQ(Format("json", false, true), "");
}

TEST(FormatRows, PrintsOneJsonObjectALineWithNumbersAsNumbers) {
  EXPECT_EQ(Format("json"),
            "{\"ID\":\"0123456789ab\",\"Names\":\"web\",\"Size\":7}\n"
            "{\"ID\":\"ba9876543210\",\"Names\":\"db\",\"Size\":8}\n");
}

TEST(FormatRows, PrintsIdsWhenQuiet) {
  EXPECT_EQ(Format("", true), "0123456789ab\nba9876543210\n");
  EXPECT_EQ(Format("{{.Names}}", true), "web\ndb\n");  // as docker: the template wins
}

TEST(FormatRows, RendersTemplatesWithEscapes) {
  EXPECT_EQ(Format("{{.Names}}\\t{{.Size}}"), "web\t7\ndb\t8\n");
  EXPECT_EQ(Format("{{.Gone}}"), "error: template: there is no field '.Gone'");
}

TEST(FormatRows, RendersTableTemplatesWithTitles) {
  EXPECT_EQ(Format("table {{.Names}}\\t{{.ID}}"),
            "NAMES     CONTAINER ID\nweb       0123456789ab\ndb        ba9876543210\n");
  EXPECT_EQ(Format("table {{.Size}}"), "SIZE\n7\n8\n");
}

TEST(FormatInspect, PrintsAnArrayOrATemplatePerObject) {
  std::vector<Json> objects = {{{"Id", "a"}}, {{"Id", "b"}}};
  EXPECT_EQ(FormatInspect("{{.Id}}", objects).value(), "a\nb\n");
  EXPECT_EQ(FormatInspect("", objects).value(),
            "[\n    {\n        \"Id\": \"a\"\n    },\n    {\n        \"Id\": \"b\"\n    }\n]\n");
  EXPECT_EQ(FormatInspect("", {}).value(), "[]\n");
}

TEST(Filters, OrWithinAKeyAndAndBetweenKeys) {
  std::vector<std::string> texts = {"status=running", "status=exited", "label=a=b"};
  auto filters = Filters::Parse(texts, {"status", "label", "name"}).value();
  auto is = [](std::string wanted) {
    return [wanted](std::string_view value) { return value == wanted; };
  };
  EXPECT_TRUE(filters.Match("status", is("running")));
  EXPECT_TRUE(filters.Match("status", is("exited")));
  EXPECT_FALSE(filters.Match("status", is("paused")));
  EXPECT_TRUE(filters.Match("label", is("a=b")));
  EXPECT_TRUE(filters.Match("name", is("anything")));
}

TEST(Filters, RefuseUnknownKeys) {
  std::vector<std::string> unknown = {"color=red"};
  auto filters = Filters::Parse(unknown, {"status", "label"});
  ASSERT_FALSE(filters);
  EXPECT_EQ(filters.error().message, "unknown filter 'color'");
  EXPECT_EQ(filters.error().hint, "filters are status, label");
  std::vector<std::string> bare = {"status"};
  EXPECT_FALSE(Filters::Parse(bare, {"status"}));
}

}  // namespace
}  // namespace hoy::cli
