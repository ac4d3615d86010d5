// What people and registries get wrong: a clear error, the right exit code, nothing half-made left
// behind, and nothing outside DATA and RUN touched. (tests/system/full_disk_test.cc: bad ground.)

#include <fmt/core.h>

#include <filesystem>
#include <random>

#include "core/base/text.h"
#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class BadInput : public ImageSandbox {
 protected:
  void Refuses(const std::vector<std::string>& arguments, int code, const std::string& text) const {
    const Output output = Run(arguments);
    const std::string line = fmt::format("hoy {}", hoy::Join(arguments, " "));
    EXPECT_EQ(output.code, code) << line << "\n" << output;
    EXPECT_EQ(output.out, "") << line;
    EXPECT_TRUE(Has(output.err, text)) << line << "\n" << output;
    EXPECT_TRUE(output.err.starts_with("hoy: ")) << line << "\n" << output;
    EXPECT_TRUE(ListNames(data() + "/containers").empty()) << line;
    EXPECT_TRUE(ListNames(run() + "/containers").empty()) << line;
  }
};

TEST_F(BadInput, MalformedReferencesAreRefusedBeforeAnythingHappens) {
  for (const char* reference : {"UPPERCASE", "a//b", "a:", ":tag", "name@sha256:12", "-x/y", "a b",
                                "host:port/name", "name:tag:tag", ""}) {
    Refuses({"run", "--rm", "--", reference, "true"}, 125, reference);
    Refuses({"pull", "--", reference}, 125, reference);
  }
}

TEST_F(BadInput, AnImageThatIsNotHereAndMayNotBePulled) {
  Refuses({"run", "--pull", "never", "no-such-image", "true"}, 125, "no-such-image");
  Refuses({"create", "--pull", "never", "no-such-image"}, 125, "no-such-image");
}

TEST_F(BadInput, AnEmptyRootIsNotTheDefaultOne) {
  for (const char* flag : {"--root", "--run-root"}) {
    const Output output = Run({flag, "", "ps"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.err, fmt::format("hoy: {}: it is empty\n", flag));
  }
}

TEST_F(BadInput, MissingSourcesUsersAndFiles) {
  Refuses({"run", "--mount", "type=bind,src=/no/such,dst=/x", Busybox(), "true"}, 125, "/no/such");
  Refuses({"run", "--rm", "-u", "nobody-here", Busybox(), "true"}, 125, "nobody-here");
  Refuses({"run", "--rm", "--group-add", "no-group", Busybox(), "true"}, 125, "no-group");
  Refuses({"run", "--env-file", Path("none"), Busybox(), "true"}, 125, Path("none"));
  Refuses({"run", "--label-file", Path("none"), Busybox(), "true"}, 125, Path("none"));
  Refuses({"run", "--cidfile", Path("no/dir/cid"), Busybox(), "true"}, 125, "no/dir/cid");
}

// The program would run, and nobody would know as what.
TEST_F(BadInput, APidFileThatCannotBeWrittenIsRefusedBeforeTheStart) {
  const std::string file = Path("place/pid");
  const std::string error = fmt::format("hoy: --pidfile '{}': No such file or directory\n", file);
  const std::vector<std::string> rest = {"--pidfile", file, Busybox(), "touch", "/mark"};
  for (const std::vector<std::string>& verb :
       {std::vector<std::string>{"run"}, {"run", "-d"}, {"create"}}) {
    std::vector<std::string> words = verb;
    words.insert(words.end(), rest.begin(), rest.end());
    Refuses(words, 125, error);
  }
  Refuses({"create", "--pidfile", directory(), Busybox(), "true"}, 125,
          fmt::format("--pidfile '{}': Is a directory", directory()));
  WriteFile(Path("plain"), "");
  Refuses({"create", "--pidfile", Path("plain/pid"), Busybox(), "true"}, 125,
          fmt::format("--pidfile '{}': Not a directory", Path("plain/pid")));
  fs::create_symlink("/dev/null", Path("null"));  // stays what it is
  RunOk({"run", "--rm", "--pidfile", Path("null"), Busybox(), "true"});
  EXPECT_TRUE(fs::is_symlink(Path("null")));
}

TEST_F(BadInput, APidFileIsLookedAtBeforeEachStart) {
  const std::string file = Path("place/pid");
  const std::string error = fmt::format("--pidfile '{}': No such file or directory\n", file);
  fs::create_directory(Path("place"));
  RunOk({"create", "--name", "one", "--pidfile", file, Busybox(), "sleep", "1000"});
  fs::remove(Path("place"));
  for (const std::vector<std::string>& verb :
       {std::vector<std::string>{"start"}, {"start", "-a"}, {"restart"}}) {
    std::vector<std::string> words = verb;
    words.emplace_back("one");
    const Output output = Run(words);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(output.err.ends_with(error)) << output;
    EXPECT_EQ(Status("one"), "created") << verb.back();
  }
  fs::create_directory(Path("place"));
  RunOk({"start", "one"});
  const std::string pid = ReadFile(file);
  fs::remove_all(Path("place"));
  RunOk({"start", "one"});  // it runs, and there is nothing to write
  EXPECT_EQ(Run({"restart", "one"}).code, 125);
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.State.Pid}}", "one"}) + "\n", pid);
}

// There a directory lets root write, and makes no files.
TEST_F(BadInput, APidFileThatCannotBeWrittenAfterTheStartIsNamed) {
  const Output output =
      Run({"run", "-d", "--name", "one", "--pidfile", "/proc/hoy.pid", Busybox(), "sleep", "1000"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(output.err.starts_with("hoy: --pidfile '/proc/hoy.pid': ")) << output;
  RunOk({"rm", "-f", "one"});
}

TEST_F(BadInput, NoTimeIsBelowZero) {
  Refuses({"exec", "--timeout", "-5", "one", "true"}, 125, "--timeout");
  Refuses({"exec", "--timeout=-1ms", "one", "true"}, 125, "--timeout");
  Refuses({"wait", "--timeout", "-1", "one"}, 125, "--timeout");
  Refuses({"pull", "--retry-delay", "-1s", "localhost:1/app"}, 125, "--retry-delay");
  Refuses({"push", "--retry-delay=-1s", "localhost:1/app"}, 125, "--retry-delay");
  Refuses({"run", "--timeout", "-1", Busybox(), "true"}, 125, "--timeout");
  for (const char* flag : {"--health-interval", "--health-timeout", "--health-start-period",
                           "--health-start-interval"}) {
    Refuses({"create", "--health-cmd", "true", flag, "-1s", Busybox(), "true"}, 125, flag);
  }
}

TEST_F(BadInput, MissingObjectsAre1OnOtherVerbs) {
  for (const char* verb : {"start", "stop", "kill", "rm", "wait", "logs", "inspect", "rmi"}) {
    const Output output = Run({verb, "no-such-object"});
    EXPECT_EQ(output.code, 1) << verb << output;
    EXPECT_TRUE(Has(output.err, "no-such-object")) << verb << output;
  }
  EXPECT_EQ(Run({"rm", "-f", "no-such-object"}).code, 0);
  EXPECT_EQ(Run({"frobnicate"}).code, 125);
  EXPECT_EQ(Run({"ps", "--no-such-flag"}).code, 125);
  EXPECT_EQ(Run({"run"}).code, 125);
}

TEST_F(BadInput, ADamagedRecordIsNamedAndCanBeRemoved) {
  const std::string id = RunOk({"create", "--name", "hurt", Busybox(), "true"});
  WriteFile(data() + "/containers/" + id + "/record.json", "{\"version\": 1, ");
  const Output start = Run({"start", "hurt"});
  EXPECT_EQ(start.code, 125) << start;
  EXPECT_TRUE(Has(start.err, "record.json")) << start;
  const Output others = RunShell("echo others are fine");
  EXPECT_EQ(others.out, "others are fine\n") << others;
  const Output list = Run({"ps", "-a"});
  EXPECT_EQ(list.code, 125) << "incomplete" << list;
  EXPECT_TRUE(Has(list.err, "record.json")) << list;
  EXPECT_EQ(Run({"rm", "-f", "hurt"}).code, 0);
  EXPECT_TRUE(ListNames(data() + "/containers").empty());
}

// Ctrl-C on a real terminal, at moments spread over the whole life of the command. The seed is
// fixed: which state is hit still varies with the machine, and every state must be clean.
class Interrupted : public HoySandbox {
 protected:
  static constexpr int kRounds = 16;

  void SetUp() override {
    HoySandbox::SetUp();
    partial_blobs_are_expected = true;  // an interrupted pull goes on from there
    Tar tar;
    std::mt19937_64 random(1);
    std::string noise(8 << 20, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    tar.File("noise", noise);
    registry_.Push("app", "latest", BusyboxImage().Layer(tar).Build());
  }

  // Presses ^C after a share of the time that the command takes when it is left alone.
  int Interrupt(const std::vector<std::string>& arguments, int round, milliseconds whole) {
    Pty terminal(Hoy(arguments));
    const auto moment = std::chrono::steady_clock::now() + whole * round / kRounds;
    Eventually([&] { return std::chrono::steady_clock::now() >= moment; });
    terminal.Send("\x03");
    const int code = terminal.Finish();
    EXPECT_TRUE(terminal.IsCooked());
    EXPECT_NE(code, -1) << "it did not end:\n" << terminal.screen();
    last_screen_ = terminal.screen();
    return code;
  }

  milliseconds TimeOf(const std::vector<std::string>& arguments) {
    const auto begun = std::chrono::steady_clock::now();
    RunOk(arguments);
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
  }

  void ForgetImage() {
    Run({"rmi", "-f", registry_.Reference("app")});
    RemovePartialBlobs(data());
  }

  Registry registry_;
  std::string last_screen_;
};

TEST_F(Interrupted, APullLeavesNothingHalfMadeAndGoesOn) {
  const std::string reference = registry_.Reference("app");
  const milliseconds whole = TimeOf({"pull", reference});
  for (int round = 0; round < kRounds; ++round) {
    ForgetImage();
    const int code = Interrupt({"pull", reference}, round, whole);
    EXPECT_TRUE(code == 130 || code == 0) << code << "\n" << last_screen_;
    const bool listed = !RunOk({"images", "-q"}).empty();
    EXPECT_TRUE(listed || code != 0);
    // It may come when all is in place and only the exit is left; then the image is a whole one.
    if (listed) RunOk({"run", "--rm", "--pull", "never", reference, "test", "-s", "/noise"});
    EXPECT_EQ(Run({"pull", "-q", reference}).code, 0);
    EXPECT_EQ(RunOk({"run", "--rm", reference, "wc", "-c", "/noise"}), "8388608 /noise");
  }
}

// The moment between making the container and looking after it. The signal waits for the session,
// which passes it on.
TEST_F(Interrupted, ARunThatHasJustMadeItsContainerLeavesNone) {
  if (RunCommand({.argv = {"strace", "-qq", "true"}}).code != 0) {
    SKIP_BECAUSE("strace is needed, and the right to use it");
  }
  RunOk({"pull", "-q", registry_.Reference("app")});
  for (const char* call : {"symlink", "rename"}) {
    Command hoy = Hoy({"run", "--rm", "--init", registry_.Reference("app"), "sleep", "1000"});
    const std::string inject = fmt::format("inject={}:signal=INT:when=1", call);
    for (const std::string& word : {inject, std::string("-e"), std::string("/dev/null"),
                                    std::string("-o"), std::string("-qq"), std::string("strace")}) {
      hoy.argv.insert(hoy.argv.begin(), word);
    }
    EXPECT_EQ(RunCommand(hoy).code, 130) << call;
    EXPECT_TRUE(ListNames(data() + "/containers").empty()) << call;
    EXPECT_TRUE(ListNames(data() + "/names").empty()) << call;
  }
}

TEST_F(Interrupted, WhoWasMadeIsNamed) {
  if (RunCommand({.argv = {"strace", "-qq", "true"}}).code != 0) {
    SKIP_BECAUSE("strace is needed, and the right to use it");
  }
  RunOk({"pull", "-q", registry_.Reference("app")});
  for (const std::vector<std::string>& verb : {std::vector<std::string>{"create"}, {"run", "-d"}}) {
    std::vector<std::string> words = verb;
    words.insert(words.end(), {registry_.Reference("app"), "sleep", "1000"});
    Command hoy = Hoy(words);
    hoy.argv.insert(hoy.argv.begin(),
                    {"strace", "-qq", "-o", "/dev/null", "-e", "inject=rename:signal=INT:when=1"});
    const Output output = RunCommand(hoy);
    EXPECT_EQ(output.code, 130) << verb.front() << output;
    ASSERT_EQ(output.out.size(), 65U) << verb.front() << output;
    EXPECT_EQ(RunOk({"ps", "-aq", "--no-trunc"}) + "\n", output.out) << verb.front();
    RunOk({"rm", "-f", output.out.substr(0, 64)});
  }
}

TEST_F(Interrupted, ARunThatPullsLeavesNoContainer) {
  const std::string reference = registry_.Reference("app");
  const std::vector<std::string> command = {"run", "--rm", "--init", reference, "sleep", "1000"};
  const milliseconds whole = TimeOf({"run", "--rm", reference, "true"});
  for (int round = 0; round < kRounds; ++round) {
    if (round % 2 == 0) ForgetImage();
    const int code = Interrupt(command, round, whole);
    EXPECT_EQ(code, 130) << "round " << round << last_screen_;
    ASSERT_NE(code, -1);
    EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
    EXPECT_TRUE(ListNames(data() + "/names").empty());
  }
}

}  // namespace
}  // namespace hoy::test
