#include "net/netlink/namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cstdlib>

#include "core/sys/files.h"

namespace hoy::net {

Result<Fd> CurrentNetworkNamespace() {
  return core::OpenAt(core::kCwd, "/proc/thread-self/ns/net", O_RDONLY);
}

Result<Fd> OpenNetworkNamespace(const std::string& path) {
  // Whatever it is, opening it must not wait.
  TRY(Fd fd, core::OpenAt(core::kCwd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (ioctl(fd.get(), NS_GET_NSTYPE) == CLONE_NEWNET) return fd;
  return Fail(MakeError(ErrorKind::kInvalidArgument, "it is no network namespace")
                  .WithHint("'ip netns add NAME' makes one, which is /run/netns/NAME"));
}

Result<NamespaceVisit> NamespaceVisit::Enter(BorrowedFd namespace_fd) {
  TRY(Fd home, CurrentNetworkNamespace());
  if (setns(namespace_fd.get(), CLONE_NEWNET) != 0) return FailErrno("enter", "network namespace");
  return NamespaceVisit(std::move(home));
}

NamespaceVisit::~NamespaceVisit() {
  if (home_ && setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

Result<Fd> MakeNetworkNamespace() {
  TRY(Fd home, CurrentNetworkNamespace());
  if (unshare(CLONE_NEWNET) != 0) return FailErrno("make", "network namespace");
  NamespaceVisit visit(std::move(home));
  return CurrentNetworkNamespace();
}

}  // namespace hoy::net
