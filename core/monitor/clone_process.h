#pragma once

#include <sys/types.h>

#include <cstdint>

namespace hoy::core {

// clone3 with everything, then without CLONE_INTO_CGROUP (then *joined stays false), then clone(2)
// where a seccomp filter hides clone3. Returns as fork does.
pid_t CloneProcess(uint64_t flags, int cgroup_fd, int* pidfd, bool* joined);

}  // namespace hoy::core
