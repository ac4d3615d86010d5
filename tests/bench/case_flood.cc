// Lines from many at once, and much data through a pipe: nothing may be lost.

#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/bench/cases.h"
#include "tests/support/leak_check.h"
#include "tests/support/process.h"

namespace hoy::bench {
namespace {

constexpr int kContainers = 50;
constexpr long kRate = 10'000;  // lines a second
constexpr long kSeconds = 5;
constexpr long kLines = kRate * kSeconds;
constexpr size_t kPipeBytes = 1'000'000'000;

// Of all hoy-monitors of this ground: user and system time.
double MonitorSeconds(const Ground& ground, const std::vector<std::string>& ids) {
  const test::SandboxTraces traces{.directory = ground.Path("d"), .ids = {ids.begin(), ids.end()}};
  double ticks = 0;
  for (int pid : test::ProcessesOf(traces)) {
    const std::string stat = test::ReadFileIfThere(fmt::format("/proc/{}/stat", pid));
    const size_t close = stat.rfind(')');
    if (close == std::string::npos || stat.find("(hoy-monitor)") == std::string::npos) continue;
    std::istringstream fields(stat.substr(close + 2));
    std::string field;
    for (int i = 3; i <= 15 && fields >> field; ++i) {
      if (i >= 14) ticks += std::stod(field);
    }
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

long CountLines(const Ground& ground, const std::string& id, long& out_of_order) {
  Program logs = ground.Hoy({"logs", id});
  logs.out = ground.Path("flood-log");
  Measure(logs);
  std::ifstream file(logs.out);
  long count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line == "end") continue;
    if (!line.starts_with(fmt::format("line {} of ", count))) ++out_of_order;
    ++count;
  }
  return count;
}

}  // namespace

void Flood(Ground& ground, Report& report, int) {
  const std::string metric = fmt::format("flood, {} x {}", kContainers, kRate);
  std::vector<std::string> ids;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kContainers; ++i) {
    ids.push_back(ground.Text(ground.Hoy(
        {"run", "-d", "-v", std::string(FLOOR_PROGRAM) + ":/writer:ro", ground.image(), "sh", "-c",
         fmt::format("/writer lines {} {}; echo end; exec sleep 86400", kLines, kRate)})));
  }
  for (const std::string& id : ids) {
    Measure(ground.Hoy({"wait", "--log-match", "^end$", "--timeout", "600s", id}));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double cpu = MonitorSeconds(ground, ids);
  long lines = 0;
  long damaged = 0;
  for (const std::string& id : ids) lines += CountLines(ground, id, damaged);
  const long lost = kContainers * kLines - lines;
  report.Add({metric, "hoy", "lines/s", static_cast<double>(lines) / took.count(),
              static_cast<double>(lines) / took.count(), 1});
  report.Add({"flood, monitors' CPU", "hoy", "s", cpu, cpu, 1});
  report.Note(fmt::format("{}: {:.1f} s of CPU in the monitors for {} lines, {:.2f} us a line",
                          metric, cpu, lines, cpu * 1e6 / static_cast<double>(lines)));
  report.Target(fmt::format("{}: {} lost, {} damaged (0)", metric, lost, damaged),
                lost == 0 && damaged == 0);
  std::vector<std::string> remove = {"rm", "-f"};
  remove.insert(remove.end(), ids.begin(), ids.end());
  ground.Text(ground.Hoy(remove));
}

void PipeThrough(Ground& ground, Report& report, int rounds) {
  const std::string metric = "run -i cat, 1 GB";
  const std::string source = ground.Path("pipe-in");
  {
    std::string block(1'000'000, '\0');
    uint32_t word = 1;
    for (char& byte : block) byte = static_cast<char>((word = word * 1664525 + 1013904223) >> 24);
    std::ofstream out(source, std::ios::binary);
    for (size_t done = 0; done < kPipeBytes; done += block.size()) out << block;
  }
  const Program hoy =
      ground.Hoy({"run", "--rm", "-i", "--log-driver", "none", ground.image(), "cat"});
  std::string sums;
  const auto through = [&](const Program& program) {
    std::string command;
    for (const std::string& word : program.argv) command += " '" + word + "'";
    const Program shell = {
        .argv = {"bash", "-o", "pipefail", "-c",
                 fmt::format("cat {0} | {1} | sha256sum > {0}.sum", source, command)},
        .env = program.env};
    const Usage usage = Measure(shell);
    sums += test::ReadFile(source + ".sum");
    return kPipeBytes / 1e6 / (usage.milliseconds / 1e3);
  };
  report.Compare(
      metric, "MB/s", rounds,
      {{"cat", [&] { return through({.argv = {"cat"}}); }}, {"hoy", [&] { return through(hoy); }}});
  const std::string sum = ground.Text({.argv = {"sha256sum", source}}).substr(0, 64);
  std::istringstream lines(sums);
  bool same = !sums.empty();
  for (std::string line; std::getline(lines, line);) same = same && line.starts_with(sum);
  report.Target(metric + ": every byte came", same);
  std::filesystem::remove(source);
  std::filesystem::remove(source + ".sum");
}

}  // namespace hoy::bench
