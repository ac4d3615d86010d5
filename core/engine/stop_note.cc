#include "core/engine/stop_note.h"

#include <fcntl.h>

#include <string>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

std::string StoppingPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/stopping";
}

std::string KeptPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/kept";
}

Fd Hold(const std::string& path) {
  auto file = OpenAt(kCwd, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!file) return {};
  struct flock lock{};
  lock.l_type = F_RDLCK;
  if (fcntl(file->get(), F_OFD_SETLK, &lock) != 0) return {};
  return *std::move(file);
}

bool IsHeld(const std::string& path) {
  // For reading: who waits for a holder to close it (IN_CLOSE_WRITE) is not to be woken by this.
  auto file = OpenAt(kCwd, path, O_RDONLY | O_NOFOLLOW);
  if (!file) return false;
  struct flock lock{};
  lock.l_type = F_WRLCK;
  return fcntl(file->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

Fd NoteStopping(const Layout& layout, std::string_view id) {
  return Hold(StoppingPath(layout, id));
}

bool IsStopping(const Layout& layout, std::string_view id) {
  return IsHeld(StoppingPath(layout, id));
}

Fd NoteKept(const Layout& layout, std::string_view id) {
  return Hold(KeptPath(layout, id));
}

bool IsKept(const Layout& layout, std::string_view id) {
  return IsHeld(KeptPath(layout, id));
}

}  // namespace hoy::core
