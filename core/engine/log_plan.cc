#include "core/engine/log_plan.h"

#include <unistd.h>

#include <algorithm>

#include "core/engine/program_path.h"
#include "core/log/json_line.h"
#include "core/log/rotated_files.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

std::string JsonString(std::string_view text) {
  std::string quoted = "\"";
  char buffer[256];
  while (!text.empty()) quoted.append(buffer, EscapeJson(&text, buffer, sizeof buffer));
  return quoted + "\"";
}

void AddField(std::string& fields, std::string_view name, std::string_view value) {
  fields.append(name).append("\n");
  uint64_t length = value.size();
  for (size_t i = 0; i < sizeof length; ++i) fields += static_cast<char>(length >> (8 * i) & 0xff);
  fields.append(value).append("\n");
}

// Upper-case letters, digits and underscores, and no underscore first (systemd.journal-fields(7)).
std::string JournalName(std::string_view name) {
  std::string result;
  for (char c : name) {
    bool lower = c >= 'a' && c <= 'z';
    bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    char letter = lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
    if (letter != '_' || !result.empty()) result += letter;
  }
  return result;
}

}  // namespace

std::string JsonAttributes(const LogConfig& config) {
  if (config.attributes.empty()) return "";
  std::string text = "\"attrs\":{";
  for (const auto& [name, value] : config.attributes) {
    if (!text.ends_with('{')) text += ',';
    text += JsonString(name) + ":" + JsonString(value);
  }
  return text + "},";
}

std::string JournalFields(const ContainerRecord& record) {
  const LogConfig& log = record.config.log;
  std::string fields;
  AddField(fields, "CONTAINER_ID", ShortId(record.id));
  AddField(fields, "CONTAINER_ID_FULL", record.id);
  AddField(fields, "CONTAINER_NAME", record.name);
  AddField(fields, "CONTAINER_TAG", log.tag);
  AddField(fields, "SYSLOG_IDENTIFIER", log.tag);
  AddField(fields, "IMAGE_NAME", record.config.image.reference);
  for (const auto& [name, value] : log.attributes) {
    std::string journal_name = JournalName(name);
    if (name != "tag" && !journal_name.empty()) AddField(fields, journal_name, value);
  }
  return fields;
}

Result<> CheckOwnStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (isatty(stream) == 0) continue;
    constexpr std::string_view kNames[] = {"stdin", "stdout", "stderr"};
    return Fail(
        MakeError(
            ErrorKind::kInvalidArgument,
            fmt::format("log driver passthrough: our {} is a terminal, which a container that "
                        "has it could type into",
                        kNames[stream]))
            .WithHint("give it files or pipes, or run with -t and another log driver"));
  }
  return {};
}

Result<uint64_t> PrepareLog(const Layout& layout, const ContainerRecord& record) {
  const LogConfig& log = record.config.log;
  if (log.max_size == 0) return 1;
  RotatedFiles files(layout.Log(record.id));
  TRY(files.Prune(std::max<uint32_t>(log.max_files, 2) - 1));
  TRY(std::vector<uint64_t> numbers, files.Numbers());
  if (numbers.empty()) return 1;
  if (log.max_files == 1) {
    TRY(WriteFileAtomically(files.Path(numbers.back()), "", Durability::kVolatile));
  }
  return numbers.back() + 1;
}

void PutLog(const Layout& layout, const ContainerRecord& record, uint64_t next_number,
            PlanBuilder& plan) {
  const LogConfig& log = record.config.log;
  PlanHeader& header = plan.header();
  if (log.driver != LogDriver::kPassthrough) {
    header.stdout_path = plan.Text(layout.RunContainer(record.id) + "/out");
    header.stderr_path = plan.Text(layout.RunContainer(record.id) + "/err");
  }
  header.log_path = plan.Text(layout.Log(record.id));
  header.log_driver = static_cast<uint32_t>(log.driver);
  header.log_max_size = log.max_size;
  header.log_max_files = log.max_files;
  header.log_next_number = next_number;
  if (log.driver == LogDriver::kNone || log.driver == LogDriver::kPassthrough) return;
  header.log_lost_path = plan.Text(layout.RunContainer(record.id) + "/log-lost");
  std::string extra = log.driver == LogDriver::kJsonFile   ? JsonAttributes(log)
                      : log.driver == LogDriver::kJournald ? JournalFields(record)
                                                           : "";
  header.log_extra_size = static_cast<uint32_t>(extra.size());
  if (!extra.empty()) header.log_extra = plan.Blob(extra.data(), extra.size());
  if (log.compress) {
    header.log_packer = plan.Texts(
        {OwnProgram(), "--root", layout.data, "--run-root", layout.run, "__pack-log", record.id});
  }
}

}  // namespace hoy::core
