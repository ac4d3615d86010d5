#include "cli/ui/complete.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/ui/complete_names.h"

namespace hoy::cli {
namespace {

namespace fs = std::filesystem;

class RunLikeCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__sample-run",
                                        .aliases = "__group sample",
                                        .summary = "Sample",
                                        .runs_command = true,
                                        .hidden = true};
  RunLikeCommand() : Command(kInfo) {
    Flag("-i,--interactive", &flag_, "keep input open");
    Option("-e,--env", &list_, "NAME", "environment");
    Option("--env-file", &text_, "FILE", "file").Completing(Completes::kFile);
    Choice("--pull", &text_, {"always", "missing", "never"}, "POLICY", "when to pull");
    Option("-s,--signal", &text_, "SIGNAL", "signal").Completing(Completes::kSignal);
    Option("--pid", &text_, "MODE", "mode").Completing(Completes::kNamespaceMode);
    Option("--ipc", &text_, "MODE", "mode").Completing(Completes::kIpcMode);
    Option("--network", &text_, "MODE", "mode").Completing(Completes::kNetworkMode);
    Option("--old", &text_, "X", "hidden").Hidden();
    Argument("IMAGE", &text_, Completes::kImage);
    OptionalCommandLine(&list_);
  }
  Result<int> Run(Context&) override { return 0; }

 private:
  bool flag_ = false;
  std::string text_;
  std::vector<std::string> list_;
};
HOY_REGISTER_COMMAND(RunLikeCommand);

class StopLikeCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "__sample-stop", .summary = "Sample", .hidden = true};
  StopLikeCommand() : Command(kInfo) {
    Arguments("CONTAINER", &names_, Completes::kRunningContainer);
  }
  Result<int> Run(Context&) override { return 0; }

 private:
  std::vector<std::string> names_;
};
HOY_REGISTER_COMMAND(StopLikeCommand);

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    root_ = fs::path(testing::TempDir()) / fmt::format("hoy-complete-{}", getpid());
    layout_.data = root_ / "data";
    layout_.run = root_ / "run";
    fs::create_directories(layout_.Names());
    fs::create_directories(layout_.ImageRefs());
    AddContainer("web", std::string(64, 'a'), true);
    AddContainer("worker", std::string(64, 'b'), false);
    for (const char* name : {"docker.io+library+busybox:1", "localhost:5000+team+app:v1"}) {
      std::ofstream(layout_.ImageRefs() + "/" + name) << "{}";
    }
  }
  ~CompletionTest() override { fs::remove_all(root_); }

  void AddContainer(const std::string& name, const std::string& id, bool running) {
    fs::create_directories(layout_.Container(id));
    fs::create_symlink("../containers/" + id, layout_.Name(name));
    if (!running) return;
    fs::create_directories(layout_.RunContainer(id));
    std::ofstream(layout_.RunContainer(id) + "/state.json") << "{}";
  }

  // The candidates' texts, joined by blanks, and the fallback if there is one.
  std::string Offered(std::vector<std::string> words) {
    Completion completion = Complete(words, layout_);
    std::string text;
    for (const Candidate& candidate : completion.candidates) {
      if (!text.empty()) text += ' ';
      text += candidate.text;
    }
    if (completion.fallback == Completion::Fallback::kFiles) text += "+files";
    if (completion.fallback == Completion::Fallback::kDirectories) text += "+directories";
    return text;
  }

  fs::path root_;
  core::Layout layout_;
};

TEST_F(CompletionTest, OffersVerbsAndGroups) {
  EXPECT_EQ(Offered({"vers"}), "version");
  EXPECT_EQ(Offered({"__sample-r"}), "");  // hidden
  EXPECT_EQ(Offered({"imag"}), "images image");
  EXPECT_EQ(Offered({"image", "pul"}), "pull");
  EXPECT_EQ(Offered({"help", "vers"}), "version");
  EXPECT_EQ(Offered({"nonsense", "x"}), "");
}

TEST_F(CompletionTest, OffersOptionsAndTheirValues) {
  EXPECT_EQ(Offered({"__sample-run", "--env"}), "--env --env-file");
  EXPECT_EQ(Offered({"__sample-run", "--o"}), "");
  EXPECT_EQ(Offered({"__sample-run", "--pull", ""}), "always missing never");
  EXPECT_EQ(Offered({"__sample-run", "--pull", "m"}), "missing");
  EXPECT_EQ(Offered({"__sample-run", "--pull=m"}), "--pull=missing");
  EXPECT_EQ(Offered({"__sample-run", "--interactive="}), "--interactive=true --interactive=false");
  EXPECT_EQ(Offered({"__sample-run", "-s", "SIGHU"}), "SIGHUP");
  EXPECT_EQ(Offered({"__sample-run", "-is", "HU"}), "HUP");
  EXPECT_EQ(Offered({"__sample-run", "--env-file", ""}), "+files");
  EXPECT_EQ(Offered({"__sample-run", "-e", ""}), "");
  EXPECT_EQ(Offered({"__group", "sample", "--pull=a"}), "--pull=always");
  EXPECT_EQ(Offered({"--color", "a"}), "auto always");
  EXPECT_EQ(Offered({"--root", ""}), "+directories");
}

TEST_F(CompletionTest, OffersImagesByTheNamesPeopleType) {
  EXPECT_EQ(Offered({"__sample-run", ""}), "busybox:1 localhost:5000/team/app:v1");
  EXPECT_EQ(Offered({"__sample-run", "bus"}), "busybox:1");
  EXPECT_EQ(Offered({"__sample-run", "docker.io/"}), "docker.io/library/busybox:1");
  EXPECT_EQ(Offered({"__sample-run", "-e", "A=1", "-i", "local"}), "localhost:5000/team/app:v1");
}

TEST_F(CompletionTest, OffersNothingForTheCommandInsideTheContainer) {
  EXPECT_EQ(Offered({"__sample-run", "busybox:1", ""}), "");
  EXPECT_EQ(Offered({"__sample-run", "busybox:1", "--p"}), "");
}

TEST_F(CompletionTest, OffersContainersOfTheRightState) {
  EXPECT_EQ(Offered({"__sample-stop", "w"}), "web");
  EXPECT_EQ(Offered({"__sample-stop", "web", ""}), "web");
  EXPECT_EQ(Offered({"__sample-stop", "aa"}), std::string(12, 'a'));
  EXPECT_EQ(Offered({"__sample-stop", "bb"}), "");
}

TEST_F(CompletionTest, OffersContainersToJoin) {
  EXPECT_EQ(Offered({"__sample-run", "--pid", ""}), "host private container:");
  EXPECT_EQ(Offered({"__sample-run", "--pid=container:"}), "--pid=container:web");
  EXPECT_EQ(Offered({"__sample-run", "--ipc", "container:w"}), "container:web");
  EXPECT_EQ(Offered({"__sample-run", "--ipc", "s"}), "shareable");
  EXPECT_EQ(Offered({"__sample-run", "--network", ""}), "container: bridge host none");
  EXPECT_EQ(Offered({"__sample-run", "--network", "container:x"}), "");
}

TEST_F(CompletionTest, LooksWhereTheGlobalFlagsPoint) {
  core::Layout real = layout_;
  layout_ = {.data = "/nonexistent", .run = "/nonexistent"};
  EXPECT_EQ(Offered({"__sample-stop", "w"}), "");
  EXPECT_EQ(Offered({"--root", real.data, "--run-root=" + real.run, "__sample-stop", "w"}), "web");
}

TEST(CompletionNames, OptionsOfTheLogDriversWaitForTheirValues) {
  std::vector<std::string> offered;
  for (const Candidate& candidate : NamesFor(Completes::kLogOption, "max-", {})) {
    offered.push_back(candidate.text);
  }
  EXPECT_EQ(offered, (std::vector<std::string>{"max-file=", "max-size="}));
}

TEST(CompletionText, EndsWithTheFallback) {
  EXPECT_EQ(CompletionText({.candidates = {{"a", "first"}, {"b", ""}},
                            .fallback = Completion::Fallback::kFiles}),
            "a\tfirst\nb\n:files\n");
}

}  // namespace
}  // namespace hoy::cli
