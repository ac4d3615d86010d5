#pragma once
// The name of a tar entry, made safe: components below the layer's root, and what OCI image-spec
// layer.md's whiteout names say.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::oci {

// Twice what any path given to a system call can have (PATH_MAX).
inline constexpr size_t kMaxEntryDepth = 4096;

// "./usr//bin/../lib/x" -> {"usr","lib","x"}; empty for the root itself. ".." is lexical, as in
// docker. kCorrupt when it leads above the root, or deeper than kMaxEntryDepth.
Result<std::vector<std::string_view>> SplitEntryPath(std::string_view name);

std::string JoinPath(const std::vector<std::string_view>& components);

enum class EntryRole {
  kFile,
  kWhiteout,  // ".wh.NAME": the lower layers' NAME is gone
  kOpaque,    // ".wh..wh..opq": all that the lower layers have in this directory is gone
  kIgnored,   // other ".wh..wh." names: bookkeeping of aufs, which made the format
};
// kCorrupt: a whiteout of nothing, of "." or of "..".
Result<EntryRole> RoleOf(const std::vector<std::string_view>& components);

// Of a file that is to go into a layer under this name. kUnsupported: read back from there, it
// would be a whiteout (layer.md: such names cannot be had).
Result<> CheckIsNoWhiteout(std::string_view name);

// The NAME of a whiteout's last component.
std::string_view WhiteoutName(std::string_view last_component);

// For messages: control characters as \xNN, since names come from strangers.
std::string Printable(std::string_view name);

}  // namespace hoy::oci
