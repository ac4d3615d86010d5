#include "cli/ops/event_text.h"

#include <algorithm>

#include "core/base/text.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

std::string AttributeOf(const core::Event& event, std::string_view name) {
  for (const auto& [key, value] : event.attributes) {
    if (key == name) return value;
  }
  return {};
}

std::string ImageOf(const core::Event& event) {
  return AttributeOf(event, event.type == "image" ? "name" : "image");
}

Json ActorOf(const core::Event& event) {
  Json attributes = Json::object();
  core::StringPairs sorted = event.attributes;
  std::ranges::sort(sorted);
  for (const auto& [key, value] : sorted) attributes[key] = value;
  return {{"ID", event.id}, {"Attributes", std::move(attributes)}};
}

bool IsContainer(const core::Event& event, std::string_view wanted) {
  return event.type == "container" && (AttributeOf(event, "name") == wanted ||
                                       (!wanted.empty() && event.id.starts_with(wanted)));
}

bool IsNetwork(const core::Event& event, std::string_view wanted) {
  return event.type == "network" && (AttributeOf(event, "name") == wanted ||
                                     (!wanted.empty() && event.id.starts_with(wanted)));
}

bool IsImage(const core::Event& event, std::string_view wanted) {
  std::string name = ImageOf(event);
  if (name.empty() && event.type != "image") return false;
  if (name == wanted || (event.type == "image" && event.id == wanted)) return true;
  auto ours = oci::Reference::Parse(name);
  auto theirs = oci::Reference::Parse(std::string(wanted));
  if (!ours || !theirs || ours->Name() != theirs->Name()) return false;
  return theirs->tag().empty() || ours->tag() == theirs->tag();
}

bool HasLabel(const core::Event& event, std::string_view wanted) {
  auto [key, value] = CutAt(wanted, '=');
  return std::ranges::any_of(event.attributes, [key, value](const auto& attribute) {
    return attribute.first == key && (!value || attribute.second == *value);
  });
}

// "exec_create: sh -c ls" is an exec_create.
bool IsAction(const core::Event& event, std::string_view wanted) {
  return event.action == wanted || event.action.starts_with(std::string(wanted) + ":");
}

}  // namespace

std::string EventText(const core::Event& event) {
  std::string text = fmt::format("{} {} {} {}", core::FormatRfc3339(event.time), event.type,
                                 event.action, event.id);
  core::StringPairs sorted = event.attributes;
  std::ranges::sort(sorted);
  std::string attributes;
  for (const auto& [key, value] : sorted) {
    attributes += fmt::format("{}{}={}", attributes.empty() ? "" : ", ", key, value);
  }
  if (!attributes.empty()) text += " (" + attributes + ")";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';  // one event is one line
  }
  return text + "\n";
}

Json EventJson(const core::Event& event) {
  Json json = Json::object();
  if (event.type == "container" || event.type == "image") {
    json["status"] = event.action;
    json["id"] = event.id;
    if (event.type == "container") json["from"] = ImageOf(event);
  }
  json["Type"] = event.type;
  json["Action"] = event.action;
  json["Actor"] = ActorOf(event);
  json["scope"] = "local";
  json["time"] = event.time / core::kSecond;
  json["timeNano"] = event.time;
  return json;
}

Json EventFields(const core::Event& event) {
  return {{"Status", event.action},
          {"ID", event.id},
          {"From", event.type == "container" ? ImageOf(event) : ""},
          {"Type", event.type},
          {"Action", event.action},
          {"Actor", ActorOf(event)},
          {"Scope", "local"},
          {"Time", event.time / core::kSecond},
          {"TimeNano", event.time}};
}

bool EventMatches(const core::Event& event, const Filters& filters) {
  return filters.Match("container", [&](std::string_view v) { return IsContainer(event, v); }) &&
         filters.Match("event", [&](std::string_view v) { return IsAction(event, v); }) &&
         filters.Match("image", [&](std::string_view v) { return IsImage(event, v); }) &&
         filters.Match("label", [&](std::string_view v) { return HasLabel(event, v); }) &&
         filters.Match("type", [&](std::string_view v) { return event.type == v; }) &&
         filters.Match("network", [&](std::string_view v) { return IsNetwork(event, v); }) &&
         filters.Match("volume",
                       [&](std::string_view v) { return event.type == "volume" && event.id == v; });
}

}  // namespace hoy::cli
