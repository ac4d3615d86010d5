#pragma once
// A disk of this machine under a name of the test's own, for limits of block I/O: nothing is read
// from it or written to it.

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <optional>
#include <string>

#include "tests/support/scratch.h"

namespace hoy::test {

// Makes the node, and returns its number, "254:0"; nullopt: there is no disk here.
inline std::optional<std::string> MakeDiskNode(const std::string& path) {
  const std::vector<std::string> disks = ListNames("/sys/block");
  if (disks.empty()) return std::nullopt;
  std::string number = ReadFile("/sys/block/" + disks[0] + "/dev");
  number.erase(number.find('\n'));
  const size_t colon = number.find(':');
  const dev_t device = makedev(std::stoul(number), std::stoul(number.substr(colon + 1)));
  if (::mknod(path.c_str(), S_IFBLK | 0600, device) != 0) return std::nullopt;
  return number;
}

}  // namespace hoy::test
