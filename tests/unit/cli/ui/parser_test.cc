#include "cli/ui/parser.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

enum class Pull { kMissing, kAlways };

// One option of each kind, with the names that `run` has.
class SampleCommand final : public Command {
 public:
  static constexpr CommandInfo kInterspersed = {.name = "sample", .summary = "Sample"};
  static constexpr CommandInfo kRunLike = {
      .name = "sample", .summary = "Sample", .runs_command = true};

  explicit SampleCommand(const CommandInfo& info) : Command(info) {
    Flag("-i,--interactive", &interactive, "keep stdin open");
    Flag("-t,--tty", &tty, "a terminal");
    Flag("--sig-proxy", &sig_proxy, "proxy signals");
    Flag("--tls-verify", &tls_verify, "verify");
    if (info.runs_command) Option("-h,--hostname", &hostname, "NAME", "host name");
    Option("--name", &name, "NAME", "name");
    Option("-p,--publish", &publish, "PORTS", "publish");
    Option("-e,--env", &env, "NAME=VALUE", "environment");
    Option("-n,--tail", &tail, "N", "lines");
    Option("--shares", &shares, "N", "shares");
    ByteSize("-m,--memory", &memory, "BYTES", "memory");
    Duration("--interval", &interval, "TIME", "time");
    Option("-s,--stop-timeout,--time", &timeout, "SECONDS", "seconds");
    Choice("--driver", &driver, {"json", "none"}, "DRIVER", "driver");
    Choice<Pull>("--pull", &pull, {{"missing", Pull::kMissing}, {"always", Pull::kAlways}},
                 "POLICY", "policy");
    Option(
        "--even",
        [this](std::string_view value) -> Result<> {
          if (value.size() % 2 != 0) return Fail(ErrorKind::kInvalidArgument, "odd");
          even = value;
          return {};
        },
        "TEXT", "even text");
    if (info.runs_command) {
      Argument("IMAGE", &image);
      OptionalCommandLine(&rest);
    } else {
      OptionalArguments("ARG", &rest);
    }
  }
  Result<int> Run(Context&) override { return 0; }

  bool interactive = false;
  bool tty = false;
  bool sig_proxy = true;
  std::optional<bool> tls_verify;
  std::string hostname, name, driver, even, image;
  std::vector<std::string> publish, env, rest;
  int64_t tail = -7;
  std::optional<int64_t> shares, memory, interval, timeout;
  Pull pull = Pull::kMissing;
};

std::string Joined(const std::vector<std::string>& parts) {
  return hoy::Join(parts, "|");
}

// Every field that is not at its default, as "name=value ..." in a fixed order.
std::string Fields(const SampleCommand& c) {
  std::string text;
  auto add = [&](std::string_view name, std::string_view value) {
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", name, value);
  };
  if (c.interactive) add("i", "1");
  if (c.tty) add("t", "1");
  if (!c.sig_proxy) add("sig-proxy", "0");
  if (c.tls_verify) add("tls", *c.tls_verify ? "1" : "0");
  if (!c.hostname.empty()) add("h", c.hostname);
  if (!c.name.empty()) add("name", c.name);
  if (!c.publish.empty()) add("p", Joined(c.publish));
  if (!c.env.empty()) add("e", Joined(c.env));
  if (c.tail != -7) add("n", std::to_string(c.tail));
  if (c.shares) add("shares", std::to_string(*c.shares));
  if (c.memory) add("m", std::to_string(*c.memory));
  if (c.interval) add("interval", std::to_string(*c.interval));
  if (c.timeout) add("s", std::to_string(*c.timeout));
  if (!c.driver.empty()) add("driver", c.driver);
  if (c.pull == Pull::kAlways) add("pull", "always");
  if (!c.even.empty()) add("even", c.even);
  if (!c.image.empty()) add("image", c.image);
  if (!c.rest.empty()) add("rest", Joined(c.rest));
  return text;
}

std::string ParseWords(const CommandInfo& info, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  SampleCommand command(info);
  auto outcome = Parse(command, argv);
  if (!outcome) {
    EXPECT_EQ(outcome.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_FALSE(outcome.error().hint.empty()) << outcome.error().message;
    return "error: " + outcome.error().message;
  }
  return *outcome == ParseOutcome::kHelp ? "help" : Fields(command);
}

struct Case {
  std::vector<std::string> words;
  std::string expected;
};

TEST(Parser, ReadsWhatDockersUsersType) {
  const std::vector<Case> kCases = {
      {{}, ""},
      {{"a", "b"}, "rest=a|b"},
      {{"-it"}, "i=1 t=1"},
      {{"-ti", "x"}, "i=1 t=1 rest=x"},
      {{"-i=false", "-t=true"}, "t=1"},
      {{"-it=false"}, "i=1"},
      {{"--tty", "--interactive=true"}, "i=1 t=1"},
      {{"--tty=1", "--interactive=F"}, "t=1"},
      {{"--sig-proxy=false"}, "sig-proxy=0"},
      {{"--sig-proxy"}, ""},
      {{"--tls-verify=false"}, "tls=0"},
      {{"--tls-verify"}, "tls=1"},
      {{"--tty", "false"}, "t=1 rest=false"},
      {{"--name", "web"}, "name=web"},
      {{"--name=web"}, "name=web"},
      {{"--name="}, ""},
      {{"--name", "--tty"}, "name=--tty"},
      {{"--name=a", "--name=b"}, "name=b"},
      {{"--name=a=b=c"}, "name=a=b=c"},
      {{"-p8080:80"}, "p=8080:80"},
      {{"-p", "8080:80", "-p=9090:90"}, "p=8080:80|9090:90"},
      {{"-itp8080:80"}, "i=1 t=1 p=8080:80"},
      {{"-itp", "8080:80"}, "i=1 t=1 p=8080:80"},
      {{"-e", "A=1", "-eB=2", "--env=C=3", "-e", "D"}, "e=A=1|B=2|C=3|D"},
      {{"-e", ""}, "e="},
      {{"-n5"}, "n=5"},
      {{"-n", "-1"}, "n=-1"},
      {{"--tail=-1"}, "n=-1"},
      {{"--shares", "512"}, "shares=512"},
      {{"-m512m"}, "m=536870912"},
      {{"-m", "1.5g"}, "m=1610612736"},
      {{"--memory=-1"}, "m=-1"},
      {{"--interval", "1.5s"}, "interval=1500000000"},
      {{"--interval=2"}, "interval=2000000000"},
      {{"--time", "3"}, "s=3"},
      {{"--stop-timeout=4"}, "s=4"},
      {{"--driver", "none"}, "driver=none"},
      {{"--pull=always"}, "pull=always"},
      {{"--even", "ab"}, "even=ab"},
      {{"a", "--tty", "b"}, "t=1 rest=a|b"},
      {{"a", "--", "--tty"}, "rest=a|--tty"},
      {{"--", "-it"}, "rest=-it"},
      {{"--", "--", "x"}, "rest=--|x"},
      {{"-"}, "rest=-"},
      {{"--name", "--"}, "name=--"},
      {{"-h"}, "help"},
      {{"--help"}, "help"},
      {{"x", "--help"}, "help"},
      {{"-ih"}, "help"},
      {{"--", "--help"}, "rest=--help"},
  };
  for (const Case& test : kCases) {
    EXPECT_EQ(ParseWords(SampleCommand::kInterspersed, test.words), test.expected)
        << Joined(test.words);
  }
}

TEST(Parser, LeavesAllAfterTheImageToTheCommand) {
  const std::vector<Case> kCases = {
      {{"img"}, "image=img"},
      {{"-it", "img", "sh", "-c", "ls -l"}, "i=1 t=1 image=img rest=sh|-c|ls -l"},
      {{"img", "--tty", "-i"}, "image=img rest=--tty|-i"},
      {{"img", "--help"}, "image=img rest=--help"},
      {{"img", "--nonsense"}, "image=img rest=--nonsense"},
      {{"img", "--", "x"}, "image=img rest=--|x"},
      {{"--", "img", "-x"}, "image=img rest=-x"},
      {{"-h", "box", "img"}, "h=box image=img"},
      {{"-hbox", "img"}, "h=box image=img"},
      {{"--help"}, "help"},
      {{"-i", "--help", "img"}, "help"},
      {{"--name", "web", "img", "--name", "x"}, "name=web image=img rest=--name|x"},
      {{"-p8080:80", "--tty=false", "img", "-"}, "p=8080:80 image=img rest=-"},
  };
  for (const Case& test : kCases) {
    EXPECT_EQ(ParseWords(SampleCommand::kRunLike, test.words), test.expected) << Joined(test.words);
  }
}

TEST(Parser, RefusesWhatItDoesNotKnow) {
  const std::vector<Case> kCases = {
      {{"--nam", "x"}, "unknown option '--nam'"},
      {{"--nam=x"}, "unknown option '--nam'"},
      {{"-x"}, "unknown option '-x'"},
      {{"-ix"}, "unknown option '-x' (in '-ix')"},
      {{"--name"}, "option --name wants a value (NAME)"},
      {{"-p"}, "option -p wants a value (PORTS)"},
      {{"-ip"}, "option -p wants a value (PORTS)"},
      {{"--tty=maybe"}, "invalid value 'maybe' for --tty: wants true or false"},
      {{"-t="}, "invalid value '' for -t: wants true or false"},
      {{"--tail", "many"}, "invalid value 'many' for --tail: wants a whole number"},
      {{"--tail=1x"}, "invalid value '1x' for --tail: wants a whole number"},
      {{"--shares=99999999999999999999"},
       "invalid value '99999999999999999999' for --shares: wants a whole number"},
      {{"-m", "lots"}, "invalid value 'lots' for -m: wants a size, like 512m or 2g"},
      {{"--interval=x"},
       "invalid value 'x' for --interval: wants a duration, like 90, 1.5h or 2m30s"},
      {{"--interval", "-5"}, "invalid value '-5' for --interval: no time is below zero"},
      {{"--driver=syslog"}, "invalid value 'syslog' for --driver: wants json, none"},
      {{"--pull", "often"}, "invalid value 'often' for --pull: wants missing, always"},
      {{"--even", "abc"}, "odd"},
  };
  for (const Case& test : kCases) {
    EXPECT_EQ(ParseWords(SampleCommand::kInterspersed, test.words), "error: " + test.expected)
        << Joined(test.words);
  }
  EXPECT_EQ(ParseWords(SampleCommand::kRunLike, {"-i"}), "error: 'hoy sample' wants IMAGE");
}

TEST(Parser, NamesTheOptionThatWasMeant) {
  SampleCommand command(SampleCommand::kInterspersed);
  std::string word = "--nmae";
  std::vector<char*> argv = {word.data()};
  auto outcome = Parse(command, argv);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().hint, "did you mean --name? see 'hoy sample --help'");
}

class PositionalCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "cp", .summary = "Copy"};
  PositionalCommand() : Command(kInfo) {
    Argument("FROM", &from);
    OptionalArgument("TO", &to);
  }
  Result<int> Run(Context&) override { return 0; }
  std::string from;
  std::optional<std::string> to;
};

TEST(Parser, CountsPositionals) {
  auto parse = [](std::vector<std::string> words) -> std::string {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    PositionalCommand command;
    auto outcome = Parse(command, argv);
    return outcome ? command.from + ">" + command.to.value_or("none") : outcome.error().message;
  };
  EXPECT_EQ(parse({"a"}), "a>none");
  EXPECT_EQ(parse({"a", "b"}), "a>b");
  EXPECT_EQ(parse({}), "'hoy cp' wants FROM");
  EXPECT_EQ(parse({"a", "b", "c"}), "'hoy cp' has too many arguments: 'c'");
}

TEST(NearestName, ForgivesTypingMistakesOnly) {
  std::vector<std::string_view> names = {"run", "rm", "rmi", "inspect", "memory-reservation"};
  EXPECT_EQ(NearestName("inpsect", names), "inspect");
  EXPECT_EQ(NearestName("rum", names), "run");
  EXPECT_EQ(NearestName("memory", names), "memory-reservation");
  EXPECT_EQ(NearestName("frobnicate", names), "");
}

}  // namespace
}  // namespace hoy::cli
