#pragma once
// What a sandbox has left behind. Tests run side by side, so only what carries this sandbox's path
// or one of its container ids counts: processes, mounts, cgroups, loop devices, files.

#include <set>
#include <string>
#include <vector>

namespace hoy::test {

struct SandboxTraces {
  std::string directory;                    // its scratch directory
  std::string data;                         // HOY_ROOT
  std::string run;                          // HOY_RUN
  std::set<std::string> ids;                // every container id ever seen
  bool partial_blobs_are_expected = false;  // an interrupted pull keeps images/ingest
};

// One line per thing found; empty when there is nothing.
std::vector<std::string> FindLeaks(const SandboxTraces& traces);

// Processes whose command line, environment, working directory, root or cgroup show these traces.
std::vector<int> ProcessesOf(const SandboxTraces& traces);

// It runs: it is there, and no zombie that somebody has not reaped yet.
bool Lives(int pid);

// Directories under every mounted cgroup hierarchy whose name contains one of the ids.
std::vector<std::string> CgroupsOf(const SandboxTraces& traces);

}  // namespace hoy::test
