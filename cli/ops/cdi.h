#pragma once
// Devices by the Container Device Interface: files in which vendors say what a container needs for
// a device, named VENDOR/CLASS=NAME. github.com/cncf-tags/container-device-interface, SPEC.md 1.0.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

struct CdiNode {
  std::string path;          // in the container
  std::string host_path;     // on the host
  std::optional<char> type;  // 'b', 'c', 'u', 'p'; with major and minor: else the host's
  std::optional<uint32_t> major;
  std::optional<uint32_t> minor;
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::string access = "rwm";
};

struct CdiMount {
  std::string host_path;
  std::string path;  // in the container
  std::string type;  // empty: a bind
  std::vector<std::string> options;
};

// What is done to a container ("containerEdits").
struct CdiEdits {
  std::vector<std::string> env;  // "NAME=value"
  std::vector<CdiNode> nodes;
  std::vector<CdiMount> mounts;
  std::vector<std::string> groups;  // numbers
  std::vector<core::Hook> hooks;

  void Append(CdiEdits more);
};

struct CdiSpec {
  std::string kind;  // "nvidia.com/gpu"
  CdiEdits edits;    // for whichever device
  std::map<std::string, CdiEdits> devices;
};

// A bind with its options. kUnsupported: another type, or an option that hoy does not know.
Result<core::Mount> ToMount(const CdiMount& mount);

// "vendor.com/class=name": as the value of --device no path.
bool IsCdiName(std::string_view text);

// --gpus, the fields of one CSV line -> CDI names of nvidia.com/gpu:
//   all, N or count=N       the first so many
//   device=A, "device=A,B"  these; the quotes may be missing
//   driver=nvidia           the only one
//   capabilities=...        anything: what of the driver comes in is for the CDI file to say
// kInvalidArgument: another key, a key twice, or a number and devices.
Result<std::vector<std::string>> ParseGpus(std::string_view text);

// A file's content: JSON, or YAML. kCorrupt; kUnsupported: it wants what hoy cannot do.
Result<CdiSpec> ParseCdiSpec(std::string_view text);

// HOY_CDI_DIRS (colons in between), else /etc/cdi and /var/run/cdi.
std::vector<std::string> CdiDirectories();

// The names of all devices, sorted. What cannot be read has none.
std::vector<std::string> ListCdiDevices(const std::vector<std::string>& directories);

// What the devices need together. A device of a later directory hides its like in an earlier one.
// kNotFound: none of that name; kConflict: two files of one directory have it; and what is wrong
// with the files, when a device is not found.
Result<CdiEdits> FindCdiDevices(const std::vector<std::string>& names,
                                const std::vector<std::string>& directories);

}  // namespace hoy::cli
