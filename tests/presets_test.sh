#!/bin/sh
# presets_test.sh CMAKE SOURCE_DIRECTORY: every configure preset can be configured, outside the tree.
set -eu
cmake=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
presets=$("$cmake" --list-presets=configure | sed -n 's/^ *"\([^"]*\)".*/\1/p')
for preset in $presets; do
  "$cmake" --preset "$preset" -B "$work/$preset" >"$work/log" 2>&1 ||
    { echo "--preset $preset:" >&2; cat "$work/log" >&2; exit 1; }
done
for wanted in dev release test asan tidy bench fuzz; do
  [ -f "$work/$wanted/build.ninja" ] || { echo "no preset $wanted" >&2; exit 1; }
done
