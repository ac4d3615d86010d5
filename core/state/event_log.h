#pragma once
// What happens to containers and images, for `hoy events`.
//
//   DATA/events/current        lines that are being appended
//   DATA/events/<n>            older ones, n counting up; the last kKeptEventFiles of them
//
// An event is one line of JSON, written by one write(2) to a descriptor opened with O_APPEND, which
// the kernel makes one step: no lock, no torn lines, any number of writers. A write that a full
// disk cuts short is told from the next line by the newline that every line begins with. The writer
// that finds the file longer than kEventFileLimit moves it to the next number, under a lock of its
// own.
//
// Recording is best effort and costs an open, a write and a close: an event that cannot be written
// is no reason to fail the verb. Nothing is synced: a power cut may lose the last events.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"

namespace hoy::core {

// With docker's words: type "container", action "die", attributes {"exitCode", "137"}.
struct Event {
  Timestamp time = 0;  // 0: now
  std::string type;
  std::string action;
  std::string id;          // of a container, image or network; of an image that was pulled its name
  StringPairs attributes;  // "name" and "image" first, as docker has them

  bool operator==(const Event&) const = default;
};

void RecordEvent(const Layout& layout, const Event& event);

// The usual case: the container's name, image and labels become attributes, after `more`.
void RecordContainerEvent(const Layout& layout, const ContainerSummary& container,
                          std::string_view action, StringPairs more = {});
void RecordContainerEvent(const Layout& layout, const ContainerRecord& container,
                          std::string_view action, StringPairs more = {});
// For a verb on an image: `id` is "sha256:...", `name` how it was called.
void RecordImageEvent(const Layout& layout, std::string_view action, std::string_view id,
                      std::string_view name);

std::string EncodeEvent(const Event& event);  // without newlines
Result<Event> DecodeEvent(std::string_view line);

inline constexpr int64_t kEventFileLimit = 4 << 20;
inline constexpr size_t kKeptEventFiles = 3;

// Reads events from the oldest that is kept to the newest, and goes on with those that are written
// later. Nothing is missed while it catches up: it holds the file it reads, and finds the ones that
// came after it by their numbers.
class EventReader {
 public:
  explicit EventReader(const Layout& layout);

  // For poll(2): readable when there may be more. -1 until Watch() was called.
  BorrowedFd watch() const { return watch_; }
  Result<> Watch();

  // All that is there now, in order. `missed` grows when files were removed before they were read:
  // only when a reader stands still while kKeptEventFiles files are filled.
  Result<std::vector<Event>> Read();
  uint64_t missed() const { return missed_; }

 private:
  struct OpenFile {
    Fd fd;
    std::string rest;  // half a line
  };
  Result<bool> OpenNext();
  static void Drain(OpenFile& file, std::vector<Event>& events);
  bool WasMovedAway();

  std::string directory_;
  Fd watch_;
  OpenFile file_;
  OpenFile before_;      // a writer may have had it open when it was moved away
  uint64_t inode_ = 0;   // of file_
  int64_t reading_ = 0;  // its number, 0: it was "current" when it was opened
  int64_t number_ = 0;   // of the last one that was read to its end
  uint64_t missed_ = 0;
};

}  // namespace hoy::core
