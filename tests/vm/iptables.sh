#!/bin/sh
# iptables.sh HOY: networks and published ports where the kernel has no nf_tables (its module cannot
# be loaded), and iptables is the variant that would want it. Run in the VM; the other machine is a
# network namespace.
set -eu

hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run"

fail() {
  echo "iptables: $*" >&2
  iptables-legacy-save >&2
  exit 1
}
# asked PREFIX ADDRESS: with PREFIX before the program that asks.
asked() {
  [ "$($1 curl -s -m 100 "http://$2:8080/" || true)" = "from web" ] ||
    fail "the port is not reached${1:+ by '$1'} at $2"
}

# nfnetlink answers for what it lacks; then no module is loaded any more.
for module in veth bridge nfnetlink iptable_raw iptable_nat iptable_filter xt_addrtype xt_comment \
  xt_conntrack xt_nat xt_MASQUERADE xt_tcpudp; do
  modprobe "$module"
done
loader=$(cat /proc/sys/kernel/modprobe)
trap 'echo "$loader" >/proc/sys/kernel/modprobe; rm -rf "$work"' EXIT
echo /bin/false >/proc/sys/kernel/modprobe
grep -q '^nf_tables ' /proc/modules && fail "there is nf_tables"

mkdir -p "$work/root/bin" "$work/root/www"
echo from web >"$work/root/www/index.html"
cp /bin/busybox "$work/root/bin/busybox"
for name in sh httpd nc tail netstat grep true; do ln -s busybox "$work/root/bin/$name"; done
ip link set lo up
ip netns add wan
ip link add cable type veth peer name far
ip link set far netns wan
ip addr add 203.0.113.1/24 dev cable
ip link set cable up
ip -n wan addr add 203.0.113.2/24 dev far
ip -n wan link set far up

# A container without ports and one without a network leave it alone.
"$hoy" run --rm --network none --rootfs "$work/root" true || fail "--network none"
"$hoy" network create front >/dev/null
"$hoy" run -d --name web --network front -p 8080:80 --rootfs "$work/root" httpd -f -p 80 -h /www \
  >/dev/null 2>"$work/note"
until "$hoy" exec web sh -c 'netstat -ltn | grep -q ":80 "'; do sleep 1; done
grep -q 'no nf_tables.*iptables-legacy' "$work/note" || fail "no note: $(cat "$work/note")"
grep -q . /proc/net/ip_tables_names || fail "no tables"
asked 'ip netns exec wan' 203.0.113.1
asked '' 127.0.0.1
asked '' 203.0.113.1

# What carries it there from ::1 is no better off than the container when memory is short; who
# started it is.
asked '' '[::1]'
monitor=$(sed -n 's/.*"monitor_pid":\([0-9]*\).*/\1/p' "$HOY_RUN"/containers/*/state.json)
forwarder=$(grep -lx hoy-forward /proc/[0-9]*/comm | cut -d / -f 3)
scores=$(cat "/proc/$monitor/oom_score_adj" "/proc/$forwarder/oom_score_adj" | tr '\n' ' ')
[ "$scores" = "-999 0 " ] || fail "scores of monitor and forwarder: $scores"
hairpin=$("$hoy" exec web sh -c \
  "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 100 203.0.113.1 8080 | tail -n 1")
[ "$hairpin" = "from web" ] || fail "the container does not reach its own port: $hairpin"

"$hoy" network create apart >/dev/null
address=$("$hoy" inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' web)
"$hoy" run --rm --network apart --rootfs "$work/root" sh -c "nc -w 3 $address 80 </dev/null" \
  >/dev/null 2>&1 && fail "networks are not apart"
"$hoy" rm -f web >/dev/null
"$hoy" network rm apart front >/dev/null
iptables-legacy-save | grep HOY && fail "rules are left"

mount --bind /dev/null "$(realpath /usr/sbin/iptables-legacy-restore)"
refused=$("$hoy" run --rm --rootfs "$work/root" true 2>&1) && fail "it ran without any"
umount "$(realpath /usr/sbin/iptables-legacy-restore)"
case $refused in
  *"no nf_tables, and iptables "*) ;;
  *) fail "$refused" ;;
esac
echo "iptables: ok"
