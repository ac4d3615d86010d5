#!/bin/sh
# install_test.sh CMAKE BUILD_DIRECTORY: what `cmake --install` puts under a prefix works there, with
# the GNU directories, and needs nothing of the build directory.
set -eu
cmake=$1
build=$2
work=$(mktemp -d)
export HOY_ROOT="$work/data" HOY_RUN="$work/run"
trap 'rm -rf "$work"' EXIT
# Another place than the one it was configured for: packages are made so.
DESTDIR="$work/packed" "$cmake" --install "$build" --prefix /opt/hoy >"$work/log"
mv "$work/packed/opt/hoy" "$work/hoy"

for file in bin/hoy libexec/hoy/hoy-image libexec/hoy/hoy-monitor share/man/man1/hoy-run.1 \
  share/bash-completion/completions/hoy share/zsh/site-functions/_hoy \
  share/fish/vendor_completions.d/hoy.fish lib/systemd/system/hoy-restore.service; do
  [ -s "$work/hoy/$file" ] || { echo "not installed: $file" >&2; cat "$work/log" >&2; exit 1; }
done
grep -q '^ExecStart=/opt/hoy/bin/hoy ' "$work/hoy/lib/systemd/system/hoy-restore.service"

hoy="$work/hoy/bin/hoy"
mkdir -p "$work/root/bin"
cp /bin/busybox "$work/root/bin/busybox"
tar -C "$work/root" -cf "$work/root.tar" .
"$hoy" import -q "$work/root.tar" installed  # the heavy program
said=$("$hoy" run --rm --network none installed /bin/busybox echo "from the prefix")  # the monitor
[ "$said" = "from the prefix" ] || { echo "the container said '$said'" >&2; exit 1; }
[ -z "$("$hoy" ps -aq)" ]
