#include "cli/ui/table.h"

#include <algorithm>

namespace hoy::cli {
namespace {

constexpr size_t kGap = 3;
constexpr size_t kMinimumColumn = 10;  // with the gap
constexpr size_t kMinimumFlexible = 8;

bool StartsCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::vector<size_t> ColumnWidths(std::span<const TableRow> rows) {
  std::vector<size_t> widths;
  for (const TableRow& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    }
  }
  return widths;
}

size_t Padded(size_t width) {
  return std::max(width + kGap, kMinimumColumn);
}

size_t LineWidth(std::span<const size_t> widths) {
  size_t total = 0;
  for (size_t i = 0; i < widths.size(); ++i) {
    total += i + 1 == widths.size() ? widths[i] : Padded(widths[i]);
  }
  return total;
}

void Shrink(std::vector<size_t>& widths, std::span<const size_t> flexible, size_t max_width) {
  size_t line = LineWidth(widths);
  while (line > max_width) {
    size_t* widest = nullptr;
    for (size_t column : flexible) {
      if (column >= widths.size() || widths[column] <= kMinimumFlexible) continue;
      if (widest == nullptr || widths[column] > *widest) widest = &widths[column];
    }
    if (widest == nullptr) return;
    --*widest;
    line = LineWidth(widths);
  }
}

}  // namespace

size_t DisplayWidth(std::string_view utf8) {
  return static_cast<size_t>(std::ranges::count_if(utf8, StartsCharacter));
}

std::string Ellipsize(std::string_view utf8, size_t width) {
  if (DisplayWidth(utf8) <= width) return std::string(utf8);
  if (width == 0) return "";
  size_t end = 0;
  for (size_t characters = 0; end < utf8.size(); ++end) {
    if (StartsCharacter(utf8[end]) && ++characters == width) break;
  }
  return std::string(utf8.substr(0, end)) + "…";
}

std::string FormatTable(std::span<const TableRow> rows, std::span<const size_t> flexible,
                        int max_width) {
  std::vector<size_t> widths = ColumnWidths(rows);
  if (max_width > 0) Shrink(widths, flexible, static_cast<size_t>(max_width));
  std::string text;
  for (const TableRow& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = Ellipsize(row[i], widths[i]);
      text += cell;
      if (i + 1 < row.size()) text.append(Padded(widths[i]) - DisplayWidth(cell), ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace hoy::cli
