#include "cli/ui/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace hoy::cli {
namespace {

std::string OneLine(const nlohmann::ordered_json& object) {
  // A path may be any bytes; JSON wants UTF-8.
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string ErrorText(const Error& error, bool color) {
  std::string text = color ? fmt::format("\033[1;31mhoy:\033[0m {}\n", error.message)
                           : fmt::format("hoy: {}\n", error.message);
  if (!error.hint.empty()) {
    text += color ? fmt::format("\033[2mhint:\033[0m {}\n", error.hint)
                  : fmt::format("hint: {}\n", error.hint);
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

std::string WarningJson(std::string_view message) {
  return OneLine({{"warning", message}});
}

}  // namespace hoy::cli
