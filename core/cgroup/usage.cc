#include "core/cgroup/usage.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/base/text.h"
#include "core/cgroup/tree.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Number = CgroupUsage::Number;

Number Find(const Result<std::string>& text, std::string_view key, uint64_t unit = 1) {
  if (!text) return std::nullopt;
  for (std::string_view line : Split(*text, '\n')) {
    auto [name, value] = CutAt(line, ' ');
    if (name != key || !value) continue;
    auto number = ParseInteger<uint64_t>(*value);
    return number ? Number(*number * unit) : std::nullopt;
  }
  return std::nullopt;
}

void Add(Number& sum, Number more) {
  if (more) sum = sum.value_or(0) + *more;
}

Number WithoutInactive(Number usage, Number inactive) {
  if (!usage) return usage;
  return *usage - std::min(*usage, inactive.value_or(0));
}

std::optional<Pressure> PressureIn(const std::string& path) {
  auto text = ReadFile(path, 4096);
  return text ? ParsePressure(*text) : std::nullopt;
}

// "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" for each device; nothing used: no line.
void ReadIoStat(const std::string& directory, CgroupUsage& usage) {
  auto text = ReadFile(directory + "/io.stat");
  if (!text) return;
  for (Number* number :
       {&usage.read_bytes, &usage.written_bytes, &usage.read_operations, &usage.write_operations}) {
    *number = 0;
  }
  for (std::string_view line : Split(*text, '\n')) {
    for (std::string_view field : Split(line, ' ')) {
      auto [key, value] = CutAt(field, '=');
      if (!value) continue;
      auto count = ParseInteger<uint64_t>(*value);
      if (key == "rbytes") Add(usage.read_bytes, count);
      if (key == "wbytes") Add(usage.written_bytes, count);
      if (key == "rios") Add(usage.read_operations, count);
      if (key == "wios") Add(usage.write_operations, count);
    }
  }
}

// "8:0 Read 4096", "8:0 Write 0", ..., "Total 4096".
void ReadBlkio(const std::string& path, Number& read, Number& written) {
  auto text = ReadFile(path);
  if (!text) return;
  read = written = 0;
  for (std::string_view line : Split(*text, '\n')) {
    auto fields = Split(line, ' ');
    if (fields.size() != 3) continue;
    auto count = ParseInteger<uint64_t>(fields[2]);
    if (fields[1] == "Read") Add(read, count);
    if (fields[1] == "Write") Add(written, count);
  }
}

CgroupUsage ReadV2(const std::string& directory) {
  CgroupUsage usage;
  auto memory = ReadFile(directory + "/memory.stat");
  usage.memory_bytes = WithoutInactive(ReadCgroupNumber(directory + "/memory.current"),
                                       Find(memory, "inactive_file"));
  usage.memory_peak_bytes = ReadCgroupNumber(directory + "/memory.peak");
  usage.memory_limit_bytes = ReadCgroupNumber(directory + "/memory.max");
  usage.page_faults = Find(memory, "pgfault");
  usage.major_page_faults = Find(memory, "pgmajfault");
  usage.oom_kills = Find(ReadFile(directory + "/memory.events"), "oom_kill");
  auto cpu = ReadFile(directory + "/cpu.stat");
  usage.cpu_ns = Find(cpu, "usage_usec", 1000);
  usage.cpu_user_ns = Find(cpu, "user_usec", 1000);
  usage.cpu_system_ns = Find(cpu, "system_usec", 1000);
  usage.throttled_periods = Find(cpu, "nr_throttled");
  usage.throttled_ns = Find(cpu, "throttled_usec", 1000);
  usage.pids = ReadCgroupNumber(directory + "/pids.current");
  usage.pids_peak = ReadCgroupNumber(directory + "/pids.peak");
  usage.pids_limit = ReadCgroupNumber(directory + "/pids.max");
  ReadIoStat(directory, usage);
  usage.cpu_pressure = PressureIn(directory + "/cpu.pressure");
  usage.memory_pressure = PressureIn(directory + "/memory.pressure");
  usage.io_pressure = PressureIn(directory + "/io.pressure");
  return usage;
}

void ReadMemoryV1(const std::string& directory, CgroupUsage& usage) {
  if (directory.empty()) return;
  auto stat = ReadFile(directory + "/memory.stat");
  usage.memory_bytes = WithoutInactive(ReadCgroupNumber(directory + "/memory.usage_in_bytes"),
                                       Find(stat, "total_inactive_file"));
  usage.memory_peak_bytes = ReadCgroupNumber(directory + "/memory.max_usage_in_bytes");
  // "None" is the largest multiple of the page size that fits.
  constexpr uint64_t kNone = uint64_t{1} << 62;
  usage.memory_limit_bytes = ReadCgroupNumber(directory + "/memory.limit_in_bytes");
  if (usage.memory_limit_bytes.value_or(0) >= kNone) usage.memory_limit_bytes.reset();
  usage.page_faults = Find(stat, "total_pgfault");
  usage.major_page_faults = Find(stat, "total_pgmajfault");
  usage.oom_kills = Find(ReadFile(directory + "/memory.oom_control"), "oom_kill");
}

CgroupUsage ReadV1(const CgroupLocation& location) {
  CgroupUsage usage;
  ReadMemoryV1(location.Directory("memory"), usage);
  if (std::string cpu = location.Directory("cpuacct"); !cpu.empty()) {
    usage.cpu_ns = ReadCgroupNumber(cpu + "/cpuacct.usage");
    usage.cpu_user_ns = ReadCgroupNumber(cpu + "/cpuacct.usage_user");
    usage.cpu_system_ns = ReadCgroupNumber(cpu + "/cpuacct.usage_sys");
  }
  if (std::string cpu = location.Directory("cpu"); !cpu.empty()) {
    auto stat = ReadFile(cpu + "/cpu.stat");
    usage.throttled_periods = Find(stat, "nr_throttled");
    usage.throttled_ns = Find(stat, "throttled_time");
  }
  if (std::string pids = location.Directory("pids"); !pids.empty()) {
    usage.pids = ReadCgroupNumber(pids + "/pids.current");
    usage.pids_peak = ReadCgroupNumber(pids + "/pids.peak");
    usage.pids_limit = ReadCgroupNumber(pids + "/pids.max");
  }
  if (std::string blkio = location.Directory("blkio"); !blkio.empty()) {
    ReadBlkio(blkio + "/blkio.throttle.io_service_bytes_recursive", usage.read_bytes,
              usage.written_bytes);
    ReadBlkio(blkio + "/blkio.throttle.io_serviced_recursive", usage.read_operations,
              usage.write_operations);
  }
  return usage;
}

}  // namespace

std::optional<Pressure> ParsePressure(std::string_view text) {
  Pressure pressure;
  bool found = false;
  for (std::string_view line : Split(text, '\n')) {
    auto fields = Split(line, ' ');
    if (fields.empty() || (fields[0] != "some" && fields[0] != "full")) continue;
    Pressure::Line values;
    for (std::string_view field : fields) {
      auto [key, value] = CutAt(field, '=');
      if (!value) continue;
      double number = std::strtod(std::string(*value).c_str(), nullptr);
      if (key == "avg10") values.average_10s = number;
      if (key == "avg60") values.average_60s = number;
      if (key == "avg300") values.average_300s = number;
      if (key == "total") values.total_us = ParseInteger<uint64_t>(*value).value_or(0);
    }
    if (fields[0] == "some") {
      pressure.some = values;
      found = true;
    } else {
      pressure.full = values;
    }
  }
  return found ? std::optional(pressure) : std::nullopt;
}

CgroupUsage ReadUsage(const CgroupLocation& location) {
  switch (location.version) {
    case CgroupVersion::kV1: return ReadV1(location);
    case CgroupVersion::kV2: return ReadV2(location.Directory(""));
    case CgroupVersion::kNone: break;
  }
  return {};
}

std::optional<uint64_t> ReadCpuUsage(const CgroupLocation& location) {
  if (location.version == CgroupVersion::kV2) {
    return Find(ReadFile(location.Directory("cpu") + "/cpu.stat"), "usage_usec", 1000);
  }
  std::string directory = location.Directory("cpuacct");
  return directory.empty() ? std::nullopt : ReadCgroupNumber(directory + "/cpuacct.usage");
}

}  // namespace hoy::core
