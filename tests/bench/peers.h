#pragma once
// The ground every case stands on: a registry with the bench images, hoy with roots of its own,
// the same layers unpacked for the floor and for bare runtimes, podman with its own store.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/measure.h"
#include "tests/support/registry.h"
#include "tests/support/scratch.h"

namespace hoy::bench {

bool IsInstalled(const std::string& program);

class Ground {
 public:
  Ground();
  ~Ground();
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  std::string Path(const std::string& name) const { return scratch_.path() + "/" + name; }
  std::string RunPath(const std::string& name) const { return run_.path() + "/" + name; }
  const std::string& image() const { return image_; }
  const std::string& lower() const { return lower_; }  // overlay's lowerdir= of the image
  const std::string& bundle() const { return bundle_; }
  test::Registry& registry() { return *registry_; }

  Program Floor(std::vector<std::string> arguments) const;
  Program Hoy(std::vector<std::string> arguments, const std::string& root = "") const;
  void Empty(const std::string& root) const;  // of images
  // `root` empty: the store that already holds the image.
  Program Podman(std::vector<std::string> arguments, const std::string& root = "") const;
  std::vector<std::string> PodmanRunFlags() const;
  std::string PodmanStorage() const;  // "[root+runroot]", for containers-storage: names
  Program Runc(std::vector<std::string> arguments) const;
  // crun refuses a host whose cgroup v2 tree lists no controllers, unless it cannot see that list:
  // it runs in a mount namespace where /dev/null lies over cgroup.controllers.
  Program Crun(std::vector<std::string> arguments) const;

  // Standard output of a program that is not being measured.
  std::string Text(Program program) const;

  bool has_podman() const { return has_podman_; }
  bool has_runc() const { return has_runc_; }
  bool has_crun() const { return has_crun_; }

 private:
  void Install() const;
  void UnpackForTheFloor(const std::vector<std::string>& tars);
  void MakeBundle();
  void MakeCrunNamespace();

  test::ScratchDirectory scratch_;
  test::ScratchDirectory run_{"/dev/shm"};  // what is in /run elsewhere, on a tmpfs as there
  std::unique_ptr<test::Registry> registry_;
  std::string image_;
  std::string lower_;
  std::string bundle_;
  std::optional<test::Background> crun_namespace_holder_;
  Fd crun_namespace_;
  bool has_podman_ = false;
  bool has_runc_ = false;
  bool has_crun_ = false;
};

}  // namespace hoy::bench
