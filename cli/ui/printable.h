#pragma once
// Text of strangers, as it may go to a terminal.

#include <string>
#include <string_view>

namespace hoy::cli {

// Control characters (C0, DEL, C1) and bytes that are not UTF-8 become \n, \t or \xNN;
// everything else stays. One line, and no terminal obeys it.
std::string Printable(std::string_view bytes);
// Line feeds and tabs, which lay text out, stay.
std::string PrintableLines(std::string_view bytes);

}  // namespace hoy::cli
