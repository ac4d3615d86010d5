#pragma once
// iptables-save(8) and iptables-restore(8), of one family: the one of them that works without
// nf_tables (iptables-legacy), whatever the default is.

#include <chrono>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::net {

// Whether anybody has used iptables in the caller's network namespace yet. Runs no program.
bool HasIptablesTables(bool v6);

class IptablesProgram {
 public:
  // On PATH or where administrators' programs are. kUnsupported: there is none, or only the one
  // that wants nf_tables.
  static Result<IptablesProgram> Find(bool v6);

  const std::string& name() const { return name_; }  // "iptables-legacy"

  // Rules of the caller's network namespace, of all tables that it has; a table that nobody has
  // used yet is not made for it.
  Result<std::string> Save() const;
  // --noflush. All of a table or nothing. The lock of iptables, which others hold for as long as
  // their own change takes, is waited for. kSystem: in vain. kUnsupported: it refuses, for a lack
  // of the kernel above all; its own words are in the message.
  Result<> Restore(std::string_view text,
                   std::chrono::seconds patience = std::chrono::seconds(60)) const;

 private:
  IptablesProgram(std::string directory, std::string name, bool v6)
      : directory_(std::move(directory)), name_(std::move(name)), v6_(v6) {}

  std::string directory_, name_;
  bool v6_;
};

}  // namespace hoy::net
