#pragma once
// A program behind a seccomp filter, which answers as a kernel that lacks something.

#include <linux/filter.h>

#include <vector>

#include "tests/support/process.h"

namespace hoy::test {

// In a child, since a filter cannot be taken off again; what the program starts has it, too.
// Arguments of system calls are to be compared as this machine has them (seccomp(2)).
Output RunBehind(std::vector<sock_filter> filter, const Command& command);

}  // namespace hoy::test
