// How long it takes to start something: run, exec, ps, version.

#include <fmt/core.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/bench/cases.h"

namespace hoy::bench {
namespace {

std::vector<std::string> Joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

double Milliseconds(const Program& program) {
  return Measure(program).milliseconds;
}

void RatioTarget(Report& report, const std::string& metric, const std::string& who, double limit) {
  const auto hoy = report.Median(metric, "hoy");
  const auto other = report.Median(metric, who);
  if (!hoy || !other) return;
  report.Target(fmt::format("{}: {:.2f} x {} (at most {:.2f})", metric, *hoy / *other, who, limit),
                *hoy <= *other * limit);
}

void LimitTarget(Report& report, const std::string& metric, double limit) {
  if (const auto hoy = report.Median(metric, "hoy")) {
    report.Target(fmt::format("{}: {:.2f} ms (under {:.1f})", metric, *hoy, limit), *hoy < limit);
  }
}

}  // namespace

void RunTrue(Ground& ground, Report& report, int rounds) {
  const std::string metric = "run --rm true";
  int serial = 0;
  std::vector<Contender> contenders = {
      {"floor",
       [&] {
         return Milliseconds(
             ground.Floor({"run", ground.Path("floor"), ground.lower(), "/bin/true"}));
       }},
      {"hoy", [&] {
         return Milliseconds(
             ground.Hoy({"run", "--rm", "--network", "none", ground.image(), "/bin/true"}));
       }}};
  if (ground.has_crun()) {
    contenders.push_back({"crun, no cgroups", [&] {
                            return Milliseconds(ground.Crun(
                                {"run", "-b", ground.bundle(), fmt::format("bench{}", ++serial)}));
                          }});
  }
  if (ground.has_runc()) {
    contenders.push_back({"runc", [&] {
                            return Milliseconds(ground.Runc(
                                {"run", "-b", ground.bundle(), fmt::format("bench{}", ++serial)}));
                          }});
  }
  if (ground.has_podman()) {
    contenders.push_back(
        {"podman (runc)", [&] {
           return Milliseconds(ground.Podman(Joined(
               Joined({"run", "--rm"}, ground.PodmanRunFlags()), {ground.image(), "/bin/true"})));
         }});
  }
  report.Compare(metric, "ms", rounds, contenders);
  RatioTarget(report, metric, "floor", 2.0);
  RatioTarget(report, metric, "runc", 0.25);
}

// What a session of a container has besides its namespaces, for `floor session`; empty where the
// container's cgroups are not those of v1.
std::vector<std::string> SessionOf(Ground& ground, const std::string& id, const std::string& pid) {
  const auto start = nlohmann::json::parse(
      std::ifstream(fmt::format("{}/containers/{}/start.json", ground.RunPath("hoy"), id)), nullptr,
      false);
  if (!start.is_object() || start["cgroup"].value("version", "") != "v1") return {};
  std::string leaf;
  std::vector<std::string> files;
  for (const auto& entry : start["cgroup"]["directories"]) {
    const std::string directory = entry[1];
    if (entry[0] == "freezer") {
      leaf = directory + "/exec-floor";
    } else {
      files.push_back(directory + "/tasks");
    }
  }
  std::vector<std::string> session = {"session", pid, leaf};
  session.insert(session.end(), files.begin(), files.end());
  session.insert(session.end(), {"--", "/bin/true"});
  return session;
}

void ExecTrue(Ground& ground, Report& report, int rounds) {
  const std::string metric = "exec true";
  const std::vector<std::string> sleeper = {ground.image(), "sleep", "86400"};
  const std::string id = ground.Text(ground.Hoy(Joined({"run", "-d"}, sleeper)));
  const std::string pid = ground.Text(ground.Hoy({"inspect", "--format", "{{.State.Pid}}", id}));
  std::string podman_id;
  std::vector<Contender> contenders = {
      {"floor", [&] { return Milliseconds(ground.Floor({"exec", pid, "/bin/true"})); }},
      {"hoy", [&] { return Milliseconds(ground.Hoy({"exec", id, "/bin/true"})); }}};
  const std::vector<std::string> session = SessionOf(ground, id, pid);
  if (!session.empty()) {
    contenders.push_back(
        {"floor of a session", [&] { return Milliseconds(ground.Floor(session)); }});
  }
  if (ground.has_podman()) {
    podman_id =
        ground.Text(ground.Podman(Joined(Joined({"run", "-d"}, ground.PodmanRunFlags()), sleeper)));
    contenders.push_back({"podman (runc)", [&] {
                            return Milliseconds(ground.Podman({"exec", podman_id, "/bin/true"}));
                          }});
  }
  report.Compare(metric, "ms", rounds, contenders);
  RatioTarget(report, metric, "floor", 1.2);
  ground.Text(ground.Hoy({"rm", "-f", id}));
}

void ListContainers(Ground& ground, Report& report, int rounds) {
  const std::string metric = "ps, 100 containers";
  std::vector<std::string> ids;
  for (int count = 0; count < 100; ++count) {
    ids.push_back(ground.Text(ground.Hoy({"run", "-d", ground.image(), "sleep", "86400"})));
  }
  report.Compare(metric, "ms", rounds, {{"hoy", [&] { return Milliseconds(ground.Hoy({"ps"})); }}});
  std::istringstream lines(ground.Text(ground.Hoy({"ps", "-q"})));
  int listed = 0;
  for (std::string line; lines >> line;) ++listed;
  report.Target(fmt::format("{}: {} listed as running", metric, listed), listed == 100);
  LimitTarget(report, metric, 5.0);
  ground.Text(ground.Hoy(Joined({"rm", "-f"}, ids)));
}

void PrintVersion(Ground& ground, Report& report, int rounds) {
  const std::string metric = "version";
  std::vector<Contender> contenders = {
      {"floor (an empty program)", [&] { return Milliseconds(ground.Floor({"nothing"})); }},
      {"hoy", [&] { return Milliseconds(ground.Hoy({"version"})); }}};
  if (ground.has_podman()) {
    contenders.push_back({"podman", [&] { return Milliseconds(ground.Podman({"version"})); }});
  }
  report.Compare(metric, "ms", rounds, contenders);
  LimitTarget(report, metric, 2.5);
}

}  // namespace hoy::bench
