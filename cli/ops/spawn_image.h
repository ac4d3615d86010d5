#pragma once
// hoy-image as a child that is waited for.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::cli {

constexpr int kPassedFd = 4;

// Runs `hoy-image GLOBALS WORDS` and waits. Its stderr is ours; what it prints comes back. Its
// error comes back as it was there, not printed yet; `what` is for errors that it could not tell
// of. `passed`: a descriptor of ours that it has as kPassedFd. SIGINT, SIGQUIT, SIGTERM and SIGHUP
// reach the child, which cleans up: kCancelled.
Result<std::string> SpawnImageProgram(const std::vector<std::string>& globals,
                                      const std::vector<std::string>& words, std::string_view what,
                                      BorrowedFd passed = -1);

}  // namespace hoy::cli
