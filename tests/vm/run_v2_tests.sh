#!/bin/sh
# run_v2_tests.sh --prepare: fetches what the VM is made of, which the first use of vm-run on a machine does.
# run_v2_tests.sh UNIT_TESTS HOY: the tests of cgroups, seccomp, owners, quotas, network drivers,
# iptables, SCTP, exec and a few other verbs that a kernel takes part in, in a VM with cgroup v2.
#   HOY_VM_RUN     the vm-run to use; otherwise ../shared/vm/vm-run beside the source directory
#   HOY_VM_KERNEL  "6.12" (the default) or "6.1"
# Without vm-run it is skipped (77), but fails where HOY_TESTS_MUST_RUN=1.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
if [ -n "${HOY_VM_RUN:-}" ]; then
  vm_run=$HOY_VM_RUN
else
  vm_run=$here/../../../shared/vm/vm-run
  # A git worktree has one more level between.
  [ -x "$vm_run" ] || vm_run=$here/../../../../shared/vm/vm-run
fi
if [ ! -x "$vm_run" ]; then
  echo "no vm-run at '$vm_run': set HOY_VM_RUN to test cgroup v2" >&2
  [ "${HOY_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
  exit 77
fi

kernel=${HOY_VM_KERNEL:-6.12}
[ "$1" = --prepare ] && exec "$vm_run" --kernel "$kernel" --prepare
exec "$vm_run" --kernel "$kernel" --timeout 1400 -- \
  sh -c 'test -f /sys/fs/cgroup/cgroup.controllers || { echo "no cgroup v2 in the VM"; exit 1; }
         "$1" --gtest_filter="*CgroupV2*:CgroupLive*:CgroupUnwritable*:SeccompLive*" &&
         sh "$3/exec_v2.sh" "$2" && sh "$3/verbs_v2.sh" "$2" && sh "$3/owners.sh" "$2" &&
         sh "$3/quota.sh" "$2" ext4 && sh "$3/quota.sh" "$2" xfs &&
         sh "$3/iptables.sh" "$2" && sh "$3/network_drivers.sh" "$2" &&
         sh "$3/sctp.sh" "$2"' sh \
  "$1" "$2" "$here"
