#include "cli/ops/limit_flags.h"

namespace hoy::cli {

void LimitedCommand::AddLimitFlags(RunOptions& options) {
  RunOptions& o = options;
  Option("-m,--memory", &o.memory, "SIZE", "memory limit");
  Option("--memory-swap", &o.memory_swap, "SIZE",
         "limit of memory and swap together; -1: unlimited");
  Option("--memory-reservation", &o.memory_reservation, "SIZE", "soft memory limit");
  Option("--memory-swappiness", &o.memory_swappiness, "N", "0 to 100, cgroup v1 only");
  Option("--cpus", &o.cpus, "N", "number of CPUs, may be a fraction");
  Option("-c,--cpu-shares", &o.cpu_shares, "N", "relative CPU weight");
  Option("--cpu-quota", &o.cpu_quota, "MICROSECONDS", "CPU time per period");
  Option("--cpu-period", &o.cpu_period, "MICROSECONDS", "length of the period");
  Option("--cpuset-cpus", &o.cpuset_cpus, "LIST", "CPUs to run on: 0-2,5");
  Option("--cpuset-mems", &o.cpuset_mems, "LIST", "memory nodes to use");
  Option("--pids-limit", &o.pids_limit, "N", "most processes and threads; -1: unlimited");
  Option("--blkio-weight", &o.blkio_weight, "N", "relative weight of block I/O, 10 to 1000");
  Option("--device-read-bps", &o.device_read_bps, "DEVICE:SIZE",
         "most bytes to read from a block device in a second")
      .Completing(Completes::kFile);
  Option("--device-write-bps", &o.device_write_bps, "DEVICE:SIZE",
         "most bytes to write to a block device in a second")
      .Completing(Completes::kFile);
  Option("--device-read-iops", &o.device_read_iops, "DEVICE:N",
         "most reads from a block device in a second")
      .Completing(Completes::kFile);
  Option("--device-write-iops", &o.device_write_iops, "DEVICE:N",
         "most writes to a block device in a second")
      .Completing(Completes::kFile);
  Option("--cgroup-conf", &o.cgroup_conf, "FILE=VALUE", "write a file of the cgroup (cgroup v2)");
}

}  // namespace hoy::cli
