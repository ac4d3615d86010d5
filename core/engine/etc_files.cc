#include "core/engine/etc_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr std::string_view kHosts =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";
constexpr std::string_view kHostNames = "host.containers.internal host.docker.internal";
constexpr std::string_view kHostGateway = "host-gateway";
constexpr std::string_view kBeginOfHost = "# hoy: the host\n";
constexpr std::string_view kEndOfBlock = "# hoy: end\n";
// Where the host names none that can be reached: docker's choice.
constexpr std::string_view kPublicServers[] = {"8.8.8.8", "8.8.4.4"};

// More than any hosts file has.
constexpr size_t kMostBytes = 1 << 20;

// By a lease a container's root could make its opener wait (lease-break-time, 45 s).
Result<Fd> OpenUnwaiting(const std::string& path, int access) {
  auto fd = OpenAt(kCwd, path, access | O_NOFOLLOW | O_NONBLOCK);
  if (fd || fd.error().system_errno != EWOULDBLOCK) return fd;
  return Fail(ErrorKind::kConflict, "'{}': the container holds it by a lease", path);
}

// "NAME:ADDRESS" of --add-host; the address may hold colons. Those of the host, or the others.
std::string AddedHosts(const NetworkConfig& config, std::optional<std::string_view> host) {
  std::string text;
  for (const std::string& entry : config.extra_hosts) {
    auto [name, address] = CutAt(entry, ':');
    if ((address == kHostGateway) != host.has_value()) continue;
    text += fmt::format("{}\t{}\n", host.value_or(address.value_or("")), name);
  }
  return text;
}

struct ResolvConf {
  std::vector<std::string> servers;
  std::string search;
  std::string options;
};

ResolvConf ParseResolvConf(std::string_view text) {
  ResolvConf conf;
  for (std::string_view line : Split(text, '\n')) {
    line = Trim(line);
    size_t end = line.find_first_of(" \t");
    if (end == std::string_view::npos) continue;
    std::string_view word = line.substr(0, end);
    std::string rest(Trim(line.substr(end)));
    if (word == "nameserver") conf.servers.push_back(rest);
    if (word == "search" || word == "domain") conf.search = rest;
    if (word == "options") conf.options = rest;
  }
  return conf;
}

}  // namespace

Result<> WriteEtcFile(const Layout& layout, std::string_view id, std::string_view name,
                      std::string_view text) {
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL;
  std::string path = layout.EtcFile(id, name);
  auto fd = OpenAt(kCwd, path, kNew, 0644);
  if (!fd && fd.error().system_errno == EEXIST) {  // of its last start
    TRY(Unlink(path));
    fd = OpenAt(kCwd, path, kNew, 0644);
  } else if (!fd && fd.error().system_errno == ENOENT) {  // an older hoy made the container
    TRY(MakeDirectory(layout.EtcFiles(id), 0700));
    fd = OpenAt(kCwd, path, kNew, 0644);
  }
  if (!fd) return Fail(std::move(fd).error());
  return WriteAll(*fd, text, path);
}

Result<> ShareEtcFile(const Layout& layout, std::string_view id, std::string_view name,
                      std::string_view owner) {
  std::string path = layout.EtcFile(id, name);
  (void)MakeDirectory(layout.EtcFiles(id), 0700);
  unlink(path.c_str());
  if (symlink(layout.EtcFile(owner, name).c_str(), path.c_str()) != 0) {
    return FailErrno("share", path);
  }
  return {};
}

Result<> WriteHostname(const Layout& layout, const ContainerRecord& record) {
  const std::string& name = record.config.hostname;
  return WriteEtcFile(layout, record.id, "hostname", (name.empty() ? "localhost" : name) + "\n");
}

Result<> WriteEtcFiles(const Layout& layout, const ContainerRecord& record) {
  const ContainerConfig& config = record.config;
  if (config.namespaces.net == NamespaceMode::kHost) {
    // With the host's network its names and servers are the right ones.
    std::string hosts = ReadFile("/etc/hosts").value_or(std::string(kHosts));
    if (!hosts.empty() && !hosts.ends_with('\n')) hosts += '\n';
    hosts += AddedHosts(config.network, std::nullopt) + AddedHosts(config.network, "127.0.0.1");
    TRY(WriteEtcFile(layout, record.id, "hosts", hosts));
    std::string resolv = ReadFile("/etc/resolv.conf").value_or("");
    if (config.network.HasDns()) resolv = ResolvText(config.network, resolv);
    return WriteEtcFile(layout, record.id, "resolv.conf", resolv);
  }
  std::string hosts = HostsText(config, "");
  if (!config.hostname.empty()) hosts += fmt::format("127.0.1.1\t{}\n", config.hostname);
  TRY(WriteEtcFile(layout, record.id, "hosts", hosts));
  std::string resolv = config.network.HasDns() ? ResolvText(config.network, "") : "";
  return WriteEtcFile(layout, record.id, "resolv.conf", resolv);
}

std::string HostsText(const ContainerConfig& config, std::string_view host) {
  std::string hosts(kHosts);
  hosts += AddedHosts(config.network, std::nullopt);
  return WithHost(hosts, config.network, host);
}

std::string WithHost(std::string_view hosts, const NetworkConfig& config, std::string_view host) {
  std::string lines;
  if (!host.empty()) {
    lines = fmt::format("{}\t{}\n", host, kHostNames) + AddedHosts(config, host);
  }
  return WithBlock(hosts, kBeginOfHost, lines);
}

bool NamesHost(const NetworkConfig& config) {
  return !AddedHosts(config, "").empty();
}

std::string WithBlock(std::string_view hosts, std::string_view begin, std::string_view lines) {
  size_t at = hosts.find(begin);
  size_t end = at == std::string_view::npos ? at : hosts.find(kEndOfBlock, at);
  std::string_view after =
      end == std::string_view::npos ? std::string_view() : hosts.substr(end + kEndOfBlock.size());
  std::string text(hosts.substr(0, at));
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  if (!lines.empty()) text += fmt::format("{}{}{}", begin, lines, kEndOfBlock);
  return text + std::string(after);
}

std::string ResolvText(const NetworkConfig& config, std::string_view of_host,
                       std::string_view resolver) {
  ResolvConf host = ParseResolvConf(of_host);
  std::vector<std::string> servers = config.dns;
  if (servers.empty()) {
    servers = host.servers;
    std::erase_if(servers, IsOnLoopback);
  }
  if (servers.empty() && !of_host.empty()) {
    servers.assign(std::begin(kPublicServers), std::end(kPublicServers));
  }
  if (!resolver.empty()) {
    servers = {std::string(resolver)};
    for (const std::string& server : config.dns) {
      if (IsOnLoopback(server) && server != resolver) servers.push_back(server);
    }
  }
  std::string text;
  for (const std::string& server : servers) text += fmt::format("nameserver {}\n", server);
  std::string search = config.dns_search.empty() ? host.search : Join(config.dns_search, " ");
  // "." alone is docker's way to say: none.
  if (!search.empty() && search != ".") text += fmt::format("search {}\n", search);
  std::string options = config.dns_options.empty() ? host.options : Join(config.dns_options, " ");
  if (!resolver.empty() && options.find("ndots:") == std::string::npos) {
    options += options.empty() ? "ndots:0" : " ndots:0";
  }
  if (!options.empty()) text += fmt::format("options {}\n", options);
  return text;
}

std::string ServersText(const NetworkConfig& config, std::string_view of_host) {
  std::vector<std::string> servers = config.dns;
  std::erase_if(servers, IsOnLoopback);
  if (config.dns.empty()) servers = ParseResolvConf(of_host).servers;
  if (config.dns.empty() && servers.empty()) {
    servers.assign(std::begin(kPublicServers), std::end(kPublicServers));
  }
  std::string text;
  for (const std::string& server : servers) text += server + "\n";
  return text;
}

bool IsOnLoopback(std::string_view server) {
  return server.starts_with("127.") || server == "::1";
}

std::string HostResolvText() {
  std::string text = ReadFile("/etc/resolv.conf").value_or("");
  std::vector<std::string> servers = ParseResolvConf(text).servers;
  if (servers.empty() || !std::ranges::all_of(servers, IsOnLoopback)) return text;
  return ReadFile("/run/systemd/resolve/resolv.conf").value_or(text);
}

Result<std::string> ReadEtcFile(const std::string& path) {
  TRY(Fd fd, OpenUnwaiting(path, O_RDONLY));
  return ReadAll(fd, path, kMostBytes);
}

Result<> WriteInPlace(const std::string& path, std::string_view text) {
  TRY(Fd fd, OpenUnwaiting(path, O_RDWR));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return FailErrno("stat", path);
  auto old_size = static_cast<size_t>(status.st_size);
  // The room first: what then fails has changed nothing.
  if (text.size() > old_size &&
      fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(text.size())) != 0 &&
      errno != EOPNOTSUPP) {
    return FailErrno("make room in", path);
  }
  // Blank to the old end, so that nobody reads new text with an old tail; then cut. What a
  // container has made larger than that is nobody's hosts file.
  std::string padded(text);
  if (padded.size() < old_size) padded.resize(std::min(old_size, kMostBytes), '\n');
  std::string_view rest = padded;
  while (!rest.empty()) {
    auto place = static_cast<off_t>(padded.size() - rest.size());
    ssize_t count = pwrite(fd.get(), rest.data(), rest.size(), place);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("write", path);
    rest.remove_prefix(static_cast<size_t>(count));
  }
  if (ftruncate(fd.get(), static_cast<off_t>(text.size())) != 0) return FailErrno("cut", path);
  return {};
}

}  // namespace hoy::core
