#pragma once
// Where a container's output is kept, as it was chosen when the container was created (--log-driver
// and --log-opt; cli/ops/log_options.h reads them).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoy::core {

enum class LogDriver : uint32_t {
  kFile,         // hoy's own form (core/log/frame.h)
  kJsonFile,     // docker's form of that name (core/log/json_line.h)
  kJournald,     // a message for each line (core/monitor/journal.h)
  kNone,         // nowhere
  kPassthrough,  // nothing comes by: the container has the streams of who started it
};
inline constexpr LogDriver kLogDrivers[] = {LogDriver::kFile, LogDriver::kJsonFile,
                                            LogDriver::kJournald, LogDriver::kNone,
                                            LogDriver::kPassthrough};

constexpr std::string_view ToString(LogDriver driver) {
  switch (driver) {
    case LogDriver::kFile: return "file";
    case LogDriver::kJsonFile: return "json-file";
    case LogDriver::kJournald: return "journald";
    case LogDriver::kNone: return "none";
    case LogDriver::kPassthrough: return "passthrough";
  }
  return "unknown";
}

struct LogConfig {
  LogDriver driver = LogDriver::kFile;
  std::vector<std::pair<std::string, std::string>> options;  // as typed, sorted
  uint64_t max_size = 0;                                     // bytes of one file; 0: no limit
  uint32_t max_files = 1;  // the one that is written and those before it
  bool compress = false;   // those before it
  std::string tag;         // journald: SYSLOG_IDENTIFIER
  // What a message carries beside its text: tag, labels, variables; sorted.
  std::vector<std::pair<std::string, std::string>> attributes;

  // In the container's own directory.
  bool HasFile() const { return driver == LogDriver::kFile || driver == LogDriver::kJsonFile; }

  bool operator==(const LogConfig&) const = default;
};

}  // namespace hoy::core
