#include "oci/s3/access.h"

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::oci {
namespace {

constexpr std::string_view kDefaultRegion = "us-east-1";

using Section = std::map<std::string, std::string>;

std::string At(const Section& section, const std::string& name) {
  auto found = section.find(name);
  return found == section.end() ? "" : found->second;
}

std::string FirstOf(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return "";
}

// Of one file, under any of these names. A missing file has none.
Result<std::optional<Section>> ReadSection(const std::string& path,
                                           std::initializer_list<std::string> names) {
  auto text = core::ReadFile(path);
  if (!text && (text.error().system_errno == ENOENT || text.error().system_errno == ENOTDIR)) {
    return std::nullopt;
  }
  if (!text) return Fail(std::move(text).error());
  auto sections = ParseAwsFile(*text);
  for (const std::string& name : names) {
    if (auto found = sections.find(name); found != sections.end()) return found->second;
  }
  return std::nullopt;
}

struct Profile {
  Section keys;
  Section config;
};

Result<Profile> ReadProfile(const core::S3Options& options, const Variables& variables) {
  std::string asked = FirstOf({options.profile, variables("AWS_PROFILE")});
  std::string name = asked.empty() ? "default" : asked;
  std::string home = variables("HOME");
  std::string keys_path = FirstOf(
      {variables("AWS_SHARED_CREDENTIALS_FILE"), home.empty() ? "" : home + "/.aws/credentials"});
  std::string config_path =
      FirstOf({variables("AWS_CONFIG_FILE"), home.empty() ? "" : home + "/.aws/config"});
  std::optional<Section> keys;
  std::optional<Section> config;
  if (!keys_path.empty()) {
    TRY(keys, ReadSection(keys_path, {name}));
  }
  if (!config_path.empty()) {
    TRY(config, ReadSection(config_path, {"profile " + name, name}));
  }
  if (!asked.empty() && !keys && !config) {
    return Fail(ErrorKind::kNotFound, "profile '{}' is neither in '{}' nor in '{}'", asked,
                keys_path, config_path);
  }
  return Profile{keys.value_or(Section()), config.value_or(Section())};
}

std::string BaseUrl(const std::string& endpoint, const std::string& bucket,
                    const std::string& region) {
  if (!endpoint.empty()) return fmt::format("{}/{}", endpoint, bucket);
  // A name with a dot in it is none that their certificate is for.
  if (bucket.find('.') != std::string::npos) {
    return fmt::format("https://s3.{}.amazonaws.com/{}", region, bucket);
  }
  return fmt::format("https://{}.s3.{}.amazonaws.com", bucket, region);
}

}  // namespace

const std::vector<const char*> kS3Variables = {"AWS_ACCESS_KEY_ID",
                                               "AWS_SECRET_ACCESS_KEY",
                                               "AWS_SESSION_TOKEN",
                                               "AWS_PROFILE",
                                               "AWS_REGION",
                                               "AWS_DEFAULT_REGION",
                                               "AWS_ENDPOINT_URL_S3",
                                               "AWS_ENDPOINT_URL",
                                               "AWS_SHARED_CREDENTIALS_FILE",
                                               "AWS_CONFIG_FILE",
                                               "HOME",
                                               "SSL_CERT_FILE",
                                               "SSL_CERT_DIR",
                                               "HTTPS_PROXY",
                                               "https_proxy",
                                               "HTTP_PROXY",
                                               "http_proxy",
                                               "NO_PROXY",
                                               "no_proxy",
                                               "HOY_STALL_TIMEOUT"};

std::map<std::string, std::map<std::string, std::string>> ParseAwsFile(std::string_view text) {
  std::map<std::string, Section> sections;
  Section* section = nullptr;
  for (std::string_view raw : Split(text, '\n')) {
    std::string_view line = Trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      std::string_view name = Trim(line.substr(1, line.find(']') - 1));
      section = &sections[std::string(name)];
      continue;
    }
    bool nested = raw.front() == ' ' || raw.front() == '\t';  // "s3 =" and its own settings
    auto [name, value] = CutAt(line, '=');
    if (section != nullptr && value && !nested) {
      (*section)[ToLower(Trim(name))] = std::string(Trim(*value));
    }
  }
  return sections;
}

Result<S3Access> FindS3Access(const core::S3Options& options, const core::StringPairs& secrets,
                              const Variables& variables) {
  TRY(Profile profile, ReadProfile(options, variables));
  S3Access access;
  access.region = FirstOf({options.region, variables("AWS_REGION"), variables("AWS_DEFAULT_REGION"),
                           At(profile.config, "region"), std::string(kDefaultRegion)});
  std::string endpoint =
      FirstOf({options.endpoint, variables("AWS_ENDPOINT_URL_S3"), variables("AWS_ENDPOINT_URL"),
               At(profile.config, "endpoint_url")});
  while (endpoint.ends_with('/')) endpoint.pop_back();
  access.endpoint = endpoint;
  access.base = BaseUrl(endpoint, options.bucket, access.region);
  if (!secrets.empty()) {
    Section given(secrets.begin(), secrets.end());
    access.key_id = At(given, "access-key-id");
    access.secret = At(given, "secret-access-key");
    access.token = At(given, "session-token");
  } else if (options.profile.empty() && !variables("AWS_ACCESS_KEY_ID").empty()) {
    access.key_id = variables("AWS_ACCESS_KEY_ID");
    access.secret = variables("AWS_SECRET_ACCESS_KEY");
    access.token = variables("AWS_SESSION_TOKEN");
  } else {
    const Section& keys =
        At(profile.keys, "aws_access_key_id").empty() ? profile.config : profile.keys;
    access.key_id = At(keys, "aws_access_key_id");
    access.secret = At(keys, "aws_secret_access_key");
    access.token = At(keys, "aws_session_token");
  }
  if (access.key_id.empty() != access.secret.empty()) {
    return Fail(ErrorKind::kCorrupt, "of the access key and its secret only one is there");
  }
  return access;
}

}  // namespace hoy::oci
