// What holds for every verb there is. A new one needs no line here.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/ui/command.h"
#include "cli/ui/globals.h"
#include "cli/ui/help.h"
#include "cli/ui/manual.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

std::string ProsePath(std::string_view page) {
  return fmt::format("{}/man/{}.1.in", HOY_SOURCE_DIR, page);
}

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class EveryVerb : public testing::Test {
 protected:
  template <typename Check>
  void ForEach(Check check) {
    auto all = AllCommands();
    ASSERT_FALSE(all.empty());
    for (const Registration* entry : all) {
      SCOPED_TRACE(entry->info().name);
      if (!entry->info().hidden) check(*entry->Make());
    }
  }
};

TEST_F(EveryVerb, HasAManPage) {
  ForEach([](const Command& command) {
    std::string path = ProsePath(PageName(command.info()));
    ASSERT_TRUE(std::filesystem::exists(path)) << "write its prose: " << path;
    auto page = ManualPage(command, ReadText(path));
    ASSERT_TRUE(page) << page.error().message;
    for (std::string_view section : {".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS",
                                     ".SH EXIT STATUS", ".SH EXAMPLES", ".SH SEE ALSO"}) {
      EXPECT_NE(page->find(section), std::string::npos) << section;
    }
  });
  auto page = ManualPage(Globals(), ReadText(ProsePath("hoy")));
  EXPECT_TRUE(page) << page.error().message;
}

// And what is no verb for people is in cli/cmd/hidden.
TEST_F(EveryVerb, HasAFileOfItsOwnInCliCmd) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(HOY_SOURCE_DIR "/cli/cmd")) {
    if (entry.path().extension() == ".cc") files.insert(entry.path().stem());
  }
  std::set<std::string> verbs;
  for (const Registration* entry : AllCommands()) {
    if (entry->info().hidden) continue;
    std::string file(entry->info().name);  // "image prune" is in image_prune.cc
    std::ranges::replace(file, ' ', '_');
    verbs.insert(file);
  }
  EXPECT_EQ(files, verbs);
}

TEST_F(EveryVerb, HasAManPageThatGroffLikes) {
  auto clean = [](const Command& command, const std::string& name) {
    std::string page = ManualPage(command, ReadText(ProsePath(name))).value_or(".bad\n");
    std::string path = testing::TempDir() + name + ".1";
    std::ofstream(path) << page;
    std::string tool = "groff -ww -man -Tutf8 '" + path + "' 2>&1 >/dev/null";
    FILE* pipe = popen(tool.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string warnings;
    for (int c = 0; (c = fgetc(pipe)) != EOF;) warnings += static_cast<char>(c);
    EXPECT_EQ(pclose(pipe), 0);
    EXPECT_EQ(warnings, "");
    std::filesystem::remove(path);
  };
  ForEach([&](const Command& command) { clean(command, PageName(command.info())); });
  clean(Globals(), "hoy");
}

TEST_F(EveryVerb, DescribesItselfAndAllItsOptions) {
  ForEach([](const Command& command) {
    std::string_view summary = command.info().summary;
    ASSERT_FALSE(summary.empty());
    EXPECT_TRUE(isupper(static_cast<unsigned char>(summary[0]))) << summary;
    EXPECT_FALSE(summary.ends_with('.')) << summary;
    for (const OptionSpec& option : command.options()) {
      std::string name = OptionNames(option);
      EXPECT_FALSE(option.help.empty()) << name;
      EXPECT_FALSE(option.help.ends_with('.')) << name;
      EXPECT_EQ(option.kind == ValueKind::kFlag, option.value_name.empty()) << name;
    }
  });
}

TEST_F(EveryVerb, GivesEachOptionNameOnce) {
  ForEach([](const Command& command) {
    std::set<std::string> names;
    for (const OptionSpec& option : command.options()) {
      EXPECT_TRUE(option.short_name != 0 || !option.long_name.empty());
      if (option.short_name != 0) {
        EXPECT_TRUE(names.insert(std::string(1, option.short_name)).second) << option.short_name;
      }
      if (!option.long_name.empty()) {
        EXPECT_TRUE(names.insert(std::string(option.long_name)).second) << option.long_name;
      }
      for (std::string_view also : option.also) {
        EXPECT_TRUE(names.insert(std::string(also)).second) << also;
      }
    }
    EXPECT_FALSE(names.contains("help"));
  });
}

TEST_F(EveryVerb, HasSpellingsOfItsOwn) {
  std::set<std::string> spellings;
  for (const Registration* entry : AllCommands()) {
    EXPECT_TRUE(spellings.insert(std::string(entry->info().name)).second) << entry->info().name;
    for (std::string_view alias : Split(entry->info().aliases, ',')) {
      EXPECT_TRUE(spellings.insert(std::string(Trim(alias))).second) << alias;
      EXPECT_EQ(FindCommand(Trim(alias)), entry) << alias;
    }
  }
}

TEST_F(EveryVerb, ShowsItsOptionsInItsHelp) {
  ForEach([](const Command& command) {
    std::string help = HelpText(command);
    EXPECT_TRUE(help.starts_with(command.info().summary));
    for (const OptionSpec& option : command.options()) {
      bool shown = help.find(OptionNames(option)) != std::string::npos;
      EXPECT_EQ(shown, !option.hidden) << OptionNames(option);
    }
    EXPECT_NE(OverviewText().find(fmt::format("\n  {}", command.info().name)), std::string::npos);
  });
}

}  // namespace
}  // namespace hoy::cli
