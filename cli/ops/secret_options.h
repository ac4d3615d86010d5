#pragma once
// --secret: what a container is told in confidence, from a file or a variable of the host's.
//
//   id=NAME,src=FILE|env=VARIABLE[,type=mount|env][,target=PATH|VARIABLE][,uid=N][,gid=N][,mode=M]

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "core/state/secrets.h"

namespace hoy::cli {

inline constexpr size_t kLargestSecret = 512'000;  // podman's

struct SecretOption {
  std::string id;
  std::string file;          // where it comes from: this file,
  std::string variable;      // or this variable
  bool is_variable = false;  // what it is in the container: a variable, or a file
  std::string target;        // its name, or path
  core::SecretFile place;    // mode and owner; without content
};

// Pure. kInvalidArgument.
Result<SecretOption> ParseSecret(std::string_view text);

// With what they say. kNotFound: there is no such file or variable.
struct Secret {
  SecretOption option;
  std::string content;
};
Result<std::vector<Secret>> ReadSecrets(const std::vector<std::string>& texts);

// Tells the record where they will be, and returns what is to be there (core::CreateContainer).
// kInvalidArgument: something is mounted there already.
Result<std::vector<core::SecretFile>> AddSecrets(std::vector<Secret> secrets,
                                                 const core::Layout& layout,
                                                 core::ContainerRecord& record);

}  // namespace hoy::cli
