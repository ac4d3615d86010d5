# Sourced by the scripts beside it: a docker-registry of our own, and images put into it by the
# distribution protocol with curl. Needs docker-registry, busybox-static and curl.

# start_registry STORAGE: serves it on a free loopback port; sets registry_address, registry_pid.
start_registry() {
  local storage=$1 log
  mkdir -p "$storage"
  log=$(mktemp -d)
  cat >"$log/config.yml" <<CONFIG
version: 0.1
storage: {filesystem: {rootdirectory: $storage}}
http: {addr: "127.0.0.1:0"}
CONFIG
  docker-registry serve "$log/config.yml" >"$log/log" 2>&1 &
  registry_pid=$!
  registry_address=
  for _ in $(seq 200); do
    registry_address=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$log/log")
    [ -z "$registry_address" ] || break
    kill -0 "$registry_pid" 2>/dev/null || break
    sleep 0.05
  done
  if [ -z "$registry_address" ]; then
    cat "$log/log" >&2
    return 1
  fi
  rm -rf "$log"
}

stop_registry() {
  [ -z "${registry_pid:-}" ] || kill "$registry_pid" 2>/dev/null || true
  registry_pid=
}

# put_blob NAME FILE: prints its digest.
put_blob() {
  local digest location separator='?'
  digest=sha256:$(sha256sum "$2" | cut -d' ' -f1)
  location=$(curl --noproxy '*' -fsS -X POST -o /dev/null -D - \
    "http://$registry_address/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  [[ $location != *\?* ]] || separator='&'
  curl --noproxy '*' -fsS -o /dev/null -T "$2" -H 'Content-Type: application/octet-stream' \
    "$location${separator}digest=$digest"
  echo "$digest"
}

# push_image NAME TAG CONFIG_JSON LAYER.tar.gz...: CONFIG_JSON is the "config" object.
push_image() {
  local name=$1 tag=$2 config=$3 work diff_ids= layers= layer digest
  shift 3
  work=$(mktemp -d)
  for layer in "$@"; do
    diff_ids+="${diff_ids:+,}\"sha256:$(gzip -dc "$layer" | sha256sum | cut -d' ' -f1)\""
    digest=$(put_blob "$name" "$layer")
    layers+="${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\","
    layers+="\"digest\":\"$digest\",\"size\":$(stat -c %s "$layer")}"
  done
  printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$(dpkg --print-architecture)" "$config" "$diff_ids" >"$work/config"
  digest=$(put_blob "$name" "$work/config")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[%s]}' \
    "$digest" "$(stat -c %s "$work/config")" "$layers" >"$work/manifest"
  curl --noproxy '*' -fsS -o /dev/null -T "$work/manifest" \
    -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    "http://$registry_address/v2/$name/manifests/$tag"
  rm -rf "$work"
}

# make_busybox_layer FILE.tar.gz: busybox-static and a link for each of its applets.
make_busybox_layer() {
  local root applet
  root=$(mktemp -d)
  chmod 755 "$root"
  mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -f "$root/bin/busybox" "$root/bin/$applet"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  tar -C "$root" --owner=0 --group=0 --numeric-owner -czf "$1" .
  rm -rf "$root"
}

# make_debian_layer FILE.tar.gz: debootstrap's minbase of this machine's Debian, with a server and
# the usual programs that ask and measure. Made once.
make_debian_layer() {
  local root mirror suite
  [ ! -s "$1" ] || return 0
  mirror=$(apt-get indextargets --format '$(SITE) $(REPO_URI)' 'Created-By: Packages' |
    awk '!/security/ { print $2; exit }')
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  root=$(mktemp -d)
  chmod 755 "$root"
  debootstrap --variant=minbase --include=nginx-light,curl,bind9-dnsutils,iperf3 "$suite" "$root/root" "$mirror" >&2
  rm -rf "$root"/root/var/cache/apt/archives/*.deb "$root"/root/var/lib/apt/lists/*
  mkdir -p "$(dirname "$1")"
  tar -C "$root/root" --one-file-system --xattrs --numeric-owner -czf "$1.partial" .
  mv "$1.partial" "$1"
  rm -rf "$root"
}
