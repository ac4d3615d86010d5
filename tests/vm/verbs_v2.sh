#!/bin/sh
# verbs_v2.sh HOY: pause, top, stats, update and the exit report of a real container on cgroup v2.
# Run in the VM; the VM is slow, so each verb is used once.
set -eu

hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run" HOY_NETWORK=none
trap '"$hoy" rm -af >/dev/null 2>&1; rm -rf "$work"' EXIT

fail() {
  echo "verbs on cgroup v2: $*" >&2
  exit 1
}
# expect WHAT PATTERN TEXT
expect() {
  case $3 in
    $2) ;;
    *) fail "$1: expected '$2', got '$3'" ;;
  esac
}

mkdir -p "$work/root/bin"
cp /bin/busybox "$work/root/bin/busybox"
for name in sh sleep grep dd; do ln -s busybox "$work/root/bin/$name"; done

id=$("$hoy" run -d --name one -m 64m --cpus 0.5 --pids-limit 20 --rootfs "$work/root" \
  sh -c 'trap "exit 7" TERM; while :; do :; done')

expect top "1 *sh -c *" "$("$hoy" top one -o cpid,args --no-headers)"
# It is throttled when it has used up its first period.
tries=0
while :; do
  stats=$("$hoy" stats --no-stream --format json one)
  case $stats in *'"ThrottledPeriods":0'*) ;; *) break ;; esac
  tries=$((tries + 1))
  [ $tries -lt 100 ] || break
done
expect stats '*"MemoryLimitBytes":67108864*' "$stats"
expect stats '*"PIDLimit":20*' "$stats"
expect "pressure in stats" '*"CPUPressure":{*"TotalUs":*' "$stats"
expect "throttling in stats" '*"ThrottledPeriods":[1-9]*' "$stats"

"$hoy" pause one >/dev/null
frozen=$("$hoy" stats --no-stream --format '{{.CPUNanoseconds}}' one)
expect "stats of a paused container" "$frozen" \
  "$("$hoy" stats --no-stream --format '{{.CPUNanoseconds}}' one)"
"$hoy" pause one 2>/dev/null && fail "a paused container was paused again"
"$hoy" unpause one >/dev/null

# Every controller's files follow, and a value that the kernel refuses changes none of them.
cgroup=$(find /sys/fs/cgroup -name "hoy-$id")
"$hoy" update -m 96m --memory-reservation 32m --cpus 0.25 --cpu-shares 512 --pids-limit 30 \
  --cpuset-cpus 0 --cgroup-conf memory.high=80m one >/dev/null
"$hoy" update --pids-limit 40 --cgroup-conf memory.high=tea one 2>/dev/null &&
  fail "memory.high was set to tea"
for line in "memory.max 100663296" "memory.low 33554432" "memory.high 83886080" \
  "cpu.max 25000 100000" "cpu.weight 59" "pids.max 30" "cpuset.cpus 0"; do
  expect "update of ${line%% *}" "${line#* }" "$(cat "$cgroup/${line%% *}")"
done

# In the PID namespace of another, and in a cgroup of its own.
[ "$("$hoy" run --rm --pid container:one --rootfs "$work/root" grep . /proc/1/comm)" = \
  "$("$hoy" exec one grep . /proc/1/comm)" ] || fail "--pid container: another's process 1"

# What the monitor does in the end, shielded as it is, leaves what it starts to the OOM killer.
mkdir "$work/cdi"
cat >"$work/cdi/dev.json" <<END
{"cdiVersion": "0.6.0", "kind": "example.com/dev", "devices": [{"name": "x", "containerEdits":
 {"hooks": [{"hookName": "poststop", "path": "/bin/sh", "args": ["sh", "-c",
  "cat /proc/\$PPID/oom_score_adj /proc/self/oom_score_adj >$work/new && mv $work/new $work/score"],
  "env": ["PATH=/usr/bin:/bin"]}]}}]}
END
HOY_CDI_DIRS="$work/cdi" "$hoy" run -d --device example.com/dev=x --rootfs "$work/root" \
  sh -c 'exit 0' >/dev/null
until [ -e "$work/score" ]; do sleep 1; done
expect "scores of a guard and its hook" "-999 0 " "$(tr '\n' ' ' <"$work/score")"

"$hoy" run --rm --cpus 0.2 --report "$work/report" --rootfs "$work/root" sh -c '
  until grep -q "nr_throttled [1-9]" /sys/fs/cgroup/cpu.stat; do :; done
  dd if=/dev/zero of=/file bs=64k count=4 conv=fsync 2>/dev/null'
report=$(cat "$work/report")
for pattern in '*"ThrottledUs":[1-9]*' '*"ThrottledPeriods":[1-9]*' '*"WrittenBytes":[1-9]*' \
  '*"WriteOperations":[1-9]*' '*"PeakBytes":[1-9]*' '*"Pressure":{"CPU":{*"SomeUs":[1-9]*'; do
  expect report "$pattern" "$report"
done
if [ -e "$cgroup/pids.peak" ]; then expect report '*"PIDs":{"Peak":[1-9]*' "$report"; fi

# No descriptor of hoy's leads to the host's cgroup directory (CVE-2024-21626).
n=3
while [ $n -lt 24 ]; do
  "$hoy" run --rm -w /proc/self/fd/$n --rootfs "$work/root" sh -c pwd >/dev/null 2>&1 &&
    fail "descriptor $n was a working directory"
  "$hoy" exec -w /proc/self/fd/$n one sh -c pwd >/dev/null 2>&1 &&
    fail "descriptor $n was a working directory of exec"
  n=$((n + 1))
done
for fd in $("$hoy" run --rm --init --rootfs "$work/root" sh -c 'for f in /proc/1/fd/*; do [ -d $f ] && echo $f; done; true'); do
  fail "the built-in init holds $fd open"
done
echo "pause, top, stats, update and the exit report work on cgroup v2"
