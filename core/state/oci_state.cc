#include "core/state/oci_state.h"

#include <nlohmann/json.hpp>

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr const char* kSpecVersion = "1.0.2";

Json AnnotationsOf(const ContainerRecord& record) {
  Json all = Json::object();
  for (const auto& [name, value] : record.config.annotations) all[name] = value;
  return all;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string EncodeOciState(const Layout& layout, const ContainerRecord& record,
                           const OciStatus& status) {
  Json state = {{"ociVersion", kSpecVersion},
                {"id", record.id},
                {"status", status.name},
                {"bundle", layout.RunContainer(record.id)},
                {"annotations", AnnotationsOf(record)}};
  if (status.init > 0) state["pid"] = status.init;
  return Dump(state);
}

std::pair<std::string, std::string> EncodeOciStateAround(const Layout& layout,
                                                         const ContainerRecord& record,
                                                         const char* status) {
  // In a text that is a value its quotes would be escaped.
  constexpr std::string_view kName = "\"pid\":";
  std::string text = EncodeOciState(layout, record, {status, 1});
  size_t place = text.find(kName) + kName.size();
  return {text.substr(0, place), text.substr(place + 1)};
}

std::string EncodeHookConfig(const ContainerRecord& record, const std::string& root) {
  return Dump(
      {{"ociVersion", kSpecVersion},
       {"root", {{"path", root}, {"readonly", record.config.readonly_rootfs}}},
       {"hostname", record.config.hostname},
       {"process",
        {{"cwd", record.config.process.cwd}, {"args", Json::array()}, {"env", Json::array()}}},
       {"annotations", AnnotationsOf(record)}});
}

}  // namespace hoy::core
