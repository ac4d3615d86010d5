#pragma once
// Text that is shown again and again: on a terminal in its own place, elsewhere one after another.

#include <string>
#include <string_view>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

class LiveTable {
 public:
  // `live` false: it is shown once, wherever it goes, and nothing is cut.
  LiveTable(Context& context, bool live);

  // How wide the terminal is now; 0: no limit.
  int Columns() const;

  // Lines beyond the height of the terminal are left out, and the last one says how many; what is
  // too wide is cut.
  Result<> Show(std::string_view text);

  // Nobody reads it any more.
  bool Lost() const { return lost_; }

 private:
  Context& context_;
  bool redraws_;
  bool lost_ = false;
  size_t lines_ = 0;  // of ours, above the cursor
};

// What Show writes on a terminal of that size: pure. `before` is how many lines are to be replaced,
// `after` becomes how many there are now.
std::string RedrawText(std::string_view text, int rows, int columns, size_t before, size_t* after);

}  // namespace hoy::cli
