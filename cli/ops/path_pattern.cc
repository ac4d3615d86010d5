#include "cli/ops/path_pattern.h"

#include <fnmatch.h>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::cli {

std::vector<std::string> FindPaths(std::string_view pattern) {
  std::vector<std::string> found = {""};
  for (std::string_view part : Split(pattern, '/')) {
    if (part.empty()) continue;
    std::string wanted(part);
    bool literal = part.find_first_of("*?[\\") == std::string_view::npos;
    std::vector<std::string> next;
    for (const std::string& directory : found) {
      if (literal) {
        if (core::Exists(directory + "/" + wanted)) next.push_back(directory + "/" + wanted);
        continue;
      }
      auto names = core::ListDirectory(directory + "/");
      if (!names) continue;
      for (const std::string& name : *names) {
        if (fnmatch(wanted.c_str(), name.c_str(), FNM_PERIOD) == 0) {
          next.push_back(directory + "/" + name);
        }
      }
    }
    found = std::move(next);
  }
  return found;
}

}  // namespace hoy::cli
