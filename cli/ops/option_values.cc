#include "cli/ops/option_values.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

// By RLIMIT_* number (getrlimit(2)); the names are docker's.
constexpr std::array<std::string_view, 16> kRlimitNames = {
    "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
    "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};

// System V and POSIX message queues, semaphores and shared memory: ipc_namespaces(7).
constexpr std::string_view kIpcSysctls[] = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};

Result<uint64_t> ParseLimit(std::string_view flag_value, std::string_view text) {
  if (text == "-1" || text == "unlimited") return UINT64_MAX;
  auto value = ParseInteger<int64_t>(text);
  if (!value || *value < 0) {
    return Fail(ErrorKind::kInvalidArgument, "--ulimit '{}': '{}' is not a number", flag_value,
                text);
  }
  return static_cast<uint64_t>(*value);
}

Result<> ParseSecurityPaths(std::string_view option, std::string_view value,
                            std::vector<std::string>& paths) {
  for (std::string_view path : Split(value, ':')) {
    if (!path.starts_with('/')) {
      return Fail(ErrorKind::kInvalidArgument, "--security-opt '{}': '{}' is not an absolute path",
                  option, path);
    }
    paths.emplace_back(path);
  }
  return {};
}

// The lines of an environment or label file that say something.
template <typename Visit>
Result<> ForEachLine(std::string_view content, Visit visit) {
  if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);
  while (!content.empty()) {
    Cut cut = CutAt(content, '\n');
    content = cut.after.value_or("");
    std::string_view line = cut.before;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.starts_with('#')) continue;
    TRY(visit(line));
  }
  return {};
}

}  // namespace

Result<PullPolicy> ParsePullPolicy(std::string_view text) {
  if (text == "always" || text == "true") return PullPolicy::kAlways;
  if (text == "missing" || text == "false" || text.empty()) return PullPolicy::kMissing;
  if (text == "never") return PullPolicy::kNever;
  if (text == "newer") return PullPolicy::kNewer;
  return Fail(ErrorKind::kInvalidArgument, "--pull '{}': one of always, missing, never, newer",
              text);
}

Result<core::RestartPolicy> ParseRestartPolicy(std::string_view text) {
  auto [name, count] = CutAt(text, ':');
  core::RestartPolicy policy;
  if (name.empty() && !count) return policy;
  bool known = false;
  for (core::RestartMode mode : {core::RestartMode::kNo, core::RestartMode::kOnFailure,
                                 core::RestartMode::kAlways, core::RestartMode::kUnlessStopped}) {
    if (name != core::ToString(mode)) continue;
    policy.mode = mode;
    known = true;
  }
  if (!known) {
    return Fail(ErrorKind::kInvalidArgument,
                "--restart '{}': one of no, on-failure[:N], always, unless-stopped", text);
  }
  if (!count) return policy;
  auto retries = ParseInteger<int32_t>(*count);
  if (policy.mode != core::RestartMode::kOnFailure) {
    return Fail(ErrorKind::kInvalidArgument,
                "--restart '{}': only on-failure takes a number of retries", text);
  }
  if (!retries || *retries < 0) {
    return Fail(ErrorKind::kInvalidArgument, "--restart '{}': not a number of retries", text);
  }
  policy.max_retries = *retries;
  return policy;
}

std::optional<std::vector<std::string>> ParseJsonWords(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  auto list = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const auto& item : list) {
    if (!item.is_string()) return std::nullopt;
    words.push_back(item.get<std::string>());
  }
  return words;
}

std::optional<std::vector<std::string>> SplitCsv(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] != '"') {
        fields.back() += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
        if (i + 1 < text.size() && text[i + 1] != ',') return std::nullopt;
      }
    } else if (text[i] == '"' && fields.back().empty()) {
      quoted = true;
    } else if (text[i] == ',') {
      fields.emplace_back();
    } else {
      fields.back() += text[i];
    }
  }
  if (quoted) return std::nullopt;
  return fields;
}

Result<std::vector<std::string>> ParsePorts(std::string_view flag, std::string_view text) {
  auto [range, protocol] = CutAt(text, '/');
  std::string kind = ToLower(protocol.value_or("tcp"));
  auto [first, last] = CutAt(range, '-');
  auto begin = ParseInteger<uint16_t>(first);
  auto end = last ? ParseInteger<uint16_t>(*last) : begin;
  bool is_kind = kind == "tcp" || kind == "udp" || kind == "sctp";
  if (!is_kind || !begin || !end || *begin == 0 || *begin > *end) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': wants PORT[-PORT][/tcp|udp|sctp]", flag,
                text);
  }
  std::vector<std::string> ports;
  for (uint32_t port = *begin; port <= *end; ++port) {
    ports.push_back(fmt::format("{}/{}", port, kind));
  }
  return ports;
}

Result<int64_t> ParseSizeFlag(std::string_view flag, std::string_view text, int64_t minimum) {
  auto bytes = ParseByteSize(text);
  if (!bytes) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': not a size like 512m or 2g", flag, text);
  }
  if (*bytes < minimum) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': the least is {} bytes", flag, text, minimum);
  }
  return *bytes;
}

Result<int64_t> ParseNumberFlag(std::string_view flag, std::string_view text, int64_t minimum,
                                int64_t maximum) {
  auto number = ParseInteger<int64_t>(text);
  if (!number) return Fail(ErrorKind::kInvalidArgument, "{} '{}': not a number", flag, text);
  if (*number < minimum || *number > maximum) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': not in the range {} to {}", flag, text,
                minimum, maximum);
  }
  return *number;
}

Result<int64_t> ParseCpus(std::string_view text) {
  Cut cut = CutAt(text, '.');
  std::string fraction(cut.after.value_or(""));
  auto whole = cut.before.empty() && !fraction.empty() ? 0 : ParseInteger<int64_t>(cut.before);
  bool digits = fraction.find_first_not_of("0123456789") == std::string::npos;
  if (!whole || *whole < 0 || *whole > 1'000'000 || !digits || fraction.size() > 9) {
    return Fail(ErrorKind::kInvalidArgument, "--cpus '{}': not a number like 1.5", text);
  }
  fraction.resize(9, '0');
  return *whole * 1'000'000'000 + *ParseInteger<int64_t>(fraction);
}

std::string_view RlimitName(int resource) {
  return resource >= 0 && resource < static_cast<int>(kRlimitNames.size())
             ? kRlimitNames[static_cast<size_t>(resource)]
             : "unknown";
}

Result<core::Rlimit> ParseUlimit(std::string_view text) {
  Cut cut = CutAt(text, '=');
  std::string name = ToLower(cut.before);
  if (name.starts_with("rlimit_")) name.erase(0, 7);
  auto found = std::ranges::find(kRlimitNames, name);
  if (!cut.after || found == kRlimitNames.end()) {
    return Fail(ErrorKind::kInvalidArgument,
                "--ulimit '{}': expected NAME=SOFT[:HARD] with a name like nofile, nproc or core",
                text);
  }
  core::Rlimit limit{.resource = static_cast<int>(found - kRlimitNames.begin())};
  Cut values = CutAt(*cut.after, ':');
  TRY(limit.soft, ParseLimit(text, values.before));
  limit.hard = limit.soft;
  if (values.after) {
    TRY(limit.hard, ParseLimit(text, *values.after));
  }
  if (limit.soft > limit.hard) {
    return Fail(ErrorKind::kInvalidArgument, "--ulimit '{}': the soft limit is above the hard one",
                text);
  }
  return limit;
}

Result<DeviceOption> ParseDevice(std::string_view text) {
  auto fields = Split(text, ':');
  auto is_access = [](std::string_view field) {
    return !field.empty() && field.size() <= 3 &&
           field.find_first_not_of("rwm") == std::string_view::npos;
  };
  DeviceOption device;
  bool good = !fields.empty() && fields.size() <= 3 && fields[0].starts_with('/');
  if (good) {
    device.host = device.container = fields[0];
    if (fields.size() >= 2) {
      if (fields.size() == 2 && is_access(fields[1])) {
        device.access = fields[1];
      } else {
        device.container = fields[1];
        good = fields[1].starts_with('/');
      }
    }
    if (fields.size() == 3) {
      device.access = fields[2];
      good = good && is_access(fields[2]);
    }
  }
  if (!good) {
    return Fail(ErrorKind::kInvalidArgument,
                "--device '{}': expected HOST[:CONTAINER[:rwm]] with absolute paths", text);
  }
  return device;
}

Result<std::pair<std::string, std::string>> ParseSysctl(std::string_view text,
                                                        const core::NamespaceModes& namespaces) {
  Cut cut = CutAt(text, '=');
  std::string key(Trim(cut.before));
  std::ranges::replace(key, '/', '.');  // sysctl(8) takes both spellings
  if (!cut.after || key.empty() || key.contains("..") ||
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") !=
          std::string::npos) {
    return Fail(ErrorKind::kInvalidArgument, "--sysctl '{}': expected NAME=VALUE", text);
  }
  auto shared = [&](core::NamespaceMode mode, std::string_view flag) -> Result<> {
    if (mode == core::NamespaceMode::kPrivate) return {};
    if (mode == core::NamespaceMode::kJoined) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--sysctl '{}': the namespace that {} joins is not this container's to change",
                  text, flag);
    }
    return Fail(ErrorKind::kInvalidArgument,
                "--sysctl '{}': with {} host this would change the host", text, flag);
  };
  if (key.starts_with("net.")) {
    TRY(shared(namespaces.net, "--network"));
  } else if (key.starts_with("fs.mqueue.") ||
             std::ranges::find(kIpcSysctls, key) != std::end(kIpcSysctls)) {
    TRY(shared(namespaces.ipc, "--ipc"));
  } else if (key == "kernel.domainname") {
    TRY(shared(namespaces.uts, "--uts"));
  } else {
    return Fail(ErrorKind::kInvalidArgument,
                "--sysctl '{}': '{}' does not belong to a namespace; setting it would change the "
                "host",
                text, key);
  }
  return std::pair{std::move(key), std::string(Trim(*cut.after))};
}

Result<std::pair<std::string, std::string>> ParseKeyValue(std::string_view flag,
                                                          std::string_view text) {
  Cut cut = CutAt(text, '=');
  if (Trim(cut.before).empty()) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': expected KEY=VALUE", flag, text);
  }
  return std::pair{std::string(cut.before), std::string(cut.after.value_or(""))};
}

Result<SecurityOptions> ParseSecurityOptions(const std::vector<std::string>& options) {
  SecurityOptions security;
  for (const std::string& option : options) {
    // docker also takes the old "name:value".
    Cut cut = option.contains('=') ? CutAt(option, '=') : CutAt(option, ':');
    std::string_view value = cut.after.value_or("");
    if (cut.before == "seccomp" && cut.after) {
      security.seccomp = value == "unconfined"                      ? core::SeccompMode::kUnconfined
                         : value == "builtin" || value == "default" ? core::SeccompMode::kDefault
                                                                    : core::SeccompMode::kProfile;
      if (*security.seccomp == core::SeccompMode::kProfile) security.seccomp_file = value;
      if (value.empty()) {
        return Fail(ErrorKind::kInvalidArgument,
                    "--security-opt '{}': expected seccomp=unconfined or seccomp=FILE", option);
      }
    } else if (cut.before == "no-new-privileges" &&
               (!cut.after || value == "true" || value == "false")) {
      security.no_new_privileges = value != "false";
    } else if (cut.before == "unmask" && cut.after) {
      if (value == "ALL" || value == "all") {
        security.unmask_all = true;
      } else {
        TRY(ParseSecurityPaths(option, value, security.unmask));
      }
    } else if (cut.before == "mask" && cut.after) {
      TRY(ParseSecurityPaths(option, value, security.mask));
    } else if (option == "systempaths=unconfined") {
      security.unmask_all = true;
    } else if ((cut.before == "apparmor" && value == "unconfined") ||
               (cut.before == "label" && value == "disable")) {
      // Already so: hoy confines with neither.
    } else if (cut.before == "apparmor" || cut.before == "label") {
      return Fail(ErrorKind::kInvalidArgument,
                  "--security-opt '{}': hoy does not use {}; only {} is accepted", option,
                  cut.before == "label" ? "SELinux" : "AppArmor",
                  cut.before == "label" ? "label=disable" : "apparmor=unconfined");
    } else {
      return Fail(
          ErrorKind::kInvalidArgument,
          "--security-opt '{}': expected seccomp=, no-new-privileges, unmask= or mask=", option);
    }
  }
  return security;
}

Result<EnvEntry> ParseEnv(std::string_view flag, std::string_view text) {
  Cut cut = CutAt(text, '=');
  if (cut.before.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': a variable needs a name", flag, text);
  }
  EnvEntry entry{.name = std::string(cut.before), .value = {}};
  if (cut.after) entry.value = *cut.after;
  return entry;
}

Result<std::vector<EnvEntry>> ParseEnvFile(std::string_view path, std::string_view content) {
  std::vector<EnvEntry> entries;
  TRY(ForEachLine(content, [&](std::string_view line) -> Result<> {
    TRY(EnvEntry entry, ParseEnv(fmt::format("--env-file '{}'", path), line));
    if (line.find('\0') != std::string_view::npos) {
      return Fail(ErrorKind::kInvalidArgument, "--env-file '{}': '{}' contains a zero byte", path,
                  entry.name.substr(0, entry.name.find('\0')));
    }
    if (entry.name.find_first_of(" \t") != std::string::npos) {
      return Fail(ErrorKind::kInvalidArgument, "--env-file '{}': the name '{}' contains a space",
                  path, entry.name);
    }
    entries.push_back(std::move(entry));
    return {};
  }));
  return entries;
}

Result<core::StringPairs> ParseLabelFile(std::string_view path, std::string_view content) {
  core::StringPairs labels;
  TRY(ForEachLine(content, [&](std::string_view line) -> Result<> {
    TRY(auto label, ParseKeyValue(fmt::format("--label-file '{}'", path), line));
    labels.push_back(std::move(label));
    return {};
  }));
  return labels;
}

}  // namespace hoy::cli
