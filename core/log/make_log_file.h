#pragma once
// One for each LogForm.

#include <memory>

#include "core/log/log_file.h"

namespace hoy::core {

std::unique_ptr<LogFile> MakeFrameFile(Fd fd);
std::unique_ptr<LogFile> MakeJsonFile(Fd fd);

}  // namespace hoy::core
