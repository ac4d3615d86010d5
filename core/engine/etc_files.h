#pragma once
// /etc/hostname, hosts and resolv.conf of a container: kept in its directory, written at every
// start, bound over the image's own, which stay as they are. The container may make of them what it
// likes, so that they lie where all that it writes lies, and are of no trusted size or content.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

// A new file at every start: the last one may be bound in another container still.
Result<> WriteEtcFile(const Layout& layout, std::string_view id, std::string_view name,
                      std::string_view text);
// The file of `owner`, which `id` shares.
Result<> ShareEtcFile(const Layout& layout, std::string_view id, std::string_view name,
                      std::string_view owner);

Result<> WriteHostname(const Layout& layout, const ContainerRecord& record);
// With the host's network, or with none: others are wired by the NetworkDriver, which knows more.
Result<> WriteEtcFiles(const Layout& layout, const ContainerRecord& record);

// Pure: localhost, --add-host, and WithHost.
std::string HostsText(const ContainerConfig& config, std::string_view host);
// Pure: `hosts`, where the host's names, and those of --add-host NAME:host-gateway, are for `host`,
// the address that the container reaches it at; without one they are not there.
std::string WithHost(std::string_view hosts, const NetworkConfig& config, std::string_view host);
// Pure: whether --add-host wants that address.
bool NamesHost(const NetworkConfig& config);
// Pure: `hosts` with these lines in the place of those from the line `begin` to the next "# hoy:
// end", or at its end; without lines the marks go, too. All else is the container's.
std::string WithBlock(std::string_view hosts, std::string_view begin, std::string_view lines);

// Pure. What the flags do not say is as the host has it; servers on the host's loopback are left
// out, for they cannot be reached from another network namespace. `resolver`: if not empty, the
// server that the container asks, and after it, where that fails, those that --dns named on the
// container's own loopback; names without a dot are asked for as they are then.
std::string ResolvText(const NetworkConfig& config, std::string_view of_host,
                       std::string_view resolver = "");
// Pure. Whom such a resolver asks, from the host's side, an address a line. Not those that the
// flags name on the container's own loopback, which only the container can ask.
std::string ServersText(const NetworkConfig& config, std::string_view of_host);
bool IsOnLoopback(std::string_view server);
// Of the host: resolv.conf, or what a stub resolver on its loopback (systemd-resolved) goes by.
std::string HostResolvText();

// As a container has left it. kConflict: it holds it by a lease (fcntl(2), F_SETLEASE). kCorrupt:
// it has made it larger than any that is a hosts file.
Result<std::string> ReadEtcFile(const std::string& path);
// In place, over what is there: a container has the file bound, and keeps seeing this one. Readers
// see whole lines at every moment, and where there is no room for all of them (ENOSPC) the old
// ones. kConflict: the container holds it by a lease.
Result<> WriteInPlace(const std::string& path, std::string_view text);

}  // namespace hoy::core
