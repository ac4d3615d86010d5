#pragma once
// Small container roots for tests: directories with a few files, gone at the end.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/rootfs/layered_root.h"
#include "core/sys/files.h"

namespace hoy::core {

// One layer (or upper, or bind source) below a directory of its own.
class ScratchLayer {
 public:
  ScratchLayer() {
    std::string name = testing::TempDir() + "hoy-layer-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ScratchLayer(const ScratchLayer&) = delete;
  ScratchLayer& operator=(const ScratchLayer&) = delete;
  ~ScratchLayer() { (void)RemoveTree(path_); }

  const std::string& path() const { return path_; }
  std::string At(const std::string& name) const { return path_ + "/" + name; }

  void File(const std::string& name, const std::string& bytes, mode_t mode = 0644) const {
    Parents(name);
    std::ofstream(At(name), std::ios::binary) << bytes;
    ASSERT_EQ(chmod(At(name).c_str(), mode), 0);
  }
  void Program(const std::string& name, const std::string& bytes =
                                            "\x7f"
                                            "ELF") const {
    File(name, bytes, 0755);
  }
  void Directory(const std::string& name) const { std::filesystem::create_directories(At(name)); }
  void Link(const std::string& name, const std::string& target) const {
    Parents(name);
    ASSERT_EQ(symlink(target.c_str(), At(name).c_str()), 0);
  }
  void Whiteout(const std::string& name) const {
    Parents(name);
    ASSERT_EQ(mknod(At(name).c_str(), S_IFCHR | 0600, makedev(0, 0)), 0) << "needs root";
  }

 private:
  void Parents(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(At(name)).parent_path());
  }
  std::string path_;
};

inline LayeredRoot OpenRoot(const std::vector<std::string>& directories,
                            const std::vector<Mount>& mounts = {}) {
  auto root = LayeredRoot::Open(directories, mounts);
  if (!root.has_value()) {
    ADD_FAILURE() << root.error().message;
    std::abort();
  }
  return *std::move(root);
}

}  // namespace hoy::core
