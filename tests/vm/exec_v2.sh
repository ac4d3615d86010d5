#!/bin/sh
# exec_v2.sh HOY: sessions of hoy exec on cgroup v2. Run in the VM, as root.
set -eu
hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run" HOY_NETWORK=none

fail() {
  echo "exec on cgroup v2: $*" >&2
  exit 1
}
# Runs the rest of its arguments until they succeed.
eventually() {
  for _ in $(seq 600); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  fail "never: $*"
}
gone() { ! grep -qz "^$1\$" /proc/[0-9]*/cmdline 2>/dev/null; }
empty() { [ -z "$(find /sys/fs/cgroup -name 'exec-*')" ]; }
shows() { grep -q "$2" "$1"; }

mkdir -p "$work/root/bin" "$work/root/tmp"
cp /bin/busybox "$work/root/bin/"
for name in sh sleep cat dd grep setsid mkdir echo; do ln -s busybox "$work/root/bin/$name"; done

id=$("$hoy" run -d --name one --network none --memory 64m --rootfs "$work/root" sleep 86400)
cgroup=$(find /sys/fs/cgroup -name "hoy-$id")

# In a leaf of its own, so that the container's limits count it.
"$hoy" exec -d one sleep 8101
leaf=$(find "$cgroup" -mindepth 1 -name 'exec-*')
grep -q . "$leaf/cgroup.procs" || fail "nobody is in '$leaf'"
[ -z "$(cat "$cgroup/cgroup.subtree_control")" ] || fail "the container's cgroup has been divided"
"$hoy" exec one grep -q '^0::/exec-' /proc/self/cgroup || fail "not in a leaf below the namespace's root"
"$hoy" inspect one | grep -q '"8101"' || fail "not listed"
code=0
"$hoy" exec one dd if=/dev/zero of=/dev/null bs=256M count=1 || code=$?
[ "$code" = 137 ] || fail "beyond the container's memory limit: exit code $code"

# Killed whole, by time and with the client.
code=0
"$hoy" exec --timeout 3 one sh -c 'setsid sleep 8201 & sleep 8202' || code=$?
[ "$code" = 124 ] || fail "--timeout: exit code $code"
eventually gone 8201
"$hoy" exec one sh -c 'setsid sleep 8301 & echo up; sleep 8302; true' >"$work/out" &
client=$!
eventually shows "$work/out" up
kill -KILL "$client"
eventually gone 8301
eventually gone 8302

# An init that manages cgroups itself, as systemd does: none of its own processes in the root, and
# controllers turned on below it.
"$hoy" run -d --name two --privileged --network none --rootfs "$work/root" sh -c '
  mkdir /sys/fs/cgroup/init.scope && echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs &&
  echo +pids >/sys/fs/cgroup/cgroup.subtree_control && echo ready >/tmp/ready; exec sleep 86400' >/dev/null
eventually test -s "$work/root/tmp/ready"
"$hoy" exec two grep -q '^0::/exec-' /proc/self/cgroup || fail "exec beside an init with cgroups of its own"

"$hoy" rm -f one two >/dev/null
eventually empty
[ -z "$(find /sys/fs/cgroup -name 'hoy-*')" ] || fail "cgroups are left"
rm -rf "$work"
echo "exec on cgroup v2: passed"
