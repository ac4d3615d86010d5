#pragma once
// What the shells offer, answered from the command model and, for names, from directory listings:
// no record of hoy's is opened and no lock taken, so it takes milliseconds with any number of
// containers.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ui/command.h"
#include "core/state/layout.h"

namespace hoy::cli {

struct Candidate {
  std::string text;
  std::string description;

  bool operator==(const Candidate&) const = default;
};

struct Completion {
  // What the shell adds by itself. Printed as the last line, ":files" and so on.
  enum class Fallback { kNone, kFiles, kDirectories };
  std::vector<Candidate> candidates;
  Fallback fallback = Fallback::kNone;
};

// Values of an option that this room knows nothing of, of which `typed` is the beginning. Others
// may be among them.
using ValueNames = std::vector<std::string> (*)(const OptionSpec& option, std::string_view typed);

// `words` are those after "hoy"; the last one is being typed and may be empty.
Completion Complete(std::span<const std::string> words, const core::Layout& layout,
                    ValueNames more_values = nullptr);

// "TEXT\tDESCRIPTION" per line, then the fallback.
std::string CompletionText(const Completion& completion);

// The script for "bash", "zsh" or "fish"; empty for any other shell.
std::string_view CompletionScript(std::string_view shell);

}  // namespace hoy::cli
