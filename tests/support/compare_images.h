#pragma once
// An image as its reader sees it: what is in it, file by file, independent of who unpacked it.

#include <map>
#include <string>

namespace hoy::test {

// Path -> "type mode owner size link hash mtime xattrs" of everything below `root`, as a plain tree
// (a container's root, `umoci unpack`'s rootfs, an extracted tar). Hard links show as the number of
// names. Directory sizes do not count.
enum class Times { kAll, kNotOfDirectories };
std::map<std::string, std::string> DescribeTree(const std::string& root, Times times = Times::kAll);

// Extracts a rootfs tar with tar(1) into `directory`.
void ExtractTar(const std::string& tar, const std::string& directory);

// The differences, one a line; empty when there are none. At most 20.
std::string DiffTrees(const std::map<std::string, std::string>& want,
                      const std::map<std::string, std::string>& got);

}  // namespace hoy::test
