#!/bin/sh
# network_drivers.sh HOY: ipvlan, parents that are VLANs, and bridges with a tag, which not every
# kernel has. Run in the VM; the other side of the wire is a network namespace.
set -eu

hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run"
trap '"$hoy" rm -f one >/dev/null 2>&1; rm -rf "$work"' EXIT

fail() {
  echo "network drivers: $*" >&2
  exit 1
}
# in_container NETWORK SCRIPT
in_container() {
  "$hoy" run --rm --network "$1" --rootfs "$work/root" sh -c "$2"
}

mkdir -p "$work/root/bin"
cp /bin/busybox "$work/root/bin/busybox"
for name in sh sleep ping ip; do ln -s busybox "$work/root/bin/$name"; done
for module in veth bridge ipvlan macvlan 8021q nf_tables; do modprobe "$module"; done

ip link add wire type veth peer name far
ip link set wire up
ip netns add other
ip link set far netns other
ip -n other link set far up
ip -n other addr add 10.9.0.2/24 dev far
ip -n other link add link far name far.50 type vlan id 50
ip -n other addr add 10.8.0.2/24 dev far.50
ip -n other link set far.50 up

"$hoy" network create -d ipvlan --subnet 10.9.0.0/24 --gateway 10.9.0.2 -o parent=wire ip >/dev/null
in_container ip 'ping -c 1 -W 60 10.9.0.2 >/dev/null' || fail "ipvlan does not reach the wire"
refused=$("$hoy" run --rm --network ip --mac-address 02:00:00:00:00:07 --rootfs "$work/root" sh 2>&1) ||
  true
case $refused in
  *"with ipvlan it is the parent's"*) ;;
  *) fail "a MAC address with ipvlan: $refused" ;;
esac

"$hoy" network create -d macvlan --subnet 10.8.0.0/24 --gateway 10.8.0.2 -o parent=wire.50 tagged \
  >/dev/null
in_container tagged 'ping -c 1 -W 60 10.8.0.2 >/dev/null' || fail "VLAN 50 is not reached"
"$hoy" network rm tagged ip >/dev/null
ip link show wire.50 >/dev/null 2>&1 && fail "the VLAN is left"

# A tag is one link's.
ip link add link wire name odd type vlan id 60
"$hoy" network create -d macvlan --subnet 10.5.0.0/24 -o parent=wire.60 clash >/dev/null
refused=$("$hoy" run --rm --network clash --rootfs "$work/root" sh 2>&1) || true
case $refused in
  *"wire has tag 60 already, as a link of another name"*) ;;
  *) fail "a tag that another link has: $refused" ;;
esac
"$hoy" network rm clash >/dev/null
ip link show odd >/dev/null 2>&1 || fail "the link of another is gone"
ip link del odd

# Behind the host as a router: the other side needs a way back.
"$hoy" network create -d ipvlan --subnet 10.7.0.0/24 -o parent=wire -o mode=l3 routed >/dev/null
ip addr add 10.9.0.1/24 dev wire
ip -n other route add 10.7.0.0/24 via 10.9.0.1
in_container routed 'ping -c 1 -W 60 10.9.0.2 >/dev/null' || fail "mode l3 leads nowhere"

"$hoy" network rm routed >/dev/null
"$hoy" network create -d ipvlan --subnet 10.6.0.0/24 -o parent=wire -o ipvlan_flag=private apart \
  >/dev/null
"$hoy" run -d --name one --network apart --rootfs "$work/root" sleep 1000000 >/dev/null
pid=$("$hoy" inspect -f '{{.State.Pid}}' one)
shown=$(nsenter -t "$pid" -n ip -d link show eth0)
case $shown in
  *"ipvlan"*"private"*) ;;
  *) fail "ipvlan is not private: $shown" ;;
esac
"$hoy" rm -f one >/dev/null

"$hoy" network create -o vlan=7 seven >/dev/null
"$hoy" run -d --name one --network seven --rootfs "$work/root" sleep 1000000 >/dev/null
in_container seven 'ping -c 1 -W 60 one >/dev/null' || fail "members with a tag do not meet"
[ "$(bridge vlan show | grep -c ' 7 PVID Egress Untagged')" = 2 ] || fail "$(bridge vlan show)"
echo "network drivers: ok"
