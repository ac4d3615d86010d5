#pragma once
// What a hook is told of a container (github.com/opencontainers/runtime-spec, runtime.md "State",
// config.md).

#include <sys/types.h>

#include <string>
#include <utility>

#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

struct OciStatus {
  const char* name;  // "creating", "created", "running" or "stopped"
  pid_t init = 0;    // 0: there is none any more
};
// state.json; its bundle is its directory in RUN.
std::string EncodeOciState(const Layout& layout, const ContainerRecord& record,
                           const OciStatus& status);
// The same without the pid, which only the process itself knows: what is before it and behind it.
std::pair<std::string, std::string> EncodeOciStateAround(const Layout& layout,
                                                         const ContainerRecord& record,
                                                         const char* status);
// config.json of that bundle: where the root is, and what hooks may ask of it. No variables: there
// are secrets among them.
std::string EncodeHookConfig(const ContainerRecord& record, const std::string& root);

}  // namespace hoy::core
