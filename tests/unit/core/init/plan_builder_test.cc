#include "core/init/plan_builder.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "core/engine/exec_plan.h"
#include "core/engine/start_plan.h"
#include "core/init/plan_view.h"

namespace hoy::core {
namespace {

TEST(PlanBuilder, WhatWasPutInIsReadInPlace) {
  PlanBuilder builder;
  builder.header().mode = MonitorMode::kAdopt;
  builder.header().adopted_pid = 4711;
  builder.header().log_path = builder.Text("/log");
  Offset empty = builder.Text("");
  Offset list = builder.Texts({"one", "", "three"});
  const uint32_t kGroups[] = {5, 6};
  Offset groups = builder.Numbers(kGroups);
  const uint64_t kBlob = 0x1122334455667788;
  Offset blob = builder.Blob(&kBlob, sizeof kBlob);
  Step& step = builder.Add(StepKind::kUser);
  step.uid = 1000;
  step.d = groups;
  builder.Add(StepKind::kSeccomp).a = blob;
  builder.Add(StepKind::kHostname).a = empty;

  const std::string bytes = builder.Serialize();
  EXPECT_EQ(bytes, builder.Serialize()) << "the same calls give the same bytes";
  PlanView plan(bytes.data());
  EXPECT_EQ(plan.header().magic, kPlanMagic);
  EXPECT_EQ(plan.header().size, bytes.size());
  EXPECT_EQ(plan.header().mode, MonitorMode::kAdopt);
  EXPECT_EQ(plan.header().adopted_pid, 4711u);
  EXPECT_STREQ(plan.text(plan.header().log_path), "/log");
  EXPECT_EQ(plan.text(plan.header().stdout_path), nullptr) << "none is not empty";
  ASSERT_EQ(plan.steps().size(), 3u);
  EXPECT_EQ(plan.steps()[0].uid, 1000u);
  ASSERT_EQ(plan.list(plan.steps()[0].d).size(), 2u);
  EXPECT_EQ(plan.list(plan.steps()[0].d)[1], 6u);
  EXPECT_EQ(memcmp(plan.blob(plan.steps()[1].a), &kBlob, sizeof kBlob), 0);
  EXPECT_EQ(plan.steps()[1].a % 8, 0u) << "a filter is read as an array of structs";
  EXPECT_STREQ(plan.text(plan.steps()[2].a), "");
  ASSERT_EQ(plan.list(list).size(), 3u);
  EXPECT_STREQ(plan.text(plan.list(list)[2]), "three");
}

TEST(PlanBuilder, AFailedStepIsNamedByStageAndSubject) {
  PlanBuilder builder;
  Offset target = builder.Text("/proc");
  builder.Add(StepKind::kMount).c = target;
  builder.Add(StepKind::kUser).uid = 7;
  const std::string bytes = builder.Serialize();
  EXPECT_EQ(DescribeStep(bytes, 0).stage, "mount");
  EXPECT_EQ(DescribeStep(bytes, 0).subject, "/proc");
  EXPECT_EQ(DescribeStep(bytes, 1).subject, "7:0");
  EXPECT_EQ(DescribeStep(bytes, 2).stage, "start") << "past the end";
}

class StartPlan : public testing::Test {
 protected:
  StartPlan() {
    record_.id = std::string(64, 'a');
    record_.name = "web";
    ContainerConfig& config = record_.config;
    config.process.args = {"sh", "-c", "exit 3"};
    config.process.env = {"PATH=/bin"};
    config.process.cwd = "/work";
    config.process.capabilities = {3, 3, 3, 0, 0};
    config.image.chain_ids = {"11", "22"};
    config.hostname = "box";
    config.mounts = {
        {.kind = MountKind::kProc, .source = "proc", .target = "/proc", .flags = MS_NOSUID},
        {.kind = MountKind::kTmpfs, .source = "tmpfs", .target = "/dev", .data = "mode=755"},
        {.kind = MountKind::kCgroup,
         .source = "cgroup",
         .target = "/sys/fs/cgroup",
         .flags = MS_RDONLY},
        {.kind = MountKind::kBind,
         .source = "/srv/deep",
         .target = "/data/deep",
         .from_user = true},
        {.kind = MountKind::kBind,
         .source = "/srv",
         .target = "/data",
         .flags = MS_RDONLY,
         .recursive_readonly = true,
         .from_user = true}};
    config.devices = {{.path = "/dev/null", .host_path = "/dev/null", .major = 1, .minor = 3}};
    config.sysctls = {{"net.core.somaxconn", "1024"}};
    config.readonly_paths = {"/proc/sys"};
    config.masked_paths = {"/proc/kcore"};
    input_.record = &record_;
    input_.layout = &layout_;
    input_.process.user.uid = 1000;
    input_.process.user.gid = 1000;
    input_.process.user.home = "/home/app";
    input_.process.executable = "/bin/sh";
    input_.cgroup = {CgroupVersion::kV2, {{"", "/sys/fs/cgroup/hoy/a"}}};
    input_.cleanup_argv = {"/usr/bin/hoy", "__cleanup"};
    input_.boot_id = "boot";
  }
  std::string Describe() {
    return DescribePlan(BuildClonePlan(record_.config, input_.cgroup).Serialize()) +
           DescribePlan(BuildStartPlan(input_).Serialize());
  }

  Layout layout_{"/D", "/R"};
  ContainerRecord record_;
  StartInput input_;
};

TEST_F(StartPlan, IsThisListOfSteps) {
  record_.id = "ID";
  EXPECT_EQ(Describe(), R"(setsid
bring up loopback
set mount propagation / flags=0x84000
open mount source #0 /D/containers/ID/etc/hostname
open mount source #1 /D/containers/ID/etc/hosts
open mount source #2 /D/containers/ID/etc/resolv.conf
open mount source #3 /srv/deep flags=0x8000
open mount source #4 /srv flags=0x8000
mount overlay /R/root
pivot_root /R/root
mount proc from proc /proc flags=0x2
mount tmpfs from tmpfs /dev mode=755
await cgroup
unshare flags=0x2000000
mount cgroup2 from cgroup2 /sys/fs/cgroup flags=0x1
bind mount #0 to /etc/hostname flags=0xe
bind mount #1 to /etc/hosts flags=0xe
bind mount #2 to /etc/resolv.conf flags=0xe
create file /run/.containerenv
bind mount #4 to /data flags=0x1
bind mount #3 to /data/deep
create device /dev/null
create symlink /dev/ptmx -> pts/ptmx
create symlink /dev/fd -> /proc/self/fd
create symlink /dev/stdin -> /proc/self/fd/0
create symlink /dev/stdout -> /proc/self/fd/1
create symlink /dev/stderr -> /proc/self/fd/2
create symlink /dev/core -> /proc/kcore
write /proc/sys/net/ipv4/ip_unprivileged_port_start = 0
write /proc/sys/net/ipv4/ping_group_range = 0 2147483647
write /proc/sys/net/core/somaxconn = 1024
make read-only /proc/sys
mask /proc/kcore
set hostname box
create directory /work
connect standard streams
set umask
change to working directory /work
drop capabilities
set user 1000:1000
set capabilities
exec /bin/sh [sh] [-c] [exit 3]
)");
}

// After pivot_root the host is out of reach: whatever comes from it was opened before.
TEST_F(StartPlan, OpensEverySourceBeforeThePivot) {
  const std::string text = Describe();
  const size_t pivot = text.find("pivot_root");
  ASSERT_NE(pivot, std::string::npos);
  EXPECT_LT(text.rfind("open mount source"), pivot);
  EXPECT_GT(text.find("bind mount"), pivot);
}

TEST_F(StartPlan, ADirectoryOfTheHostIsTheRootItselfOrTheLayerBelowIt) {
  record_.config.rootfs.path = "/srv/root";
  std::string text = Describe();
  EXPECT_EQ(text.find("mount overlay"), std::string::npos);
  EXPECT_NE(text.find("open mount source #5 /srv/root flags=0x8000\nbind mount #5 to /R/root\n"
                      "pivot_root /R/root\n"),
            std::string::npos)
      << text;
  record_.config.rootfs.overlay = true;
  text = Describe();
  EXPECT_NE(text.find("mount overlay /R/root\n"), std::string::npos);
  EXPECT_EQ(text.find("/srv/root"), std::string::npos) << "only as a lower directory";
}

TEST_F(StartPlan, ATimeZoneIsALinkInTheRootOrABindOverIt) {
  input_.timezone = ResolvedTimezone{.link = "../usr/share/zoneinfo/UTC"};
  std::string text = Describe();
  EXPECT_NE(text.find("remove /etc/localtime\ncreate directory /etc\n"
                      "create symlink /etc/localtime -> ../usr/share/zoneinfo/UTC\n"),
            std::string::npos)
      << text;
  input_.timezone = ResolvedTimezone{.content = "TZif", .replaces = false};
  text = Describe();
  EXPECT_EQ(text.find("remove"), std::string::npos);
  EXPECT_NE(text.find("open mount source #3 /D/containers/"), std::string::npos) << text;
  EXPECT_NE(text.find("bind mount #3 to /etc/localtime flags=0xe\n"), std::string::npos) << text;
}

TEST_F(StartPlan, PassedDescriptorsComeAfterTheStreamsAndBeforeTheLimits) {
  EXPECT_EQ(Describe().find("pass descriptors"), std::string::npos);
  input_.passes_fds = true;
  EXPECT_NE(Describe().find("connect standard streams\npass descriptors\nset umask"),
            std::string::npos);
}

TEST_F(StartPlan, ThePrivilegesGoLast) {
  record_.config.process.no_new_privileges = true;
  const std::string text = Describe();
  size_t last = 0;
  for (const char* step : {"pivot_root\n", "await cgroup", "drop capabilities", "set user",
                           "set capabilities", "set no_new_privs", "exec"}) {
    const size_t at = text.find(std::string(step) == "pivot_root\n" ? "pivot_root" : step);
    ASSERT_NE(at, std::string::npos) << step;
    EXPECT_GE(at, last) << step;
    last = at;
  }
}

TEST_F(StartPlan, WaitsForTheCgroupExactlyOnceAndBeforeItShows) {
  for (bool mounted : {true, false}) {
    if (!mounted) record_.config.mounts.erase(record_.config.mounts.begin() + 2);
    const std::string text = Describe();
    const size_t await = text.find("await cgroup");
    ASSERT_NE(await, std::string::npos);
    EXPECT_EQ(text.find("await cgroup", await + 1), std::string::npos);
    EXPECT_EQ(mounted, text.find("cgroup2") != std::string::npos);
    EXPECT_LT(await, text.find("cgroup2"));
    EXPECT_LT(await, text.find("exec"));
  }
}

// A namespace that was made, and wired, before: it is joined by the descriptor that came along.
TEST_F(StartPlan, JoinsTheNamespaceOfItsNetworks) {
  record_.config.network.attachments = {{.network = "bridge"}};
  const std::string bytes = BuildClonePlan(record_.config, input_.cgroup).Serialize();
  const PlanView attached(bytes.data());
  EXPECT_EQ(attached.header().clone_flags & CLONE_NEWNET, 0u);
  EXPECT_EQ(attached.header().joined, 1u);
  std::string text = DescribePlan(bytes);
  EXPECT_LT(text.find("join namespaces"), text.find("bring up loopback")) << text;
  record_.config.network.attachments.clear();
  record_.config.namespaces.net = NamespaceMode::kJoined;
  text = DescribePlan(BuildClonePlan(record_.config, input_.cgroup).Serialize());
  EXPECT_NE(text.find("join namespaces"), std::string::npos) << text;
  EXPECT_EQ(text.find("bring up loopback"), std::string::npos) << "it is another's: " << text;
}

// The order is that of the descriptors which come along (engine/joined_namespaces.h).
TEST_F(StartPlan, JoinsTheNamespacesOfOtherContainers) {
  NamespaceModes& modes = record_.config.namespaces;
  modes.pid = modes.ipc = modes.uts = modes.net = NamespaceMode::kJoined;
  modes.pid_container = modes.ipc_container = modes.uts_container = "other";
  record_.config.hostname = "theirs";
  std::erase_if(record_.config.mounts,
                [](const Mount& mount) { return mount.target == "/dev/shm"; });
  record_.config.mounts.push_back({.kind = MountKind::kJoinedShm, .target = "/dev/shm"});
  const std::string bytes = BuildClonePlan(record_.config, input_.cgroup).Serialize();
  const PlanView plan(bytes.data());
  EXPECT_EQ(plan.header().joined, 6u);
  EXPECT_EQ(plan.header().clone_flags, static_cast<uint64_t>(CLONE_NEWNS));
  std::vector<std::pair<uint64_t, uint64_t>> joins;  // which of them is what
  for (const Step& step : plan.steps()) {
    if (step.kind == StepKind::kJoinNamespaces) joins.emplace_back(step.slot, step.flags);
    if (step.kind == StepKind::kOpenJoinedTree) joins.emplace_back(step.value, CLONE_NEWNS);
  }
  EXPECT_EQ(joins, (std::vector<std::pair<uint64_t, uint64_t>>{{0, CLONE_NEWPID},
                                                               {1, CLONE_NEWIPC},
                                                               {2, CLONE_NEWUTS},
                                                               {3, CLONE_NEWNET},
                                                               {4, CLONE_NEWNS},
                                                               {5, CLONE_NEWNS}}));
  const std::string text = Describe();
  EXPECT_NE(text.find(fmt::format("bind mount #{} to /dev/shm", kJoinedShmSlot)), std::string::npos)
      << text;
  EXPECT_NE(text.find(fmt::format("bind mount #{} to /proc", kJoinedProcSlot)), std::string::npos)
      << text;
  EXPECT_EQ(text.find("set hostname"), std::string::npos) << "it is another's: " << text;
}

// Who is there may trace it from then on: nothing of what it had for its start is left to it.
TEST_F(StartPlan, EntersThePidNamespaceOfOthersLast) {
  record_.config.namespaces.pid = NamespaceMode::kJoined;
  record_.config.namespaces.pid_container = "other";
  record_.config.process.terminal = true;
  record_.config.process.oom_score_adj = 5;
  const sock_filter filter[1] = {};
  input_.seccomp = filter;
  for (bool no_new_privileges : {false, true}) {
    record_.config.process.no_new_privileges = no_new_privileges;
    const std::string text = Describe();
    size_t at = 0;
    for (const char* step : {"oom_score_adj", "pivot_root", "set user", "enter PID namespace",
                             "setsid", "set controlling terminal", "await cgroup", "exec"}) {
      const size_t found = text.find(step, at);
      ASSERT_NE(found, std::string::npos) << step << text;
      at = found;
    }
    const size_t forked = text.find("enter PID namespace");
    EXPECT_LT(text.find("set capabilities"), forked) << text;
    // A strict profile need not allow hoy's own calls where the kernel lets it come last.
    EXPECT_EQ(text.find("install seccomp filter") > forked, no_new_privileges) << text;
  }
}

TEST_F(StartPlan, OfASessionEntersItLastToo) {
  ExecInput input;
  input.process = &record_.config.process;
  const std::string join = DescribePlan(BuildJoinPlan({}).Serialize());
  EXPECT_EQ(join.find("enter PID namespace"), std::string::npos) << join;
  const std::string text = DescribePlan(BuildExecPlan(input).Serialize());
  EXPECT_LT(text.find("set capabilities"), text.find("enter PID namespace")) << text;
  EXPECT_LT(text.find("enter PID namespace"), text.find("setsid")) << text;
}

TEST_F(StartPlan, HostNamespacesAreLeftAlone) {
  record_.config.namespaces = {NamespaceMode::kHost, NamespaceMode::kHost, NamespaceMode::kHost,
                               NamespaceMode::kHost, NamespaceMode::kHost};
  const std::string bytes = BuildClonePlan(record_.config, input_.cgroup).Serialize();
  EXPECT_EQ(PlanView(bytes.data()).header().clone_flags, static_cast<uint64_t>(CLONE_NEWNS));
  const std::string text = Describe();
  EXPECT_EQ(text.find("loopback"), std::string::npos);
  EXPECT_EQ(text.find("unshare"), std::string::npos);
}

// clone3 puts it into a cgroup v2; into those of v1 it goes by itself, later.
TEST_F(StartPlan, TheClonePlanNamesTheCgroupOnlyWhereItIsV2) {
  const std::string v2 = BuildClonePlan(record_.config, input_.cgroup).Serialize();
  const PlanView view(v2.data());
  EXPECT_STREQ(view.text(view.header().cgroup_dir), "/sys/fs/cgroup/hoy/a");
  const std::string v1 =
      BuildClonePlan(record_.config, {CgroupVersion::kV1, {{"pids", "/p"}}}).Serialize();
  EXPECT_EQ(PlanView(v1.data()).header().cgroup_dir, 0u);
}

// Below all layers, so that an image's own files win.
TEST_F(StartPlan, TheMountPointsAreTheLowestLayer) {
  const std::string bytes = BuildStartPlan(input_).Serialize();
  const PlanView plan(bytes.data());
  for (const Step& step : plan.steps()) {
    if (step.kind != StepKind::kOverlay) continue;
    auto lowers = plan.list(step.d);
    ASSERT_EQ(lowers.size(), 3u);
    EXPECT_STREQ(plan.text(lowers[0]), "/D/layers/22/fs");
    EXPECT_STREQ(plan.text(lowers[2]), "/D/mountpoints");
    return;
  }
  FAIL() << "no overlay";
}

TEST_F(StartPlan, AnAutoRemoveContainerWritesNoExitRecord) {
  const std::string kept = BuildStartPlan(input_).Serialize();
  EXPECT_NE(PlanView(kept.data()).header().exit_path, 0u);
  EXPECT_EQ(PlanView(kept.data()).header().durable, 1u);
  record_.config.auto_remove = true;
  const std::string removed = BuildStartPlan(input_).Serialize();
  EXPECT_EQ(PlanView(removed.data()).header().exit_path, 0u);
  EXPECT_EQ(PlanView(removed.data()).header().durable, 0u);
}

}  // namespace
}  // namespace hoy::core
