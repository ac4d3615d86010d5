#include "tests/support/registry.h"

#include <curl/curl.h>
#include <fmt/core.h>
#include <signal.h>

#include <filesystem>
#include <stdexcept>

namespace hoy::test {
namespace {

size_t Collect(char* data, size_t size, size_t count, void* target) {
  static_cast<std::string*>(target)->append(data, size * count);
  return size * count;
}

// From the log line `msg="listening on 127.0.0.1:40123"`.
std::string ListenAddress(const std::string& log) {
  const std::string marker = "listening on ";
  const size_t begin = log.find(marker);
  if (begin == std::string::npos) return "";
  const size_t end = log.find_first_of("\",\n", begin);
  if (end == std::string::npos) return "";
  return log.substr(begin + marker.size(), end - begin - marker.size());
}

}  // namespace

HttpReply HttpSend(const std::string& method, const std::string& url, const std::string& body,
                   const std::string& content_type) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  HttpReply reply;
  std::string headers;
  curl_slist* list = curl_slist_append(nullptr, ("Content-Type: " + content_type).c_str());
  list = curl_slist_append(list, "Expect:");
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  const CURLcode code = curl_easy_perform(curl.get());
  curl_slist_free_all(list);
  if (code != CURLE_OK) {
    throw std::runtime_error(method + " " + url + ": " + curl_easy_strerror(code));
  }
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  curl_header* location = nullptr;
  if (curl_easy_header(curl.get(), "Location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK) {
    reply.location = location->value;
  }
  return reply;
}

Registry::Registry(const RegistryOptions& options) {
  storage_ = options.storage.empty() ? scratch_.path() + "/storage" : options.storage;
  std::filesystem::create_directories(storage_);
  const std::string config = scratch_.path() + "/config.yml";
  WriteFile(config,
            fmt::format("version: 0.1\n"
                        "storage:\n"
                        "  filesystem:\n"
                        "    rootdirectory: {}\n"
                        "  delete:\n"
                        "    enabled: true\n{}"
                        "http:\n"
                        "  addr: 127.0.0.1:0\n{}{}",
                        storage_, options.storage_yaml, options.http_yaml, options.more_yaml));
  // Its log goes to a file: nobody reads a pipe while the test is busy.
  const std::string log = scratch_.path() + "/log";
  server_.emplace(
      Command{.argv = {"sh", "-c", "exec docker-registry serve \"$0\" >\"$1\" 2>&1", config, log}});
  Eventually([&] {
    address_ = ListenAddress(ReadFileIfThere(log));
    return !address_.empty() || !server_->Running();
  });
  if (address_.empty()) throw std::runtime_error("docker-registry: " + ReadFileIfThere(log));
}

Registry::~Registry() {
  server_->Signal(SIGKILL);
  server_->Finish(seconds(5));
}

std::string Registry::Reference(const std::string& name, const std::string& tag) const {
  return address_ + "/" + name + ":" + tag;
}

std::string Registry::BlobPath(const std::string& digest) const {
  const std::string hex = digest.substr(digest.find(':') + 1);
  return storage_ + "/docker/registry/v2/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data";
}

void Registry::PutBlob(const std::string& name, const Blob& blob) {
  const std::string base = "http://" + address_ + "/v2/" + name + "/blobs/uploads/";
  const HttpReply begun = HttpSend("POST", base, "", "application/octet-stream");
  if (begun.status != 202) throw std::runtime_error("POST " + base + ": " + begun.body);
  const std::string separator = begun.location.find('?') == std::string::npos ? "?" : "&";
  const HttpReply put = HttpSend("PUT", begun.location + separator + "digest=" + blob.digest,
                                 blob.bytes, "application/octet-stream");
  if (put.status != 201) throw std::runtime_error("PUT blob: " + put.body);
}

void Registry::PutManifest(const std::string& name, const std::string& reference,
                           const Blob& manifest) {
  const std::string url = "http://" + address_ + "/v2/" + name + "/manifests/" + reference;
  const HttpReply put = HttpSend("PUT", url, manifest.bytes, manifest.media_type);
  if (put.status != 201) throw std::runtime_error("PUT " + url + ": " + put.body);
}

void Registry::Push(const std::string& name, const std::string& tag, const Image& image) {
  for (const Blob& blob : image.blobs) PutBlob(name, blob);
  PutManifest(name, tag, image.manifest);
}

void Registry::PushIndex(const std::string& name, const std::string& tag, const Blob& index,
                         const std::vector<IndexEntry>& entries) {
  for (const auto& entry : entries) Push(name, entry.image.manifest.digest, entry.image);
  PutManifest(name, tag, index);
}

}  // namespace hoy::test
