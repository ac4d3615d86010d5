// Lists and completion of many containers.

#include <fmt/core.h>

#include <sstream>

#include "tests/bench/cases.h"
#include "tests/bench/measure.h"
#include "tests/bench/peers.h"

namespace hoy::bench {

void ListManyContainers(Ground& ground, Report& report, int rounds) {
  constexpr int kCount = 1000;
  const std::string list = fmt::format("ps -a, {} containers", kCount);
  const std::string complete = fmt::format("__complete, {} names", kCount);
  std::vector<std::string> removal = {"rm", "-f"};
  for (int count = 0; count < kCount; ++count) {
    removal.push_back(ground.Text(ground.Hoy({"create", "--name", fmt::format("many-{}", count),
                                              "-l", "team=a", ground.image(), "true"})));
  }
  report.Compare(list, "ms", rounds,
                 {{"hoy", [&] { return Measure(ground.Hoy({"ps", "-a"})).milliseconds; }}});
  report.Compare(complete, "ms", rounds,
                 {{"hoy", [&] {
                     return Measure(ground.Hoy({"__complete", "--", "rm", "many-"})).milliseconds;
                   }}});
  std::istringstream lines(ground.Text(ground.Hoy({"ps", "-aq"})));
  int listed = 0;
  for (std::string line; lines >> line;) ++listed;
  report.Target(fmt::format("{}: {} listed", list, listed), listed == kCount);
  const std::pair<const std::string*, double> targets[] = {{&list, 25.0}, {&complete, 5.0}};
  for (const auto& [metric, limit] : targets) {
    if (const auto hoy = report.Median(*metric, "hoy")) {
      report.Target(fmt::format("{}: {:.2f} ms (under {:.0f})", *metric, *hoy, limit),
                    *hoy < limit);
    }
  }
  ground.Text(ground.Hoy(removal));
}

}  // namespace hoy::bench
