#include "cli/ops/container_status.h"

#include <time.h>

#include <string_view>

namespace hoy::cli {
namespace {

// Cuts after `columns` characters without splitting one (UTF-8).
std::string CutTo(std::string_view text, size_t columns) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts_character && count++ == columns - 1 && text.substr(i).size() > 1) {
      return std::string(text.substr(0, i)) + "…";
    }
  }
  return std::string(text);
}

std::string_view HealthText(core::HealthStatus health) {
  switch (health) {
    case core::HealthStatus::kNone: break;
    case core::HealthStatus::kStarting: return " (health: starting)";
    case core::HealthStatus::kHealthy: return " (healthy)";
    case core::HealthStatus::kUnhealthy: return " (unhealthy)";
  }
  return "";
}

}  // namespace

std::string StatusText(const core::ContainerStatus& status, core::HealthStatus health,
                       core::Timestamp now) {
  using core::ContainerState;
  auto up = [&] {
    return "Up " + core::HumanDuration(status.run ? now - status.run->started_at : 0);
  };
  auto down = [&](std::string_view word) {
    bool known = status.exit && status.exit->known;
    std::string text = fmt::format(
        "{} ({})", word, known ? std::to_string(status.exit->exit_code) : std::string("unknown"));
    if (status.exit && status.exit->finished_at != 0) {
      text += " " + core::HumanDuration(now - status.exit->finished_at) + " ago";
    }
    return text;
  };
  switch (status.state) {
    case ContainerState::kCreated: return "Created";
    case ContainerState::kInitializing: return "Initializing";
    case ContainerState::kRunning: return up().append(HealthText(health));
    case ContainerState::kPaused: return up() + " (Paused)";
    case ContainerState::kStopping: return up() + " (Stopping)";
    case ContainerState::kRestarting: return down("Restarting");
    case ContainerState::kExited: return down("Exited");
    case ContainerState::kFailed: return down("Failed");
    case ContainerState::kRemoving: return "Removal In Progress";
  }
  return "";
}

namespace {

// As Go's strconv.Quote; UTF-8 stays.
std::string GoQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n' || c == '\t' || c == '\r') {
      quoted += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

std::string CommandText(const std::vector<std::string>& command, bool whole) {
  std::string text;
  for (const std::string& word : command) {
    bool is_first = &word == command.data();
    bool has_blank = !is_first && word.find(' ') != std::string::npos;
    text += fmt::format("{}{}", is_first ? "" : " ", has_blank ? "'" + word + "'" : word);
  }
  constexpr size_t kColumns = 20;
  return GoQuoted(whole ? text : CutTo(text, kColumns));
}

std::string DateText(core::Timestamp time) {
  time_t seconds = time / core::kSecond;
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace hoy::cli
