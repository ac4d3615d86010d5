// stats: how long one look at many containers takes. A tenth of a second of it is the window over
// which the share of the processors is measured; podman shows an average since the start instead.

#include <fmt/core.h>

#include <sstream>

#include "tests/bench/cases.h"

namespace hoy::bench {

void ShowStats(Ground& ground, Report& report, int rounds) {
  const std::string metric = "stats, 50 containers";
  constexpr int kContainers = 50;
  std::vector<std::string> remove = {"rm", "-f"};
  for (int count = 0; count < kContainers; ++count) {
    remove.push_back(ground.Text(ground.Hoy({"run", "-d", ground.image(), "sleep", "86400"})));
  }
  std::vector<Contender> contenders = {
      {"hoy", [&] { return Measure(ground.Hoy({"stats", "--no-stream"})).milliseconds; }}};
  std::vector<std::string> podman_remove = {"rm", "-f", "-t", "0"};
  if (ground.has_podman()) {
    for (int count = 0; count < kContainers; ++count) {
      std::vector<std::string> run = {"run", "-d"};
      for (const std::string& flag : ground.PodmanRunFlags()) run.push_back(flag);
      for (const char* word : {ground.image().c_str(), "sleep", "86400"}) run.emplace_back(word);
      podman_remove.push_back(ground.Text(ground.Podman(run)));
    }
    contenders.push_back({"podman (runc)", [&] {
                            return Measure(ground.Podman({"stats", "--no-stream"})).milliseconds;
                          }});
  }
  report.Compare(metric, "ms", rounds, contenders);
  std::istringstream lines(
      ground.Text(ground.Hoy({"stats", "--no-stream", "--format", "{{.ID}}"})));
  int shown = 0;
  for (std::string line; lines >> line;) ++shown;
  report.Target(fmt::format("{}: {} shown", metric, shown), shown == kContainers);
  double median = report.Median(metric, "hoy").value_or(1e9);
  report.Target(fmt::format("{}: {:.1f} ms, at most 150", metric, median), median <= 150);
  ground.Text(ground.Hoy(remove));
  if (ground.has_podman()) ground.Text(ground.Podman(podman_remove));
}

}  // namespace hoy::bench
