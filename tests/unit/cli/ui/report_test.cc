#include "cli/ui/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/ui/context.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

Error Sample() {
  Error error = SystemError("mount", "/proc", EPERM);
  return std::move(error).InContext("start 'web'").WithHint("run as root");
}

TEST(Report, PrintsTheSentenceAndTheHint) {
  EXPECT_EQ(ErrorText(Sample(), false),
            "hoy: start 'web': mount '/proc': Operation not permitted\nhint: run as root\n");
}

TEST(Report, PrintsOneJsonObjectALine) {
  std::string line = ErrorJson(Sample(), 125);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["code"], 125);
  EXPECT_EQ(object["kind"], "permission");
  EXPECT_EQ(object["stage"], "mount");
  EXPECT_EQ(object["errno"], EPERM);
  EXPECT_EQ(object["subject"], "/proc");
  EXPECT_EQ(object["message"], "start 'web': mount '/proc': Operation not permitted");
  EXPECT_EQ(object["hint"], "run as root");
}

TEST(Report, SurvivesPathsThatAreNotUtf8) {
  Error error = MakeError(ErrorKind::kNotFound, "open '\xff\xfe'");
  EXPECT_TRUE(nlohmann::json::accept(ErrorJson(error, 1)));
}

TEST(Report, ReadsItsOwnJsonBack) {
  Error error = ErrorFromJson(ErrorJson(Sample(), 125)).value();
  EXPECT_EQ(error.kind, ErrorKind::kPermission);
  EXPECT_EQ(error.system_errno, EPERM);
  EXPECT_EQ(error.stage, "mount");
  EXPECT_EQ(error.subject, "/proc");
  EXPECT_EQ(error.message, Sample().message);
  EXPECT_EQ(error.hint, "run as root");
  EXPECT_FALSE(ErrorFromJson("nonsense"));
  EXPECT_FALSE(ErrorFromJson("[]"));
  EXPECT_FALSE(ErrorFromJson(R"({"kind":7})"));
}

class ForEachObjectTest : public testing::Test {
 protected:
  int Run(std::vector<std::string> names, std::map<std::string, ErrorKind> failing) {
    Output out(&out_text);
    Output err(&err_text);
    Context context{.out = out, .err = err};
    return ForEachObject(context, names, [&](const std::string& name) -> Result<> {
      if (failing.contains(name)) return Fail(failing[name], "no '{}'", name);
      return {};
    });
  }
  std::string out_text, err_text;
};

TEST_F(ForEachObjectTest, PrintsNamesAsTypedAndGoesOnAfterErrors) {
  EXPECT_EQ(Run({"a", "b", "c"}, {{"b", ErrorKind::kNotFound}}), 1);
  EXPECT_EQ(out_text, "a\nc\n");
  EXPECT_EQ(err_text, "hoy: no 'b'\n");
}

TEST_F(ForEachObjectTest, EndsWithTheGravestCode) {
  EXPECT_EQ(Run({"a", "b"}, {{"a", ErrorKind::kConflict}, {"b", ErrorKind::kNotFound}}), 125);
  EXPECT_EQ(Run({"a", "b"}, {}), 0);
}

TEST_F(ForEachObjectTest, StopsAtAnInterrupt) {
  EXPECT_EQ(Run({"a", "b"}, {{"a", ErrorKind::kCancelled}}), 130);
  EXPECT_EQ(out_text, "");
}

}  // namespace
}  // namespace hoy::cli
