#include "cli/ui/program.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/ui/command.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// Fails as its argument says, or prints its context.
class FailingCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "__fail", .aliases = "__group fail", .summary = "Fail", .hidden = true};
  FailingCommand() : Command(kInfo) { OptionalArgument("HOW", &how_); }
  Result<int> Run(Context& context) override {
    if (how_ == "missing") return Fail(ErrorKind::kNotFound, "no such container: 'x'");
    if (how_ == "cancelled") return Fail(ErrorKind::kCancelled, "interrupted");
    if (how_ == "exec") {
      return Fail(SystemError("exec", "sh", ENOENT).WithKind(ErrorKind::kStart));
    }
    if (how_ == "throw") throw std::runtime_error("a defect");
    context.out.Print("{} {}\n", context.spelling, context.layout.data);
    return 7;
  }

 private:
  std::optional<std::string> how_;
};
HOY_REGISTER_COMMAND(FailingCommand);

class HeavyCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "__heavy", .summary = "Heavy", .program = Program::kHeavy, .hidden = true};
  HeavyCommand() : Command(kInfo) {}
  Result<int> Run(Context&) override { return 8; }
};
HOY_REGISTER_COMMAND(HeavyCommand);

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// RunProgram in a child with its own stdout and stderr.
Outcome RunHoy(std::vector<std::string> words, const ProgramHooks& hooks = {}) {
  int out[2];
  int err[2];
  EXPECT_EQ(pipe(out), 0);
  EXPECT_EQ(pipe(err), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    words.insert(words.begin(), "hoy");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    _exit(RunProgram(static_cast<int>(argv.size()), argv.data(), hooks));
  }
  close(out[1]);
  close(err[1]);
  Outcome outcome;
  outcome.out = core::ReadAll(out[0], "stdout").value();  // all of it fits into the pipes
  outcome.err = core::ReadAll(err[0], "stderr").value();
  int status = 0;
  waitpid(child, &status, 0);
  outcome.exit_code = WEXITSTATUS(status);
  close(out[0]);
  close(err[0]);
  return outcome;
}

TEST(Program, HelpsOnStdout) {
  std::string overview = RunHoy({}).out;
  EXPECT_TRUE(overview.starts_with("Run containers without a daemon\n"));
  EXPECT_EQ(RunHoy({"--help"}).out, overview);
  EXPECT_EQ(RunHoy({"-h"}).out, overview);
  EXPECT_EQ(RunHoy({"help"}).out, overview);
  std::string version = RunHoy({"version", "--help"}).out;
  EXPECT_NE(version.find("Usage: hoy version [OPTIONS]\n"), std::string::npos);
  EXPECT_EQ(RunHoy({"help", "version"}).out, version);
  EXPECT_EQ(RunHoy({"version", "-h"}).out, version);
  EXPECT_NE(RunHoy({"image"}).out.find("  ls "), std::string::npos);
  EXPECT_EQ(RunHoy({"image", "--help"}).exit_code, 0);
}

TEST(Program, PrintsItsVersion) {
  EXPECT_EQ(RunHoy({"--version"}).out, fmt::format("hoy {}\n", HOY_VERSION));
  EXPECT_EQ(RunHoy({"-v"}).exit_code, 0);
}

TEST(Program, NamesTheVerbThatWasMeant) {
  Outcome outcome = RunHoy({"vresion"});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(
      outcome.err,
      "hoy: 'vresion' is not a hoy command\nhint: did you mean 'version'? see 'hoy --help'\n");
  EXPECT_EQ(RunHoy({"image", "lss"}).err,
            "hoy: 'image lss' is not a hoy command\n"
            "hint: did you mean 'image ls'? see 'hoy --help'\n");
}

TEST(Program, PassesTheVerbsOwnCodeAndLayoutOn) {
  Outcome outcome = RunHoy({"--root", "/somewhere", "__fail"});
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(outcome.out, "__fail /somewhere\n");
  EXPECT_EQ(RunHoy({"--root=/x", "__group", "fail"}).out, "__group fail /x\n");
}

TEST(Program, PrintsAnErrorOnceAndExitsByIt) {
  Outcome outcome = RunHoy({"__fail", "missing"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "hoy: no such container: 'x'\n");
  EXPECT_EQ(RunHoy({"__fail", "cancelled"}).exit_code, 130);
  EXPECT_EQ(RunHoy({"__fail", "exec"}).exit_code, 127);
}

TEST(Program, SurvivesADefect) {
  Outcome outcome = RunHoy({"__fail", "throw"});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_EQ(outcome.err, "hoy: internal error: a defect\n");
}

TEST(Program, PrintsErrorsAsJsonWhenAsked) {
  Outcome outcome = RunHoy({"--error-format", "json", "__fail", "missing"});
  auto error = nlohmann::json::parse(outcome.err);
  EXPECT_EQ(error["code"], 1);
  EXPECT_EQ(error["kind"], "not-found");
  EXPECT_EQ(nlohmann::json::parse(RunHoy({"--error-format=json", "__fail", "--x"}).err)["code"],
            125);
}

TEST(Program, RefusesBadFlagsWith125) {
  EXPECT_EQ(RunHoy({"--bad"}).exit_code, 125);
  EXPECT_EQ(RunHoy({"--color", "blue", "version"}).exit_code, 125);
  EXPECT_EQ(RunHoy({"--root", "relative", "version"}).exit_code, 125);
  EXPECT_EQ(RunHoy({"version", "--bad"}).exit_code, 125);
  EXPECT_EQ(RunHoy({"version", "extra"}).exit_code, 125);
}

TEST(Program, BecomesTheHeavyProgramBeforeParsingItsVerbs) {
  ProgramHooks hooks = {.exec_heavy = [](std::span<char* const> argv) {
    std::string text = "would exec";
    for (const char* word : argv) text.append(" ").append(word);
    return MakeError(ErrorKind::kUnsupported, text);
  }};
  EXPECT_EQ(RunHoy({"--color=never", "__heavy", "--whatever"}, hooks).err,
            "hoy: would exec hoy --color=never __heavy --whatever\n");
  EXPECT_EQ(RunHoy({"help", "__heavy"}, hooks).exit_code, 0);
  EXPECT_EQ(RunHoy({"__heavy"}, {.program = Program::kHeavy}).exit_code, 8);
}

}  // namespace
}  // namespace hoy::cli
