#include "core/engine/root_plan.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <vector>

#include "core/rootfs/mount_source.h"

namespace hoy::core {
namespace {

constexpr uint64_t kAtRecursive = 0x8000;  // AT_RECURSIVE, linux/fcntl.h

void Put(PlanBuilder& plan, StepKind kind, Step step) {
  step.kind = kind;
  plan.Add(kind) = step;
}

std::vector<std::string> LowerDirectories(const Layout& layout, const ContainerConfig& config) {
  std::vector<std::string> lowers = LayerDirectories(layout, config.image.chain_ids);
  if (!config.rootfs.path.empty()) lowers.insert(lowers.begin(), config.rootfs.path);
  lowers.push_back(layout.MountPoints());
  return lowers;
}

void AddRootDirectory(PlanBuilder& plan, const Layout& layout, const std::string& path) {
  Step root{};
  root.slot = AddOpenTree(plan, path, true);
  root.c = plan.Text(layout.RootMountPoint());
  root.value = MS_PRIVATE | MS_REC;
  Put(plan, StepKind::kMoveTree, root);
}

void AddPivot(PlanBuilder& plan, const Layout& layout) {
  Step pivot{};
  pivot.a = plan.Text(layout.RootMountPoint());
  Put(plan, StepKind::kPivotRoot, pivot);
}

void PutPath(PlanBuilder& plan, StepKind kind, const std::string& path, uint64_t value) {
  Step step{};
  step.a = plan.Text(path);
  step.value = value;
  Put(plan, kind, step);
}

void AddReadOnlyRoot(PlanBuilder& plan, const Layout& layout, const ContainerRecord& record) {
  std::string memory = layout.RootMountPoint();
  std::string upper = layout.Container(record.id) + "/upper";
  Step tmpfs{};
  tmpfs.a = plan.Text("tmpfs");
  tmpfs.b = plan.Text("tmpfs");
  tmpfs.c = plan.Text(memory);
  tmpfs.d = plan.Text("mode=0700");
  Put(plan, StepKind::kMount, tmpfs);
  for (const char* name : {"/root", "/upper", "/work"}) {
    PutPath(plan, StepKind::kMakeDirectories, memory + name, 0700);
  }
  Step attributes{};
  attributes.a = plan.Text(upper);
  attributes.b = plan.Text(memory + "/upper");
  Put(plan, StepKind::kCopyAttributes, attributes);
  std::vector<std::string> lowers = LowerDirectories(layout, record.config);
  lowers.insert(lowers.begin(), upper);
  Step overlay{};
  overlay.a = plan.Text(memory + "/root");
  overlay.b = plan.Text(memory + "/upper");
  overlay.c = plan.Text(memory + "/work");
  overlay.d = plan.Texts(lowers);
  Put(plan, StepKind::kOverlay, overlay);
  PutPath(plan, StepKind::kPivotRoot, memory + "/root", 0);
}

// A mount namespace of our own, of which the host sees nothing.
void AddPrivateMounts(PlanBuilder& plan) {
  Step unshare{};
  unshare.flags = CLONE_NEWNS;
  Put(plan, StepKind::kUnshare, unshare);
  Step propagation{};
  propagation.a = plan.Text("/");
  propagation.flags = MS_SLAVE | MS_REC;
  Put(plan, StepKind::kPropagation, propagation);
}

}  // namespace

uint32_t AddOpenTree(PlanBuilder& plan, const std::string& path, bool recursive) {
  Step step{};
  step.slot = plan.NextSlot();
  step.a = plan.Text(path);
  step.flags = recursive ? kAtRecursive : 0;
  Put(plan, StepKind::kOpenTree, step);
  return step.slot;
}

uint32_t AddOpenSource(PlanBuilder& plan, const Layout& layout, const Mount& mount,
                       const std::string& writes) {
  std::vector<std::string> layers = SourceLayers(layout, mount);
  bool merged = layers.size() > 1 || !writes.empty();
  if (merged) {
    // Where the root is to be, which then hides it, as it hides the one before it.
    Step overlay{};
    overlay.a = plan.Text(layout.RootMountPoint());
    if (!writes.empty()) {
      overlay.b = plan.Text(writes + "/upper");
      overlay.c = plan.Text(writes + "/work");
      overlay.value = 1;
    }
    overlay.d = plan.Texts(layers);
    Put(plan, StepKind::kOverlay, overlay);
  }
  uint32_t slot = merged ? AddOpenTree(plan, layout.RootMountPoint(), false)
                         : AddOpenTree(plan, layers.front(), mount.recursive);
  if (mount.kind == MountKind::kFilesystem) {
    plan.last().flags = 0;
    plan.last().value = 1;
  }
  std::string subpath = SubpathOf(mount);
  if (!subpath.empty()) plan.last().b = plan.Text(subpath);
  return slot;
}

void AddRoot(PlanBuilder& plan, const Layout& layout, const ContainerRecord& record) {
  const ContainerConfig& config = record.config;
  if (!config.HasUpper()) {
    AddRootDirectory(plan, layout, config.rootfs.path);
  } else {
    std::string container = layout.Container(record.id);
    Step overlay{};
    overlay.a = plan.Text(layout.RootMountPoint());
    overlay.b = plan.Text(container + "/upper");
    overlay.c = plan.Text(container + "/work");
    overlay.d = plan.Texts(LowerDirectories(layout, config));
    overlay.value = config.auto_remove ? 1 : 0;
    Put(plan, StepKind::kOverlay, overlay);
  }
  AddPivot(plan, layout);
}

PlanBuilder BuildFilesPlan(const Layout& layout, const ContainerRecord& record,
                           FilesAccess access) {
  PlanBuilder plan;
  AddPrivateMounts(plan);
  std::vector<std::pair<const Mount*, uint32_t>> binds;
  for (const Mount& mount : record.config.mounts) {
    if (!mount.HasSource()) continue;
    binds.emplace_back(&mount, AddOpenSource(plan, layout, mount, ""));
  }
  if (access == FilesAccess::kRead && record.config.HasUpper()) {
    AddReadOnlyRoot(plan, layout, record);
  } else {
    AddRoot(plan, layout, record);
  }
  std::ranges::stable_sort(
      binds, {}, [](const auto& bind) { return std::ranges::count(bind.first->target, '/'); });
  for (const auto& [mount, slot] : binds) {
    Step step{};
    step.slot = slot;
    step.c = plan.Text(mount->target);
    // What a run throws away is written by a run alone.
    bool read_only = mount->overlay || (mount->flags & MS_RDONLY) != 0;
    step.flags = read_only ? MOUNT_ATTR_RDONLY : 0;
    step.value = MS_PRIVATE | MS_REC;
    Put(plan, StepKind::kMoveTree, step);
  }
  return plan;
}

PlanBuilder BuildImagePlan(const Layout& layout, const ContainerConfig& config) {
  PlanBuilder plan;
  AddPrivateMounts(plan);
  if (!config.rootfs.path.empty()) {
    AddRootDirectory(plan, layout, config.rootfs.path);
  } else {
    Step overlay{};
    overlay.a = plan.Text(layout.RootMountPoint());
    overlay.d = plan.Texts(LowerDirectories(layout, config));
    Put(plan, StepKind::kOverlay, overlay);
  }
  AddPivot(plan, layout);
  return plan;
}

}  // namespace hoy::core
