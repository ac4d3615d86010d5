#include "net/attach/etc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/engine/etc_files.h"
#include "core/sys/files.h"
#include "net/attach/names.h"

namespace hoy::net {
namespace {

// The host, as the container reaches it.
std::string GatewayOf(const NetworkStatus& status) {
  for (const Endpoint& endpoint : status.endpoints) {
    for (const auto& address : {endpoint.v4, endpoint.v6}) {
      if (address && address->gateway) return address->gateway->ToString();
    }
  }
  return "";
}

Result<> Write(const std::string& path, std::string_view text) {
  TRY(Fd fd, core::OpenAt(core::kCwd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  return core::WriteAll(fd, text, path);
}

}  // namespace

Result<> WriteEtcFiles(const core::Layout& layout, const core::ContainerRecord& record,
                       const NetworkStatus& status) {
  const core::NetworkConfig& config = record.config.network;
  std::string directory = layout.RunContainer(record.id);
  if (!config.container.empty()) {
    for (const char* name : {"/hosts", "/resolv.conf"}) {
      std::string from = layout.RunContainer(config.container) + name;
      std::string to = directory + name;
      if (link(from.c_str(), to.c_str()) != 0) return FailErrno("share", from);
    }
    return {};
  }
  std::string hosts = core::HostsText(record.config, GatewayOf(status));
  if (!status.endpoints.empty()) hosts = WithMembers(hosts, MembersText(status, {}));
  TRY(Write(directory + "/hosts", hosts));
  return Write(directory + "/resolv.conf", core::ResolvText(config, core::HostResolvText()));
}

}  // namespace hoy::net
