#pragma once
// A root that is mounted for nobody but us, to look at its files: a child of ours carries out a
// plan of root_plan.h in a mount namespace of its own, hands the root over and holds it until we
// let go. Nothing is mounted on the host.

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/sys/process.h"

namespace hoy::core {

class MadeRoot {
 public:
  // `plan` is serialized; `what` it makes, for the errors: "root of container 0123456789ab".
  static Result<MadeRoot> Make(const std::string& plan, const std::string& what);

  BorrowedFd root() const { return root_; }  // O_PATH

 private:
  Fd root_;
  ChildProcess keeper_;  // of the mount namespace
  Fd keeper_end_;
};

}  // namespace hoy::core
