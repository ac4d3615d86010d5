#pragma once
// The built-in init of --init.

namespace hoy::core {

// Forks. The child returns 0 and goes on with the plan; the parent stays as PID 1: it reaps every
// orphan, passes signals on to the child, and exits with the child's status. -1 on failure.
// `status_fd` is closed in the parent, so that its end-of-file still means "exec succeeded", and
// the `plans` are unmapped there: what is in the container can trace it.
int BecomeReaper(int status_fd, int passed_fds, const char* plans);

}  // namespace hoy::core
