// bench [--case NAME]... [--rounds N] [--json FILE] [--list]

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/cases.h"
#include "tests/support/scratch.h"

namespace hoy::bench {
namespace {

constexpr Case kCases[] = {
    {"run", "run --rm of /bin/true", 60, RunTrue},
    {"exec", "exec of /bin/true", 60, ExecTrue},
    {"ps", "ps with 100 containers", 60, ListContainers},
    {"stats", "stats --no-stream of 50 containers", 10, ShowStats},
    {"ps1000", "ps and completion with 1,000 containers", 20, ListManyContainers},
    {"version", "version", 100, PrintVersion},
    {"monitor", "memory of the monitor", 1, MonitorMemory},
    {"attach", "a line and its echo through attach", 500, AttachRoundTrip},
    {"idle", "wake-ups while nothing happens", 1, IdleWakeUps},
    {"logs", "200 MB through the monitor and back", 3, LogThroughput},
    {"flood", "10,000 lines a second from each of 50 containers", 1, Flood},
    {"pipe", "1 GB through run -i cat", 2, PipeThrough},
    {"pull", "pull of a six-layer 870 MB image", 2, PullLargeImage},
    {"push", "push of the same image", 2, PushLargeImage},
    {"save", "save and load of the same image", 2, SaveAndLoad},
    {"rmi", "removal of the same image", 2, RemoveLargeImage},
    {"parallel", "200 run --rm at once", 3, RunInParallel},
    {"bridge", "run --rm on the bridge, one and 100 at once; connect", 60, RunOnTheBridge},
    {"ports", "512 MB from another machine into a published port", 31, PublishedPortThroughput},
    {"cp", "cp of 1 GB", 3, CopyBigFile},
    {"s3", "1,000 small files to and from an S3 server", 3, SyncWithS3},
    {"images", "images with 500 images", 40, ListImages},
};

int Usage() {
  fmt::print(stderr, "usage: bench [--case NAME]... [--rounds N] [--json FILE] [--list]\n");
  return 125;
}

int Main(const std::vector<std::string_view>& arguments) {
  std::vector<std::string_view> chosen;
  std::string json_file;
  int rounds = 0;
  for (size_t index = 0; index < arguments.size(); ++index) {
    const std::string_view flag = arguments[index];
    if (flag == "--list") {
      for (const Case& item : kCases) fmt::print("{:<10}{}\n", item.name, item.what);
      return 0;
    }
    if (index + 1 == arguments.size()) return Usage();
    const std::string_view value = arguments[++index];
    if (flag == "--case") {
      chosen.push_back(value);
    } else if (flag == "--rounds") {
      rounds = std::atoi(std::string(value).c_str());
    } else if (flag == "--json") {
      json_file = value;
    } else {
      return Usage();
    }
  }

  Ground ground;
  Report report;
  for (const Case& item : kCases) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), item.name) == chosen.end()) {
      continue;
    }
    try {
      item.run(ground, report, rounds > 0 ? rounds : item.rounds);
    } catch (const std::exception& problem) {
      report.Note(fmt::format("case {} failed: {}", item.name, problem.what()));
    }
  }
  report.Print();
  if (!json_file.empty()) test::WriteFile(json_file, report.ToJson().dump(2) + "\n");
  return 0;
}

}  // namespace
}  // namespace hoy::bench

int main(int argc, char** argv) {
  return hoy::bench::Main(std::vector<std::string_view>(argv + 1, argv + argc));
}
