#!/bin/sh
# sctp.sh HOY: ports that are published for SCTP, which not every kernel has. Run in the VM; the
# client is another host, behind a wire, and the host itself.
set -eu

hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run"
trap '"$hoy" rm -f one >/dev/null 2>&1; rm -rf "$work"' EXIT

fail() {
  echo "sctp: $*" >&2
  exit 1
}
# connect NETNS ADDRESS PORT: what a server says there.
connect() {
  ip netns exec "$1" perl -MSocket -e '
    socket(S, PF_INET, SOCK_STREAM, 132) && connect(S, sockaddr_in($ARGV[1], inet_aton($ARGV[0])))
      or die "connect: $!\n";
    sysread(S, $said, 99); print $said' "$2" "$3"
}

mkdir -p "$work/root/bin"
cp /bin/busybox "$work/root/bin/busybox"
ln -s busybox "$work/root/bin/sleep"
for module in veth bridge nf_tables sctp; do modprobe "$module"; done
sysctl -q net.ipv4.ip_forward=1

ip link add outside type veth peer name far0
ip netns add far
ip link set far0 netns far
ip addr add 10.5.0.1/24 dev outside
ip link set outside up
ip -n far addr add 10.5.0.2/24 dev far0
ip -n far link set far0 up
ip netns attach here $$

"$hoy" run -d --name one -p 7000:7/sctp --rootfs "$work/root" sleep 1000000 >/dev/null
[ "$("$hoy" port one)" = "7/sctp -> 0.0.0.0:7000" ] || fail "$("$hoy" port one)"
pid=$("$hoy" inspect -f '{{.State.Pid}}' one)
# To each who comes it says whom it sees.
nsenter -t "$pid" -n perl -MSocket -e '
  socket(S, PF_INET, SOCK_STREAM, 132) && bind(S, sockaddr_in(7, INADDR_ANY)) && listen(S, 5)
    or die "listen: $!\n";
  $| = 1; print "up\n";
  while ($from = accept(C, S)) {
    ($port, $address) = sockaddr_in($from); syswrite(C, inet_ntoa($address) . "\n"); close(C);
  }' >"$work/server" &
server=$!
for _ in $(seq 600); do
  grep -q up "$work/server" && break
  sleep 0.1
done

seen=$(connect far 10.5.0.1 7000) || fail "not reached from outside"
[ "$seen" = 10.5.0.2 ] || fail "the client's address is not kept: $seen"
connect here 127.0.0.1 7000 | grep -q . || fail "not reached by 127.0.0.1"
"$hoy" rm -f one >/dev/null
kill "$server" 2>/dev/null || true
connect far 10.5.0.1 7000 2>/dev/null && fail "reached without a container"
echo "sctp: ok"
