#include "tests/support/leak_check.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/scratch.h"

namespace hoy::test {
namespace fs = std::filesystem;
namespace {

// Cgroup names may hold a short id only.
constexpr size_t kShortId = 12;

bool Mentions(std::string_view text, const SandboxTraces& traces) {
  if (text.find(traces.directory + "/") != std::string_view::npos) return true;
  return std::any_of(traces.ids.begin(), traces.ids.end(), [&](const std::string& id) {
    return text.find(id.substr(0, kShortId)) != std::string_view::npos;
  });
}

std::string ReadLink(const std::string& path) {
  std::error_code unreadable;
  return fs::read_symlink(path, unreadable).string();
}

char StateOf(const std::string& process) {
  const std::string stat = ReadFileIfThere(process + "/stat");
  const size_t end = stat.rfind(") ");
  return end == std::string::npos ? 'Z' : stat[end + 2];
}

std::string CommandLine(int pid) {
  std::string text = ReadFileIfThere("/proc/" + std::to_string(pid) + "/cmdline");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

void FindCgroupsBelow(const std::string& directory, int depth, const SandboxTraces& traces,
                      std::vector<std::string>& found) {
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(directory, unreadable)) {
    std::error_code gone;
    if (!entry.is_directory(gone) || entry.is_symlink(gone)) continue;
    const std::string path = entry.path();
    if (Mentions(entry.path().filename().string(), traces)) {
      found.push_back(path);
    } else if (depth > 0) {
      FindCgroupsBelow(path, depth - 1, traces, found);
    }
  }
}

std::vector<std::string> Lines(const std::string& path) {
  std::istringstream stream(ReadFileIfThere(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool IsTemporary(const std::string& name) {
  return name.starts_with(".") && name != ".lock";
}

void FindFiles(const SandboxTraces& traces, std::vector<std::string>& leaks) {
  for (const char* directory : {"containers", "names"}) {
    for (const auto& name : ListNames(traces.data + "/" + directory)) {
      leaks.push_back(fmt::format("file {}/{}/{}", traces.data, directory, name));
    }
  }
  for (const auto& name : ListNames(traces.run + "/containers")) {
    leaks.push_back(fmt::format("file {}/containers/{}", traces.run, name));
  }
  for (const char* directory : {"", "layers", "images", "images/refs", "images/records",
                                "images/blobs", "images/blobs/sha256", "volumes"}) {
    for (const auto& name : ListNames(traces.data + "/" + directory)) {
      if (IsTemporary(name)) {
        leaks.push_back(fmt::format("temporary file {}/{}/{}", traces.data, directory, name));
      }
    }
  }
  if (traces.partial_blobs_are_expected) return;
  for (const auto& name : ListNames(traces.data + "/images/ingest")) {
    leaks.push_back(fmt::format("partial blob {}", name));
  }
}

}  // namespace

bool Lives(int pid) {
  return StateOf("/proc/" + std::to_string(pid)) != 'Z';
}

std::vector<int> ProcessesOf(const SandboxTraces& traces) {
  std::vector<int> found;
  for (const auto& name : ListNames("/proc")) {
    if (name.empty() || !std::all_of(name.begin(), name.end(), ::isdigit)) continue;
    const int pid = std::stoi(name);
    const std::string process = "/proc/" + name;
    if (pid == ::getpid() || StateOf(process) == 'Z') continue;
    const bool ours = Mentions(ReadFileIfThere(process + "/cmdline"), traces) ||
                      Mentions(ReadFileIfThere(process + "/environ"), traces) ||
                      Mentions(ReadFileIfThere(process + "/cgroup"), traces) ||
                      Mentions(ReadLink(process + "/cwd"), traces) ||
                      Mentions(ReadLink(process + "/root"), traces);
    if (ours) found.push_back(pid);
  }
  return found;
}

std::vector<std::string> CgroupsOf(const SandboxTraces& traces) {
  std::vector<std::string> found;
  for (const auto& line : Lines("/proc/self/mountinfo")) {
    // "36 35 98:0 /root /mount/point options - type source super" (proc(5))
    const size_t separator = line.find(" - cgroup");
    if (separator == std::string::npos) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    fields >> id >> parent >> device >> root >> point;
    FindCgroupsBelow(point, 5, traces, found);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> FindLeaks(const SandboxTraces& traces) {
  std::vector<std::string> leaks;
  for (int pid : ProcessesOf(traces)) {
    leaks.push_back(fmt::format("process {}: {}", pid, CommandLine(pid)));
  }
  for (const auto& line : Lines("/proc/self/mountinfo")) {
    if (Mentions(line, traces)) leaks.push_back("mount " + line);
  }
  for (const auto& path : CgroupsOf(traces)) leaks.push_back("cgroup " + path);
  for (const auto& name : ListNames("/sys/block")) {
    const std::string backing = ReadFileIfThere("/sys/block/" + name + "/loop/backing_file");
    if (Mentions(backing, traces)) leaks.push_back("loop device " + name + " of " + backing);
  }
  FindFiles(traces, leaks);
  return leaks;
}

}  // namespace hoy::test
