#include "tests/support/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/support/process.h"

namespace hoy::test {
namespace fs = std::filesystem;

ScratchDirectory::ScratchDirectory(const std::string& base) {
  const char* chosen = std::getenv("HOY_TEST_TMP");
  const std::string usual = chosen != nullptr ? chosen : "/tmp";
  std::string pattern = (base.empty() ? usual : base) + "/hoyXXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void WriteFile(const std::string& path, std::string_view content, mode_t mode) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + path);
  ::chmod(path.c_str(), mode);
}

std::string ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string ReadFileIfThere(const std::string& path) {
  // A file of /proc can go between the open and the read (ESRCH), which a stream throws for.
  try {
    return ReadFile(path);
  } catch (const std::exception&) {
    return "";
  }
}

std::vector<std::string> ListNames(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 7;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

void CloneTree(const std::string& from, const std::string& to) {
  // cp keeps owners, modes, xattrs and devices; -l falls to a plain copy across file systems.
  Output linked = RunCommand({.argv = {"cp", "-al", from + "/.", to}});
  if (linked.code != 0) linked = RunCommand({.argv = {"cp", "-a", "-f", from + "/.", to}});
  if (linked.code != 0) throw std::runtime_error("cp " + from + ": " + linked.err);
}

}  // namespace hoy::test
