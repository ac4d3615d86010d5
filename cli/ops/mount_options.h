#pragma once
// -v, --mount and --tmpfs as mounts. Pure. Errors are kInvalidArgument and name the flag.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

// -v SRC:DST[:OPTIONS]. SRC is absolute, or begins with "." and is taken from `cwd`. OPTIONS: ro
// rw, z Z (SELinux labels; nothing to do where SELinux is not used), [r]private [r]slave [r]shared,
// bind rbind, [no]exec [no]suid [no]dev, nocopy; cached, consistent and delegated mean nothing on
// Linux.
Result<core::Mount> ParseVolume(std::string_view text, std::string_view cwd);

// --mount type=bind,src=...,dst=...[,ro][,bind-propagation=rslave][,bind-nonrecursive] or
// type=tmpfs,dst=...[,tmpfs-size=64m][,tmpfs-mode=1770]; the fields of one CSV line.
Result<core::Mount> ParseMount(std::string_view text, std::string_view cwd);

// --tmpfs DST[:OPTIONS]: the flags above and size= mode= uid= gid= nr_inodes=; noexec, nosuid and
// nodev unless the options say otherwise.
Result<core::Mount> ParseTmpfs(std::string_view text);

// "/a//b/../c/" -> "/a/c". Lexical; the path is absolute.
std::string CleanPath(std::string_view path);

// --rootfs: "DIR" or "DIR:O". The path is as typed.
core::RootDirectory RootDirectoryOf(std::string_view text);

}  // namespace hoy::cli
