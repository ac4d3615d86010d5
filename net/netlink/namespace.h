#pragma once
// Network namespaces by descriptor. Nothing is bind-mounted: a namespace lives as long as a process
// is in it or a descriptor of it is open.

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::net {

// A new, empty namespace ("lo" is down). The calling thread stays where it is.
Result<Fd> MakeNetworkNamespace();
Result<Fd> CurrentNetworkNamespace();
// That of a file such as /run/netns/NAME. kInvalidArgument: it is something else.
Result<Fd> OpenNetworkNamespace(const std::string& path);

// The calling thread is in another network namespace while this lives. A thread that cannot come
// back would act on the wrong network from then on, so the process ends itself instead.
class NamespaceVisit {
 public:
  static Result<NamespaceVisit> Enter(BorrowedFd namespace_fd);
  NamespaceVisit(NamespaceVisit&&) = default;
  NamespaceVisit& operator=(NamespaceVisit&&) = delete;
  ~NamespaceVisit();

 private:
  friend Result<Fd> MakeNetworkNamespace();
  explicit NamespaceVisit(Fd home) : home_(std::move(home)) {}
  Fd home_;
};

}  // namespace hoy::net
