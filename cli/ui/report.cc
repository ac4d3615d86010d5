#include "cli/ui/report.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/ui/printable.h"

namespace hoy::cli {
namespace {

std::string OneLine(const nlohmann::ordered_json& object) {
  // A path may be any bytes; JSON wants UTF-8.
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string ErrorText(const Error& error, bool color) {
  // It may quote an image or a container.
  std::string message = PrintableLines(error.message);
  std::string hint = PrintableLines(error.hint);
  std::string text = color ? fmt::format("\033[1;31mhoy:\033[0m {}\n", message)
                           : fmt::format("hoy: {}\n", message);
  if (!hint.empty()) {
    text += color ? fmt::format("\033[2mhint:\033[0m {}\n", hint) : fmt::format("hint: {}\n", hint);
  }
  return text;
}

std::string ErrorJson(const Error& error, int exit_code) {
  return OneLine({
      {"code", exit_code},
      {"kind", ToString(error.kind)},
      {"stage", error.stage},
      {"errno", error.system_errno},
      {"subject", error.subject},
      {"message", error.message},
      {"hint", error.hint},
  });
}

Result<Error> ErrorFromJson(std::string_view line) {
  auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Fail(ErrorKind::kCorrupt, "not an error record: '{}'", line);
  auto text = [&](const char* name) {
    auto found = object.find(name);
    bool is_text = found != object.end() && found->is_string();
    return is_text ? found->get<std::string>() : std::string();
  };
  Error error = MakeError(ErrorKind::kSystem, text("message"));
  auto system_errno = object.find("errno");
  if (system_errno != object.end() && system_errno->is_number_integer()) {
    error.system_errno = system_errno->get<int>();
  }
  error.stage = text("stage");
  error.subject = text("subject");
  error.hint = text("hint");
  std::string kind = text("kind");
  for (int i = 0; i <= static_cast<int>(ErrorKind::kStart); ++i) {
    if (ToString(static_cast<ErrorKind>(i)) != kind) continue;
    error.kind = static_cast<ErrorKind>(i);
    return error;
  }
  return Fail(ErrorKind::kCorrupt, "not an error record: '{}'", line);
}

std::string WarningJson(std::string_view message) {
  return OneLine({{"warning", message}});
}

}  // namespace hoy::cli
