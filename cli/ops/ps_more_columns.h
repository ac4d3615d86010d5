#pragma once
// Those of ps's columns that few ask for: ids, threads, memory and faults, I/O, signals, scheduling
// and namespaces. As procps 4.0.2 prints them, where /proc is all that is needed: what it asks
// systemd or libnuma for (unit, slice, seat, numa and so on) is not there.

#include <span>

#include "cli/ops/ps_columns.h"

namespace hoy::cli {

std::span<const PsColumn> MorePsColumns();

}  // namespace hoy::cli
