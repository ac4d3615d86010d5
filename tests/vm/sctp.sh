#!/bin/sh
# sctp.sh HOY: ports that are published for SCTP, which not every kernel has. Run in the VM; the
# client is another host, behind a wire, and the host itself.
set -eu

hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run"
trap '"$hoy" rm -f one six peer >/dev/null 2>&1; rm -rf "$work"' EXIT

fail() {
  echo "sctp: $*" >&2
  exit 1
}
# The program that connects to ADDRESS PORT and prints what a server says there. FROM: its only
# address; without one it offers all of the host's, and what is late goes to another of them (sctp(7)).
client='
  my ($address, $port, $from) = @ARGV; my $six = $address =~ /:/;
  my $place = sub {
    return $six ? pack_sockaddr_in6($_[1], inet_pton(AF_INET6, $_[0]))
                : pack_sockaddr_in($_[1], inet_pton(AF_INET, $_[0]));
  };
  socket(S, $six ? PF_INET6 : PF_INET, SOCK_STREAM, 132) or die "socket: $!\n";
  !$from || bind(S, $place->($from, 0)) or die "bind: $!\n";
  connect(S, $place->($address, $port)) or die "connect: $!\n";
  defined(sysread(S, $said, 99)) or die "read: $!\n"; print $said'
# connect NETNS ADDRESS PORT [FROM]
connect() {
  ip netns exec "$1" perl -MSocket=:all -e "$client" "$2" "$3" ${4+"$4"}
}
pid_of() {
  "$hoy" inspect -f '{{.State.Pid}}' "$1"
}
# serve CONTAINER: to each who comes to its port 7 it says whom it sees.
serve() {
  : >"$work/server"
  nsenter -t "$(pid_of "$1")" -n perl -MSocket=:all -e '
    socket(S, PF_INET6, SOCK_STREAM, 132) && bind(S, pack_sockaddr_in6(7, IN6ADDR_ANY))
      && listen(S, 5) or die "listen: $!\n";
    $| = 1; print "up\n";
    while ($from = accept(C, S)) {
      ($port, $address) = unpack_sockaddr_in6($from);
      $seen = inet_ntop(AF_INET6, $address); $seen =~ s/^::ffff://;
      syswrite(C, "$seen\n"); close(C);
    }' >"$work/server" &
  server=$!
  for _ in $(seq 600); do
    grep -q up "$work/server" && return
    sleep 0.1
  done
  fail "no server in $1"
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
ip addr add 2001:db8::1/64 dev outside nodad
ip link set outside up
ip -n far addr add 10.5.0.2/24 dev far0
ip -n far addr add 2001:db8::2/64 dev far0 nodad
ip -n far link set far0 up
ip netns attach here $$

"$hoy" run -d --name one -p 7000:7/sctp --rootfs "$work/root" sleep 1000000 >/dev/null
[ "$("$hoy" port one)" = "7/sctp -> 0.0.0.0:7000" ] || fail "$("$hoy" port one)"
serve one

seen=$(connect far 10.5.0.1 7000) || fail "not reached from outside"
[ "$seen" = 10.5.0.2 ] || fail "the client's address is not kept: $seen"
connect here 127.0.0.1 7000 127.0.0.1 | grep -q . || fail "not reached by 127.0.0.1"
"$hoy" rm -f one >/dev/null
kill "$server" 2>/dev/null || true
connect far 10.5.0.1 7000 2>/dev/null && fail "reached without a container"

# Both families, from a container beside it, and from here.
"$hoy" network create --ipv6 net6 >/dev/null
"$hoy" run -d --name six --network net6 -p 7000:7/sctp --rootfs "$work/root" sleep 1000000 >/dev/null
"$hoy" run -d --name peer --network net6 --rootfs "$work/root" sleep 1000000 >/dev/null
[ "$("$hoy" port six | tr '\n' ' ')" = "7/sctp -> 0.0.0.0:7000 7/sctp -> [::]:7000 " ] ||
  fail "$("$hoy" port six)"
serve six
for container in six peer; do
  for _ in $(seq 600); do
    nsenter -t "$(pid_of "$container")" -n ip -6 addr show tentative | grep -q inet6 || break
    sleep 0.1
  done
done
seen=$(connect far 2001:db8::1 7000) || fail "not reached from outside by IPv6"
[ "$seen" = 2001:db8::2 ] || fail "the client's IPv6 address is not kept: $seen"
connect here ::1 7000 ::1 | grep -q . || fail "not reached by ::1"
nsenter -t "$(pid_of peer)" -n perl -MSocket=:all -e "$client" 10.5.0.1 7000 | grep -q . ||
  fail "not reached from a container beside it"
nsenter -t "$(pid_of peer)" -n perl -MSocket=:all -e "$client" 2001:db8::1 7000 | grep -q . ||
  fail "not reached from a container beside it by IPv6"
kill "$server" 2>/dev/null || true
echo "sctp: ok"
