#pragma once
// The command line of run and create as data: what was typed, not yet judged. Flags bind to these
// fields one to one; cli/ops/container_config.h makes sense of them.

#include <optional>
#include <string>
#include <vector>

#include "core/state/container_config.h"

namespace hoy::cli {

struct RunOptions {
  // What to run.
  std::string image;    // with `rootfs`: DIR[:O]
  bool rootfs = false;  // --rootfs: the first argument is a directory, not an image
  std::vector<std::string> command;
  std::optional<std::string> entrypoint;  // --entrypoint; "" resets the image's
  std::string workdir;                    // -w
  std::string user;                       // -u USER[:GROUP]
  std::vector<std::string> group_add;     // --group-add
  bool init = false;                      // --init

  // The container as an object.
  std::string name;
  bool replace = false;  // --replace: remove a container of that name first
  bool ensure = false;   // --ensure, run only: use the container of that name, if there is one
  bool rm = false;
  std::vector<std::string> label;       // -l KEY[=VALUE]
  std::vector<std::string> label_file;  // --label-file
  std::vector<std::string> annotation;  // --annotation KEY=VALUE
  std::string cidfile;
  std::string pidfile;
  std::string restart;  // no on-failure[:N] always unless-stopped
  std::string stop_signal;
  std::string stop_timeout;          // seconds; -1 waits for ever
  std::string timeout;               // seconds; 0 never
  std::string sync_interval;         // of S3 volumes, as "1m30s"; 0 never
  std::string log_driver;            // file json-file journald none passthrough
  std::vector<std::string> log_opt;  // --log-opt NAME=VALUE

  // Its health; times as "1m30s".
  std::string health_cmd;  // for a shell, or a JSON array; "none": no check
  std::string health_interval;
  std::string health_timeout;
  std::string health_start_period;
  std::string health_start_interval;
  std::string health_retries;
  core::HealthAction health_on_failure = core::HealthAction::kNone;
  bool no_healthcheck = false;

  // How the client behaves.
  bool detach = false;
  std::vector<std::string> attach;  // stdin stdout stderr; none: stdout, stderr, and stdin with -i
  bool interactive = false;
  bool tty = false;
  bool sig_proxy = true;
  std::optional<std::string> detach_keys;
  std::string preserve_fds;  // --preserve-fds N, run only
  bool quiet = false;        // no pull progress
  bool explain = false;      // print the plan, run nothing
  bool timing = false;       // where the start went
  std::string report;        // --report FILE, fd:N or -
  core::NotifyMode sdnotify = core::NotifyMode::kConmon;

  // The image.
  std::string pull = "missing";  // always missing never newer
  std::string platform;
  bool tls_verify = true;
  std::string signature_policy;  // --signature-policy FILE

  // Environment.
  std::vector<std::string> env;       // -e NAME=VALUE; -e NAME imports the host's value
  std::vector<std::string> env_file;  // --env-file
  bool env_host = false;              // the host's whole environment, below everything else
  std::vector<std::string> unsetenv;  // --unsetenv NAME

  // Namespaces and names.
  std::string hostname;              // -h
  std::string domainname;            // --domainname
  std::string tz;                    // --tz ZONE, or "local"
  std::vector<std::string> network;  // none host NAME[:OPTIONS] container:ID ns:PATH
  std::string ip;                    // --ip, --ip6, --mac-address, --network-alias: of the first
  std::string ip6;
  std::string mac_address;
  std::vector<std::string> network_alias;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_option;
  std::vector<std::string> add_host;  // NAME:ADDRESS
  bool no_hosts = false;
  std::vector<std::string> expose;   // PORT[-PORT][/PROTOCOL]
  std::vector<std::string> publish;  // -p
  bool publish_all = false;          // -P
  std::string ipc;                   // private shareable none host container:NAME
  std::string pid;                   // private host container:NAME
  std::string uts;                   // private host container:NAME
  std::string cgroupns;              // private host
  std::string userns;                // host: there is no other
  std::string runtime = "hoy";       // no other has a part in it
  std::vector<std::string> sysctl;

  // Files.
  std::vector<std::string> volume;        // -v [SRC:]DST[:OPTIONS]
  std::vector<std::string> volumes_from;  // --volumes-from CONTAINER[:OPTIONS]
  std::vector<std::string> mount;         // --mount type=...,...
  std::vector<std::string> tmpfs;         // --tmpfs DST[:OPTIONS]
  bool read_only = false;
  bool read_only_tmpfs = false;  // with --read-only: writable tmpfs on /run, /tmp and /var/tmp
  std::string shm_size;
  std::vector<std::string> secret;              // --secret id=NAME,src=FILE|env=VARIABLE,...
  std::vector<std::string> storage_opt;         // --storage-opt size=SIZE
  std::vector<std::string> device;              // HOST[:CONTAINER[:rwm]], VENDOR/CLASS=NAME
  std::string gpus;                             // all, N, device=...
  std::vector<std::string> device_cgroup_rule;  // "c 1:3 rwm"

  // Privileges.
  bool privileged = false;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;
  std::vector<std::string> ulimit;  // NAME=SOFT[:HARD]
  std::string umask;                // octal
  std::string oom_score_adj;

  // Limits; sizes as "64m", all as typed.
  std::string memory;       // -m
  std::string memory_swap;  // -1: unlimited
  std::string memory_reservation;
  std::string memory_swappiness;
  std::string cpus;
  std::string cpu_shares;  // -c
  std::string cpu_quota;
  std::string cpu_period;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::string pids_limit;
  std::string blkio_weight;
  std::vector<std::string> device_read_bps;  // PATH:RATE, sizes
  std::vector<std::string> device_write_bps;
  std::vector<std::string> device_read_iops;  // PATH:RATE, numbers
  std::vector<std::string> device_write_iops;
  std::vector<std::string> cgroup_conf;  // FILE=VALUE
  std::string cgroup_parent;
};

}  // namespace hoy::cli
