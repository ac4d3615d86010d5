# Sourced by the scripts beside it: s3rver, the S3 server of the tests, as
# tests/support/s3rver/package-lock.json pins it. Needs npm: nodejs' own, else Debian's.

# install_s3rver DIRECTORY: does nothing when it is there already.
install_s3rver() {
  local directory=$1 here lock
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/tests/support/s3rver
  lock=$(sha256sum "$here/package-lock.json" | cut -d' ' -f1)
  [ "$(cat "$directory/.installed" 2>/dev/null)" != "$lock" ] || return 0
  command -v npm >/dev/null || bash "$(dirname "${BASH_SOURCE[0]}")/install-packages" npm
  mkdir -p "$directory"
  cp "$here/package.json" "$here/package-lock.json" "$directory/"
  # The registry of npm may be away for a moment.
  local attempt
  for attempt in 1 2 3 4; do
    if (cd "$directory" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1); then
      echo "$lock" >"$directory/.installed"
      return 0
    fi
    sleep $((attempt * 5))
  done
  cat "$directory/npm.log" >&2
  echo "npm could not install s3rver, which the tests of S3 volumes need" >&2
  return 1
}
