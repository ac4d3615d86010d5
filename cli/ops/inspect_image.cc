#include "cli/ops/inspect.h"
#include "cli/ops/inspect_json.h"
#include "core/base/text.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

Json HistoryOf(const oci::ImageConfig& config) {
  Json list = Json::array();
  for (const oci::HistoryEntry& step : config.history) {
    list.push_back({{"created", core::FormatRfc3339(step.created)},
                    {"created_by", step.created_by},
                    {"author", step.author},
                    {"comment", step.comment},
                    {"empty_layer", step.empty_layer}});
  }
  return list;
}

}  // namespace

Json InspectImage(const oci::ListedImage& image, const oci::ImageConfig& config) {
  const oci::ImageRecord& record = image.record;
  Json tags = Json::array();
  for (const std::string& name : image.names) {
    auto reference = oci::Reference::Parse(name);
    if (reference && !reference->tag().empty()) tags.push_back(reference->Familiar());
  }
  Json layers = Json::array();
  for (const oci::Digest& diff_id : record.diff_ids) layers.push_back(diff_id.ToString());
  Json digests = Json::array();
  for (const std::string& name : record.repo_digests) {
    auto reference = oci::Reference::Parse(name);
    digests.push_back(reference ? reference->Familiar() : name);
  }
  const oci::ImageRunConfig& run = config.config;
  std::string comment = config.history.empty() ? "" : config.history.back().comment;
  return {{"Id", record.id.ToString()},
          {"RepoTags", tags},
          {"RepoDigests", digests},
          {"Digest", record.manifest.ToString()},
          {"Parent", ""},
          {"Comment", comment},
          {"Created", core::FormatRfc3339(record.created)},
          {"Author", config.author},
          {"Architecture", record.platform.architecture},
          {"Variant", record.platform.variant},
          {"Os", record.platform.os},
          {"Size", record.size},
          {"VirtualSize", record.size},
          {"Labels", ObjectOf(run.labels)},
          {"History", HistoryOf(config)},
          {"RootFS", {{"Type", "layers"}, {"Layers", layers}}},
          {"Config",
           {{"User", run.user},
            {"ExposedPorts", EmptyObjects(run.exposed_ports)},
            {"Env", run.env},
            {"Entrypoint", OrNull(run.entrypoint)},
            {"Cmd", OrNull(run.cmd)},
            {"Volumes", EmptyObjects(run.volumes)},
            {"WorkingDir", run.working_dir},
            {"Labels", ObjectOf(run.labels)},
            {"StopSignal", run.stop_signal},
            {"Shell", OrNull(run.shell)},
            {"OnBuild", OrNull(run.on_build)},
            {"Healthcheck", run.healthcheck.empty() ? Json() : Json::parse(run.healthcheck)}}}};
}

}  // namespace hoy::cli
