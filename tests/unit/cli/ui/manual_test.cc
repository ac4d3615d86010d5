#include "cli/ui/manual.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

class SampleCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "sample", .aliases = "container sample", .summary = "Do - something"};
  SampleCommand() : Command(kInfo) {
    Flag("-a,--all-of-it", &all_, "take it all");
    Option("--file", &file_, "FILE", "which one");
    Flag("--secret", &secret_, "not shown").Hidden();
    Arguments("NAME", &names_);
  }
  Result<int> Run(Context&) override { return 0; }

 private:
  bool all_ = false;
  bool secret_ = false;
  std::string file_;
  std::vector<std::string> names_;
};

constexpr std::string_view kProse =
    "@TITLE@\n@SYNOPSIS@\n.SH DESCRIPTION\nText.\n@ALSO@\n@OPTIONS@\n@EXIT_STATUS@\n";

TEST(ManualPage, FillsInWhatTheModelKnows) {
  std::string page = ManualPage(SampleCommand(), kProse).value();
  for (std::string_view part : {".TH HOY\\-SAMPLE 1", "hoy\\-sample \\- do \\- something\n",
                                ".B hoy sample\n[\\fIOPTIONS\\fR] \\fINAME\\fR...\n",
                                ".PP\nThe same verb can be spelled \\fBhoy container sample\\fR.\n",
                                ".TP\n\\fB\\-a\\fR, \\fB\\-\\-all\\-of\\-it\\fR\nTake it all.\n",
                                ".TP\n\\fB\\-\\-file\\fR \\fIFILE\\fR\nWhich one.\n",
                                ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n",
                                ".SH DESCRIPTION\nText.\n", ".SH EXIT STATUS\n"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part << "\nin\n" << page;
  }
  EXPECT_EQ(page.find("secret"), std::string::npos);
}

TEST(ManualPage, RefusesProseWithoutThePlacesToFill) {
  EXPECT_FALSE(ManualPage(SampleCommand(), "@TITLE@\n@SYNOPSIS@\n"));
  EXPECT_FALSE(ManualPage(SampleCommand(), std::string(kProse) + "@NONSENSE@\n"));
}

TEST(TroffEscape, KeepsTextAsItIs) {
  EXPECT_EQ(TroffEscape("a-b\\c"), "a\\-b\\ec");
  EXPECT_EQ(TroffEscape(".x\n'y"), "\\&.x\n\\&\\(aqy");
}

}  // namespace
}  // namespace hoy::cli
