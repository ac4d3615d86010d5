#include "cli/ui/live_table.h"

#include <sys/ioctl.h>

#include "cli/ui/table.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

winsize WindowOf(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0) size = {};
  return size;
}

}  // namespace

LiveTable::LiveTable(Context& context, bool live)
    : context_(context), redraws_(live && context.terminal.stdout_is_terminal) {}

int LiveTable::Columns() const {
  // The window may have been resized since the program began; COLUMNS is for those without one.
  if (redraws_) {
    if (int columns = WindowOf(context_.out.fd()).ws_col; columns > 0) return columns;
  }
  return context_.terminal.columns;
}

Result<> LiveTable::Show(std::string_view text) {
  if (redraws_) {
    int rows = WindowOf(context_.out.fd()).ws_row;
    context_.out.Write(RedrawText(text, rows, Columns(), lines_, &lines_));
  } else {
    context_.out.Write(text);
  }
  auto written = context_.out.Flush();
  if (!written && written.error().system_errno == EPIPE) {
    lost_ = true;
    return {};
  }
  return written;
}

std::string RedrawText(std::string_view text, int rows, int columns, size_t before, size_t* after) {
  std::string out;
  if (before > 0) out = fmt::format("\033[{}A\r", before);
  auto lines = Split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  // The cursor rests on the line below the last one.
  size_t room = rows > 2 ? static_cast<size_t>(rows) - 1 : lines.size();
  bool crowded = lines.size() > room;
  size_t shown = crowded ? room - 1 : lines.size();
  auto put = [&](std::string_view line) {
    out += columns > 0 ? Ellipsize(line, static_cast<size_t>(columns)) : std::string(line);
    out += "\033[K\n";  // what was there before may have been longer
  };
  for (size_t i = 0; i < shown; ++i) put(lines[i]);
  if (crowded) put(fmt::format("… {} more", lines.size() - shown));
  out += "\033[J";
  *after = shown + (crowded ? 1 : 0);
  return out;
}

}  // namespace hoy::cli
