#pragma once
// -v, --mount and --tmpfs as mounts. Pure. Errors are kInvalidArgument and name the flag.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

// -v SRC:DST[:OPTIONS] or -v DST. SRC is absolute, or begins with "." and is taken from `cwd`, or
// is the name of a volume; without it the volume is anonymous. OPTIONS: ro rw, z Z (SELinux labels;
// nothing to do where SELinux is not used), [no]exec [no]suid [no]dev, nocopy; U: its files are the
// container's user's; O: what is written is thrown away after the run. Of a bind also [r]private
// [r]slave [r]shared, bind rbind; a source that is missing is made. cached, consistent and
// delegated mean nothing on Linux.
Result<core::Mount> ParseVolume(std::string_view text, std::string_view cwd);

// --mount, the fields of one CSV line:
//   type=bind,src=...,dst=...[,ro][,bind-propagation=rslave][,bind-nonrecursive][,U]
//     [,bind-create-src]
//   type=glob,src=PATTERN[,dst=DIRECTORY]: `source` is the pattern (IsGlob), `target` where what it
//     finds is put, or empty: in the same places
//   type=image,src=IMAGE,dst=...[,rw][,subpath=PATH]
//   type=devpts,dst=...[,uid=][,gid=][,mode=][,max=]
//   type=tmpfs,dst=...[,tmpfs-size=64m][,tmpfs-mode=1770]
//   type=s3,bucket=NAME,dst=...[,prefix=][,endpoint=URL][,region=][,profile=][,src=NAME][,ro]
//     [,sync-interval=TIME]
//     [,mode=sync][,access-key-id=,secret-access-key=[,session-token=]]
//   [type=volume,][src=NAME,]dst=...[,ro][,volume-nocopy][,volume-label=KEY=VALUE]
//     [,volume-opt=KEY=VALUE][,volume-subpath=PATH][,volume-driver=local]
Result<core::Mount> ParseMount(std::string_view text, std::string_view cwd);

// A flag or propagation of a mount: ro, nosuid, rslave, and so on. False: another word.
bool ApplyMountWord(std::string_view word, core::Mount& mount);

bool IsGlob(std::string_view text);

// --tmpfs DST[:OPTIONS]: the flags above and size= mode= uid= gid= nr_inodes=; noexec, nosuid and
// nodev unless the options say otherwise.
Result<core::Mount> ParseTmpfs(std::string_view text);

// --volumes-from CONTAINER[:ro,rw,nocopy,z].
struct VolumesFrom {
  std::string container;
  bool read_only = false;
  bool no_copy = false;
};
Result<VolumesFrom> ParseVolumesFrom(std::string_view text);

// -o KEY=VALUE of `volume create`, and volume-opt: type, o, device. The flag is for the errors.
struct VolumeOptions {
  core::StringPairs pairs;
  core::StringPairs secrets;  // keys of an S3 volume, which its record does not have
};
Result<VolumeOptions> ParseVolumeOptions(std::string_view flag,
                                         const std::vector<std::string>& texts);

// "/a//b/../c/" -> "/a/c". Lexical; the path is absolute.
std::string CleanPath(std::string_view path);

// --rootfs: "DIR" or "DIR:O". The path is as typed.
core::RootDirectory RootDirectoryOf(std::string_view text);

}  // namespace hoy::cli
