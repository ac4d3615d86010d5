#include "core/state/s3_volume.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/state/name_generator.h"
#include "core/state/volume.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSecretNames[] = {"access-key-id", "secret-access-key", "session-token"};
// What may stand beside them, in the words of a volume or of a mount.
constexpr std::string_view kPublicNames[] = {
    "bucket", "prefix", "endpoint", "region", "profile",  "mode",         "type", "src",
    "source", "dst",    "target",   "ro",     "readonly", "rw",           "bind", "destination",
    "rbind",  "size",   "nosuid",   "nodev",  "noexec",   "sync-interval"};

Result<> CheckBucket(std::string_view bucket) {
  constexpr size_t kShortest = 3;
  constexpr size_t kLongest = 63;
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789.-";
  bool good = bucket.size() >= kShortest && bucket.size() <= kLongest &&
              bucket.find_first_not_of(kLetters) == std::string_view::npos &&
              bucket.find("..") == std::string_view::npos && bucket.front() != '.' &&
              bucket.front() != '-' && bucket.back() != '.' && bucket.back() != '-';
  if (good) return {};
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("bucket='{}' is not the name of a bucket", bucket))
                  .WithHint("3 to 63 small letters, digits, '-' and '.'"));
}

Result<std::string> CheckPrefix(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return std::string();
  for (std::string_view part : Split(prefix, '/')) {
    if (!part.empty() && part != "." && part != "..") continue;
    return Fail(ErrorKind::kInvalidArgument,
                "prefix='{}': its parts are names, without '.', '..' and a '/' in front", prefix);
  }
  if (!IsUtf8(prefix)) return Fail(ErrorKind::kInvalidArgument, "prefix='{}': not UTF-8", prefix);
  return std::string(prefix) + "/";
}

Result<> CheckEndpoint(std::string_view endpoint) {
  std::string_view rest = endpoint;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  bool good = rest.size() < endpoint.size() && !rest.empty() && rest.front() != '/' &&
              rest.find_first_of("@?# \"") == std::string_view::npos;
  if (good) return {};
  return Fail(ErrorKind::kInvalidArgument, "endpoint='{}': not http://HOST[:PORT] or https://...",
              endpoint);
}

Result<> CheckWord(std::string_view name, std::string_view value) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (!value.empty() && value.find_first_not_of(kLetters) == std::string_view::npos) return {};
  return Fail(ErrorKind::kInvalidArgument, "{}='{}': letters, digits, '-', '_' and '.'", name,
              value);
}

Result<S3Options> ParseWords(std::string_view words) {
  S3Options options;
  std::string mode = "sync";
  std::string interval = "0";
  for (std::string_view word : Split(words, ',')) {
    if (word.empty()) continue;
    auto [name, value] = CutAt(word, '=');
    std::string* field = name == "bucket"          ? &options.bucket
                         : name == "prefix"        ? &options.prefix
                         : name == "endpoint"      ? &options.endpoint
                         : name == "region"        ? &options.region
                         : name == "profile"       ? &options.profile
                         : name == "mode"          ? &mode
                         : name == "sync-interval" ? &interval
                                                   : nullptr;
    if (field == nullptr || !value) {
      return Fail(
          MakeError(ErrorKind::kInvalidArgument,
                    fmt::format("'{}' is no option of an S3 volume", name))
              .WithHint("there are bucket, prefix, endpoint, region, profile, mode, "
                        "sync-interval, and access-key-id, secret-access-key, session-token"));
    }
    *field = *value;
  }
  options.fuse = mode == "fuse";
  if (mode != "sync" && mode != "fuse") {
    return Fail(ErrorKind::kInvalidArgument, "mode='{}': there are sync and fuse", mode);
  }
  TRY(options.sync_interval_ns, ParseSyncInterval("sync-interval", interval));
  if (options.fuse && options.sync_interval_ns > 0) {
    return Fail(ErrorKind::kInvalidArgument, "sync-interval is for mode=sync");
  }
  if (options.bucket.empty()) return Fail(ErrorKind::kInvalidArgument, "bucket= is missing");
  TRY(CheckBucket(options.bucket));
  TRY(options.prefix, CheckPrefix(options.prefix));
  if (!options.endpoint.empty()) TRY(CheckEndpoint(options.endpoint));
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  if (!options.region.empty()) TRY(CheckWord("region", options.region));
  if (!options.profile.empty()) TRY(CheckWord("profile", options.profile));
  return options;
}

std::string Words(const S3Options& options) {
  std::string words = "bucket=" + options.bucket;
  if (!options.prefix.empty()) words += ",prefix=" + options.prefix;
  if (!options.endpoint.empty()) words += ",endpoint=" + options.endpoint;
  if (!options.region.empty()) words += ",region=" + options.region;
  if (!options.profile.empty()) words += ",profile=" + options.profile;
  if (options.fuse) words += ",mode=fuse";
  if (int64_t interval = options.sync_interval_ns; interval > 0) {
    words += interval % kSecond == 0 ? fmt::format(",sync-interval={}s", interval / kSecond)
                                     : fmt::format(",sync-interval={}ns", interval);
  }
  return words;
}

}  // namespace

std::string S3Options::Url() const {
  return fmt::format("s3://{}/{}", bucket, prefix);
}

Result<int64_t> ParseSyncInterval(std::string_view flag, std::string_view text) {
  auto time = ParseDuration(text);
  if (!time) return Fail(std::move(time).error().InContext(flag));
  if (*time != 0 && *time < kSecond) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': at least 1s, or 0 for never", flag, text);
  }
  return *time;
}

bool IsS3Volume(const StringPairs& options) {
  return std::ranges::any_of(
      options, [](const auto& option) { return option.first == "type" && option.second == "s3"; });
}

Result<S3Options> ParseS3Options(const StringPairs& options) {
  std::string_view words;
  for (const auto& [key, value] : options) {
    if (key == "o") {
      words = value;
    } else if (key != "type") {
      return Fail(ErrorKind::kInvalidArgument, "volume option '{}': not with type=s3", key);
    }
  }
  return ParseWords(words);
}

Result<StringPairs> TakeS3Words(std::string_view words, StringPairs& secrets) {
  std::string rest;
  for (std::string_view word : Split(words, ',')) {
    auto [name, value] = CutAt(word, '=');
    if (std::ranges::find(kSecretNames, name) == std::end(kSecretNames)) {
      if (!word.empty()) rest.append(rest.empty() ? "" : ",").append(word);
    } else if (!value || value->empty() || value->find('\n') != std::string_view::npos) {
      return Fail(ErrorKind::kInvalidArgument, "{}= is empty", name);
    } else {
      secrets.emplace_back(name, *value);
    }
  }
  auto has = [&](std::string_view name) {
    return std::ranges::any_of(secrets, [&](const auto& pair) { return pair.first == name; });
  };
  if (!secrets.empty() && (!has("access-key-id") || !has("secret-access-key"))) {
    return Fail(ErrorKind::kInvalidArgument,
                "access-key-id= and secret-access-key= belong together");
  }
  TRY(S3Options options, ParseWords(rest));
  return StringPairs{{"o", Words(options)}, {"type", "s3"}};
}

bool HaveSameFiles(const StringPairs& options, const StringPairs& others) {
  if (!IsS3Volume(options) || !IsS3Volume(others)) return options == others;
  auto one = ParseS3Options(options);
  auto other = ParseS3Options(others);
  if (!one || !other) return options == others;
  one->sync_interval_ns = other->sync_interval_ns;
  return Words(*one) == Words(*other);
}

std::string WithoutS3Secrets(std::string_view words) {
  constexpr std::string_view kTelling[] = {"secret", "token", "access", "s3", "S3"};
  bool keys = std::ranges::any_of(
      kTelling, [&](std::string_view word) { return words.find(word) != std::string_view::npos; });
  if (!keys) return std::string(words);
  std::string shown;
  for (std::string_view word : Split(words, ',')) {
    auto [name, value] = CutAt(word, '=');
    bool known = std::ranges::find(kPublicNames, name) != std::end(kPublicNames);
    shown.append(shown.empty() ? "" : ",");
    if (known) {
      shown.append(word);
    } else {
      shown.append(value ? fmt::format("{}=***", name) : "***");
    }
  }
  return shown;
}

std::string S3VolumeName(const S3Options& options) {
  // FNV-1a; two places of one hash are told from each other by their options.
  uint64_t hash = 0xcbf29ce484222325;
  std::string place = options.endpoint + "\n" + options.bucket + "\n" + options.prefix;
  if (options.fuse) place += "\nfuse";
  for (char c : place) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return fmt::format("s3-{}-{:016x}", options.bucket, hash);
}

std::string S3Directory(const Layout& layout, std::string_view volume) {
  return VolumeDirectory(layout, volume) + "/s3";
}
std::string S3PendingPath(const Layout& layout, std::string_view volume) {
  return S3Directory(layout, volume) + "/pending";
}
std::string S3StatusPath(const Layout& layout, std::string_view volume) {
  return S3Directory(layout, volume) + "/status.json";
}
std::string S3CredentialsPath(const Layout& layout, std::string_view volume) {
  return S3Directory(layout, volume) + "/credentials";
}
std::string S3EnvironmentPath(const Layout& layout, std::string_view volume) {
  return fmt::format("{}/s3/{}", layout.run, volume);
}

Result<> WriteS3Status(const Layout& layout, std::string_view volume, const S3Status& status) {
  Json json = {{"time", status.time},
               {"way", status.way},
               {"error", status.error},
               {"warnings", status.warnings}};
  return WriteFileAtomically(S3StatusPath(layout, volume),
                             json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                             Durability::kVolatile);
}

std::optional<S3Status> ReadS3Status(const Layout& layout, std::string_view volume) {
  auto text = ReadFile(S3StatusPath(layout, volume));
  if (!text) return std::nullopt;
  try {
    Json json = Json::parse(*text);
    S3Status status;
    status.time = json.at("time").get<Timestamp>();
    status.way = json.at("way").get<std::string>();
    status.error = json.at("error").get<std::string>();
    status.warnings = json.at("warnings").get<std::vector<std::string>>();
    return status;
  } catch (const Json::exception&) {
    return std::nullopt;  // the next sync writes another
  }
}

Result<> MarkS3Pending(const Layout& layout, std::string_view volume) {
  TRY(MakeDirectories(S3Directory(layout, volume), 0700));
  return WriteFileAtomically(S3PendingPath(layout, volume), RandomContainerId(),
                             Durability::kVolatile);
}

Result<std::optional<std::string>> ReadS3Pending(const Layout& layout, std::string_view volume) {
  auto word = ReadFile(S3PendingPath(layout, volume));
  if (word) return *std::move(word);
  if (word.error().system_errno == ENOENT) return std::nullopt;
  return Fail(std::move(word).error());
}

Result<> WriteS3Secrets(const Layout& layout, std::string_view volume, const StringPairs& secrets) {
  TRY(MakeDirectories(S3Directory(layout, volume), 0700));
  std::string text;
  for (const auto& [name, value] : secrets) text += fmt::format("{}={}\n", name, value);
  return WriteFileAtomically(S3CredentialsPath(layout, volume), text, Durability::kDurable, 0600);
}

Result<StringPairs> ReadS3Secrets(const std::string& path) {
  auto text = ReadFile(path);
  if (!text && text.error().system_errno == ENOENT) return StringPairs();
  if (!text) return Fail(std::move(text).error());
  StringPairs pairs;
  for (std::string_view line : Split(*text, '\n')) {
    auto [name, value] = CutAt(line, '=');
    if (value) pairs.emplace_back(name, *value);
  }
  return pairs;
}

}  // namespace hoy::core
