#include "oci/image/config_edit.h"

#include <algorithm>

#include "oci/image/codec.h"
#include "oci/image/manifest.h"

namespace hoy::oci {
namespace {

// The members that EncodeRunConfig leaves out when they are empty.
constexpr const char* kKnownMembers[] = {"Entrypoint",   "Cmd",    "Env",     "User",
                                         "WorkingDir",   "Labels", "Volumes", "StopSignal",
                                         "ExposedPorts", "Shell",  "OnBuild", "Healthcheck"};
// Of the docker that built the image below: they speak of another container.
constexpr const char* kForeignMembers[] = {"container", "container_config", "id", "parent"};

// The entries that are not empty_layer belong to the layers in their order (OCI image-spec, config,
// "history"). A base with fewer entries than layers would shift every later one.
void FillHistory(Json& image) {
  Json& history = image["history"];
  if (!history.is_array()) history = Json::array();
  size_t layers = image["rootfs"]["diff_ids"].size();
  auto with_layer = static_cast<size_t>(std::ranges::count_if(history, [](const Json& entry) {
    return !entry.is_object() || !entry.contains("empty_layer") || entry["empty_layer"] != true;
  }));
  for (; with_layer < layers; ++with_layer) history.push_back(Json::object());
}

std::string Apply(Json image, const ImageStep& step) {
  for (const char* member : kForeignMembers) image.erase(member);
  std::string created = core::FormatRfc3339(step.created);
  image["created"] = created;
  if (!step.author.empty()) image["author"] = step.author;
  Json& config = image["config"];
  if (!config.is_object()) config = Json::object();
  for (const char* member : kKnownMembers) config.erase(member);
  config.update(EncodeRunConfig(step.config));
  FillHistory(image);
  image["rootfs"]["type"] = "layers";
  image["rootfs"]["diff_ids"].push_back(step.diff_id.ToString());
  Json entry = {{"created", created}, {"created_by", step.created_by}};
  if (!step.author.empty()) entry["author"] = step.author;
  if (!step.comment.empty()) entry["comment"] = step.comment;
  image["history"].push_back(std::move(entry));
  return image.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<std::string> AddStep(std::string_view base, const ImageStep& step) {
  if (base.empty()) {
    Json image = {{"os", step.platform.os},
                  {"architecture", step.platform.architecture},
                  {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}}};
    if (!step.platform.variant.empty()) image["variant"] = step.platform.variant;
    return Apply(std::move(image), step);
  }
  TRY(ParseImageConfig(base));  // so that what is pushed to below has the right shape
  return DecodeJson<std::string>(base, "image config", kMaxDocumentBytes, [&](const Json& image) {
    return Result<std::string>(Apply(image, step));
  });
}

}  // namespace hoy::oci
