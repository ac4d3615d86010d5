#pragma once
// What the columns of ps_columns.cc and ps_more_columns.cc write alike.

#include <time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/ops/ps_columns.h"

namespace hoy::cli {

std::string NameOf(const core::IdNames& names, uint32_t id);
std::string Joined(const std::vector<uint32_t>& ids, const core::IdNames& names);
std::string Terminal(int64_t device);
// The first line of a file of /proc/<pid>; "-": empty, "0", or not readable.
std::string ProcText(const PsView& view, const char* file);
time_t StartedAt(const PsView& view);
std::string TimeText(time_t time, const char* format);  // strftime(3), local

}  // namespace hoy::cli
