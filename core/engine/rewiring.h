#pragma once
// A change of what holds and leads to the published ports of a running container: there is a gap in
// it in which nothing does, and none that stays when whoever makes it is killed.
//
//   RUN/containers/<id>/rewiring  exists from before the change until after it; flocked by the
//                                 process that makes it. One whose flock is free belongs to the
//                                 dead: Heal restores what network.json says (NetworkDriver).

#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

// The container's lock is held for as long as this lives.
class Rewiring {
 public:
  static Result<Rewiring> Begin(const Layout& layout, std::string_view id);
  Rewiring(Rewiring&& other) noexcept = default;
  ~Rewiring();

 private:
  Rewiring(Fd marker, std::string path) : marker_(std::move(marker)), path_(std::move(path)) {}

  Fd marker_;
  std::string path_;
};

// Whether somebody died at it. Costs one look-up when nobody did.
bool IsRewiringAbandoned(const Layout& layout, std::string_view id);
// Has it as it was before, then. The container's lock is held, and its monitor works.
Result<> UndoAbandonedRewiring(const Layout& layout, std::string_view id);

}  // namespace hoy::core
