#pragma once
// The values of single flags, parsed and judged: pure, and each error names its flag and says what
// would be right (kInvalidArgument).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

enum class PullPolicy { kAlways, kMissing, kNever, kNewer };
Result<PullPolicy> ParsePullPolicy(std::string_view text);

// --restart: no, on-failure[:N], always, unless-stopped. Also what `update` takes.
Result<core::RestartPolicy> ParseRestartPolicy(std::string_view text);

// A JSON array of strings, as Dockerfiles have commands in their exec form; nullopt: something
// else.
std::optional<std::vector<std::string>> ParseJsonWords(std::string_view text);

// The fields of one CSV line (RFC 4180): quotes keep a comma, and a doubled quote is a quote.
// nullopt: a quote is not closed, or something comes behind it.
std::optional<std::vector<std::string>> SplitCsv(std::string_view text);

// --expose and the like: PORT[-PORT][/tcp|udp|sctp] -> "80/tcp", each port of the range.
Result<std::vector<std::string>> ParsePorts(std::string_view flag, std::string_view text);

// "64m" of a flag that wants bytes. `minimum` is in bytes too.
Result<int64_t> ParseSizeFlag(std::string_view flag, std::string_view text, int64_t minimum = 0);
// A whole number in a range.
Result<int64_t> ParseNumberFlag(std::string_view flag, std::string_view text, int64_t minimum,
                                int64_t maximum);
constexpr int64_t kMaxSeconds = INT32_MAX;  // of a flag
// --cpus: "1.5" -> 1'500'000'000.
Result<int64_t> ParseCpus(std::string_view text);

// --ulimit NAME=SOFT[:HARD]; "-1" and "unlimited" mean no limit.
Result<core::Rlimit> ParseUlimit(std::string_view text);
std::string_view RlimitName(int resource);  // "nofile"

// --device HOST[:CONTAINER[:rwm]].
struct DeviceOption {
  std::string host;
  std::string container;
  std::string access = "rwm";
};
Result<DeviceOption> ParseDevice(std::string_view text);

// --sysctl KEY=VALUE. Only what belongs to a namespace of the container's own: anything else would
// change the host.
Result<std::pair<std::string, std::string>> ParseSysctl(std::string_view text,
                                                        const core::NamespaceModes& namespaces);

// KEY[=VALUE] of labels and annotations.
Result<std::pair<std::string, std::string>> ParseKeyValue(std::string_view flag,
                                                          std::string_view text);

// The security options, all together.
struct SecurityOptions {
  std::optional<core::SeccompMode> seccomp;
  std::string seccomp_file;  // kProfile
  bool no_new_privileges = false;
  bool unmask_all = false;
  std::vector<std::string> unmask;  // paths or patterns (fnmatch)
  std::vector<std::string> mask;
};
Result<SecurityOptions> ParseSecurityOptions(const std::vector<std::string>& options);

// One line list of an environment file in docker's format: NAME=value with the value as it stands
// (no quotes), NAME alone (imported from the host), "#" comments, empty lines. `path` is for
// errors.
struct EnvEntry {
  std::string name;
  std::optional<std::string> value;  // absent: import
};
Result<EnvEntry> ParseEnv(std::string_view flag, std::string_view text);
Result<std::vector<EnvEntry>> ParseEnvFile(std::string_view path, std::string_view content);
// The same for --label-file; a bare KEY is an empty label.
Result<core::StringPairs> ParseLabelFile(std::string_view path, std::string_view content);

}  // namespace hoy::cli
