#pragma once
// Network namespaces for the bench: each is a host of its own, and nobody else's.

#include <functional>
#include <string>

#include "core/base/fd.h"

namespace hoy::bench {

Fd NewNetworkNamespace();
// A shell's script there, which has to succeed.
void RunThere(const Fd& there, const std::string& script);
// As `ip link set LINK netns` takes it.
std::string NameOfNamespace(const Fd& there);
// In the calling thread, which does not come back.
void EnterForGood(const Fd& there);

}  // namespace hoy::bench
