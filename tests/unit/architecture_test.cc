// The shape of the tree (README.md, "How it is built"): which room may include which, which library
// stays behind which door, and how long a file may get.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr int kLongestFile = 500;

struct Include {
  std::string file;    // "core/sys/files.cc", from the top of the tree
  std::string target;  // as written between the quotes or brackets
  bool quoted;         // "..." is our own, <...> is a library's
};

std::vector<std::string> SourceFiles(const std::vector<std::string>& rooms) {
  std::vector<std::string> files;
  const fs::path top(HOY_SOURCE_DIR);
  for (const auto& room : rooms) {
    if (!fs::is_directory(top / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(top / room)) {
      const std::string extension = entry.path().extension();
      if (entry.is_regular_file() && (extension == ".cc" || extension == ".h")) {
        files.push_back(fs::relative(entry.path(), top).string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> Lines(const std::string& file) {
  std::ifstream stream(fs::path(HOY_SOURCE_DIR) / file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<Include> Includes(const std::vector<std::string>& rooms) {
  static const std::regex kPattern(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  std::vector<Include> result;
  for (const auto& file : SourceFiles(rooms)) {
    for (const auto& line : Lines(file)) {
      std::smatch match;
      if (std::regex_search(line, match, kPattern)) {
        result.push_back({file, match[2], match[1] == "\""});
      }
    }
  }
  return result;
}

bool IsBelow(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

// "core/sys/files.cc" -> "sys".
std::string SecondPart(const std::string& path) {
  const size_t begin = path.find('/') + 1;
  return path.substr(begin, path.find('/', begin) - begin);
}

void ExpectNoInclude(const std::vector<std::string>& from, const std::vector<std::string>& rooms) {
  for (const Include& include : Includes(from)) {
    for (const auto& room : rooms) {
      EXPECT_FALSE(include.quoted && IsBelow(include.target, room))
          << include.file << " includes " << include.target;
    }
  }
}

TEST(Architecture, HasSourcesToLookAt) {
  EXPECT_GT(SourceFiles({"core"}).size(), 10u);
  EXPECT_GT(Includes({"core"}).size(), 20u);
}

TEST(Architecture, CoreIncludesNoOtherRoom) {
  ExpectNoInclude({"core"}, {"oci", "net", "cli", "tests"});
}

TEST(Architecture, OciAndNetKnowOnlyCore) {
  ExpectNoInclude({"oci"}, {"net", "cli", "tests"});
  ExpectNoInclude({"net"}, {"oci", "cli", "tests"});
}

TEST(Architecture, TheUserInterfaceKitKnowsNoImagesAndNoOperations) {
  ExpectNoInclude({"cli/ui"}, {"oci", "net", "cli/ops", "cli/cmd"});
  ExpectNoInclude({"cli/ops"}, {"cli/cmd"});
  ExpectNoInclude({"cli"}, {"tests"});
}

// base <- sys <- state <- {cgroup, rootfs, log, seccomp} <- init <- monitor <- engine
TEST(Architecture, InsideCoreEveryIncludePointsDown) {
  const std::map<std::string, int> level = {
      {"base", 0}, {"sys", 1},     {"state", 2}, {"cgroup", 3},  {"rootfs", 3},
      {"log", 3},  {"seccomp", 3}, {"init", 4},  {"monitor", 5}, {"engine", 6}};
  for (const Include& include : Includes({"core"})) {
    if (!include.quoted) continue;
    ASSERT_TRUE(IsBelow(include.target, "core"))
        << include.file << " includes " << include.target << ": give the path from the top";
    const std::string from = SecondPart(include.file);
    const std::string to = SecondPart(include.target);
    ASSERT_TRUE(level.contains(from)) << include.file << ": a new part of core needs a level here";
    ASSERT_TRUE(level.contains(to)) << include.file << " includes " << include.target;
    EXPECT_TRUE(from == to || level.at(to) < level.at(from))
        << include.file << " includes " << include.target << ", which is not below it";
  }
}

// base <- netlink <- firewall <- attach, and state beside them: records know nothing of the kernel.
TEST(Architecture, InsideNetEveryIncludePointsDown) {
  const std::map<std::string, int> level = {
      {"base", 0}, {"netlink", 1}, {"state", 1}, {"firewall", 2}, {"attach", 3}};
  for (const Include& include : Includes({"net"})) {
    if (!include.quoted || !IsBelow(include.target, "net")) continue;
    const std::string from = SecondPart(include.file);
    const std::string to = SecondPart(include.target);
    ASSERT_TRUE(level.contains(from)) << include.file << ": a new part of net needs a level here";
    ASSERT_TRUE(level.contains(to)) << include.file << " includes " << include.target;
    EXPECT_TRUE(from == to || level.at(to) < level.at(from))
        << include.file << " includes " << include.target << ", which is not below it";
  }
}

TEST(Architecture, LibrariesStayBehindTheirDoors) {
  struct Door {
    std::string library;               // how its headers begin
    std::vector<std::string> allowed;  // directories or file prefixes
  };
  const std::vector<Door> doors = {
      {"CLI/", {"cli/"}},
      {"curl/", {"oci/registry/"}},
      {"archive", {"oci/layer/", "oci/archive/"}},
      {"openssl/", {"oci/"}},
      {"toml++", {"oci/image/"}},
      {"pugixml", {"oci/s3/"}},
      {"yaml", {"oci/registry/", "cli/ops/yaml_json.cc"}},
      {"zstd", {"oci/layer/"}},
      {"lzma", {"oci/layer/"}},
      {"bzlib", {"oci/layer/"}},
      {"isa-l", {"oci/layer/"}},
      {"zlib", {"core/log/gzip.cc"}},
      {"seccomp.h", {"core/seccomp/"}},
      // Record codecs, and the profile that people write in JSON.
      {"nlohmann/",
       {"core/state/", "core/engine/run_directory.cc", "core/seccomp/load_profile.cc", "oci/",
        "net/state/", "net/attach/network_status.cc", "cli/"}},
      {"linux/netfilter/nf_tables.h", {"net/firewall/"}},
      {"libmnl", {}},
      {"nftables/", {}},
      {"netlink/", {}},
  };
  for (const Include& include : Includes({"core", "oci", "net", "cli"})) {
    if (include.quoted) continue;
    for (const Door& door : doors) {
      if (!include.target.starts_with(door.library)) continue;
      const bool allowed = std::any_of(
          door.allowed.begin(), door.allowed.end(),
          [&](const std::string& directory) { return include.file.starts_with(directory); });
      EXPECT_TRUE(allowed) << include.file << " includes <" << include.target << ">";
    }
  }
}

// Only cli prints. The monitor and the child have nobody to print to either.
TEST(Architecture, BelowTheCommandLineNothingPrints) {
  static const std::regex kPrint(
      R"(std::c(out|err)\b|\bf?printf\(|fmt::print\(|\bputs\(|\bperror\()");
  for (const auto& file : SourceFiles({"core", "oci", "net"})) {
    for (const auto& line : Lines(file)) {
      EXPECT_FALSE(std::regex_search(line, kPrint)) << file << ": " << line;
    }
  }
}

TEST(Architecture, NoFileIsTooLong) {
  for (const auto& file : SourceFiles({"core", "oci", "net", "cli", "tests"})) {
    EXPECT_LE(Lines(file).size(), static_cast<size_t>(kLongestFile)) << file;
  }
}

TEST(Architecture, EveryHeaderIsGuarded) {
  for (const auto& file : SourceFiles({"core", "oci", "net", "cli", "tests"})) {
    if (!file.ends_with(".h")) continue;
    const auto lines = Lines(file);
    EXPECT_TRUE(std::find(lines.begin(), lines.end(), "#pragma once") != lines.end()) << file;
  }
}

TEST(Architecture, NothingIsLeftToDo) {
  static const std::regex kMark(R"(\b(TODO|FIXME|XXX|HACK)\b)");
  for (const auto& file : SourceFiles({"core", "oci", "net", "cli"})) {
    for (const auto& line : Lines(file)) {
      EXPECT_FALSE(std::regex_search(line, kMark)) << file << ": " << line;
    }
  }
}

}  // namespace
