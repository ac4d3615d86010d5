#pragma once
// The image configuration: OCI image-spec v1.1 config.md, with Docker's extensions.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/sys/clock.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

namespace hoy::oci {

// The `config` member: what a container of the image runs with by default.
struct ImageRunConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "NAME=value", in the image's order
  std::string user;              // "", "name", "1000", "user:group"
  std::string working_dir;
  std::string stop_signal;
  std::map<std::string, std::string> labels;
  std::vector<std::string> volumes;        // paths, sorted
  std::vector<std::string> exposed_ports;  // "8080/tcp", sorted
  std::vector<std::string> shell;          // Docker's SHELL
  std::vector<std::string> on_build;       // Docker's ONBUILD instructions
  std::string healthcheck;                 // Docker's Healthcheck as JSON text; empty: none

  bool operator==(const ImageRunConfig&) const = default;
};

struct HistoryEntry {
  core::Timestamp created = 0;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  Platform platform;
  core::Timestamp created = 0;  // 0: not said
  std::string author;
  ImageRunConfig config;
  std::vector<Digest> diff_ids;  // bottom first
  std::vector<HistoryEntry> history;
};

// kCorrupt when the bytes are not an image configuration (same limits as manifest.h).
Result<ImageConfig> ParseImageConfig(std::string_view bytes);

}  // namespace hoy::oci
