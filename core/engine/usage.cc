#include "core/engine/usage.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/engine/run_directory.h"
#include "core/state/run_state.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

std::string NetworkOf(const std::string& process) {
  char target[64];
  ssize_t length = readlink(fmt::format("/proc/{}/ns/net", process).c_str(), target, sizeof target);
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : "";
}

}  // namespace

NetworkTraffic ParseNetworkTraffic(std::string_view text) {
  NetworkTraffic traffic;
  for (std::string_view line : Split(text, '\n')) {
    auto [name, numbers] = CutAt(line, ':');
    if (!numbers || Trim(name) == "lo") continue;
    std::vector<uint64_t> values;
    for (std::string_view field : Split(*numbers, ' ')) {
      if (field.empty()) continue;
      values.push_back(ParseInteger<uint64_t>(field).value_or(0));
    }
    // proc_net(5): eight numbers each way, bytes first.
    if (values.size() < 9) continue;
    traffic.received_bytes += values[0];
    traffic.sent_bytes += values[8];
  }
  return traffic;
}

std::optional<UsageReader> UsageReader::Open(const Layout& layout, std::string_view id) {
  auto run = ReadRunState(layout, id);
  if (!run || !*run || (*run)->exit) return std::nullopt;
  auto process = OpenProcess((*run)->init);
  auto location = ReadCgroupLocation(layout, id);
  if (!process || !*process || !location) return std::nullopt;
  UsageReader reader;
  reader.location_ = *std::move(location);
  reader.init_ = (*run)->init;
  reader.process_ = **std::move(process);
  std::string network = NetworkOf(std::to_string(reader.init_.pid));
  reader.own_network_ = !network.empty() && network != NetworkOf("self");
  return reader;
}

bool UsageReader::Runs() const {
  pollfd ended{process_.get(), POLLIN, 0};
  return poll(&ended, 1, 0) == 0;
}

UsageReader::CpuReading UsageReader::ReadCpu() const {
  return {ReadCpuUsage(location_), MonotonicNs()};
}

ContainerUsage UsageReader::Read() const {
  ContainerUsage usage;
  usage.cgroup = ReadUsage(location_);
  usage.at_ns = MonotonicNs();
  if (!own_network_) return usage;
  auto text = ReadFile(fmt::format("/proc/{}/net/dev", init_.pid), 1 << 20);
  // The number was still the container's when the file was read.
  if (text && Runs()) usage.network = ParseNetworkTraffic(*text);
  return usage;
}

std::optional<double> CpuPercent(const UsageReader::CpuReading& first,
                                 const UsageReader::CpuReading& last) {
  if (!first.cpu_ns || !last.cpu_ns || last.at_ns <= first.at_ns) return std::nullopt;
  uint64_t used = *last.cpu_ns - std::min(*last.cpu_ns, *first.cpu_ns);
  return 100.0 * static_cast<double>(used) / static_cast<double>(last.at_ns - first.at_ns);
}

uint64_t HostMemoryBytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace hoy::core
