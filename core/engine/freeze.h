#pragma once
// Holding a running container still for a moment, such that it goes on even when whoever did so is
// killed.
//
//   RUN/containers/<id>/freezer   exists from before the freeze until after the thaw; flocked by
//   the
//                                 process that froze. One whose flock is free belongs to the dead:
//                                 Heal thaws the container and deletes it.

#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/cgroup/cgroup.h"
#include "core/state/layout.h"

namespace hoy::core {

// Of a freeze or a thaw: a cgroup that goes away under our hands is that of a container that has
// ended.
bool HasEnded(const Error& error);

// Thaws when it goes.
class TemporaryFreeze {
 public:
  // Waits for another one of the same container. kUnsupported: there is no cgroup to freeze.
  // kNotFound: it has ended.
  static Result<TemporaryFreeze> Begin(const Layout& layout, std::string_view id);
  TemporaryFreeze(TemporaryFreeze&& other) noexcept = default;
  TemporaryFreeze& operator=(TemporaryFreeze&&) = delete;
  ~TemporaryFreeze() { (void)End(); }

  Result<> End();
  // It stays frozen, as by a person's wish.
  void Keep();

 private:
  TemporaryFreeze(Cgroup cgroup, Fd marker, std::string path)
      : cgroup_(std::move(cgroup)), marker_(std::move(marker)), path_(std::move(path)) {}

  Cgroup cgroup_;
  Fd marker_;
  std::string path_;
};

// Whether somebody does so, or died doing it.
bool IsHeldStill(const Layout& layout, std::string_view id);
// Whether somebody froze it and died. Costs one look-up when nobody did.
bool IsFreezeAbandoned(const Layout& layout, std::string_view id);
// Thaws it then. Idempotent, by any number of processes.
Result<> ThawAbandoned(const Layout& layout, std::string_view id);

}  // namespace hoy::core
