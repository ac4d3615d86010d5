#include "cli/ops/spawn_pull.h"

#include "cli/ops/spawn_image.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

std::string_view NameOf(ProgressMode mode) {
  switch (mode) {
    case ProgressMode::kAuto: return "auto";
    case ProgressMode::kLive: return "tty";
    case ProgressMode::kPlain: return "plain";
    case ProgressMode::kJson: return "json";
    case ProgressMode::kNone: return "none";
  }
  return "auto";
}

std::vector<std::string> WordsOf(const PullOptions& options, ProgressMode progress) {
  std::vector<std::string> arguments = {"pull"};
  arguments.push_back(fmt::format("--progress={}", NameOf(progress)));
  auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) arguments.push_back(fmt::format("--{}={}", name, value));
  };
  add("platform", options.platform);
  add("creds", options.creds);
  add("authfile", options.authfile);
  add("cert-dir", options.cert_dir);
  add("signature-policy", options.signature_policy);
  if (options.tls_verify) add("tls-verify", *options.tls_verify ? "true" : "false");
  arguments.emplace_back("--");
  arguments.push_back(options.reference);
  return arguments;
}

}  // namespace

Result<std::vector<std::string>> SpawnPull(const Context& context, const PullOptions& options,
                                           ProgressMode progress) {
  TRY(std::string text, SpawnImageProgram(context.globals, WordsOf(options, progress),
                                          fmt::format("pull '{}'", options.reference)));
  std::vector<std::string> pulled;
  for (std::string_view name : Split(Trim(text), '\n')) pulled.emplace_back(name);
  return pulled;
}

}  // namespace hoy::cli
