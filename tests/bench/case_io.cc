// What flows through: the monitor's memory, logs, pulls.

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/bench/cases.h"
#include "tests/bench/docker_peer.h"
#include "tests/support/leak_check.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

namespace hoy::bench {
namespace {

constexpr long long kLogBytes = 200'000'000;

double Field(const std::string& text, const std::string& name) {
  const size_t position = text.find(name);
  if (position == std::string::npos) throw std::runtime_error("no " + name);
  return std::stod(text.substr(position + name.size()));
}

// The process that holds the container `id`, by the name of its program. Not by /proc/<pid>/exe:
// the monitor lives in a mount namespace that has none.
int HolderOf(const Ground& ground, const std::string& id, const std::string& program) {
  const test::SandboxTraces traces{.directory = ground.Path("d"), .ids = {id}};
  for (int pid : test::ProcessesOf(traces)) {
    if (test::ReadFileIfThere(fmt::format("/proc/{}/comm", pid)) == program + "\n") return pid;
  }
  throw std::runtime_error("no " + program + " of " + id);
}

void AddMemory(Report& report, const std::string& who, int pid) {
  const std::string rollup = test::ReadFile(fmt::format("/proc/{}/smaps_rollup", pid));
  report.Add({"monitor Private_Dirty", who, "KiB", Field(rollup, "Private_Dirty:"),
              Field(rollup, "Private_Dirty:"), 1});
  report.Add({"monitor Pss", who, "KiB", Field(rollup, "\nPss:"), Field(rollup, "\nPss:"), 1});
}

std::vector<std::string> Joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

std::string LargeImageStorage() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string directory =
      (cache != nullptr ? std::string(cache)
                        : std::string(home != nullptr ? home : "/root") + "/.cache") +
      "/hoy/bench-image";
  const std::string storage = directory + "/registry";
  if (std::filesystem::exists(directory + "/done")) return storage;
  std::filesystem::create_directories(storage);
  const test::Output made = test::RunCommand(
      {.argv = {"bash", std::string(HOY_SOURCE_DIR) + "/tests/bench/make-large-image", directory},
       .timeout = test::seconds(1800)});
  if (made.code != 0) throw std::runtime_error("make-large-image: " + made.err);
  return storage;
}

void MonitorMemory(Ground& ground, Report& report, int) {
  const std::string id = ground.Text(ground.Hoy({"run", "-d", ground.image(), "sleep", "86400"}));
  AddMemory(report, "hoy", HolderOf(ground, id, "hoy-monitor"));
  if (ground.has_podman()) {
    const std::string peer = ground.Text(ground.Podman(Joined(
        Joined({"run", "-d"}, ground.PodmanRunFlags()), {ground.image(), "sleep", "86400"})));
    AddMemory(report, "conmon",
              std::stoi(ground.Text(
                  ground.Podman({"inspect", "--format", "{{.State.ConmonPid}}", peer}))));
  }
  const double dirty = report.Median("monitor Private_Dirty", "hoy").value_or(1e9);
  const double share = report.Median("monitor Pss", "hoy").value_or(1e9);
  report.Target(fmt::format("monitor Private_Dirty: {:.0f} KiB (at most 256)", dirty),
                dirty <= 256);
  report.Target(fmt::format("monitor Pss: {:.0f} KiB (at most 1024)", share), share <= 1024);
  ground.Text(ground.Hoy({"rm", "-f", id}));
}

void LogThroughput(Ground& ground, Report& report, int rounds) {
  const std::vector<std::string> writer = {
      "-v",           std::string(FLOOR_PROGRAM) + ":/writer:ro",
      ground.image(), "/writer",
      "write",        std::to_string(kLogBytes)};
  const auto megabytes_per_second = [](double milliseconds) {
    return static_cast<double>(kLogBytes) / 1e6 / (milliseconds / 1e3);
  };
  double peak_kib = 0;
  std::string last;
  const auto write_through = [&](const std::function<Program(std::vector<std::string>)>& runner,
                                 const std::vector<std::string>& flags, bool watch) {
    if (!last.empty()) ground.Text(runner({"rm", "-f", last}));
    const auto begin = std::chrono::steady_clock::now();
    last = ground.Text(runner(Joined(Joined({"run", "-d"}, flags), writer)));
    while (watch) {
      try {
        const std::string status = test::ReadFileIfThere(
            fmt::format("/proc/{}/status", HolderOf(ground, last, "hoy-monitor")));
        peak_kib = std::max(peak_kib, Field(status, "VmHWM:"));
      } catch (const std::exception&) {
        break;  // it has ended
      }
    }
    ground.Text(runner({"wait", last}));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    return megabytes_per_second(took.count());
  };
  const auto hoy = [&](std::vector<std::string> arguments) { return ground.Hoy(arguments); };
  const auto podman = [&](std::vector<std::string> arguments) { return ground.Podman(arguments); };
  const auto read_back = [&](const std::function<Program(std::vector<std::string>)>& runner) {
    return megabytes_per_second(Measure(runner({"logs", last})).milliseconds);
  };

  report.Compare("logs, write", "MB/s", rounds,
                 {{"hoy", [&] { return write_through(hoy, {}, false); }}});
  report.Compare("logs, read back", "MB/s", rounds, {{"hoy", [&] { return read_back(hoy); }}});
  write_through(hoy, {}, true);
  report.Add({"logs, monitor peak", "hoy", "KiB", peak_kib, peak_kib, 1});
  ground.Text(ground.Hoy({"rm", "-f", last}));
  last.clear();
  if (ground.has_podman()) {
    report.Compare("logs, write", "MB/s", 1,
                   {{"podman", [&] {
                       return write_through(
                           podman, Joined(ground.PodmanRunFlags(), {"--log-driver", "k8s-file"}),
                           false);
                     }}});
    report.Compare("logs, read back", "MB/s", 1, {{"podman", [&] { return read_back(podman); }}});
  }
  const double write = report.Median("logs, write", "hoy").value_or(0);
  const double read = report.Median("logs, read back", "hoy").value_or(0);
  report.Target(fmt::format("logs, write: {:.0f} MB/s (at least 300)", write), write >= 300);
  report.Target(fmt::format("logs, read back: {:.0f} MB/s (at least 500)", read), read >= 500);
}

void PullLargeImage(Ground& ground, Report& report, int rounds) {
  const test::Registry registry({.storage = LargeImageStorage()});
  const std::string reference = registry.Reference("large");
  double peak_kib = 0;
  std::vector<Contender> contenders = {
      {"hoy", [&] {
         const std::string root = ground.Path("pull");
         ground.Empty(root);
         const Usage usage = Measure(ground.Hoy({"pull", "-q", reference}, root));
         peak_kib = std::max(peak_kib, static_cast<double>(usage.peak_kib));
         return usage.milliseconds / 1e3;
       }}};
  if (ground.has_podman()) {
    contenders.push_back(
        {"podman", [&] {
           ground.Text(ground.Podman({"rmi", "-f", reference}));
           return Measure(ground.Podman({"pull", "-q", "--tls-verify=false", reference}))
                      .milliseconds /
                  1e3;
         }});
  }
  std::optional<DockerPeer> docker;
  if (IsInstalled("dockerd") && IsInstalled("docker")) {
    docker.emplace(ground);
    if (!docker->problem().empty()) report.Note("docker: " + docker->problem());
  }
  if (docker && docker->problem().empty()) {
    contenders.push_back(
        {"docker", [&] {
           ground.Text(docker->Command({"rmi", "-f", reference}));
           return Measure(docker->Command({"pull", "-q", reference})).milliseconds / 1e3;
         }});
  }
  report.Compare("pull, 870 MB", "s", rounds, contenders);
  ground.Empty(ground.Path("pull"));
  report.Add({"pull, peak memory", "hoy", "KiB", peak_kib, peak_kib, 1});
  const auto hoy = report.Median("pull, 870 MB", "hoy");
  for (const char* who : {"podman", "docker"}) {
    const auto other = report.Median("pull, 870 MB", who);
    if (!hoy || !other) continue;
    report.Target(fmt::format("pull: {:.2f} x {} (at most 0.50)", *hoy / *other, who),
                  *hoy <= *other * 0.5);
  }
  report.Target(fmt::format("pull: peak memory {:.0f} MiB (under 100)", peak_kib / 1024),
                peak_kib < 100 * 1024);
}

}  // namespace hoy::bench
