#pragma once
// What an image says about running it: the fields of the OCI image-spec's config.md "config" object
// that matter after the pull. Plain data, so that core and cli need not know the image codec.

#include <string>
#include <utility>
#include <vector>

namespace hoy::core {

struct ImageRunConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "NAME=value"
  std::string user;              // "user[:group]", names or numbers
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> volumes;
  std::vector<std::string> exposed_ports;

  bool operator==(const ImageRunConfig&) const = default;
};

}  // namespace hoy::core
