#!/bin/sh
# owners.sh HOY: -v SRC:DST:U on ext4, which the kernel maps, and on an overlay, which it does not
# and whose files change their owners instead. Run in the VM, as root.
set -eu

hoy=$1
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run" HOY_NETWORK=none

fail() {
  echo "owners: $*" >&2
  exit 1
}
# expect WHAT EXPECTED TEXT
expect() { [ "$3" = "$2" ] || fail "$1: expected '$2', got '$3'"; }

[ "$(stat -f -c %T "$work")" = ext2/ext3 ] || fail "$work is on no ext4"
mkdir -p "$work/root/bin" "$work/disk/src/sub" "$work/upper" "$work/work" "$work/merged"
cp /bin/busybox "$work/root/bin/"
for name in sh stat touch; do ln -s busybox "$work/root/bin/$name"; done
cd "$work/disk"
touch src/file src/sub/inner src/roots
chown 1234:1235 src src/file src/sub src/sub/inner

# seen SRC: the owners in a container, also of what is made there.
seen() {
  echo $("$hoy" run --rm -u 77:78 -v "$1:/d:U" --rootfs "$work/root:O" sh -c \
    'stat -c %u:%g /d /d/file /d/sub/inner /d/roots; touch /d/made; stat -c %u:%g /d/made')
}
# owners DIRECTORY: on the disk.
owners() { (cd "$1" && echo $(stat -c %u:%g . file sub/inner roots made)); }

for _ in 1 2; do
  expect "on ext4" "77:78 77:78 77:78 0:0 77:78" "$(seen "$work/disk/src")"
  expect "behind it" "1234:1235 1234:1235 1234:1235 0:0 1234:1235" "$(owners src)"
done
# An overlay's top has the owner of its upper directory.
chown 1234:1235 "$work/upper"
mount -t overlay overlay \
  -o "lowerdir=$work/disk/src,upperdir=$work/upper,workdir=$work/work" "$work/merged"
expect "on an overlay" "77:78 77:78 77:78 0:0 77:78" "$(seen "$work/merged")"
expect "in that overlay" "77:78 77:78 77:78 0:0 77:78" "$(owners "$work/merged")"
umount "$work/merged"
