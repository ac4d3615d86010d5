#pragma once
// Docker's tables: columns padded with spaces, three apart and at least ten wide, the last one not
// padded.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hoy::cli {

using TableRow = std::vector<std::string>;

// `max_width` > 0: columns named in `flexible` (by index) are cut with "…" until the widest line
// fits, but never below eight characters.
std::string FormatTable(std::span<const TableRow> rows, std::span<const size_t> flexible = {},
                        int max_width = 0);

// Characters on a terminal: code points, which is right for what names and images may hold.
size_t DisplayWidth(std::string_view utf8);

// At most `width` characters, the last one "…" if something was cut.
std::string Ellipsize(std::string_view utf8, size_t width);

}  // namespace hoy::cli
