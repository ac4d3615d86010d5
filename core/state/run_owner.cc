#include "core/state/run_owner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace hoy::core {
namespace {

std::string NotePath(const Layout& layout) {
  return layout.run + "/data";
}

}  // namespace

Result<> NoteRunOwner(const Layout& layout) {
  std::string path = NotePath(layout);
  if (symlink(layout.data.c_str(), path.c_str()) == 0 || errno == EEXIST) return {};
  return FailErrno("create symlink", path);
}

std::optional<std::string> OtherRunOwner(const Layout& layout) {
  std::string path = NotePath(layout);
  struct stat owner{};
  struct stat ours{};
  if (stat(path.c_str(), &owner) != 0 || stat(layout.data.c_str(), &ours) != 0) {
    return std::nullopt;
  }
  if (owner.st_dev == ours.st_dev && owner.st_ino == ours.st_ino) return std::nullopt;
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

}  // namespace hoy::core
