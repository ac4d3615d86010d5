#include "cli/ops/container_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>

#include "cli/ops/container_config.h"
#include "cli/ops/exit_report.h"
#include "cli/ops/find_image.h"
#include "cli/ops/log_options.h"
#include "cli/ops/mount_options.h"
#include "cli/ops/namespace_options.h"
#include "cli/ops/pid_file.h"
#include "cli/ops/resolve_networks.h"
#include "cli/ops/secret_options.h"
#include "core/base/fail_point.h"
#include "core/engine/report.h"
#include "core/engine/stop.h"
#include "core/engine/timezone.h"
#include "core/engine/volumes.h"
#include "core/state/name_generator.h"
#include "core/sys/files.h"
#include "core/sys/start_marks.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

Result<> WriteNewFile(const std::string& path, std::string_view text, std::string_view flag) {
  auto fd = core::OpenAt(core::kCwd, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (!fd) return Fail(std::move(fd).error().InContext(flag));
  return core::WriteAll(*fd, text, path);
}

void FillImage(core::ImageIdentity& identity, const std::string& typed,
               const oci::ResolvedImage& image) {
  identity.reference = typed;
  identity.name = image.reference;
  identity.id = image.record.id.hex();
  identity.digest = image.record.manifest.ToString();
  identity.chain_ids.clear();
  for (const oci::Digest& chain_id : image.record.chain_ids) {
    identity.chain_ids.push_back(chain_id.hex());
  }
}

// That of a --mount type=image.
Result<> FindMountedImage(Context& context, const RunOptions& options, core::ImageUse& use) {
  RunOptions wanted = options;
  wanted.image = use.reference;
  TRY_CONTEXT_SET(oci::ResolvedImage image, FindImage(context, wanted), "--mount '{}'",
                  use.reference);
  core::ImageIdentity identity;
  FillImage(identity, use.reference, image);
  if (identity.chain_ids.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': the image has no files", use.reference);
  }
  use.id = std::move(identity.id);
  use.chain_ids = std::move(identity.chain_ids);
  return {};
}

// The binds and volumes that a container was given, and those of its image.
Result<std::vector<core::Mount>> MountsOf(const core::Layout& layout, const std::string& text) {
  TRY(VolumesFrom from, ParseVolumesFrom(text));
  TRY(std::string id, core::FindContainer(layout, from.container));
  TRY(core::ContainerRecord record, core::ReadContainer(layout, id));
  std::erase_if(record.config.mounts, [](const core::Mount& mount) {
    return !mount.from_user || (mount.kind != core::MountKind::kBind && !mount.volume);
  });
  return std::move(record.config.mounts);
}

}  // namespace

ContainerCommand::ContainerCommand(const CommandInfo& info) : LimitedCommand(info) {
  Argument("IMAGE", &options_.image, Completes::kImage);
  OptionalCommandLine(&options_.command);
  AddProcessFlags();
  AddObjectFlags();
  AddHealthFlags();
  AddIsolationFlags();
  AddFileFlags();
  AddResourceFlags();
}

void ContainerCommand::AddProcessFlags() {
  RunOptions& o = options_;
  Option("--entrypoint", &o.entrypoint, "COMMAND", "run this instead of the image's entrypoint");
  Option("-e,--env", &o.env, "NAME[=VALUE]", "set a variable, or pass the host's value on");
  Option("--env-file", &o.env_file, "FILE", "read variables from a file")
      .Completing(Completes::kFile);
  Flag("--env-host", &o.env_host, "pass the host's whole environment on");
  Option("--unsetenv", &o.unsetenv, "NAME", "leave a variable of the image out");
  Option("-w,--workdir", &o.workdir, "DIR", "working directory inside the container");
  Option("-u,--user", &o.user, "USER[:GROUP]", "run as this user, by name or number");
  Option("--group-add", &o.group_add, "GROUP", "add a supplementary group");
  Flag("--init", &o.init, "run a small init as PID 1 that reaps and forwards signals");
  Option("-a,--attach", &o.attach, "STREAM", "connect only this one; may be given more than once")
      .choices = {"stdin", "stdout", "stderr"};
  Flag("-i,--interactive", &o.interactive, "keep stdin open and pass it on");
  Flag("-t,--tty", &o.tty, "give the container a terminal");
  Option("--umask", &o.umask, "MODE", "file mode creation mask, octal");
}

void ContainerCommand::AddObjectFlags() {
  RunOptions& o = options_;
  Option("--name", &o.name, "NAME", "name of the container; a random one when not given");
  Flag("--replace", &o.replace, "remove a container of the same name first");
  Flag("--rm", &o.rm, "remove the container when it has exited");
  Option("--restart", &o.restart, "POLICY",
         "start it again when it has exited: no, on-failure[:N], always, unless-stopped")
      .Completing(Completes::kRestartPolicy);
  Option("-l,--label", &o.label, "KEY[=VALUE]", "set a label");
  Option("--label-file", &o.label_file, "FILE", "read labels from a file")
      .Completing(Completes::kFile);
  Option("--annotation", &o.annotation, "KEY=VALUE", "set an annotation");
  Option("--cidfile", &o.cidfile, "FILE", "write the container's id to a new file")
      .Completing(Completes::kFile);
  Option("--pidfile", &o.pidfile, "FILE", "write the process id to a file")
      .Completing(Completes::kFile);
  Option("--report", &o.report, "FILE",
         "write what a run has used to a file, as JSON; run: also to fd:N, or to stderr as '-'")
      .Completing(Completes::kFile);
  Choice<core::NotifyMode>(
      "--sdnotify", &o.sdnotify,
      {{"conmon", core::NotifyMode::kConmon},
       {"container", core::NotifyMode::kContainer},
       {"ignore", core::NotifyMode::kIgnore}},
      "MODE", "who tells a service manager (NOTIFY_SOCKET) that it is up: conmon: hoy");
  Option("--stop-signal", &o.stop_signal, "SIGNAL", "signal that stops the container")
      .Completing(Completes::kSignal);
  Option("--stop-timeout", &o.stop_timeout, "SECONDS",
         "how long stop waits before it kills; -1: for ever");
  Option("--timeout", &o.timeout, "SECONDS", "kill the container after this time; exit code 124");
  Option("--sync-interval", &o.sync_interval, "TIME",
         "write S3 volumes back so often while it runs, too; 0: only at its end");
  Option("--log-driver", &o.log_driver, "DRIVER", "where the output is kept").choices =
      LogDriverNames();
  Option("--log-opt", &o.log_opt, "NAME=VALUE",
         "an option of the log driver: max-size, max-file, compress, tag, labels or env")
      .Completing(Completes::kLogOption);
  Choice("--pull", &o.pull, {"always", "missing", "never", "newer"}, "POLICY",
         "when to pull the image");
  Option("--platform", &o.platform, "OS/ARCH[/VARIANT]", "platform of the image")
      .Completing(Completes::kPlatform);
  Flag("--tls-verify", &o.tls_verify, "verify registry certificates");
  Option("--signature-policy", &o.signature_policy, "FILE",
         "which images are let in: containers-policy.json(5)")
      .Completing(Completes::kFile);
  Flag("-q,--quiet", &o.quiet, "no progress of a pull");
}

void ContainerCommand::AddHealthFlags() {
  using core::HealthAction;
  RunOptions& o = options_;
  Option("--health-cmd", &o.health_cmd, "COMMAND",
         "command that checks the container's health; none: leave the image's out");
  Option("--health-interval", &o.health_interval, "TIME", "time between two checks; 30s");
  Option("--health-timeout", &o.health_timeout, "TIME",
         "a check that takes longer has failed, and is killed; 30s");
  Option("--health-retries", &o.health_retries, "N", "failures in a row that make it unhealthy; 3");
  Option("--health-start-period", &o.health_start_period, "TIME",
         "time to start in, in which failures do not count; 0s");
  Option("--health-start-interval", &o.health_start_interval, "TIME",
         "time between two checks in the start period; 5s");
  Choice<HealthAction>("--health-on-failure", &o.health_on_failure,
                       {{"none", HealthAction::kNone},
                        {"kill", HealthAction::kKill},
                        {"restart", HealthAction::kRestart},
                        {"stop", HealthAction::kStop}},
                       "ACTION", "what to do to it when it is unhealthy");
  Flag("--no-healthcheck", &o.no_healthcheck, "do not check its health, even if the image says so");
}

void ContainerCommand::AddIsolationFlags() {
  RunOptions& o = options_;
  Option("-h,--hostname", &o.hostname, "NAME", "host name inside the container");
  Option("--domainname", &o.domainname, "NAME", "NIS domain name inside the container");
  Option("--tz", &o.tz, "ZONE", "time zone inside the container, or 'local': the host's");
  Option("--network,--net", &o.network, "NETWORK",
         "none, host, container:ID, ns:PATH, or a network: NAME[:ip=,ip6=,mac=,alias=]")
      .Completing(Completes::kNetworkMode);
  Option("--ip", &o.ip, "ADDRESS", "IPv4 address on the first network");
  Option("--ip6", &o.ip6, "ADDRESS", "IPv6 address on the first network");
  Option("--mac-address", &o.mac_address, "ADDRESS", "MAC address on the first network");
  Option("--network-alias", &o.network_alias, "NAME",
         "a name that others on the first network know it by");
  Option("--dns", &o.dns, "ADDRESS", "a DNS server instead of the host's");
  Option("--dns-search", &o.dns_search, "DOMAIN", "a search domain instead of the host's; .: none");
  Option("--dns-option,--dns-opt", &o.dns_option, "OPTION", "an option of resolv.conf");
  Option("--add-host", &o.add_host, "NAME:ADDRESS",
         "a line for /etc/hosts; host-gateway: the host's address");
  Flag("--no-hosts", &o.no_hosts, "leave /etc/hosts to the image");
  Option("--expose", &o.expose, "PORT[-PORT][/PROTOCOL]",
         "note that the container listens there; shown by inspect and found by ps");
  Option("-p,--publish", &o.publish, "[IP:][HOST:]PORT[/PROTOCOL]",
         "make a port of the container one of the host's; ranges are FIRST-LAST");
  Flag("-P,--publish-all", &o.publish_all, "publish every exposed port on a free port of the host");
  Option("--ipc", &o.ipc, "MODE",
         "IPC namespace and /dev/shm: private, shareable, none, host or container:NAME")
      .Completing(Completes::kIpcMode);
  Option("--pid", &o.pid, "MODE", "PID namespace: private, host or container:NAME")
      .Completing(Completes::kNamespaceMode);
  Option("--uts", &o.uts, "MODE", "UTS namespace: private, host or container:NAME")
      .Completing(Completes::kNamespaceMode);
  Choice("--cgroupns", &o.cgroupns, {"private", "host"}, "MODE", "cgroup namespace");
  Choice("--runtime", &o.runtime, {"hoy", "runc", "crun", "io.containerd.runc.v2"}, "NAME",
         "OCI runtime: hoy is its own, in the place of the others");
  Choice("--userns", &o.userns, {"host"}, "MODE", "user namespace: only the host's");
  Option("--sysctl", &o.sysctl, "NAME=VALUE", "set a namespaced kernel parameter");
  Flag("--privileged", &o.privileged,
       "all capabilities and devices, nothing masked, no seccomp filter");
  Option("--cap-add", &o.cap_add, "CAPABILITY", "add a capability, or ALL")
      .Completing(Completes::kCapability);
  Option("--cap-drop", &o.cap_drop, "CAPABILITY", "drop a capability, or ALL")
      .Completing(Completes::kCapability);
  Option("--security-opt", &o.security_opt, "OPTION",
         "seccomp=FILE|unconfined, no-new-privileges, unmask=PATH[:PATH...]|ALL, mask=PATH");
  Option("--oom-score-adj", &o.oom_score_adj, "N",
         "the OOM killer's taste for the container, -1000 to 1000");
}

void ContainerCommand::AddFileFlags() {
  RunOptions& o = options_;
  Option("-v,--volume", &o.volume, "[SOURCE:]TARGET[:OPTIONS]",
         "mount a volume, or bind a file or directory of the host")
      .Completing(Completes::kVolumeOrFile);
  Option("--volumes-from", &o.volumes_from, "CONTAINER[:OPTIONS]",
         "mount what another container has of volumes and binds")
      .Completing(Completes::kContainer);
  Option("--mount", &o.mount, "type=TYPE,...",
         "mount: type=volume, bind, tmpfs, image, glob or devpts");
  Option("--tmpfs", &o.tmpfs, "TARGET[:OPTIONS]", "mount an empty file system in memory");
  Flag("--rootfs", &o.rootfs,
       "the first argument is a directory to use as the root; DIR:O keeps it as it is");
  Flag("--read-only", &o.read_only, "make the root read-only");
  Flag("--read-only-tmpfs", &o.read_only_tmpfs,
       "with --read-only: writable /run, /tmp and /var/tmp");
  Option("--shm-size", &o.shm_size, "SIZE", "size of /dev/shm");
  Option("--secret", &o.secret, "id=NAME,src=FILE|env=VARIABLE,...",
         "tell the container a secret: in a file below /run/secrets, or with type=env a variable");
  Option("--storage-opt", &o.storage_opt, "size=SIZE", "limit what the root's changes may take");
  Option("--device", &o.device, "HOST[:CONTAINER[:rwm]]",
         "give the container a device, also one that a vendor describes (CDI): VENDOR/CLASS=NAME")
      .Completing(Completes::kFile);
  Option("--gpus", &o.gpus, "GPUS", "NVIDIA GPUs by CDI: all, a number, or device=0,1");
  Option("--device-cgroup-rule", &o.device_cgroup_rule, "RULE",
         "allow devices by number: 'c 1:3 rwm'");
}

void ContainerCommand::AddResourceFlags() {
  RunOptions& o = options_;
  AddLimitFlags(o);
  Option("--cgroup-parent", &o.cgroup_parent, "PATH", "cgroup to put the container's below");
  Option("--ulimit", &o.ulimit, "NAME=SOFT[:HARD]", "set a resource limit");
}

Result<core::ContainerRecord> ContainerCommand::Plan(Context& context) {
  // What is wrong with the flags is said before anything is pulled.
  TRY(HostFacts facts, GatherHostFacts(options_));
  TRY(std::vector<Secret> secrets, ReadSecrets(options_.secret));
  for (const std::string& text : options_.volumes_from) {
    TRY_CONTEXT_SET(facts.mounts_of[text], MountsOf(context.layout, text), "--volumes-from '{}'",
                    text);
  }
  TRY(facts.join_targets, FindJoinTargets(context.layout, options_));
  TRY(CheckRunOptions(options_, facts));
  oci::ResolvedImage image;
  if (!options_.rootfs) {
    TRY(image, FindImage(context, options_));
  }
  core::MarkStart("image");
  core::ContainerRecord record;
  record.id = core::RandomContainerId();
  record.created = core::Now();
  TRY(BuiltConfig built, BuildContainerConfig(options_, image.record.config, facts, record.id));
  for (const std::string& warning : built.warnings) context.Warn(warning);
  record.config = std::move(built.config);
  TRY(ResolveNetworks(context.layout, record.config.network));
  if (!options_.rootfs) FillImage(record.config.image, options_.image, image);
  for (core::Mount& mount : record.config.mounts) {
    if (mount.image) TRY(FindMountedImage(context, options_, *mount.image));
  }
  TRY(core::CheckTimezone(context.layout, record.config));
  TRY(secrets_, AddSecrets(std::move(secrets), context.layout, record));
  return record;
}

Result<> ContainerCommand::WriteObjectFiles(Context& context, const std::string& id) {
  if (!options_.cidfile.empty()) TRY(WriteNewFile(options_.cidfile, id, "--cidfile"));
  TRY(ReportTarget report, ParseReportTarget(options_.report));
  if (report.kind != ReportTarget::Kind::kFile) return {};
  char cwd[PATH_MAX];
  if (getcwd(cwd, sizeof cwd) == nullptr) return FailErrno("--report", report.file);
  bool absolute = report.file.starts_with('/');
  return core::WantReport(context.layout, id,
                          absolute ? report.file : fmt::format("{}/{}", cwd, report.file));
}

Result<core::ContainerRecord> ContainerCommand::Make(Context& context) {
  if (!options_.name.empty()) {
    TRY(core::CheckContainerName(options_.name));
  }
  if (!options_.cidfile.empty() && core::Exists(options_.cidfile)) {
    return Fail(MakeError(ErrorKind::kAlreadyExists,
                          fmt::format("--cidfile: '{}' exists already", options_.cidfile))
                    .WithHint("another container may own it; remove the file first"));
  }
  TRY(CheckPidFile(options_.pidfile));
  TRY(core::PrepareLayout(context.layout));
  TRY(core::ContainerRecord record, Plan(context));
  if (options_.replace && !options_.name.empty()) {
    if (auto old = core::FindContainer(context.layout, options_.name)) {
      auto summary = core::ReadSummary(context.layout, *old);
      // Found by the beginning of its id, it is another one.
      if (!summary || summary->name == options_.name) {
        TRY(core::RemoveStoppedContainer(context.layout, *old, true));
      }
    }
  }
  // Kept until the container is there: nobody removes one of them meanwhile.
  TRY(std::vector<core::VolumeLock> volumes, core::PrepareVolumes(context.layout, record.config));
  signals_.emplace();
  constexpr int kNameTries = 20;
  for (int attempt = 1;; ++attempt) {
    record.name = options_.name.empty() ? core::RandomContainerName() : options_.name;
    TRY(ResolveLogAttributes(record));
    auto created = core::CreateContainer(context.layout, record, secrets_);
    if (created) break;
    bool taken = created.error().kind == ErrorKind::kAlreadyExists;
    if (!taken || !options_.name.empty() || attempt == kNameTries) {
      volumes.clear();
      core::RemoveAnonymousVolumes(context.layout, record.config);
      return Fail(std::move(created).error());
    }
  }
  volumes.clear();
  core::MarkStart("record");
  auto written = WriteObjectFiles(context, record.id);
  if (!written) {
    (void)core::RemoveStoppedContainer(context.layout, record.id, true,
                                       core::WithVolumes::kAnonymous);
    return Fail(std::move(written).error());
  }
  return record;
}

}  // namespace hoy::cli
