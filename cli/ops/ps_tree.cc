#include "cli/ops/ps_tree.h"

#include <algorithm>
#include <map>
#include <ranges>

namespace hoy::cli {
namespace {

// A container may hang one process below the other by the thousand.
constexpr size_t kMaxPrefix = 40 * 4;

struct Node {
  std::vector<size_t> rows;
  std::vector<pid_t> children;
  bool placed = false;
};

struct Branch {
  pid_t pid = 0;
  std::string prefix;  // of what is below it
  bool is_root = false;
  bool is_last = false;
};

std::string RowPrefix(const Branch& branch, PsTree tree) {
  if (branch.is_root) return "";
  return branch.prefix + (tree == PsTree::kForest ? " \\_ " : "  ");
}

std::string ChildPrefix(const Branch& branch, PsTree tree) {
  if (branch.is_root || branch.prefix.size() >= kMaxPrefix) return branch.prefix;
  if (tree == PsTree::kIndented) return branch.prefix + "  ";
  return branch.prefix + (branch.is_last ? "    " : " |  ");
}

}  // namespace

std::vector<PsRow> PsRows(const std::vector<core::ProcFacts>& processes, PsTree tree) {
  std::vector<PsRow> rows;
  if (tree == PsTree::kNone) {
    for (size_t i = 0; i < processes.size(); ++i) rows.push_back({i, ""});
    return rows;
  }
  std::map<pid_t, Node> nodes;
  for (size_t i = 0; i < processes.size(); ++i) nodes[processes[i].pid].rows.push_back(i);
  std::vector<pid_t> roots;
  for (size_t i = 0; i < processes.size(); ++i) {
    const core::ProcFacts& process = processes[i];
    if (nodes[process.pid].rows.front() != i) continue;  // another thread of it
    auto parent = nodes.find(process.ppid);
    bool is_root = parent == nodes.end() || process.ppid == process.pid;
    (is_root ? roots : parent->second.children).push_back(process.pid);
  }
  std::vector<Branch> open;
  auto place = [&] {
    while (!open.empty()) {
      Branch branch = std::move(open.back());
      open.pop_back();
      Node& node = nodes[branch.pid];
      if (node.placed) continue;
      node.placed = true;
      for (size_t row : node.rows) rows.push_back({row, RowPrefix(branch, tree)});
      for (pid_t child : node.children | std::views::reverse) {
        open.push_back({child, ChildPrefix(branch, tree), false, child == node.children.back()});
      }
    }
  };
  for (pid_t root : roots) {
    open.push_back({root, "", true, false});
    place();
  }
  // They were not read in one moment: a number that was used again may make a circle.
  for (const core::ProcFacts& process : processes) {
    open.push_back({process.pid, "", true, false});
    place();
  }
  return rows;
}

}  // namespace hoy::cli
