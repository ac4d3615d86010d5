#include "core/engine/resolve.h"

#include "core/engine/start_failure.h"
#include "core/rootfs/executable.h"
#include "core/rootfs/mount_source.h"

namespace hoy::core {

namespace {

std::vector<std::string> LayersFromTheTop(const Layout& layout, const ContainerConfig& config) {
  if (!config.rootfs.path.empty()) return {config.rootfs.path};
  return LayerDirectories(layout, config.image.chain_ids);
}

}  // namespace

Result<LayeredRoot> OpenContainerRoot(const Layout& layout, std::string_view id,
                                      const ContainerConfig& config) {
  std::vector<std::string> directories = LayersFromTheTop(layout, config);
  if (config.HasUpper()) {
    directories.insert(directories.begin(), layout.Container(id) + "/upper");
  }
  return LayeredRoot::Open(directories, config.mounts, &layout);
}

Result<LayeredRoot> OpenImageLayers(const Layout& layout, const ContainerConfig& config) {
  return LayeredRoot::Open(LayersFromTheTop(layout, config));
}

Result<LayeredRoot> OpenImageRoot(const Layout& layout, const ContainerConfig& config) {
  return LayeredRoot::Open(LayersFromTheTop(layout, config), config.mounts, &layout);
}

Result<ResolvedProcess> ResolveProcess(LayeredRoot& root, const ProcessConfig& process) {
  ResolvedProcess resolved;
  auto user = ResolveUser(root, process.user, process.additional_groups);
  if (!user) {
    Error error = std::move(user).error();
    error.kind = ErrorKind::kStart;
    error.stage = "user";
    error.system_errno = 0;
    return Fail(std::move(error));
  }
  resolved.user = *std::move(user);
  auto executable = FindExecutable(root, PathOf(process.env), process.cwd, process.args.front());
  if (!executable) {
    return Fail(
        ExplainStartFailure(&root, process, &resolved.user,
                            {"lookup", executable.error().system_errno, process.args.front()}));
  }
  resolved.executable = *std::move(executable);
  return resolved;
}

Result<SeccompProgram> ResolveSeccomp(const SeccompChoice& choice, const CapabilitySets& sets) {
  switch (choice.mode) {
    case SeccompMode::kUnconfined: return SeccompProgram();
    case SeccompMode::kDefault: return DefaultSeccompProgram({sets.bounding});
    case SeccompMode::kProfile: return LoadSeccompProfile(choice.profile, {sets.bounding});
  }
  return SeccompProgram();
}

}  // namespace hoy::core
