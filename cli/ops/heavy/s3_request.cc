#include "cli/ops/heavy/s3_request.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "cli/ops/heavy/registry_access.h"
#include "cli/ui/printable.h"
#include "core/state/s3_volume.h"
#include "core/state/volume.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool NamesAFile(std::string_view name) {
  constexpr std::string_view kFiles[] = {"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "HOME",
                                         "SSL_CERT_FILE", "SSL_CERT_DIR"};
  return std::ranges::find(kFiles, name) != std::end(kFiles);
}

// Whoever reads it later is in another directory.
std::string FromAnywhere(const std::string& path) {
  std::error_code failed;
  auto absolute = path.empty() ? "" : std::filesystem::absolute(path, failed);
  return failed ? path : absolute.string();
}

// So that nobody waits in silence. Of the many transfers that meet the same trouble at the same
// time one tells.
oci::RetryObserver TellOfRetries(Context& context, const std::string& volume) {
  return [&context, volume, until = core::Timestamp(0)](const Error& error,
                                                        std::chrono::milliseconds wait) mutable {
    if (core::Now() < until) return;
    until = core::Now() + std::chrono::nanoseconds(wait).count();
    context.Warn(fmt::format("volume '{}': {}; next try in {:.1f} s", volume,
                             Printable(error.message),
                             std::chrono::duration<double>(wait).count()));
  };
}

}  // namespace

Result<> RememberVariables(const core::Layout& layout, const std::string& volume) {
  std::string text;
  for (const char* name : oci::kS3Variables) {
    std::string value = Variable(name);
    if (NamesAFile(name)) value = FromAnywhere(value);
    if (!value.empty() && value.find('\n') == std::string::npos) {
      text += fmt::format("{}={}\n", name, value);
    }
  }
  TRY(core::MakeDirectories(layout.run + "/s3", 0700));
  return core::WriteFileAtomically(core::S3EnvironmentPath(layout, volume), text,
                                   core::Durability::kVolatile, 0600);
}

bool HasEnvironment() {
  return environ != nullptr && *environ != nullptr;
}

RecalledVariables::~RecalledVariables() {
  for (const std::string& name : set_) unsetenv(name.c_str());
}

Result<> RecalledVariables::Recall(const core::Layout& layout, const std::string& volume) {
  TRY(core::StringPairs known, core::ReadS3Secrets(core::S3EnvironmentPath(layout, volume)));
  bool own_keys = !Variable("AWS_ACCESS_KEY_ID").empty() || !Variable("AWS_PROFILE").empty();
  for (auto& [name, value] : known) {
    bool of_keys = name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" ||
                   name == "AWS_SESSION_TOKEN" || name == "AWS_PROFILE";
    if ((of_keys && own_keys) || std::getenv(name.c_str()) != nullptr) continue;
    setenv(name.c_str(), value.c_str(), 0);
    set_.push_back(std::move(name));
  }
  return {};
}

Result<oci::S3SyncRequest> MakeS3Request(Context& context, const std::string& volume) {
  const core::Layout& layout = context.layout;
  TRY(core::VolumeRecord record, core::ReadVolume(layout, volume));
  oci::S3SyncRequest request{.files = core::VolumeData(layout, volume),
                             .state = core::S3Directory(layout, volume)};
  TRY(request.place, core::ParseS3Options(record.options));
  TRY(core::StringPairs secrets, core::ReadS3Secrets(core::S3CredentialsPath(layout, volume)));
  TRY(request.access, oci::FindS3Access(request.place, secrets, &Variable));
  TRY(request.http, MakeHttpOptions(true, ""));
  request.observer = TellOfRetries(context, volume);
  return request;
}

}  // namespace hoy::cli
