#include "tests/support/s3_server.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/base/text.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kObjectSuffix = "._S3rver_object";

std::string Program() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base = cache != nullptr ? cache : std::string(home ? home : "") + "/.cache";
  const std::string path = base + "/hoy/s3rver/node_modules/s3rver/bin/s3rver.js";
  if (!fs::exists(path)) throw std::runtime_error(path + " is missing: tools/test installs it");
  return path;
}

}  // namespace

S3Server::S3Server() {
  fs::create_directories(scratch_.path() + "/objects");
  const std::string log = scratch_.path() + "/log";
  server_.emplace(
      Command{.argv = {"sh", "-c",
                       "exec node \"$0\" --directory \"$1\" --address 127.0.0.1 --port 0 "
                       "--configure-bucket \"$3\" >\"$2\" 2>&1",
                       Program(), scratch_.path() + "/objects", log, kBucket}});
  const std::string marker = "listening on ";
  Eventually([&] {
    const std::string text = ReadFileIfThere(log);
    const size_t begin = text.find(marker);
    const size_t end = begin == std::string::npos ? begin : text.find('\n', begin);
    if (end == std::string::npos) return !server_->Running();
    address_ = text.substr(begin + marker.size(), end - begin - marker.size());
    return true;
  });
  if (address_.empty()) throw std::runtime_error("s3rver: " + ReadFileIfThere(log));
}

S3Server::~S3Server() {
  server_->Signal(SIGKILL);
  server_->Finish(seconds(5));
}

std::string S3Server::PathOf(const std::string& key, const std::string& what) const {
  return fmt::format("{}/objects/{}/{}._S3rver_{}", scratch_.path(), kBucket, key, what);
}

std::string S3Server::Object(const std::string& key) const {
  return ReadFileIfThere(PathOf(key, "object"));
}

bool S3Server::Has(const std::string& key) const {
  return fs::exists(PathOf(key, "object"));
}

std::string S3Server::Metadata(const std::string& key, const std::string& name) const {
  const auto json = nlohmann::json::parse(ReadFileIfThere(PathOf(key, "metadata.json")), nullptr,
                                          /*allow_exceptions=*/false);
  return json.is_object() ? json.value("x-amz-meta-" + name, "") : "";
}

void S3Server::Put(const std::string& key, const std::string& bytes) const {
  const fs::path path = PathOf(key, "object");
  fs::create_directories(path.parent_path());
  fs::remove(PathOf(key, "object.md5"));
  WriteFile(path, bytes);
}

void S3Server::Remove(const std::string& key) const {
  for (const char* what : {"object", "object.md5", "metadata.json"}) fs::remove(PathOf(key, what));
}

std::vector<std::string> S3Server::Keys() const {
  std::vector<std::string> keys;
  const std::string top = fmt::format("{}/objects/{}/", scratch_.path(), kBucket);
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    const std::string path = entry.path();
    if (!path.ends_with(kObjectSuffix)) continue;
    keys.push_back(path.substr(top.size(), path.size() - top.size() - kObjectSuffix.size()));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace hoy::test
