#include "cli/ops/container_config.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>

#include "cli/ops/environment.h"
#include "core/seccomp/capabilities.h"

namespace hoy::cli {
namespace {

using core::ContainerConfig;
using core::Mount;
using core::MountKind;
using core::NamespaceMode;
using Strings = std::vector<std::string>;

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

oci::ImageRunConfig Image() {
  oci::ImageRunConfig image;
  image.entrypoint = {"/entry", "-e"};
  image.cmd = {"serve"};
  image.env = {"PATH=/app/bin:/bin", "MODE=image"};
  image.user = "app";
  image.working_dir = "/app/";
  image.stop_signal = "SIGQUIT";
  image.labels = {{"from", "image"}, {"kept", "yes"}};
  image.volumes = {"/data"};
  return image;
}

HostFacts Host() {
  HostFacts host;
  host.env = {"HOME=/root", "SECRET=s3", "PATH=/host/bin"};
  host.cwd = "/cwd";
  host.hostname = "machine";
  host.topology = {.online_cpus = "0-3", .online_mems = "0"};
  return host;
}

ContainerConfig Build(const RunOptions& options, const oci::ImageRunConfig& image = Image(),
                      const HostFacts& host = Host()) {
  auto built = BuildContainerConfig(options, image, host, kId);
  EXPECT_TRUE(built.has_value()) << built.error().message;
  return built.has_value() ? built->config : ContainerConfig{};
}

std::string Refusal(const RunOptions& options, HostFacts host = Host()) {
  if (options.rootfs) host.rootfs = options.image;
  auto built = BuildContainerConfig(options, Image(), host, kId);
  if (built.has_value()) return "accepted";
  EXPECT_EQ(built.error().kind, ErrorKind::kInvalidArgument) << built.error().message;
  return built.error().message;
}

const Mount* FindMount(const ContainerConfig& config, const std::string& target) {
  auto found = std::ranges::find(config.mounts, target, &Mount::target);
  return found == config.mounts.end() ? nullptr : &*found;
}

bool Contains(const Strings& list, const std::string& text) {
  return std::ranges::find(list, text) != list.end();
}

TEST(BuildContainerConfig, TakesTheImagesWord) {
  ContainerConfig config = Build({.image = "app"});
  EXPECT_EQ(config.process.args, (Strings{"/entry", "-e", "serve"}));
  EXPECT_EQ(config.process.env, (Strings{"PATH=/app/bin:/bin", "HOSTNAME=0123456789ab",
                                         "container=oci", "MODE=image"}));
  EXPECT_EQ(config.process.cwd, "/app");
  EXPECT_EQ(config.process.user, "app");
  EXPECT_EQ(config.stop_signal, 3);
  EXPECT_EQ(config.hostname, "0123456789ab");
  EXPECT_EQ(config.labels, (core::StringPairs{{"from", "image"}, {"kept", "yes"}}));
  EXPECT_EQ(config.image.reference, "app");
  EXPECT_FALSE(config.HasHealthCheck());
  EXPECT_EQ(config.image.volumes, Strings{"/data"});
  EXPECT_EQ(config.stop_timeout_seconds, 10);
  EXPECT_FALSE(config.process.terminal);
}

TEST(BuildContainerConfig, MergesEntrypointAndCommandAsDockerDoes) {
  struct Case {
    std::optional<std::string> entrypoint;
    Strings command;
    Strings args;  // empty: refused
  };
  const Case cases[] = {
      {std::nullopt, {}, {"/entry", "-e", "serve"}},
      {std::nullopt, {"other", "-x"}, {"/entry", "-e", "other", "-x"}},
      {"/bin/sh", {}, {"/bin/sh"}},
      {"/bin/sh", {"-c", "x"}, {"/bin/sh", "-c", "x"}},
      {"", {"ls"}, {"ls"}},
      {"", {}, {}},
  };
  for (const Case& c : cases) {
    RunOptions options{.command = c.command, .entrypoint = c.entrypoint};
    if (c.args.empty()) {
      EXPECT_EQ(Refusal(options), "no command to run");
    } else {
      EXPECT_EQ(Build(options).process.args, c.args);
    }
  }
  EXPECT_FALSE(BuildContainerConfig({}, {}, Host(), kId).has_value());
}

TEST(BuildContainerConfig, LayersTheEnvironment) {
  HostFacts host = Host();
  host.texts["file"] = "MODE=file\nSECRET\nABSENT\nFILE=1\n";
  RunOptions options{
      .tty = true, .env = {"MODE=flag", "HOME", "NOWHERE", "NEW=a=b"}, .env_file = {"file"}};
  EXPECT_EQ(Build(options, Image(), host).process.env,
            (Strings{"PATH=/app/bin:/bin", "HOSTNAME=0123456789ab", "TERM=xterm", "container=oci",
                     "MODE=flag", "SECRET=s3", "FILE=1", "HOME=/root", "NEW=a=b"}));
  RunOptions from_host{.env_host = true, .unsetenv = {"MODE", "container"}};
  EXPECT_EQ(Build(from_host).process.env,
            (Strings{"PATH=/app/bin:/bin", "HOSTNAME=0123456789ab", "HOME=/root", "SECRET=s3"}));
  // A name that the host does not have takes the variable away.
  EXPECT_EQ(Build({.env = {"MODE"}}).process.env,
            (Strings{"PATH=/app/bin:/bin", "HOSTNAME=0123456789ab", "container=oci"}));
  EXPECT_EQ(Refusal({.env = {"=x"}}), "-e '=x': a variable needs a name");
}

TEST(BuildContainerConfig, KnowsWhichVariablesNobodyAskedFor) {
  EXPECT_EQ(Build({.tty = true}).own_variables, (Strings{"HOSTNAME", "TERM", "container"}));
  const ContainerConfig config =
      Build({.tty = true, .env = {"TERM=xterm"}, .unsetenv = {"container"}});
  EXPECT_EQ(config.own_variables, Strings{"HOSTNAME"});
  EXPECT_EQ(GivenEnvironment(config), (Strings{"PATH=/app/bin:/bin", "TERM=xterm", "MODE=image"}));
}

TEST(BuildContainerConfig, HasTheDefaultMountsInOrder) {
  ContainerConfig config = Build({});
  Strings targets;
  for (const Mount& mount : config.mounts) targets.push_back(mount.target);
  EXPECT_EQ(targets, (Strings{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys",
                              "/sys/fs/cgroup", "/data"}));
  EXPECT_EQ(FindMount(config, "/sys")->flags, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
  EXPECT_EQ(FindMount(config, "/dev/shm")->data, "mode=1777,size=67108864");
  EXPECT_EQ(config.devices.size(), 6U);
  EXPECT_FALSE(config.device_rules.empty());
  EXPECT_TRUE(Contains(config.masked_paths, "/proc/kcore"));
  EXPECT_TRUE(Contains(config.readonly_paths, "/proc/sys"));
}

TEST(BuildContainerConfig, PutsUserMountsInPlaceOfDefaults) {
  HostFacts host = Host();
  host.sources = {{"/src", true}, {"/src/file", false}, {"/dev", true}};
  RunOptions options{.volume = {"/src/file:/a/b/c", "/src:/a"},
                     .mount = {"type=tmpfs,dst=/dev/shm"},
                     .tmpfs = {"/sys"}};
  ContainerConfig config = Build(options, Image(), host);
  Strings targets;
  for (const Mount& mount : config.mounts) targets.push_back(mount.target);
  EXPECT_EQ(targets, (Strings{"/proc", "/dev", "/dev/pts", "/dev/mqueue", "/a", "/sys", "/data",
                              "/dev/shm", "/a/b/c"}));
  EXPECT_FALSE(FindMount(config, "/a/b/c")->source_is_directory);
  EXPECT_TRUE(FindMount(config, "/a")->source_is_directory);

  ContainerConfig host_dev = Build({.volume = {"/dev:/dev"}}, Image(), host);
  EXPECT_TRUE(host_dev.devices.empty()) << "nodes would be made in the host's /dev";
  EXPECT_EQ(FindMount(host_dev, "/dev/pts"), nullptr);

  EXPECT_EQ(Refusal({.volume = {"/src:/a"}, .tmpfs = {"/a/"}}, host),
            "--tmpfs '/a/': something is mounted on '/a' already");
}

TEST(BuildContainerConfig, LeavesTheKernelItsProc) {
  HostFacts host = Host();
  host.sources = {{"/src", true}, {"/src/file", false}, {"/proc", true}};
  for (const char* target : {"/proc", "/proc/sys", "/proc/self/", "/proc/meminfo/x"}) {
    const std::string text = std::string("/src:") + target;
    EXPECT_EQ(Refusal({.volume = {text}}, host), "-v '" + text + "': /proc is the kernel's");
    EXPECT_EQ(Refusal({.tmpfs = {target}}, host),
              std::string("--tmpfs '") + target + "': /proc is the kernel's");
  }
  EXPECT_NE(FindMount(Build({.volume = {"/proc:/proc"}}, Image(), host), "/proc"), nullptr);
  EXPECT_NE(
      FindMount(Build({.volume = {"/src/file:/proc/meminfo"}}, Image(), host), "/proc/meminfo"),
      nullptr);
  EXPECT_NE(FindMount(Build({.volume = {"/src:/process"}}, Image(), host), "/process"), nullptr);
}

TEST(BuildContainerConfig, GivesTheImagesVolumesWhatNothingElseIsMountedOn) {
  HostFacts host = Host();
  host.mounts_of["one:ro"] = {
      {.kind = MountKind::kBind, .source = "/srv", .target = "/s", .from_user = true},
      {.target = "/d", .from_user = true, .volume = core::VolumeUse{.name = "named"}},
      {.target = "/data", .from_user = true, .volume = core::VolumeUse{.name = "theirs"}}};
  oci::ImageRunConfig image = Image();
  image.volumes = {"/own/", "/data", "/s", "/proc", "/dev/x", "/"};
  RunOptions options{.volume = {"mine:/d"}, .volumes_from = {"one:ro"}};
  ContainerConfig config = Build(options, image, host);
  EXPECT_TRUE(FindMount(config, "/own")->volume->anonymous);
  EXPECT_TRUE(FindMount(config, "/own")->from_user);
  EXPECT_EQ(FindMount(config, "/d")->volume->name, "mine");
  EXPECT_EQ(FindMount(config, "/d")->flags, 0U);
  EXPECT_EQ(FindMount(config, "/data")->volume->name, "theirs");
  EXPECT_EQ(FindMount(config, "/data")->flags, uint64_t{MS_RDONLY});
  EXPECT_EQ(FindMount(config, "/s")->source, "/srv");
  EXPECT_EQ(FindMount(config, "/proc")->kind, MountKind::kProc);
  EXPECT_EQ(FindMount(config, "/dev/x"), nullptr);
  EXPECT_EQ(FindMount(config, "/"), nullptr);
}

TEST(BuildContainerConfig, SyncsAsOftenAsTheShortestMountAsksUnlessItIsTold) {
  RunOptions options{.mount = {"type=s3,bucket=abc,dst=/a,sync-interval=1m",
                               "type=s3,bucket=abd,dst=/b,sync-interval=2s",
                               "type=s3,bucket=abe,dst=/c"}};
  EXPECT_EQ(Build(options).sync_interval_ns, 2'000'000'000);
  options.sync_interval = "5m";
  EXPECT_EQ(Build(options).sync_interval_ns, 300'000'000'000);
  options.sync_interval = "0";
  EXPECT_EQ(Build(options).sync_interval_ns, 0);
}

TEST(BuildContainerConfig, KeepsAReadOnlyRootUsable) {
  ContainerConfig plain = Build({.read_only = true});
  EXPECT_TRUE(plain.readonly_rootfs);
  EXPECT_EQ(FindMount(plain, "/tmp"), nullptr);
  ContainerConfig config =
      Build({.tmpfs = {"/tmp:size=1m"}, .read_only = true, .read_only_tmpfs = true});
  EXPECT_EQ(FindMount(config, "/tmp")->data, "size=1048576");
  EXPECT_EQ(FindMount(config, "/run")->data, "mode=755");
  EXPECT_NE(FindMount(config, "/var/tmp"), nullptr);
}

TEST(BuildContainerConfig, OpensUpForPrivileged) {
  HostFacts host = Host();
  host.all_devices = {{.path = "/sda", .host_path = "/dev/sda", .type = 'b', .major = 8}};
  ContainerConfig config = Build({.privileged = true}, Image(), host);
  EXPECT_TRUE(config.masked_paths.empty());
  EXPECT_TRUE(config.readonly_paths.empty());
  EXPECT_TRUE(config.device_rules.empty());
  EXPECT_EQ(config.seccomp.mode, core::SeccompMode::kUnconfined);
  EXPECT_EQ(config.process.capabilities.bounding, host.capabilities);
  EXPECT_EQ(FindMount(config, "/sys")->flags & MS_RDONLY, 0U);
  EXPECT_EQ(config.devices.back().path, "/dev/sda");
}

TEST(BuildContainerConfig, SetsCapabilitiesAndSecurity) {
  HostFacts host = Host();
  const std::string profile = R"({"defaultAction": "SCMP_ACT_ALLOW"})";
  host.texts["/p.json"] = profile;
  ContainerConfig config = Build({.cap_add = {"NET_ADMIN"},
                                  .cap_drop = {"ALL"},
                                  .security_opt = {"seccomp=/p.json", "no-new-privileges",
                                                   "unmask=/proc/k*", "mask=/opt/secret"},
                                  .umask = "077",
                                  .oom_score_adj = "-500"},
                                 Image(), host);
  core::CapabilitySet wanted;
  wanted.Add(12);
  EXPECT_EQ(config.process.capabilities.bounding, wanted.bits);
  EXPECT_EQ(config.cap_add, Strings{"CAP_NET_ADMIN"});
  EXPECT_EQ(config.cap_drop, Strings{"ALL"});
  EXPECT_EQ(config.process.capabilities.effective, wanted.bits);
  EXPECT_EQ(config.process.capabilities.inheritable, 0U);
  EXPECT_EQ(config.process.capabilities.ambient, 0U);
  EXPECT_EQ(config.seccomp, (core::SeccompChoice{core::SeccompMode::kProfile, profile}));
  EXPECT_TRUE(config.process.no_new_privileges);
  EXPECT_FALSE(Contains(config.masked_paths, "/proc/kcore"));
  EXPECT_TRUE(Contains(config.masked_paths, "/proc/acpi"));
  EXPECT_TRUE(Contains(config.masked_paths, "/opt/secret"));
  EXPECT_EQ(config.process.umask, 077U);
  EXPECT_EQ(config.process.oom_score_adj, -500);
  ContainerConfig unmasked = Build({.security_opt = {"unmask=ALL"}});
  EXPECT_TRUE(unmasked.masked_paths.empty() && unmasked.readonly_paths.empty());
}

TEST(BuildContainerConfig, WarnsAboutACapabilityThatHoyLacks) {
  HostFacts host = Host();
  host.capabilities &= ~(1ULL << 24);
  auto built = BuildContainerConfig({.cap_add = {"SYS_RESOURCE"}}, Image(), host, kId);
  ASSERT_TRUE(built.has_value());
  EXPECT_EQ(built->warnings, Strings{"--cap-add CAP_SYS_RESOURCE: hoy does not have it itself"});
  EXPECT_TRUE(BuildContainerConfig({}, Image(), host, kId)->warnings.empty());
  EXPECT_TRUE(BuildContainerConfig({.privileged = true}, Image(), host, kId)->warnings.empty());
}

TEST(BuildContainerConfig, ClampsRlimitsWithOneWarningWhereTheHostIsBelow) {
  HostFacts host = Host();
  host.rlimits[RLIMIT_NOFILE] = {1024, 20000};
  RunOptions options{.ulimit = {"nofile=65536:65536", "core=0", "nofile=4096:65536"}};
  auto free = BuildContainerConfig(options, Image(), host, kId);
  ASSERT_TRUE(free.has_value());
  EXPECT_TRUE(free->warnings.empty());
  EXPECT_EQ(free->config.process.rlimits,
            (std::vector<core::Rlimit>{{RLIMIT_CORE, 0, 0}, {RLIMIT_NOFILE, 4096, 65536}}));

  host.can_raise_rlimits = false;
  auto clamped = BuildContainerConfig({.ulimit = {"nofile=65536"}}, Image(), host, kId);
  ASSERT_TRUE(clamped.has_value());
  EXPECT_EQ(clamped->config.process.rlimits,
            (std::vector<core::Rlimit>{{RLIMIT_NOFILE, 20000, 20000}}));
  EXPECT_EQ(clamped->warnings,
            Strings{"--ulimit nofile=65536: this host allows hoy no more than 20000 (no "
                    "CAP_SYS_RESOURCE)"});
  auto below = BuildContainerConfig({.ulimit = {"nofile=100"}}, Image(), host, kId);
  EXPECT_TRUE(below->warnings.empty());
  EXPECT_TRUE(BuildContainerConfig({}, Image(), host, kId)->config.process.rlimits.empty());
}

TEST(BuildContainerConfig, ReadsLimits) {
  ContainerConfig config = Build({.memory = "512m",
                                  .memory_swap = "-1",
                                  .memory_reservation = "256m",
                                  .cpus = "1.5",
                                  .cpu_shares = "512",
                                  .cpuset_cpus = "0-1",
                                  .pids_limit = "100",
                                  .blkio_weight = "300",
                                  .cgroup_conf = {"memory.high=1G"},
                                  .cgroup_parent = "/jobs/a"});
  EXPECT_EQ(config.limits.memory_bytes, 512 << 20);
  EXPECT_EQ(config.limits.memory_swap_bytes, -1);
  EXPECT_EQ(config.limits.memory_reservation_bytes, 256 << 20);
  EXPECT_EQ(config.limits.nano_cpus, 1'500'000'000);
  EXPECT_EQ(config.limits.cpu_shares, 512);
  EXPECT_EQ(config.limits.cpuset_cpus, "0-1");
  EXPECT_EQ(config.limits.pids_limit, 100);
  EXPECT_EQ(config.limits.blkio_weight, 300);
  EXPECT_EQ(config.limits.cgroup_conf.front(),
            (std::pair<std::string, std::string>("memory.high", "1G")));
  EXPECT_EQ(config.cgroup_parent, "/jobs/a");
  EXPECT_EQ(Build({}).limits, core::ResourceLimits{});
}

TEST(BuildContainerConfig, AddsDevicesWithTheirRules) {
  HostFacts host = Host();
  host.devices["/dev/fuse"] = {{.host_path = "/dev/fuse", .major = 10, .minor = 229, .mode = 0600}};
  host.devices["/dev/snd"] = {{.path = "/timer", .host_path = "/dev/snd/timer", .major = 116}};
  ContainerConfig config =
      Build({.device = {"/dev/fuse:/dev/f:rw", "/dev/snd"}, .device_cgroup_rule = {"c 7:* rm"}},
            Image(), host);
  ASSERT_EQ(config.devices.size(), 8U);
  EXPECT_EQ(config.devices[6].path, "/dev/f");
  EXPECT_EQ(config.devices[6].mode, 0600U);
  EXPECT_EQ(config.devices[7].path, "/dev/snd/timer");
  auto rules = config.device_rules;
  ASSERT_GE(rules.size(), 3U);
  EXPECT_EQ(rules[rules.size() - 3],
            (core::DeviceRule{.type = 'c', .major = 10, .minor = 229, .access = "rw"}));
  EXPECT_EQ(rules.back(), (core::DeviceRule{.type = 'c', .major = 7, .minor = {}, .access = "rm"}));
}

TEST(BuildContainerConfig, ChoosesNamespacesAndNames) {
  ContainerConfig own = Build({.hostname = "web", .domainname = "d"});
  EXPECT_EQ(own.namespaces, core::NamespaceModes{});
  EXPECT_EQ(own.hostname, "web");
  EXPECT_EQ(own.process.env[1], "HOSTNAME=web");
  ContainerConfig shared =
      Build({.network = {"host"}, .ipc = "host", .pid = "host", .uts = "host"});
  EXPECT_EQ(shared.namespaces.net, NamespaceMode::kHost);
  EXPECT_EQ(shared.namespaces.pid, NamespaceMode::kHost);
  EXPECT_EQ(shared.hostname, "");
  EXPECT_EQ(shared.process.env[1], "HOSTNAME=machine");
  EXPECT_EQ(Build({.network = {"host"}}).hostname, "machine");
  EXPECT_EQ(FindMount(Build({.ipc = "none"}), "/dev/shm"), nullptr);
  EXPECT_EQ(FindMount(Build({.ipc = "shareable"}), "/dev/shm")->kind, MountKind::kTmpfs);
  HostFacts host = Host();
  host.sources["/dev/shm"] = true;
  EXPECT_EQ(FindMount(Build({.ipc = "host"}, Image(), host), "/dev/shm")->kind, MountKind::kBind);
}

TEST(BuildContainerConfig, JoinsTheNamespacesOfAnotherContainer) {
  HostFacts host = Host();
  JoinTarget& web = host.join_targets["container:web"];
  web = {.id = kId, .hostname = "theirs", .namespaces = {}};
  const RunOptions options = {
      .ipc = "container:web", .pid = "container:web", .uts = "container:web"};
  EXPECT_EQ(Refusal({.ipc = "container:web"}, host),
            "--ipc 'container:web': that container does not share its own");
  EXPECT_EQ(Refusal({.hostname = "mine", .uts = "container:web"}, host),
            "--hostname and --domainname cannot be set with --uts container:web");
  EXPECT_EQ(Refusal({.uts = "container:web", .sysctl = {"kernel.domainname=x"}}, host),
            "--sysctl 'kernel.domainname=x': the namespace that --uts joins is not this "
            "container's to change");
  web.namespaces.ipc_sharing = core::IpcSharing::kShareable;
  EXPECT_EQ(Refusal({.ipc = "container:web", .sysctl = {"kernel.msgmax=1"}}, host),
            "--sysctl 'kernel.msgmax=1': the namespace that --ipc joins is not this container's "
            "to change");
  const ContainerConfig config = Build(options, Image(), host);
  const core::NamespaceModes& modes = config.namespaces;
  for (NamespaceMode mode : {modes.pid, modes.ipc, modes.uts}) {
    EXPECT_EQ(mode, NamespaceMode::kJoined);
  }
  for (const std::string* id : {&modes.pid_container, &modes.ipc_container, &modes.uts_container}) {
    EXPECT_EQ(*id, kId);
  }
  EXPECT_EQ(config.hostname, "theirs");
  EXPECT_EQ(config.process.env[1], "HOSTNAME=theirs");
  EXPECT_EQ(FindMount(config, "/dev/shm")->kind, MountKind::kJoinedShm);
  // That it joins another's, or has the host's, makes no difference to who joins it.
  for (NamespaceMode theirs : {NamespaceMode::kHost, NamespaceMode::kJoined}) {
    web.namespaces = {.ipc = theirs};
    EXPECT_EQ(Build(options, Image(), host).namespaces.ipc, NamespaceMode::kJoined);
  }
  EXPECT_EQ(core::DecodeContainerConfig(core::EncodeContainerConfig(config)), config);
}

TEST(BuildContainerConfig, NamesTheFlagThatIsWrong) {
  const std::pair<RunOptions, const char*> cases[] = {
      {{.workdir = "rel"}, "-w 'rel': the path must be absolute"},
      {{.name = "a"}, "--name 'a': names have 2 to 255 characters, [a-zA-Z0-9][a-zA-Z0-9_.-]+"},
      {{.name = "a b"}, "--name 'a b': names have 2 to 255 characters, [a-zA-Z0-9][a-zA-Z0-9_.-]+"},
      {{.label = {"=x"}}, "--label '=x': expected KEY=VALUE"},
      {{.stop_signal = "NOPE"}, "--stop-signal 'NOPE': no such signal"},
      {{.stop_timeout = "-2"}, "--stop-timeout '-2': not in the range -1 to 2147483647"},
      {{.timeout = "soon"}, "--timeout 'soon': not a number"},
      {{.sync_interval = "999ms"}, "--sync-interval '999ms': at least 1s, or 0 for never"},
      {{.sync_interval = "-1m"}, "--sync-interval '-1m': at least 1s, or 0 for never"},
      {{.pull = "maybe"}, "--pull 'maybe': one of always, missing, never, newer"},
      {{.hostname = "a/b"},
       "--hostname 'a/b': at most 64 letters, digits, '-', '_' and '.' are allowed"},
      {{.hostname = "x", .uts = "host"},
       "--hostname and --domainname cannot be set with --uts host"},
      {{.tz = "../../etc"}, "--tz '../../etc': not the name of a time zone"},
      {{.detach = true, .attach = {"stdout"}}, "--attach and --detach contradict each other"},
      {{.image = "/", .rootfs = true}, "--rootfs '/': the host's own root would be written to"},
      {{.network = {"host", "web"}}, "--network 'host': not together with others"},
      {{.pid = "shared"}, "--pid 'shared': one of private, host, container:NAME"},
      {{.pid = "container:"}, "--pid 'container:': a container is wanted"},
      {{.ipc = "shared"}, "--ipc 'shared': one of private, shareable, none, host, container:NAME"},
      {{.network = {"host"}, .sysctl = {"net.core.somaxconn=1"}},
       "--sysctl 'net.core.somaxconn=1': with --network host this would change the host"},
      {{.shm_size = "big"}, "--shm-size 'big': not a size like 512m or 2g"},
      {{.storage_opt = {"size=big"}}, "--storage-opt size 'big': not a size like 512m or 2g"},
      {{.storage_opt = {"inodes=5"}}, "--storage-opt 'inodes=5': one of size=SIZE"},
      {{.umask = "888"}, "--umask '888': not an octal mode like 0022"},
      {{.oom_score_adj = "2000"}, "--oom-score-adj '2000': not in the range -1000 to 1000"},
      {{.memory = "4m"}, "--memory 4194304: the minimum is 6m"},
      {{.cpus = "64"}, "--cpus 64: not in 0.01 to 4, the CPUs of this host"},
      {{.cgroup_conf = {"../x=1"}},
       "--cgroup-conf '../x=1': expected the name of a cgroup file, like memory.high=1G"},
      {{.cgroup_parent = "/a/../../b"}, "--cgroup-parent '/a/../../b': must not contain '..'"},
  };
  for (const auto& [options, message] : cases) EXPECT_EQ(Refusal(options), message);
}

TEST(BuildContainerConfig, AttachesWhatIsNamedOrElseTheOutput) {
  using core::AttachedStreams;
  EXPECT_EQ(Build({}).attached, (AttachedStreams{false, true, true}));
  EXPECT_EQ(Build({.interactive = true}).attached, (AttachedStreams{true, true, true}));
  EXPECT_EQ(Build({.attach = {"stdin"}}).attached, (AttachedStreams{true, false, false}));
  EXPECT_EQ(Build({.attach = {"stderr"}, .interactive = true}).attached,
            (AttachedStreams{true, false, true}));
  EXPECT_EQ(Build({.detach = true, .interactive = true}).attached, AttachedStreams{});
}

TEST(BuildContainerConfig, TakesADirectoryForTheImage) {
  HostFacts host = Host();
  host.rootfs = "/srv/root";
  ContainerConfig plain = Build({.image = "./root", .rootfs = true}, Image(), host);
  EXPECT_EQ(plain.rootfs, (core::RootDirectory{"/srv/root", false}));
  EXPECT_EQ(plain.image.reference, "/srv/root");
  EXPECT_FALSE(plain.HasUpper());
  ContainerConfig overlay = Build({.image = "./root:O", .rootfs = true}, Image(), host);
  EXPECT_EQ(overlay.rootfs, (core::RootDirectory{"/srv/root", true}));
  EXPECT_EQ(overlay.image.reference, "/srv/root:O");
  EXPECT_TRUE(overlay.HasUpper());
  host.rootfs = "/";
  EXPECT_TRUE(Build({.image = "/:O", .rootfs = true}, Image(), host).HasUpper());
}

TEST(BuildContainerConfig, ChecksOptionsWithoutAnImage) {
  EXPECT_TRUE(CheckRunOptions({.entrypoint = ""}, Host()).has_value());
  EXPECT_FALSE(CheckRunOptions({.memory = "x"}, Host()).has_value());
}

TEST(BuildContainerConfig, NamesTheSeccompProfileThatIsWrongAndItsLine) {
  HostFacts host = Host();
  host.texts["/p.json"] = "{\n \"defaultAction\": \"SCMP_ACT_ALLOW\",\n}";
  auto config = BuildContainerConfig({.security_opt = {"seccomp=/p.json"}}, Image(), host, kId);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().message,
            "--security-opt 'seccomp=/p.json': seccomp profile: not JSON at line 3");
}

}  // namespace
}  // namespace hoy::cli
