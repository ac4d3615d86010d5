#include "core/cgroup/limits.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr int64_t kMinimumMemory = 6 << 20;  // docker's: below it not even an init gets started
constexpr int64_t kDefaultPeriodUs = 100'000;
constexpr int64_t kNanoCpu = 1'000'000'000;

// Docker's zero: not asked for.
std::optional<int64_t> Asked(const std::optional<int64_t>& limit) {
  return limit.value_or(0) == 0 ? std::nullopt : limit;
}

Result<> ValidateMemory(const ResourceLimits& limits) {
  auto memory = Asked(limits.memory_bytes);
  auto swap = Asked(limits.memory_swap_bytes);
  auto reservation = Asked(limits.memory_reservation_bytes);
  if (memory && *memory < kMinimumMemory) {
    return Fail(ErrorKind::kInvalidArgument, "--memory {}: the minimum is 6m", *memory);
  }
  if (swap && *swap < -1) {
    return Fail(ErrorKind::kInvalidArgument, "--memory-swap {}: not a size, nor -1 for unlimited",
                *swap);
  }
  if (swap && *swap > 0 && !memory) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "--memory-swap needs --memory")
                    .WithHint("--memory-swap is the sum of memory and swap"));
  }
  if (swap && *swap > 0 && *swap < *memory) {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument,
                  fmt::format("--memory-swap {} is smaller than --memory {}", *swap, *memory))
            .WithHint("--memory-swap is the sum of memory and swap; the same value as "
                      "--memory means no swap"));
  }
  if (reservation && *reservation < kMinimumMemory) {
    return Fail(ErrorKind::kInvalidArgument, "--memory-reservation {}: the minimum is 6m",
                *reservation);
  }
  if (reservation && memory && *reservation > *memory) {
    return Fail(ErrorKind::kInvalidArgument, "--memory-reservation {} is larger than --memory {}",
                *reservation, *memory);
  }
  int64_t swappiness = limits.memory_swappiness.value_or(0);
  if (swappiness < -1 || swappiness > 100) {
    return Fail(ErrorKind::kInvalidArgument, "--memory-swappiness {}: not in 0 to 100", swappiness);
  }
  return {};
}

Result<> ValidateCpu(const ResourceLimits& limits, const CpuTopology& topology) {
  auto online = ParseCpuList(topology.online_cpus).value_or(std::vector<int>{0});
  if (auto nano = Asked(limits.nano_cpus)) {
    if (Asked(limits.cpu_quota_us) || Asked(limits.cpu_period_us)) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--cpus and --cpu-quota or --cpu-period exclude each other");
    }
    if (*nano < kNanoCpu / 100 || *nano > static_cast<int64_t>(online.size()) * kNanoCpu) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--cpus {}: not in 0.01 to {}, the CPUs of this host",
                  static_cast<double>(*nano) / kNanoCpu, online.size());
    }
  }
  if (limits.cpu_shares.value_or(0) < 0) {
    return Fail(ErrorKind::kInvalidArgument, "--cpu-shares {}: must be positive",
                *limits.cpu_shares);
  }
  if (auto period = Asked(limits.cpu_period_us);
      period && (*period < 1000 || *period > 1'000'000)) {
    return Fail(ErrorKind::kInvalidArgument,
                "--cpu-period {}: not in 1000 to 1000000 (microseconds)", *period);
  }
  if (auto quota = Asked(limits.cpu_quota_us); quota && *quota > 0 && *quota < 1000) {
    return Fail(ErrorKind::kInvalidArgument, "--cpu-quota {}: the minimum is 1000 (microseconds)",
                *quota);
  }
  return {};
}

Result<> ValidateCpuset(std::string_view flag, std::string_view wanted, std::string_view online,
                        std::string_view what) {
  if (wanted.empty()) return {};
  auto asked = ParseCpuList(wanted);
  if (!asked) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': not a list such as 0-2,5", flag, wanted);
  }
  auto have = ParseCpuList(online).value_or(std::vector<int>{0});
  if (!std::ranges::includes(have, *asked)) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': this host's {} are {}", flag, wanted, what,
                online);
  }
  return {};
}

// --cpus as quota and period; both forms in one.
struct CpuBandwidth {
  std::optional<int64_t> quota_us;
  std::optional<int64_t> period_us;
  std::string flag;
};
CpuBandwidth BandwidthOf(const ResourceLimits& limits) {
  if (auto nano = Asked(limits.nano_cpus)) {
    return {*nano * kDefaultPeriodUs / kNanoCpu, kDefaultPeriodUs, "--cpus"};
  }
  auto quota = Asked(limits.cpu_quota_us);
  return {quota, Asked(limits.cpu_period_us), quota ? "--cpu-quota" : "--cpu-period"};
}

std::string ThrottleFlag(const DeviceThrottle& throttle) {
  std::string flag = "--device-" + throttle.kind;
  std::ranges::replace(flag, '_', '-');
  return flag;
}

// "read_bps" -> "rbps", as io.max has it (Documentation/admin-guide/cgroup-v2.rst).
std::string IoMaxKey(const DeviceThrottle& throttle) {
  auto [direction, unit] = CutAt(throttle.kind, '_');
  return std::string(direction.substr(0, 1)) + std::string(unit.value_or(""));
}

class Plan {
 public:
  void Add(std::string controller, std::string file, std::string value, std::string flag) {
    writes_.push_back({std::move(controller), std::move(file), std::move(value), std::move(flag)});
  }
  // The value is also the kernel's default: nothing is lost where the file does not exist.
  void AddOptional(std::string controller, std::string file, std::string value, std::string flag) {
    Add(std::move(controller), std::move(file), std::move(value), std::move(flag));
    writes_.back().required = false;
  }
  void OrElse(std::string file, std::string value) {
    writes_.back().fallback_file = std::move(file);
    writes_.back().fallback_value = std::move(value);
  }
  std::vector<LimitWrite> Take() { return std::move(writes_); }

 private:
  std::vector<LimitWrite> writes_;
};

}  // namespace

std::optional<std::vector<int>> ParseCpuList(std::string_view text) {
  constexpr int kMaxCpu = 1 << 16;  // a guard for the loop below, far above any machine
  std::vector<int> numbers;
  for (std::string_view range : Split(Trim(text), ',')) {
    auto [first_text, last_text] = CutAt(range, '-');
    auto first = ParseInteger<int>(first_text);
    auto last = last_text ? ParseInteger<int>(*last_text) : first;
    if (!first || !last || *first < 0 || *last < *first || *last > kMaxCpu) return std::nullopt;
    for (int number = *first; number <= *last; ++number) numbers.push_back(number);
  }
  if (numbers.empty()) return std::nullopt;
  std::ranges::sort(numbers);
  auto repeated = std::ranges::unique(numbers);
  numbers.erase(repeated.begin(), repeated.end());
  return numbers;
}

CpuTopology ReadCpuTopology() {
  CpuTopology topology;
  if (auto text = ReadFile("/sys/devices/system/cpu/online")) topology.online_cpus = Trim(*text);
  if (auto text = ReadFile("/sys/devices/system/node/online")) topology.online_mems = Trim(*text);
  return topology;
}

Result<> ValidateLimits(const ResourceLimits& limits, const CpuTopology& topology) {
  TRY(ValidateMemory(limits));
  TRY(ValidateCpu(limits, topology));
  TRY(ValidateCpuset("--cpuset-cpus", limits.cpuset_cpus, topology.online_cpus, "CPUs"));
  TRY(ValidateCpuset("--cpuset-mems", limits.cpuset_mems, topology.online_mems, "memory nodes"));
  if (auto weight = Asked(limits.blkio_weight); weight && (*weight < 10 || *weight > 1000)) {
    return Fail(ErrorKind::kInvalidArgument, "--blkio-weight {}: not in 10 to 1000", *weight);
  }
  for (const auto& [file, value] : limits.cgroup_conf) {
    if (file.find('/') != std::string::npos || file.find('.') == std::string::npos ||
        file.starts_with('.')) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--cgroup-conf '{}': not the name of a cgroup file such as memory.high", file);
    }
  }
  return {};
}

ResourceLimits MergeLimits(ResourceLimits now, const ResourceLimits& changes) {
  if (Asked(changes.nano_cpus)) {
    now.cpu_quota_us.reset();
    now.cpu_period_us.reset();
  }
  if (Asked(changes.cpu_quota_us) || Asked(changes.cpu_period_us)) now.nano_cpus.reset();
  for (auto field :
       {&ResourceLimits::memory_bytes, &ResourceLimits::memory_swap_bytes,
        &ResourceLimits::memory_reservation_bytes, &ResourceLimits::nano_cpus,
        &ResourceLimits::cpu_shares, &ResourceLimits::cpu_quota_us, &ResourceLimits::cpu_period_us,
        &ResourceLimits::pids_limit, &ResourceLimits::blkio_weight}) {
    if (Asked(changes.*field)) now.*field = changes.*field;
  }
  if (changes.memory_swappiness.value_or(-1) >= 0) {
    now.memory_swappiness = changes.memory_swappiness;
  }
  if (!changes.cpuset_cpus.empty()) now.cpuset_cpus = changes.cpuset_cpus;
  if (!changes.cpuset_mems.empty()) now.cpuset_mems = changes.cpuset_mems;
  for (const DeviceThrottle& change : changes.throttles) {
    std::erase_if(now.throttles, [&](const DeviceThrottle& old) {
      return old.kind == change.kind && old.major == change.major && old.minor == change.minor;
    });
    now.throttles.push_back(change);
  }
  for (const auto& change : changes.cgroup_conf) {
    std::erase_if(now.cgroup_conf, [&](const auto& old) { return old.first == change.first; });
    now.cgroup_conf.push_back(change);
  }
  return now;
}

int64_t CpuSharesToWeight(int64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  double l = std::log2(static_cast<double>(shares));
  double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<int64_t>(std::ceil(std::pow(10, exponent)));
}

int64_t BlkioWeightToIoWeight(int64_t weight) {
  return 1 + (weight - 10) * 9999 / 990;
}

Result<std::vector<LimitWrite>> PlanLimitsV1(const ResourceLimits& limits) {
  Plan plan;
  if (auto memory = Asked(limits.memory_bytes)) {
    plan.Add("memory", "memory.limit_in_bytes", std::to_string(*memory), "--memory");
    // As docker: as much swap as memory, unless asked otherwise. Must follow the memory limit,
    // which it may not undercut.
    if (auto swap = Asked(limits.memory_swap_bytes); !swap) {
      plan.AddOptional("memory", "memory.memsw.limit_in_bytes", std::to_string(2 * *memory),
                       "--memory");
    } else if (*swap > 0) {
      plan.Add("memory", "memory.memsw.limit_in_bytes", std::to_string(*swap), "--memory-swap");
    }
  }
  if (limits.memory_swap_bytes.value_or(0) < 0) {
    plan.AddOptional("memory", "memory.memsw.limit_in_bytes", "-1", "--memory-swap");
  }
  if (auto reservation = Asked(limits.memory_reservation_bytes)) {
    plan.Add("memory", "memory.soft_limit_in_bytes", std::to_string(*reservation),
             "--memory-reservation");
  }
  // Zero is a value here (avoid swapping); -1 is docker's "not set".
  if (limits.memory_swappiness.value_or(-1) >= 0) {
    plan.Add("memory", "memory.swappiness", std::to_string(*limits.memory_swappiness),
             "--memory-swappiness");
  }
  if (auto shares = Asked(limits.cpu_shares)) {
    plan.Add("cpu", "cpu.shares", std::to_string(*shares), "--cpu-shares");
  }
  CpuBandwidth cpu = BandwidthOf(limits);
  if (cpu.period_us) {
    plan.Add("cpu", "cpu.cfs_period_us", std::to_string(*cpu.period_us), cpu.flag);
  }
  if (cpu.quota_us && *cpu.quota_us > 0) {
    plan.Add("cpu", "cpu.cfs_quota_us", std::to_string(*cpu.quota_us), cpu.flag);
  } else if (cpu.quota_us) {
    plan.AddOptional("cpu", "cpu.cfs_quota_us", "-1", cpu.flag);
  }
  if (!limits.cpuset_cpus.empty()) {
    plan.Add("cpuset", "cpuset.cpus", limits.cpuset_cpus, "--cpuset-cpus");
  }
  if (!limits.cpuset_mems.empty()) {
    plan.Add("cpuset", "cpuset.mems", limits.cpuset_mems, "--cpuset-mems");
  }
  if (auto pids = Asked(limits.pids_limit)) {
    if (*pids > 0) {
      plan.Add("pids", "pids.max", std::to_string(*pids), "--pids-limit");
    } else {
      plan.AddOptional("pids", "pids.max", "max", "--pids-limit");
    }
  }
  if (auto weight = Asked(limits.blkio_weight)) {
    plan.Add("blkio", "blkio.weight", std::to_string(*weight), "--blkio-weight");
    plan.OrElse("blkio.bfq.weight", std::to_string(*weight));
  }
  for (const DeviceThrottle& throttle : limits.throttles) {
    plan.Add("blkio", fmt::format("blkio.throttle.{}_device", throttle.kind),
             fmt::format("{}:{} {}", throttle.major, throttle.minor, throttle.rate),
             ThrottleFlag(throttle));
  }
  if (!limits.cgroup_conf.empty()) {
    return Fail(MakeError(ErrorKind::kUnsupported,
                          "--cgroup-conf names files of cgroup v2, and this host uses v1")
                    .WithHint("use --memory, --cpus, --pids-limit and so on instead"));
  }
  return plan.Take();
}

Result<std::vector<LimitWrite>> PlanLimitsV2(const ResourceLimits& limits) {
  Plan plan;
  if (auto memory = Asked(limits.memory_bytes)) {
    plan.Add("memory", "memory.max", std::to_string(*memory), "--memory");
    // v2 counts swap by itself, docker's flag the sum of both.
    if (auto swap = Asked(limits.memory_swap_bytes); !swap) {
      plan.AddOptional("memory", "memory.swap.max", std::to_string(*memory), "--memory");
    } else if (*swap > 0) {
      plan.Add("memory", "memory.swap.max", std::to_string(*swap - *memory), "--memory-swap");
    }
  }
  if (limits.memory_swap_bytes.value_or(0) < 0) {
    plan.AddOptional("memory", "memory.swap.max", "max", "--memory-swap");
  }
  if (auto reservation = Asked(limits.memory_reservation_bytes)) {
    plan.Add("memory", "memory.low", std::to_string(*reservation), "--memory-reservation");
  }
  if (limits.memory_swappiness.value_or(-1) >= 0) {
    return Fail(MakeError(ErrorKind::kUnsupported,
                          "--memory-swappiness: cgroup v2 has no swappiness of its own")
                    .WithHint("use --memory-swap to bound the swap of a container"));
  }
  if (auto shares = Asked(limits.cpu_shares)) {
    plan.Add("cpu", "cpu.weight", std::to_string(CpuSharesToWeight(*shares)), "--cpu-shares");
  }
  CpuBandwidth cpu = BandwidthOf(limits);
  if (cpu.quota_us || cpu.period_us) {
    bool bounded = cpu.quota_us.value_or(-1) > 0;
    plan.Add("cpu", "cpu.max",
             fmt::format("{} {}", bounded ? std::to_string(*cpu.quota_us) : "max",
                         cpu.period_us.value_or(kDefaultPeriodUs)),
             cpu.flag);
  }
  if (!limits.cpuset_cpus.empty()) {
    plan.Add("cpuset", "cpuset.cpus", limits.cpuset_cpus, "--cpuset-cpus");
  }
  if (!limits.cpuset_mems.empty()) {
    plan.Add("cpuset", "cpuset.mems", limits.cpuset_mems, "--cpuset-mems");
  }
  if (auto pids = Asked(limits.pids_limit)) {
    if (*pids > 0) {
      plan.Add("pids", "pids.max", std::to_string(*pids), "--pids-limit");
    } else {
      plan.AddOptional("pids", "pids.max", "max", "--pids-limit");
    }
  }
  if (auto weight = Asked(limits.blkio_weight)) {
    plan.Add("io", "io.bfq.weight", std::to_string(*weight), "--blkio-weight");
    plan.OrElse("io.weight", std::to_string(BlkioWeightToIoWeight(*weight)));
  }
  for (const DeviceThrottle& throttle : limits.throttles) {
    plan.Add("io", "io.max",
             fmt::format("{}:{} {}={}", throttle.major, throttle.minor, IoMaxKey(throttle),
                         throttle.rate),
             ThrottleFlag(throttle));
  }
  for (const auto& [file, value] : limits.cgroup_conf) {
    plan.Add(std::string(CutAt(file, '.').before), file, value, "--cgroup-conf");
  }
  return plan.Take();
}

}  // namespace hoy::core
