#include "tests/bench/peers.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/sandbox.h"

namespace hoy::bench {
namespace fs = std::filesystem;

bool IsInstalled(const std::string& program) {
  std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string directory; std::getline(path, directory, ':');) {
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Ground::Ground() {
  has_podman_ = IsInstalled("podman");
  has_runc_ = IsInstalled("runc");
  has_crun_ = IsInstalled("crun");
  for (const char* name : {"d", "floor", "layers", "bundle/rootfs", "installed"}) {
    fs::create_directories(Path(name));
  }
  Install();
  registry_ = std::make_unique<test::Registry>();
  const test::Image image = test::BusyboxImage().Build();
  registry_->Push("busybox", "latest", image);
  image_ = registry_->Reference("busybox");
  std::vector<std::string> layers;
  for (const auto& digest : image.layer_digests) layers.push_back(registry_->BlobPath(digest));
  UnpackForTheFloor(layers);
  Measure(Hoy({"pull", "-q", image_}));
  if (has_podman_) Measure(Podman({"pull", "-q", "--tls-verify=false", image_}));
  if (has_runc_) MakeBundle();
  if (has_crun_) MakeCrunNamespace();
}

Ground::~Ground() {
  if (has_podman_) Text(Podman({"rm", "-f", "-a", "-t", "0"}));
  const std::string ids = Text(Hoy({"ps", "-aq"}));
  std::istringstream stream(ids);
  for (std::string id; stream >> id;) Text(Hoy({"rm", "-f", id}));
  if (crun_namespace_holder_) crun_namespace_holder_->Signal(SIGKILL);
}

void Ground::UnpackForTheFloor(const std::vector<std::string>& tars) {
  for (size_t index = 0; index < tars.size(); ++index) {
    const std::string layer = Path(fmt::format("layers/{}", index));
    fs::create_directories(layer);
    for (const auto& target : {layer, Path("bundle/rootfs")}) {
      Measure({.argv = {"tar", "-C", target, "-xzf", tars[index], "--exclude=.wh.*"}});
    }
    lower_ = layer + (lower_.empty() ? "" : ":" + lower_);
  }
}

void Ground::MakeBundle() {
  bundle_ = Path("bundle");
  Measure({.argv = {"runc", "spec", "-b", bundle_}});
  test::Json config = test::Json::parse(test::ReadFile(bundle_ + "/config.json"));
  config["process"]["terminal"] = false;
  config["process"]["args"] = {"/bin/true"};
  config["process"].erase("rlimits");
  config["root"]["readonly"] = false;
  test::WriteFile(bundle_ + "/config.json", config.dump());
}

void Ground::MakeCrunNamespace() {
  if (bundle_.empty()) {
    has_crun_ = false;
    return;
  }
  const std::string list = "/sys/fs/cgroup/unified/cgroup.controllers";
  if (!fs::exists(list)) return;
  crun_namespace_holder_.emplace(test::Command{
      .argv = {"unshare", "-m", "sh", "-c",
               "mount --bind /dev/null " + list + " && echo ready && exec sleep 86400"}});
  if (!crun_namespace_holder_->WaitForOut("ready")) throw std::runtime_error("unshare -m");
  crun_namespace_ = Fd(::open(fmt::format("/proc/{}/ns/mnt", crun_namespace_holder_->pid()).c_str(),
                              O_RDONLY | O_CLOEXEC));
}

// As a user has them: a copy starts up to a tenth of a millisecond sooner than what the linker has
// just written. (Probably it lies in larger pieces in the page cache.)
void Ground::Install() const {
  const fs::path built = fs::path(test::HoyProgram()).parent_path().parent_path();
  for (const char* name : {"bin", "libexec"}) {
    fs::copy(built / name, Path(std::string("installed/") + name), fs::copy_options::recursive);
  }
  fs::copy_file(FLOOR_PROGRAM, Path("installed/bin/floor"));
}

Program Ground::Floor(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), Path("installed/bin/floor"));
  return {.argv = std::move(arguments)};
}

Program Ground::Hoy(std::vector<std::string> arguments, const std::string& root) const {
  arguments.insert(arguments.begin(), Path("installed/bin/hoy"));
  return {.argv = std::move(arguments),
          .env = {{"HOY_ROOT", root.empty() ? Path("d") : root},
                  {"HOY_RUN", RunPath("hoy")},
                  {"HOY_NETWORK", "none"}}};
}

Program Ground::Podman(std::vector<std::string> arguments, const std::string& root) const {
  std::vector<std::string> argv = {
      "podman",    "--root",          root.empty() ? Path("podman") : root,
      "--runroot", RunPath("podman"), "--cgroup-manager",
      "cgroupfs"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return {.argv = std::move(argv)};
}

std::vector<std::string> Ground::PodmanRunFlags() const {
  // Limits above the hard ones of a small machine make podman fail.
  return {"--network",       "none",      "--ulimit", "nofile=1024:1024", "--ulimit",
          "nproc=1024:1024", "--runtime", "runc"};
}

void Ground::Empty(const std::string& root) const {
  if (fs::exists(root)) Measure(Hoy({"image", "prune", "-af"}, root));
}

std::string Ground::PodmanStorage() const {
  return fmt::format("[{}+{}]", Path("podman"), RunPath("podman"));
}

Program Ground::Runc(std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {"runc", "--root", RunPath("runc")};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return {.argv = std::move(argv)};
}

Program Ground::Crun(std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {"crun", "--root", RunPath("crun"), "--cgroup-manager=disabled"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return {.argv = std::move(argv), .mount_namespace = crun_namespace_.get()};
}

std::string Ground::Text(Program program) const {
  const test::Output output = test::RunCommand({.argv = program.argv,
                                                .env = {program.env.begin(), program.env.end()},
                                                .timeout = test::seconds(600)});
  return output.out.substr(0, output.out.find_last_not_of('\n') + 1);
}

}  // namespace hoy::bench
