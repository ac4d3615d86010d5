#include "tests/bench/measure.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

extern char** environ;

namespace hoy::bench {
namespace {

double NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

Usage Measure(const Program& program) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (!program.env.contains(text.substr(0, text.find('=')))) environment.push_back(text);
  }
  for (const auto& [name, value] : program.env) environment.push_back(name + "=" + value);
  std::vector<char*> argv_pointers;
  std::vector<char*> env_pointers;
  for (const auto& text : program.argv) argv_pointers.push_back(const_cast<char*>(text.c_str()));
  for (auto& text : environment) env_pointers.push_back(text.data());
  argv_pointers.push_back(nullptr);
  env_pointers.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int out = program.out.empty()
                      ? null
                      : ::open(program.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int errors = ::memfd_create("stderr", MFD_CLOEXEC);

  const double begin = NowMs();
  const pid_t pid = ::vfork();
  if (pid == 0) {
    ::dup2(null, 0);
    ::dup2(out, 1);
    ::dup2(errors, 2);
    if (program.mount_namespace >= 0 && ::setns(program.mount_namespace, CLONE_NEWNS) != 0) {
      ::_exit(125);
    }
    if (program.network_namespace >= 0 && ::setns(program.network_namespace, CLONE_NEWNET) != 0) {
      ::_exit(125);
    }
    ::execvpe(argv_pointers[0], argv_pointers.data(), env_pointers.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (pid < 0 || ::wait4(pid, &status, 0, &usage) < 0) throw std::runtime_error("wait4");
  const Usage result{.milliseconds = NowMs() - begin,
                     .peak_kib = usage.ru_maxrss,
                     .code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
  std::string message(4096, '\0');
  message.resize(
      static_cast<size_t>(std::max<ssize_t>(0, ::pread(errors, message.data(), 4096, 0))));
  ::close(errors);
  if (out != null) ::close(out);
  ::close(null);
  if (result.code != 0) {
    std::string line;
    for (const auto& text : program.argv) line += text + " ";
    throw std::runtime_error(fmt::format("{}: exit code {}: {}", line, result.code, message));
  }
  return result;
}

Program AtOnce(Program program, int count) {
  std::vector<std::string> argv = {
      "sh", "-c",
      fmt::format("i=0; while [ $i -lt {} ]; do \"$@\" & all=\"$all $!\"; i=$((i + 1)); done; "
                  "for each in $all; do wait $each || exit 1; done",
                  count),
      "sh"};
  argv.insert(argv.end(), program.argv.begin(), program.argv.end());
  program.argv = std::move(argv);
  return program;
}

void Report::Compare(const std::string& metric, const std::string& unit, int rounds,
                     const std::vector<Contender>& contenders) {
  std::vector<std::vector<double>> values(contenders.size());
  std::vector<bool> out_of_race(contenders.size(), false);
  for (int round = -1; round < rounds; ++round) {
    for (size_t index = 0; index < contenders.size(); ++index) {
      if (out_of_race[index]) continue;
      try {
        const double value = contenders[index].once();
        if (round >= 0) values[index].push_back(value);
      } catch (const std::exception& problem) {
        out_of_race[index] = true;
        values[index].clear();
        Note(fmt::format("{}: {} is left out: {}", metric, contenders[index].name, problem.what()));
      }
    }
    std::fprintf(stderr, "\r%s: round %d of %d ", metric.c_str(), round + 1, rounds);
  }
  std::fputs("\n", stderr);
  for (size_t index = 0; index < contenders.size(); ++index) {
    if (values[index].empty()) continue;
    const bool more_is_better = unit.find("/s") != std::string::npos;
    const auto [low, high] = std::minmax_element(values[index].begin(), values[index].end());
    Add({.metric = metric,
         .who = contenders[index].name,
         .unit = unit,
         .median = MedianOf(values[index]),
         .best = more_is_better ? *high : *low,
         .samples = values[index].size()});
  }
}

void Report::Add(Row row) {
  rows_.push_back(std::move(row));
}
void Report::Note(const std::string& text) {
  notes_.push_back(text);
}
void Report::Target(const std::string& text, bool met) {
  goals_.push_back({text, met});
}

std::optional<double> Report::Median(const std::string& metric, const std::string& who) const {
  for (const Row& row : rows_) {
    if (row.metric == metric && row.who == who) return row.median;
  }
  return std::nullopt;
}

void Report::Print() const {
  fmt::print("{:<26}{:<22}{:>10}{:>10}  {:<5}{:>8}  {}\n", "WHAT", "WHO", "MEDIAN", "BEST", "UNIT",
             "SAMPLES", "HOY / THIS");
  std::string metric;
  for (const Row& row : rows_) {
    const auto hoy = Median(row.metric, "hoy");
    const std::string ratio =
        hoy && row.who != "hoy" && row.median > 0 ? fmt::format("{:.2f}", *hoy / row.median) : "";
    fmt::print("{:<26}{:<22}{:>10.2f}{:>10.2f}  {:<5}{:>8}  {}\n",
               row.metric == metric ? "" : row.metric, row.who, row.median, row.best, row.unit,
               row.samples, ratio);
    metric = row.metric;
  }
  for (const Goal& goal : goals_) fmt::print("{} {}\n", goal.met ? "met   " : "MISSED", goal.text);
  for (const auto& note : notes_) fmt::print("note: {}\n", note);
}

nlohmann::json Report::ToJson() const {
  nlohmann::json json = {
      {"rows", nlohmann::json::array()}, {"targets", nlohmann::json::array()}, {"notes", notes_}};
  for (const Row& row : rows_) {
    json["rows"].push_back({{"metric", row.metric},
                            {"who", row.who},
                            {"unit", row.unit},
                            {"median", row.median},
                            {"best", row.best},
                            {"samples", row.samples}});
  }
  for (const Goal& goal : goals_) {
    json["targets"].push_back({{"text", goal.text}, {"met", goal.met}});
  }
  return json;
}

}  // namespace hoy::bench
