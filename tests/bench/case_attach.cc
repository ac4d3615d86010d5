// How far away a container's streams are: a line typed and its echo; and what goes on when nothing
// does.

#include <fmt/core.h>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/bench/cases.h"
#include "tests/support/leak_check.h"
#include "tests/support/process.h"
#include "tests/support/pty.h"
#include "tests/support/scratch.h"

namespace hoy::bench {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

test::Command ToCommand(const Program& program) {
  test::Command command{.argv = program.argv};
  for (const auto& [name, value] : program.env) command.env[name] = value;
  return command;
}

// From a line sent to its answer.
template <typename Send, typename Await>
double RoundTrip(const std::string& word, Send send, Await await) {
  const auto begin = std::chrono::steady_clock::now();
  send(word + "\n");
  if (!await(word)) throw std::runtime_error("no answer");
  return Milliseconds(std::chrono::steady_clock::now() - begin).count();
}

double RoundTrip(test::Background& program, const std::string& word) {
  return RoundTrip(
      word, [&](const std::string& line) { program.Write(line); },
      [&](const std::string& text) { return program.WaitForOut(text + "\n"); });
}

double RoundTrip(test::Pty& terminal, const std::string& word) {
  return RoundTrip(
      word, [&](const std::string& line) { terminal.Send(line); },
      // The echo, and what cat makes of it.
      [&](const std::string& text) {
        return terminal.Expect(text + "\r\n") && terminal.Expect(text + "\r\n");
      });
}

void AddedTarget(Report& report, const std::string& metric, const std::string& bare) {
  const auto hoy = report.Median(metric, "hoy attach");
  const auto other = report.Median(metric, bare);
  if (!hoy || !other) return;
  report.Target(fmt::format("{}: attach adds {:.3f} ms (under 1)", metric, *hoy - *other),
                *hoy - *other < 1);
}

long Switches(int pid) {
  const std::string status = test::ReadFile(fmt::format("/proc/{}/status", pid));
  const std::string key = "\nvoluntary_ctxt_switches:";
  return std::stol(status.substr(status.find(key) + key.size()));
}

}  // namespace

void AttachRoundTrip(Ground& ground, Report& report, int rounds) {
  int serial = 0;
  const auto word = [&] { return fmt::format("word-{}", ++serial); };
  {
    const std::string id = ground.Text(ground.Hoy({"run", "-di", ground.image(), "cat"}));
    test::Background bare({.argv = {"cat"}});
    test::Background attached(ToCommand(ground.Hoy({"attach", id})));
    report.Compare("echo, pipes", "ms", rounds,
                   {{"a bare pipe", [&] { return RoundTrip(bare, word()); }},
                    {"hoy attach", [&] { return RoundTrip(attached, word()); }}});
    ground.Text(ground.Hoy({"rm", "-f", id}));
  }
  {
    const std::string id = ground.Text(ground.Hoy({"run", "-dit", ground.image(), "cat"}));
    test::Pty bare({.argv = {"cat"}});
    test::Pty attached(ToCommand(ground.Hoy({"attach", id})));
    report.Compare("echo, terminal", "ms", rounds,
                   {{"a bare pty", [&] { return RoundTrip(bare, word()); }},
                    {"hoy attach", [&] { return RoundTrip(attached, word()); }}});
    ground.Text(ground.Hoy({"rm", "-f", id}));
  }
  AddedTarget(report, "echo, pipes", "a bare pipe");
  AddedTarget(report, "echo, terminal", "a bare pty");
}

void IdleWakeUps(Ground& ground, Report& report, int) {
  const std::string id = ground.Text(
      ground.Hoy({"run", "-dit", ground.image(), "sh", "-c", "echo up; exec sleep 86400"}));
  test::Background logs(ToCommand(ground.Hoy({"logs", "-f", id})));
  test::Background attached(ToCommand(ground.Hoy({"attach", "--no-stdin", id})));
  if (!logs.WaitForOut("up")) throw std::runtime_error("no log");
  test::Background events(ToCommand(ground.Hoy({"events"})));
  std::vector<std::pair<std::string, int>> watched = {
      {"hoy attach", attached.pid()}, {"hoy logs -f", logs.pid()}, {"hoy events", events.pid()}};
  const test::SandboxTraces traces{.directory = ground.Path("d"), .ids = {id}};
  for (int pid : test::ProcessesOf(traces)) {
    const std::string name = test::ReadFileIfThere(fmt::format("/proc/{}/comm", pid));
    if (name == "hoy-monitor\n") watched.emplace_back("hoy-monitor", pid);
    if (name == "hoy-keeper\n") watched.emplace_back("hoy-keeper", pid);
  }
  constexpr int kSeconds = 5;
  std::this_thread::sleep_for(std::chrono::seconds(1));  // what they have to say at first
  std::vector<long> before;
  for (const auto& [who, pid] : watched) before.push_back(Switches(pid));
  std::this_thread::sleep_for(std::chrono::seconds(kSeconds));
  long all = 0;
  for (size_t i = 0; i < watched.size(); ++i) {
    const long count = Switches(watched[i].second) - before[i];
    all += count;
    const double rate = static_cast<double>(count) / kSeconds;
    report.Add({"idle wake-ups a second", watched[i].first, "", rate, rate, 1});
  }
  report.Target(fmt::format("idle wake-ups: {} in {} s (none)", all, kSeconds),
                all == 0 && watched.size() == 5);
  ground.Text(ground.Hoy({"rm", "-f", id}));
}

}  // namespace hoy::bench
