#include "cli/ops/stats_rows.h"

#include <array>

#include "core/base/text.h"
#include "core/state/container_id.h"

namespace hoy::cli {
namespace {

using Number = core::CgroupUsage::Number;
constexpr std::string_view kMissing = "--";

Json NumberOrNull(const Number& number) {
  return number ? Json(*number) : Json();
}

Json PressureJson(const std::optional<core::Pressure>& pressure) {
  if (!pressure) return {};
  auto object = [](const core::Pressure::Line& line) {
    return Json{{"Avg10", line.average_10s},
                {"Avg60", line.average_60s},
                {"Avg300", line.average_300s},
                {"TotalUs", line.total_us}};
  };
  Json json = {{"Some", object(pressure->some)}};
  if (pressure->full) json["Full"] = object(*pressure->full);
  return json;
}

// The share of the last ten seconds in which something waited: "0.0% / 1.2% / 0.0%".
std::string PressureText(const core::CgroupUsage& usage) {
  std::string text;
  for (const auto& pressure : {usage.cpu_pressure, usage.memory_pressure, usage.io_pressure}) {
    text += text.empty() ? "" : " / ";
    text += pressure ? fmt::format("{:.1f}%", pressure->some.average_10s) : std::string(kMissing);
  }
  return text;
}

std::string Pair(const Number& first, const Number& second) {
  auto text = [](const Number& bytes) {
    return bytes ? FormatByteSize(*bytes, 3) : std::string(kMissing);
  };
  return text(first) + " / " + text(second);
}

std::string PercentText(const std::optional<double>& percent) {
  return percent ? fmt::format("{:.2f}%", *percent) : std::string(kMissing);
}

std::string SizeText(const Number& bytes) {
  return bytes ? BinarySize(*bytes) : std::string(kMissing);
}

std::string CountText(const Number& count) {
  return count ? std::to_string(*count) : std::string(kMissing);
}

}  // namespace

std::string BinarySize(uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1024 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g}{}", size, kUnits[unit]);
}

Json StatsRow(const StatsSample& sample, uint64_t host_memory_bytes, bool no_trunc) {
  core::CgroupUsage usage;
  std::optional<core::NetworkTraffic> network;
  if (sample.usage) {
    usage = sample.usage->cgroup;
    network = sample.usage->network;
  }
  Number limit = usage.memory_limit_bytes;
  if (usage.memory_bytes && (!limit || *limit > host_memory_bytes)) limit = host_memory_bytes;
  std::optional<double> memory_percent;
  if (usage.memory_bytes && limit && *limit > 0) {
    memory_percent = 100.0 * static_cast<double>(*usage.memory_bytes) / static_cast<double>(*limit);
  }
  Number received = network ? Number(network->received_bytes) : std::nullopt;
  Number sent = network ? Number(network->sent_bytes) : std::nullopt;
  std::string id = no_trunc ? sample.id : std::string(core::ShortId(sample.id));
  Json row = {
      {"Container", id},
      {"ID", id},
      {"Name", sample.name},
      {"CPUPerc", PercentText(sample.cpu_percent)},
      {"MemUsage", SizeText(usage.memory_bytes) + " / " + SizeText(limit)},
      {"MemPerc", PercentText(memory_percent)},
      {"NetIO", Pair(received, sent)},
      {"BlockIO", Pair(usage.read_bytes, usage.written_bytes)},
      {"PIDs", CountText(usage.pids)},
      {"MemPeak", SizeText(usage.memory_peak_bytes)},
      {"Throttled", usage.throttled_ns
                        ? fmt::format("{:.2f}s", static_cast<double>(*usage.throttled_ns) / 1e9)
                        : std::string(kMissing)},
      {"OOMKills", CountText(usage.oom_kills)},
      {"Pressure", PressureText(usage)},
  };
  row["CPUPercent"] = sample.cpu_percent ? Json(*sample.cpu_percent) : Json();
  row["CPUNanoseconds"] = NumberOrNull(usage.cpu_ns);
  row["CPUUserNanoseconds"] = NumberOrNull(usage.cpu_user_ns);
  row["CPUSystemNanoseconds"] = NumberOrNull(usage.cpu_system_ns);
  row["ThrottledPeriods"] = NumberOrNull(usage.throttled_periods);
  row["ThrottledNanoseconds"] = NumberOrNull(usage.throttled_ns);
  row["MemoryBytes"] = NumberOrNull(usage.memory_bytes);
  row["MemoryLimitBytes"] = NumberOrNull(limit);
  row["MemoryPeakBytes"] = NumberOrNull(usage.memory_peak_bytes);
  row["MemoryPercent"] = memory_percent ? Json(*memory_percent) : Json();
  row["OOMKillCount"] = NumberOrNull(usage.oom_kills);
  row["NetworkReceivedBytes"] = NumberOrNull(received);
  row["NetworkSentBytes"] = NumberOrNull(sent);
  row["BlockReadBytes"] = NumberOrNull(usage.read_bytes);
  row["BlockWrittenBytes"] = NumberOrNull(usage.written_bytes);
  row["PIDCount"] = NumberOrNull(usage.pids);
  row["PIDLimit"] = NumberOrNull(usage.pids_limit);
  row["PIDPeak"] = NumberOrNull(usage.pids_peak);
  row["CPUPressure"] = PressureJson(usage.cpu_pressure);
  row["MemoryPressure"] = PressureJson(usage.memory_pressure);
  row["IOPressure"] = PressureJson(usage.io_pressure);
  return row;
}

ListModel StatsModel(bool wide) {
  ListModel model{.columns = {{"ID", "CONTAINER ID"},
                              {"Name", "NAME", true},
                              {"CPUPerc", "CPU %"},
                              {"MemUsage", "MEM USAGE / LIMIT"},
                              {"MemPerc", "MEM %"},
                              {"NetIO", "NET I/O"},
                              {"BlockIO", "BLOCK I/O"},
                              {"PIDs", "PIDS"}},
                  .more = {{"Container", "CONTAINER"}}};
  std::vector<Column> extras = {{"MemPeak", "MEM PEAK"},
                                {"Throttled", "THROTTLED"},
                                {"OOMKills", "OOM KILLS"},
                                {"Pressure", "PRESSURE CPU / MEM / I/O"}};
  auto& where = wide ? model.columns : model.more;
  where.insert(where.end(), extras.begin(), extras.end());
  return model;
}

}  // namespace hoy::cli
