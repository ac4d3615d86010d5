#include "oci/image/image_config.h"

#include "oci/image/codec.h"
#include "oci/image/manifest.h"

namespace hoy::oci {
namespace {

// Docker's strslice: a list, or one string that stands for a list of one.
std::vector<std::string> CommandAt(const Json& object, const char* key) {
  const Json* value = FindMember(object, key);
  if (value != nullptr && value->is_string()) return {StringAt(object, key)};
  return StringsAt(object, key);
}

Json SetOf(const std::vector<std::string>& names) {
  Json set = Json::object();
  for (const std::string& name : names) set[name] = Json::object();
  return set;
}

std::vector<HistoryEntry> HistoryAt(const Json& object) {
  std::vector<HistoryEntry> history;
  const Json* entries = FindMember(object, "history");
  if (entries == nullptr) return history;
  if (!entries->is_array()) throw MalformedJson{"'history' is not an array"};
  for (const Json& entry : *entries) {
    if (!entry.is_object()) throw MalformedJson{"a 'history' entry is not an object"};
    history.push_back({.created = TimeAt(entry, "created"),
                       .created_by = StringAt(entry, "created_by"),
                       .author = StringAt(entry, "author"),
                       .comment = StringAt(entry, "comment"),
                       .empty_layer = BoolAt(entry, "empty_layer")});
  }
  return history;
}

std::vector<Digest> DiffIdsAt(const Json& object) {
  const Json* rootfs = FindMember(object, "rootfs");
  if (rootfs == nullptr || !rootfs->is_object()) throw MalformedJson{"'rootfs' is missing"};
  if (std::string type = StringAt(*rootfs, "type"); type != "layers") {
    throw MalformedJson{fmt::format("'rootfs.type' is '{}', not 'layers'", type)};
  }
  auto diff_ids = DigestsAt(*rootfs, "diff_ids");
  if (diff_ids.size() > kMaxLayers) {
    throw MalformedJson{fmt::format("it has more than {} layers", kMaxLayers)};
  }
  return diff_ids;
}

}  // namespace

ImageRunConfig DecodeRunConfig(const Json& object) {
  ImageRunConfig config;
  config.entrypoint = CommandAt(object, "Entrypoint");
  config.cmd = CommandAt(object, "Cmd");
  config.env = StringsAt(object, "Env");
  config.user = StringAt(object, "User");
  config.working_dir = StringAt(object, "WorkingDir");
  config.stop_signal = StringAt(object, "StopSignal");
  config.labels = StringMapAt(object, "Labels");
  config.volumes = KeysAt(object, "Volumes");
  config.exposed_ports = KeysAt(object, "ExposedPorts");
  config.shell = CommandAt(object, "Shell");
  config.on_build = StringsAt(object, "OnBuild");
  if (const Json* healthcheck = FindMember(object, "Healthcheck")) {
    config.healthcheck = healthcheck->dump();
  }
  return config;
}

Json EncodeRunConfig(const ImageRunConfig& config) {
  Json object = Json::object();
  if (!config.entrypoint.empty()) object["Entrypoint"] = config.entrypoint;
  if (!config.cmd.empty()) object["Cmd"] = config.cmd;
  if (!config.env.empty()) object["Env"] = config.env;
  if (!config.user.empty()) object["User"] = config.user;
  if (!config.working_dir.empty()) object["WorkingDir"] = config.working_dir;
  if (!config.stop_signal.empty()) object["StopSignal"] = config.stop_signal;
  if (!config.labels.empty()) object["Labels"] = config.labels;
  if (!config.volumes.empty()) object["Volumes"] = SetOf(config.volumes);
  if (!config.exposed_ports.empty()) object["ExposedPorts"] = SetOf(config.exposed_ports);
  if (!config.shell.empty()) object["Shell"] = config.shell;
  if (!config.on_build.empty()) object["OnBuild"] = config.on_build;
  if (!config.healthcheck.empty()) object["Healthcheck"] = Json::parse(config.healthcheck);
  return object;
}

Result<ImageConfig> ParseImageConfig(std::string_view bytes) {
  return DecodeJson<ImageConfig>(bytes, "image config", kMaxDocumentBytes, [](const Json& object) {
    ImageConfig image;
    image.platform = Normalize({.os = StringAt(object, "os"),
                                .architecture = StringAt(object, "architecture"),
                                .variant = StringAt(object, "variant")});
    image.created = TimeAt(object, "created");
    image.author = StringAt(object, "author");
    if (const Json* config = FindMember(object, "config")) {
      if (!config->is_object()) throw MalformedJson{"'config' is not an object"};
      image.config = DecodeRunConfig(*config);
    }
    image.diff_ids = DiffIdsAt(object);
    image.history = HistoryAt(object);
    return Result<ImageConfig>(std::move(image));
  });
}

}  // namespace hoy::oci
