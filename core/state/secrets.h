#pragma once
// What a container is told in confidence: DATA/containers/<id>/secrets/<number>, in a directory
// that root alone may enter, from the container's creation until its removal. Neither its record
// nor its image has it. A secret that is a file is bound to its place as any other mount; one that
// is a variable is read at each start, and for each exec.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "core/sys/files.h"

namespace hoy::core {

struct SecretFile {
  std::string content;
  mode_t mode = 0400;
  uid_t uid = 0;
  gid_t gid = 0;
};

std::string SecretPath(std::string_view container_directory, size_t number);
// By their place in the list. The directory is new.
Result<> WriteSecrets(const std::string& container_directory, std::span<const SecretFile> secrets,
                      Durability durability);
// "NAME=value", of those that are variables.
Result<std::vector<std::string>> ReadSecretVariables(const Layout& layout,
                                                     const ContainerRecord& record);

}  // namespace hoy::core
