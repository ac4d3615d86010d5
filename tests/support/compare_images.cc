#include "tests/support/compare_images.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <filesystem>
#include <stdexcept>

#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/tar.h"

namespace hoy::test {
namespace fs = std::filesystem;

namespace {

std::string Xattrs(const std::string& path) {
  std::string names(4096, '\0');
  const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
  if (length <= 0) return "";
  names.resize(static_cast<size_t>(length));
  std::string text;
  for (size_t at = 0; at < names.size(); at += std::string(names.c_str() + at).size() + 1) {
    const std::string name = names.c_str() + at;
    std::string value(4096, '\0');
    const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0) continue;
    value.resize(static_cast<size_t>(size));
    text += " " + name + "=" + Sha256Hex(value).substr(0, 8);
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> DescribeTree(const std::string& root, Times times) {
  std::map<std::string, std::string> tree;
  std::map<ino_t, std::string> hashes;  // busybox has four hundred names
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path();
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path);
    const bool timed = times == Times::kAll || !S_ISDIR(status.st_mode);
    std::string text = fmt::format("{:o} {}:{} {}", status.st_mode, status.st_uid, status.st_gid,
                                   timed ? status.st_mtim.tv_sec : 0);
    if (S_ISREG(status.st_mode)) {
      std::string& hash = hashes[status.st_ino];
      if (hash.empty()) hash = Sha256Hex(ReadFile(path)).substr(0, 16);
      text += fmt::format(" {} links={} {}", status.st_size, status.st_nlink, hash);
    } else if (S_ISLNK(status.st_mode)) {
      text += " -> " + fs::read_symlink(path).string();
    } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      text += fmt::format(" {}:{}", major(status.st_rdev), minor(status.st_rdev));
    }
    tree[entry.path().lexically_relative(root).string()] = text + Xattrs(path);
  }
  return tree;
}

void ExtractTar(const std::string& tar, const std::string& directory) {
  fs::create_directories(directory);
  const Output output =
      RunCommand({.argv = {"tar", "-C", directory, "--xattrs", "--xattrs-include=*", "-xpf", tar}});
  if (output.code != 0) throw std::runtime_error("tar -x " + tar + ": " + output.err);
}

std::string DiffTrees(const std::map<std::string, std::string>& want,
                      const std::map<std::string, std::string>& got) {
  std::string text;
  int lines = 0;
  auto add = [&](const std::string& line) {
    if (++lines <= 20) text += line + "\n";
  };
  for (const auto& [path, description] : want) {
    const auto other = got.find(path);
    if (other == got.end()) {
      add("missing: " + path + " " + description);
    } else if (other->second != description) {
      add("differs: " + path + "\n  " + description + "\n  " + other->second);
    }
  }
  for (const auto& [path, description] : got) {
    if (!want.contains(path)) add("too much: " + path + " " + description);
  }
  return text;
}

}  // namespace hoy::test
