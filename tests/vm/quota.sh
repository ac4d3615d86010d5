#!/bin/sh
# quota.sh HOY ext4|xfs: --storage-opt size= and volumes with o=size= on a file system with project
# quotas, which few machines mount. Run in the VM, as root.
set -eu

hoy=$1
filesystem=$2
work=$(mktemp -d)
export HOY_RUN="$work/run" HOY_NETWORK=none

fail() {
  echo "quotas on $filesystem: $*" >&2
  exit 1
}

modprobe loop
case $filesystem in
  ext4)
    modprobe quota_v2
    truncate -s 64M "$work/image"
    /sbin/mkfs.ext4 -q -O project,quota "$work/image"
    ;;
  xfs)
    modprobe xfs
    truncate -s 512M "$work/image" # mkfs.xfs makes none below 300M
    /sbin/mkfs.xfs -q "$work/image"
    ;;
esac
mkdir -p "$work/disk" "$work/root/bin" "$work/root/d"
mount -o loop,prjquota "$work/image" "$work/disk"
cp /bin/busybox "$work/root/bin/"
for name in sh dd wc cat mkdir mv; do ln -s busybox "$work/root/bin/$name"; done
write='dd if=/dev/zero of="$0" bs=64k count=128 2>/dev/null && exit 9; wc -c <"$0"'

# limited WHAT BYTES OUTPUT: it was cut off somewhere between half the limit and the limit.
limited() {
  [ "$3" -gt $(($2 / 2)) ] && [ "$3" -le "$2" ] || fail "$1 took $3 bytes of $2"
}

HOY_ROOT="$work/plain" "$hoy" create --storage-opt size=4m --rootfs "$work/root:O" true \
  >"$work/out" 2>&1 && fail "a limit was taken where there are no quotas"
grep -q 'has no project quotas' "$work/out" || fail "$(cat "$work/out")"
[ -z "$(find "$work/plain/containers" "$work/plain/names" -mindepth 1)" ] || fail "something was left"

export HOY_ROOT="$work/disk/data"
limited "a container" 4194304 \
  "$("$hoy" run --rm --storage-opt size=4m --rootfs "$work/root:O" sh -c "$write" /file)"
# Apart from its own limit: one that is full has to start again.
limited "its /etc/hosts" 1048576 \
  "$("$hoy" run --rm --storage-opt size=4m --rootfs "$work/root:O" sh -c "$write" /etc/hosts)"
# Its upper and work directories are one project: nothing between them is a move to another.
echo lower >"$work/root/d/lower"
moved=$("$hoy" run --rm --storage-opt size=4m --rootfs "$work/root:O" sh -c \
  'mkdir /a && echo new >/a/f && mv /a /b && mv /b/f /f && mv /d/lower /d/moved && cat /f /d/moved')
[ "$moved" = "new
lower" ] || fail "what was renamed is '$moved'"
"$hoy" volume create -o o=size=2m data >/dev/null
limited "a volume" 2097152 \
  "$("$hoy" run --rm -v data:/d --rootfs "$work/root:O" sh -c "$write" /d/file)"
# Without a limit there is none, and one that was lifted holds nobody up.
"$hoy" volume rm data >/dev/null
"$hoy" volume create data >/dev/null
"$hoy" run --rm -v data:/d --rootfs "$work/root:O" sh -c "$write" /d/file && fail "still limited"
[ $? = 9 ] || fail "a volume without a limit cannot be written to"
"$hoy" volume rm data >/dev/null
# A creation that was killed keeps no limit: there are sixteen ids for a name.
n=0
while [ $n -lt 18 ]; do
  HOY_FAIL_POINT=volume-written "$hoy" volume create -o o=size=2m often >/dev/null 2>&1 &&
    fail "it was not killed"
  n=$((n + 1))
done
"$hoy" volume create -o o=size=2m often >/dev/null || fail "limits of what was killed are left"
"$hoy" volume rm often >/dev/null
umount "$work/disk"
