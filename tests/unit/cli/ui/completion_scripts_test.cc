// The scripts in the real shells, with a stand-in for hoy that answers from a table.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/ui/complete.h"
#include "tests/support/must_run.h"

namespace hoy::cli {
namespace {

namespace fs = std::filesystem;

// What it was asked is in $DIR/asked, one word a line; it answers $DIR/answer.
class CompletionScriptTest : public testing::Test {
 protected:
  CompletionScriptTest() : dir_(testing::TempDir() + fmt::format("hoy-shells-{}", getpid())) {
    fs::create_directories(dir_);
    std::ofstream(dir_ + "/hoy") << "#!/bin/sh\nshift 2\nprintf '%s\\n' \"$@\" > " << dir_
                                 << "/asked\ncat " << dir_ << "/answer\n";
    chmod((dir_ + "/hoy").c_str(), 0755);
    for (const char* shell : {"bash", "zsh", "fish"}) {
      std::ofstream(dir_ + "/script." + shell) << CompletionScript(shell);
    }
    std::ofstream(dir_ + "/data-file") << "";
    fs::create_directories(dir_ + "/directory");
  }
  ~CompletionScriptTest() override { fs::remove_all(dir_); }

  void Answer(std::string_view text) { std::ofstream(dir_ + "/answer") << text; }

  std::string Asked() {
    std::ifstream file(dir_ + "/asked");
    std::string words, word;
    while (std::getline(file, word)) words += "[" + word + "]";
    return words;
  }

  // The shell's stdout; `code` is run in dir_ with the stand-in first in PATH.
  std::string Shell(const std::string& shell, const std::string& code) {
    std::ofstream(dir_ + "/code") << code;
    std::string command =
        fmt::format("cd '{0}' && PATH='{0}':$PATH {1} '{0}/code' 2>&1", dir_, shell);
    FILE* pipe = popen(command.c_str(), "r");
    std::string text;
    for (int c = 0; (c = fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    EXPECT_EQ(pclose(pipe), 0) << text;
    return text;
  }

  // Completes as bash does after `line`, split into `words` as readline splits it.
  std::string Bash(const std::string& line, const std::string& words) {
    return Shell("bash --norc",
                 fmt::format(". ./script.bash\nCOMP_LINE='{0}' COMP_POINT={1} COMP_WORDS=({2})\n"
                             "COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n_hoy\n"
                             "printf '<%s>' \"${{COMPREPLY[@]}}\"\n",
                             line, line.size(), words));
  }

  std::string dir_;
};

TEST_F(CompletionScriptTest, BashOffersTheTextsWithoutDescriptions) {
  Answer("start\tStart containers\nstop\n:none\n");
  EXPECT_EQ(Bash("hoy st", "hoy st"), "<start><stop>");
  EXPECT_EQ(Asked(), "[st]");
  EXPECT_EQ(Bash("hoy rm ", "hoy rm ''"), "<start><stop>");
  EXPECT_EQ(Asked(), "[rm][]");
}

TEST_F(CompletionScriptTest, BashPutsSplitWordsTogetherAgain) {
  Answer("--pull=missing\n:none\n");
  EXPECT_EQ(Bash("hoy run --pull=m", "hoy run --pull = m"), "<missing>");
  EXPECT_EQ(Asked(), "[run][--pull=m]");
  Answer("localhost:5000/app:v1\n:none\n");
  EXPECT_EQ(Bash("hoy rmi localhost:5000/app:v", "hoy rmi localhost : 5000/app : v"), "<v1>");
  EXPECT_EQ(Asked(), "[rmi][localhost:5000/app:v]");
}

TEST_F(CompletionScriptTest, BashPutsNoBlankBehindWhatGoesOn) {
  Answer("container:\n:none\n");
  const std::string kStandIn = "compopt() { printf '%s,' \"$@\"; }\n. ./script.bash\n";
  EXPECT_EQ(Shell("bash --norc", kStandIn + "COMP_LINE='hoy run --pid co' COMP_CWORD=3\n"
                                            "COMP_WORDS=(hoy run --pid co)\n_hoy\n"),
            "-o,nospace,");
  Answer("container:web\n:none\n");
  EXPECT_EQ(Bash("hoy run --pid container:w", "hoy run --pid container : w"), "<web>");
  EXPECT_EQ(Asked(), "[run][--pid][container:w]");
}

TEST_F(CompletionScriptTest, BashCompletesFiles) {
  Answer(":files\n");
  EXPECT_EQ(Bash("hoy run --env-file da", "hoy run --env-file da"), "<data-file>");
  Answer(":directories\n");
  EXPECT_EQ(Bash("hoy --root di", "hoy --root di"), "<directory>");
  EXPECT_EQ(Bash("hoy --root=di", "hoy --root = di"), "<directory>");
}

// Only file names are quoted: bash would put a backslash before the '='.
TEST_F(CompletionScriptTest, BashLeavesOtherNamesBesideFilesAsTheyAre) {
  Answer("example.com/card=one\n:files\n");
  const std::string kStandIn = "compopt() { printf '%s,' \"$@\"; }\n. ./script.bash\n";
  const std::string kShow = "_hoy\nprintf '<%s>' \"${COMPREPLY[@]}\"\n";
  EXPECT_EQ(Shell("bash --norc", kStandIn +
                                     "COMP_LINE='hoy run --device ex' COMP_CWORD=3\n"
                                     "COMP_WORDS=(hoy run --device ex)\n" +
                                     kShow),
            "<example.com/card=one>");
  EXPECT_EQ(Bash("hoy run --device example.com/card=o", "hoy run --device example.com/card = o"),
            "<one>");
  Answer(":files\n");
  EXPECT_EQ(Shell("bash --norc", kStandIn +
                                     "COMP_LINE='hoy run --device da' COMP_CWORD=3\n"
                                     "COMP_WORDS=(hoy run --device da)\n" +
                                     kShow),
            "-o,filenames,<data-file>");
}

TEST_F(CompletionScriptTest, FishOffersTextsAndDescriptions) {
  if (system("command -v fish >/dev/null") != 0) {
    SKIP_BECAUSE("fish is not installed");
  }
  Answer("start\tStart containers\nstop\n:none\n");
  EXPECT_EQ(Shell("fish --no-config", "source script.fish\ncomplete -C 'hoy st'\n"),
            "start\tStart containers\nstop\n");
  EXPECT_EQ(Asked(), "[st]");
  EXPECT_EQ(Shell("fish --no-config", "source script.fish\ncomplete -C 'hoy stop -t '\n"),
            "start\tStart containers\nstop\n");
  EXPECT_EQ(Asked(), "[stop][-t][]");
}

// zsh's completion only runs inside its line editor, so compadd and _files are stood in for.
TEST_F(CompletionScriptTest, ZshOffersTextsAndDescriptions) {
  if (system("command -v zsh >/dev/null") != 0) {
    SKIP_BECAUSE("zsh is not installed");
  }
  const std::string kPrelude =
      "compadd() { print -r -- \"texts: ${(j:,:)texts}\"; print -r -- \"shown: ${(j:,:)shown}\" }\n"
      "compset() { :; }\n_files() { print -r -- \"files $*\" }\nsource script.zsh\n";
  Answer("start\tStart containers\nstop\n:none\n");
  EXPECT_EQ(Shell("zsh -f", kPrelude + "words=(hoy st) CURRENT=2\n_hoy\n"),
            "texts: start,stop\nshown: start  -- Start containers,stop\n");
  EXPECT_EQ(Asked(), "[st]");
  Answer("container:\nhost\n:none\n");
  EXPECT_EQ(Shell("zsh -f",
                  "compadd() { print -r -- \"$* ${(P)@[-1]}\" }\nsource script.zsh\n"
                  "words=(hoy run --pid '') CURRENT=4\n_hoy\n"),
            "-l -d shown -a texts host\n-l -S  -d open_shown -a open container:\n");
  Answer(":directories\n");
  EXPECT_EQ(Shell("zsh -f", kPrelude + "words=(hoy --root '') CURRENT=3\n_hoy\n"), "files -/\n");
  EXPECT_EQ(Asked(), "[--root][]");
}

}  // namespace
}  // namespace hoy::cli
