#pragma once
// The fields of one --mount besides its source and target. Pure; a part of mount_options.h.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

class MountFields {
 public:
  // kInvalidArgument: no such type. `text` is the whole flag's for errors, without keys, and
  // outlives this.
  static Result<MountFields> OfType(std::string_view text, std::string_view type);

  core::Mount& mount() { return mount_; }
  // kInvalidArgument: the type has no such field, or not with that value.
  Result<> Apply(std::string_view key, const std::optional<std::string_view>& value);
  // kInvalidArgument: a field that has to be there is missing.
  Result<core::Mount> Finish() &&;

 private:
  MountFields(std::string_view text, std::string_view type) : text_(text), type_(type) {}

  Result<> FinishVolume();
  // False: it is no field of that type.
  Result<bool> ApplyTmpfs(std::string_view key, std::string_view value);
  Result<bool> ApplyDevpts(std::string_view key, std::string_view value);
  Result<bool> ApplyBind(std::string_view key, const std::optional<std::string_view>& value);
  Result<bool> ApplyVolume(std::string_view key, const std::optional<std::string_view>& value);
  Result<bool> ApplyImage(std::string_view key, const std::optional<std::string_view>& value);
  Result<bool> ApplyS3(std::string_view key, const std::optional<std::string_view>& value);
  Result<bool> ApplyOwn(std::string_view key, const std::optional<std::string_view>& value);
  Result<bool> Switch(std::string_view key, const std::optional<std::string_view>& value) const;
  Result<std::string> Subpath(std::string_view key,
                              const std::optional<std::string_view>& value) const;

  std::string_view text_;
  std::string type_;
  core::Mount mount_;
  std::vector<std::string> volume_options_;
  std::string s3_words_;
};

// [r]private, [r]slave, [r]shared. False: another word.
bool ApplyPropagation(std::string_view word, core::Mount& mount);
// Appends to the options of a memory file system.
void AddData(core::Mount& mount, std::string_view item);
// size= of a tmpfs: bytes with a unit, or a share of memory in percent.
Result<std::string> TmpfsSize(std::string_view flag, std::string_view value);
bool IsOctal(std::string_view text);
// An empty one: nosuid, nodev, noexec.
core::Mount TmpfsMount();

}  // namespace hoy::cli
