#include "cli/ops/secret_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "cli/ops/mount_options.h"
#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr std::string_view kDirectory = "/run/secrets/";

Error Wrong(std::string_view text, std::string_view why) {
  return MakeError(ErrorKind::kInvalidArgument, fmt::format("--secret '{}': {}", text, why));
}

bool IsName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/=\0", 3)) == std::string_view::npos;
}

std::optional<mode_t> ParseMode(std::string_view text) {
  mode_t mode = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  bool whole = code == std::errc{} && end == text.data() + text.size();
  return whole && mode <= 0777 ? std::optional(mode) : std::nullopt;
}

Result<> Apply(std::string_view text, std::string_view key, std::string_view value,
               SecretOption& secret) {
  auto number = [&](uint32_t& field) -> Result<> {
    auto parsed = ParseInteger<uint32_t>(value);
    if (!parsed) return Fail(Wrong(text, fmt::format("{}={} is not a number", key, value)));
    field = *parsed;
    return {};
  };
  if (key == "id") {
    secret.id = value;
  } else if (key == "src" || key == "source") {
    secret.file = value;
  } else if (key == "env") {
    secret.variable = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    secret.target = value;
  } else if (key == "type") {
    secret.is_variable = value == "env";
    if (value != "env" && value != "mount") {
      return Fail(Wrong(text, fmt::format("type={}: one of mount, env", value)));
    }
  } else if (key == "uid") {
    return number(secret.place.uid);
  } else if (key == "gid") {
    return number(secret.place.gid);
  } else if (key == "mode") {
    auto mode = ParseMode(value);
    if (!mode) return Fail(Wrong(text, fmt::format("mode={} is not an octal mode", value)));
    secret.place.mode = *mode;
  } else {
    return Fail(Wrong(text, fmt::format("unknown field '{}'", key))
                    .WithHint("the fields are id, src, env, type, target, uid, gid and mode"));
  }
  return {};
}

Result<std::string> ReadContent(std::string_view text, const SecretOption& secret) {
  if (!secret.variable.empty()) {
    const char* value = getenv(secret.variable.c_str());
    if (value != nullptr) return std::string(value);
    return Fail(ErrorKind::kNotFound, "--secret '{}': {} is not set", text, secret.variable);
  }
  TRY_CONTEXT_SET(std::string content, core::ReadFile(secret.file, kLargestSecret), "--secret '{}'",
                  text);
  return content;
}

}  // namespace

Result<SecretOption> ParseSecret(std::string_view text) {
  SecretOption secret;
  secret.place.mode = 0444;
  for (std::string_view field : Split(text, ',')) {
    auto [key, value] = CutAt(field, '=');
    if (!value) {
      return Fail(Wrong(text, fmt::format("'{}' is not KEY=VALUE", field))
                      .WithHint("--secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE"));
    }
    TRY(Apply(text, key, *value, secret));
  }
  if (!IsName(secret.id)) return Fail(Wrong(text, "id= has to name it"));
  if (secret.file.empty() == secret.variable.empty()) {
    return Fail(Wrong(text, "it comes from src=FILE or from env=VARIABLE"));
  }
  if (secret.target.empty()) secret.target = secret.id;
  if (secret.is_variable) {
    if (IsName(secret.target)) return secret;
    return Fail(Wrong(text, fmt::format("'{}' is no name for a variable", secret.target)));
  }
  bool is_path = secret.target.find('/') != std::string::npos;
  if (!secret.target.starts_with('/')) secret.target.insert(0, kDirectory);
  for (std::string_view part : Split(secret.target, '/')) {
    if (part != "..") continue;
    return Fail(Wrong(text, fmt::format("target={} leads out", secret.target)));
  }
  // The same target in two spellings is one, and none of them is the directory itself.
  std::string target = CleanPath(secret.target);
  bool is_directory = target == "/" || target + "/" == kDirectory;
  if (is_directory || (is_path && secret.target.ends_with('/'))) {
    return Fail(Wrong(text, fmt::format("target={} is a directory", secret.target)));
  }
  secret.target = std::move(target);
  return secret;
}

Result<std::vector<Secret>> ReadSecrets(const std::vector<std::string>& texts) {
  std::vector<Secret> secrets;
  for (const std::string& text : texts) {
    Secret secret;
    TRY(secret.option, ParseSecret(text));
    TRY(secret.content, ReadContent(text, secret.option));
    if (secret.option.is_variable && secret.content.find('\0') != std::string::npos) {
      return Fail(Wrong(text, "a variable cannot have a zero byte"));
    }
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

Result<std::vector<core::SecretFile>> AddSecrets(std::vector<Secret> secrets,
                                                 const core::Layout& layout,
                                                 core::ContainerRecord& record) {
  std::vector<core::SecretFile> files;
  for (Secret& secret : secrets) {
    const SecretOption& option = secret.option;
    size_t number = files.size();
    if (option.is_variable) {
      record.config.secret_variables.emplace_back(option.target, std::to_string(number));
    } else {
      auto& mounts = record.config.mounts;
      if (std::ranges::find(mounts, option.target, &core::Mount::target) != mounts.end()) {
        return Fail(ErrorKind::kInvalidArgument,
                    "--secret '{}': something is mounted on '{}' already", option.id,
                    option.target);
      }
      mounts.push_back({.kind = core::MountKind::kBind,
                        .source = core::SecretPath(layout.Container(record.id), number),
                        .target = option.target,
                        .flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                        .source_is_directory = false});
    }
    core::SecretFile file = option.place;
    file.content = std::move(secret.content);
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace hoy::cli
