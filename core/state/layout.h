#pragma once
// The on-disk tree, one function per path. Nothing else in hoy spells these names.
//
//   DATA = /var/lib/hoy            rootless: $XDG_DATA_HOME/hoy         (HOY_ROOT, --root)
//     version
//     images/refs/<escaped ref>    images/records/<image id hex>  images/blobs/sha256/<hex>
//     images/ingest/               partial blobs, by digest
//     images/leases/               one flocked file per pull in progress
//     layers/<chain id hex>/{fs/,layer.json}    layers/.staging-*
//     mountpoints/                 the lowest lowerdir of all, core/rootfs/mount_points.h
//     containers/<id>/{record.json,exit.json,restart.json,health.json,kept,stdio.log,
//                      stdio.log.<N>,upper/,work/,overlays/<mount>/{upper,work}/,
//                      etc/{hostname,hosts,resolv.conf,localtime}}
//                                  flock on the directory
//     events/                      core/state/event_log.h
//     names/<name>                 a symlink to the id, core/state/id_link.h
//     networks/                    net/state/network_store.h
//   RUN = /run/hoy                 rootless: $XDG_RUNTIME_DIR/hoy, else /tmp/hoy-<uid> 0700
//     root/                        empty: the mount point of every container's root, in its own
//                                  mount namespace
//     containers/<id>/{start.json,state.json,out,err,network.json,servers,attach.sock,
//                      pty.sock,health.json,stopping,log-lost}
//     networks/                    net/state/network_store.h: leases of addresses

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

struct Layout {
  std::string data;
  std::string run;

  std::string Version() const { return data + "/version"; }
  std::string Images() const { return data + "/images"; }
  std::string ImageRefs() const { return data + "/images/refs"; }
  std::string ImageRecords() const { return data + "/images/records"; }
  std::string Blobs() const { return data + "/images/blobs/sha256"; }
  std::string Ingest() const { return data + "/images/ingest"; }
  std::string Leases() const { return data + "/images/leases"; }
  std::string Layers() const { return data + "/layers"; }
  // An overlay lowerdir: the files of one unpacked layer.
  std::string LayerFiles(std::string_view chain_id_hex) const {
    return Layers() + "/" + std::string(chain_id_hex) + "/fs";
  }
  std::string Names() const { return data + "/names"; }
  std::string Name(std::string_view name) const { return Names() + "/" + std::string(name); }
  std::string Containers() const { return data + "/containers"; }
  std::string Container(std::string_view id) const { return Containers() + "/" + std::string(id); }
  // What a run writes to its `:O` mounts, each by its place in the list; gone after the run.
  std::string Overlays(std::string_view id) const { return Container(id) + "/overlays"; }
  // What is bound over the image's own: a container may write there, and as much as it likes.
  std::string EtcFiles(std::string_view id) const { return Container(id) + "/etc"; }
  std::string EtcFile(std::string_view id, std::string_view name) const {
    return EtcFiles(id) + "/" + std::string(name);
  }
  std::string Log(std::string_view id) const { return Container(id) + "/stdio.log"; }
  std::string Events() const { return data + "/events"; }
  std::string Networks() const { return data + "/networks"; }
  std::string MountPoints() const { return data + "/mountpoints"; }
  std::string NetworkLeases(std::string_view network) const {
    return run + "/networks/" + std::string(network);
  }
  // An empty directory: where each container mounts its root, in its own mount namespace.
  std::string RootMountPoint() const { return run + "/root"; }
  std::string RunContainers() const { return run + "/containers"; }
  std::string RunContainer(std::string_view id) const {
    return RunContainers() + "/" + std::string(id);
  }
};

// From --root/--run-root (empty: not given), then HOY_ROOT/HOY_RUN, then the defaults above. Makes
// nothing on disk. kInvalidArgument: a relative path.
Result<Layout> ChooseLayout(std::string_view root_flag, std::string_view run_flag);

// Makes the directories that are missing, at every call, and checks `version`. kUnsupported: DATA
// was written by a newer hoy. kPermission: RUN, or a DATA that is new, belongs to another user or
// may be written by others. kPermission/kSystem: DATA cannot be written, with the directory named.
Result<> PrepareLayout(const Layout& layout);

}  // namespace hoy::core
