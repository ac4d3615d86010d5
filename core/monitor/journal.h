#pragma once
// Messages to systemd-journald (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram for each,
// "NAME=value\n", or "NAME\n", a little-endian uint64_t length, value, "\n".

#include <string_view>

#include "core/monitor/line_splitter.h"

namespace hoy::core {

inline constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

class Journal {
 public:
  // 0, or an errno.
  int Open();

  // `fields`: what each message carries. Waits for a journald that is busy, and connects again to
  // one that was restarted. False: it is lost.
  bool Send(std::string_view fields, const LogMessage& message);

 private:
  int fd_ = -1;
};

}  // namespace hoy::core
