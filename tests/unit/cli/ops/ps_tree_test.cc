#include "cli/ops/ps_tree.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

std::vector<core::ProcFacts> Processes(const std::vector<std::pair<pid_t, pid_t>>& pid_and_parent) {
  std::vector<core::ProcFacts> processes;
  for (auto [pid, parent] : pid_and_parent) {
    core::ProcFacts& process = processes.emplace_back();
    process.pid = process.tid = pid;
    process.ppid = parent;
  }
  return processes;
}

std::string Drawn(const std::vector<core::ProcFacts>& processes, PsTree tree) {
  std::string text;
  for (const PsRow& row : PsRows(processes, tree)) {
    text += row.prefix + std::to_string(processes[row.index].pid) + "\n";
  }
  return text;
}

TEST(PsTree, DrawsParentsBeforeTheirChildren) {
  const auto processes = Processes({{5, 1}, {9, 7}, {6, 5}, {7, 5}, {8, 6}, {20, 2}});
  EXPECT_EQ(Drawn(processes, PsTree::kForest),
            "5\n"
            " \\_ 6\n"
            " |   \\_ 8\n"
            " \\_ 7\n"
            "     \\_ 9\n"
            "20\n");
  EXPECT_EQ(Drawn(processes, PsTree::kIndented), "5\n  6\n    8\n  7\n    9\n20\n");
  EXPECT_EQ(Drawn(processes, PsTree::kNone), "5\n9\n6\n7\n8\n20\n");
}

TEST(PsTree, KeepsThreadsTogetherAndSurvivesCircles) {
  EXPECT_EQ(Drawn(Processes({{5, 1}, {5, 1}, {6, 5}, {6, 5}}), PsTree::kForest),
            "5\n5\n \\_ 6\n \\_ 6\n");
  EXPECT_EQ(PsRows(Processes({{5, 6}, {6, 5}, {7, 7}}), PsTree::kForest).size(), 3U);
  // However deep, a line stays a line.
  std::vector<std::pair<pid_t, pid_t>> chain;
  for (pid_t pid = 2; pid < 5000; ++pid) chain.emplace_back(pid, pid - 1);
  const auto rows = PsRows(Processes(chain), PsTree::kForest);
  ASSERT_EQ(rows.size(), chain.size());
  EXPECT_LT(rows.back().prefix.size(), 200U);
}

}  // namespace
}  // namespace hoy::cli
