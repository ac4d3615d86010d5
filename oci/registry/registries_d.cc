#include "oci/registry/registries_d.h"

#include <fmt/core.h>
#include <unistd.h>
#include <yaml.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "core/sys/files.h"
#include "oci/trust/policy.h"

namespace hoy::oci {
namespace {

constexpr size_t kMaxConfBytes = 1 << 20;

// Thrown by the reader, caught in ParseRegistriesD.
struct MalformedYaml {
  size_t line;
  std::string reason;
};

// libyaml's events of one document. Aliases are refused: nothing here has a use for them.
class Events {
 public:
  explicit Events(std::string_view text) {
    if (yaml_parser_initialize(&parser_) == 0) throw MalformedYaml{0, "no memory"};
    const char* bytes = text.empty() ? "" : text.data();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(bytes),
                                 text.size());
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }

  yaml_event_type_t Next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) == 0) {
      event_ = {};
      throw MalformedYaml{parser_.problem_mark.line + 1,
                          parser_.problem != nullptr ? parser_.problem : "no YAML"};
    }
    if (event_.type == YAML_ALIAS_EVENT) Fail("an alias has no place here");
    return event_.type;
  }
  yaml_event_type_t type() const { return event_.type; }
  std::string Text() const {
    if (event_.type != YAML_SCALAR_EVENT) Fail("text is expected here");
    return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length};
  }
  [[noreturn]] void Fail(std::string reason) const {
    throw MalformedYaml{event_.start_mark.line + 1, std::move(reason)};
  }

  // `member(key)` is called with the value's first event at hand, and leaves at its last one.
  template <typename Member>
  void ReadMapping(Member member) {
    if (type() == YAML_SCALAR_EVENT && Text().empty()) return;  // "docker:" and nothing
    if (type() != YAML_MAPPING_START_EVENT) Fail("a mapping is expected here");
    std::map<std::string, bool> seen;
    while (Next() != YAML_MAPPING_END_EVENT) {
      std::string key = Text();
      if (!seen.emplace(key, true).second) Fail(fmt::format("'{}' comes twice", key));
      Next();
      member(key);
    }
  }
  void Skip() {
    int depth = 0;
    while (true) {
      switch (type()) {
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT: ++depth; break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT: --depth; break;
        default: break;
      }
      if (depth == 0) return;
      Next();
    }
  }

 private:
  yaml_parser_t parser_{};
  yaml_event_t event_{};
};

bool ToBool(const Events& events) {
  const std::string text = events.Text();
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  events.Fail(fmt::format("'{}' is neither true nor false", text));
}

LookasideSection ReadSection(Events& events, const std::string& origin) {
  LookasideSection section{.lookaside = {}, .use_attachments = {}, .origin = origin};
  std::string old_name;
  events.ReadMapping([&](const std::string& key) {
    if (key == "lookaside") {
      section.lookaside = events.Text();
    } else if (key == "sigstore") {
      old_name = events.Text();
    } else if (key == "use-sigstore-attachments") {
      section.use_attachments = ToBool(events);
    } else {
      events.Skip();
    }
  });
  if (section.lookaside.empty()) section.lookaside = old_name;
  return section;
}

RegistriesD ReadDocument(Events& events, const std::string& origin) {
  RegistriesD conf;
  events.Next();  // the stream
  if (events.Next() == YAML_STREAM_END_EVENT) return conf;
  events.Next();
  events.ReadMapping([&](const std::string& key) {
    if (key == "default-docker") {
      conf.fallback = ReadSection(events, origin);
    } else if (key == "docker") {
      events.ReadMapping(
          [&](const std::string& scope) { conf.docker[scope] = ReadSection(events, origin); });
    } else {
      events.Fail(fmt::format("'{}' is unknown", key));
    }
  });
  events.Next();  // the document's end
  if (events.Next() != YAML_STREAM_END_EVENT) events.Fail("a second document has no place here");
  return conf;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string BuiltInLookaside() {
  constexpr const char* kEnd = "/containers/sigstore";
  if (::geteuid() == 0) return std::string("file:///var/lib") + kEnd;
  std::string data = Environment("XDG_DATA_HOME");
  if (data.empty()) data = Environment("HOME") + "/.local/share";
  return "file://" + data + kEnd;
}

}  // namespace

Result<RegistriesD> ParseRegistriesD(std::string_view yaml, const std::string& origin) {
  try {
    Events events(yaml);
    return ReadDocument(events, origin);
  } catch (const MalformedYaml& malformed) {
    return Fail(ErrorKind::kCorrupt, "'{}', line {}: {}", origin, malformed.line, malformed.reason);
  }
}

Result<> MergeRegistriesD(RegistriesD& base, RegistriesD more) {
  if (base.fallback && more.fallback) {
    return Fail(ErrorKind::kCorrupt, "'default-docker' is both in '{}' and '{}'",
                base.fallback->origin, more.fallback->origin);
  }
  if (more.fallback) base.fallback = std::move(more.fallback);
  for (auto& [scope, section] : more.docker) {
    auto [there, added] = base.docker.emplace(scope, section);
    if (!added) {
      return Fail(ErrorKind::kCorrupt, "'{}' is both in '{}' and '{}'", scope, there->second.origin,
                  section.origin);
    }
  }
  return {};
}

Result<RegistriesD> LoadRegistriesD() {
  std::string own = Environment("XDG_CONFIG_HOME");
  if (std::string home = Environment("HOME"); own.empty() && !home.empty()) own = home + "/.config";
  std::string directory = own + "/containers/registries.d";
  if (own.empty() || !core::Exists(directory)) directory = "/etc/containers/registries.d";
  RegistriesD conf;
  TRY(auto names, core::ListDirectory(directory));
  for (const std::string& name : names) {
    if (!name.ends_with(".yaml")) continue;
    std::string path = fmt::format("{}/{}", directory, name);
    TRY(std::string text, core::ReadFile(path, kMaxConfBytes));
    TRY(RegistriesD more, ParseRegistriesD(text, path));
    TRY(MergeRegistriesD(conf, std::move(more)));
  }
  return conf;
}

SignaturePlaces PlacesFor(const RegistriesD& conf, const Reference& reference) {
  std::vector<const LookasideSection*> sections;
  for (const std::string& scope : DockerScopes(reference)) {
    auto found = conf.docker.find(scope);
    if (found != conf.docker.end()) sections.push_back(&found->second);
  }
  if (conf.fallback) sections.push_back(&*conf.fallback);
  SignaturePlaces places;
  std::optional<bool> attachments;
  for (const LookasideSection* section : sections) {
    if (places.lookaside.empty()) places.lookaside = section->lookaside;
    if (!attachments) attachments = section->use_attachments;
  }
  if (places.lookaside.empty()) places.lookaside = BuiltInLookaside();
  places.attachments = attachments.value_or(false);
  return places;
}

}  // namespace hoy::oci
