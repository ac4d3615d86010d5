// Why a command did not start: the exit code from the failing step, and a sentence that names the
// cause where the file itself can tell (cli.md, "Exit codes").

#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

struct FailureCase {
  const char* name;
  std::vector<std::string> options;
  std::vector<std::string> command;
  int code;
  std::vector<std::string> says;  // each must be on stderr
};

class StartFailure : public ImageSandbox {
 protected:
  void Expect(const FailureCase& failure) const {
    std::vector<std::string> arguments = {"run", "--rm"};
    arguments.insert(arguments.end(), failure.options.begin(), failure.options.end());
    arguments.push_back(Broken());
    arguments.insert(arguments.end(), failure.command.begin(), failure.command.end());
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, failure.code) << failure.name << "\n" << output;
    EXPECT_EQ(output.out, "") << failure.name;
    for (const auto& text : failure.says) {
      EXPECT_NE(output.err.find(text), std::string::npos)
          << failure.name << ": no '" << text << "' in\n"
          << output;
    }
  }
};

TEST_F(StartFailure, IsExplained) {
  const std::vector<FailureCase> cases = {
      {"a name not on PATH", {}, {"no-such-program"}, 127, {"no-such-program", "PATH"}},
      {"a near name", {}, {"ech"}, 127, {"did you mean", "'echo'"}},
      {"a path that is not there", {}, {"/no/such/file"}, 127, {"/no/such/file"}},
      {"a near name in the directory", {}, {"/bin/busibox"}, 127, {"'busybox'"}},
      {"an option after the image", {}, {"--rm"}, 127, {"before the image"}},
      {"one word for a whole line", {}, {"ls -l"}, 127, {"separate words"}},
      {"a missing script interpreter", {}, {"/broken/no-interpreter"}, 127, {"/usr/bin/python9"}},
      {"a script with Windows line ends", {}, {"/broken/crlf"}, 127, {"CRLF"}},
      {"a missing loader", {}, {"/broken/no-loader"}, 127, {"loader", "ld-"}},
      {"a dangling symlink", {}, {"/broken/dangling"}, 127, {"symlink"}},
      {"no x bit", {}, {"/broken/not-executable"}, 126, {"not executable", "chmod +x"}},
      {"a directory", {}, {"/broken/directory"}, 126, {"is a directory"}},
      {"text that is no script", {}, {"/broken/garbage"}, 126, {"#!"}},
      {"an empty file", {}, {"/broken/empty"}, 126, {"empty"}},
      {"another architecture", {}, {"/broken/foreign"}, 126, {"arm64", "--platform"}},
      {"a file as a directory", {}, {"/bin/busybox/x"}, 126, {"/bin/busybox/x"}},
      {"a working directory that is a file",
       {"-w", "/etc/passwd"},
       {"true"},
       125,
       {"/etc/passwd", "-w"}},
      {"a file over a directory",
       {"-v", "/etc/passwd:/etc"},
       {"true"},
       125,
       {"'/etc': it is a directory", "the source is a file"}},
      {"a directory over a file",
       {"-v", "/etc:/etc/passwd"},
       {"true"},
       125,
       {"'/etc/passwd': it is a file", "the source is a directory"}},
      {"no network namespace",
       {"--network", "ns:/etc/passwd"},
       {"true"},
       125,
       {"--network 'ns:/etc/passwd': it is no network namespace"}},
      {"an unknown user", {"-u", "nobody-here"}, {"true"}, 125, {"nobody-here"}},
      {"an unknown group", {"-u", "0:no-group"}, {"true"}, 125, {"no-group"}},
  };
  for (const auto& failure : cases) Expect(failure);
}

TEST_F(StartFailure, ANoexecMountIsNamed) {
  std::filesystem::create_directory(Path("tools"));
  std::filesystem::copy_file("/usr/bin/true", Path("tools/tool"));
  ASSERT_EQ(::chmod(Path("tools/tool").c_str(), 0755), 0);
  Expect({"a noexec bind",
          {"-v", Path("tools") + ":/tools:noexec"},
          {"/tools/tool"},
          126,
          {"noexec"}});
}

TEST_F(StartFailure, AFileOfAnotherUserIsNamed) {
  std::filesystem::create_directory(Path("tools"));
  WriteFile(Path("tools/tool"), "#!/bin/sh\n", 0700);
  ASSERT_EQ(::chmod(Path("tools").c_str(), 0755), 0);
  Expect({"a program of root's",
          {"-u", "app", "-v", Path("tools") + ":/tools"},
          {"/tools/tool"},
          126,
          {"app", "0700"}});
}

TEST_F(StartFailure, TheInterpreterOfTheInterpreterIsFollowed) {
  std::filesystem::create_directory(Path("tools"));
  WriteFile(Path("tools/outer"), "#!/tools/inner\n", 0755);
  WriteFile(Path("tools/inner"), "#!/no/where\n", 0755);
  Expect({"a chain", {"-v", Path("tools") + ":/tools"}, {"/tools/outer"}, 127, {"/no/where"}});
}

TEST_F(StartFailure, ComesAsJsonWhenAsked) {
  const Output output =
      Run({"--error-format", "json", "run", "--rm", Broken(), "/broken/no-interpreter"});
  EXPECT_EQ(output.code, 127);
  const Json error = Json::parse(output.err, nullptr, false);
  ASSERT_TRUE(error.is_object()) << output;
  EXPECT_EQ(error["code"], 127) << error;
  EXPECT_EQ(error["stage"], "exec") << error;
  EXPECT_EQ(error["errno"], ENOENT) << error;
  EXPECT_NE(error["message"].get<std::string>().find("python9"), std::string::npos) << error;
}

TEST_F(StartFailure, OfADetachedRunIsTold) {
  const Output output = Run({"run", "-d", "--name", "broken", Broken(), "/broken/foreign"});
  EXPECT_EQ(output.code, 126) << output;
  EXPECT_EQ(output.out, "");
  // The container stays to be looked at, as docker's does; its record says why.
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.State.ExitCode}}", "broken"}), "126");
}

TEST_F(StartFailure, OfStartAndExecHasTheSameCodes) {
  const std::string id = RunOk({"create", Broken(), "/broken/no-interpreter"});
  EXPECT_EQ(Run({"start", id}).code, 127);
  const std::string sleeper = StartSleeper();
  EXPECT_EQ(Run({"exec", sleeper, "no-such-program"}).code, 127);
  EXPECT_EQ(Run({"exec", sleeper, "/etc/passwd"}).code, 126);
  EXPECT_EQ(Run({"exec", sleeper, "/etc"}).code, 126);
  EXPECT_EQ(Run({"exec", "no-such-container", "true"}).code, 125);
}

TEST_F(StartFailure, CodesOfTheCommandItselfAreNotMistakenForOurs) {
  for (int code : {125, 126, 127}) {
    const Output output = RunShell(fmt::format("exit {}", code));
    EXPECT_EQ(output.code, code);
    EXPECT_EQ(output.err, "");
  }
}

}  // namespace
}  // namespace hoy::test
