#include "cli/ui/exit_code.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

struct Case {
  ErrorKind kind;
  std::string stage;
  int system_errno;
  int for_run;
  int for_others;
};

TEST(ExitCode, FollowsKindStageAndErrno) {
  const Case kCases[] = {
      {ErrorKind::kSystem, "mount", EPERM, 125, 125},
      {ErrorKind::kInvalidArgument, "", 0, 125, 125},
      {ErrorKind::kNotFound, "", 0, 125, 1},
      {ErrorKind::kNotFound, "open", ENOENT, 125, 125},
      {ErrorKind::kNotFound, "no-bucket", 0, 125, 125},
      {ErrorKind::kAlreadyExists, "", 0, 125, 125},
      {ErrorKind::kConflict, "", 0, 125, 125},
      {ErrorKind::kPermission, "open", EACCES, 125, 125},
      {ErrorKind::kUnsupported, "", 0, 125, 125},
      {ErrorKind::kCorrupt, "", 0, 125, 125},
      {ErrorKind::kNetwork, "", 0, 125, 125},
      {ErrorKind::kUnauthorized, "", 0, 125, 125},
      {ErrorKind::kTimeout, "", 0, 125, 125},
      {ErrorKind::kCancelled, "", 0, 130, 130},
      {ErrorKind::kStart, "exec", ENOENT, 127, 127},
      {ErrorKind::kStart, "exec", EACCES, 126, 126},
      {ErrorKind::kStart, "exec", ENOEXEC, 126, 126},
      {ErrorKind::kStart, "exec", EISDIR, 126, 126},
      {ErrorKind::kStart, "exec", EPERM, 126, 126},
      {ErrorKind::kStart, "lookup", ENOENT, 127, 127},
      {ErrorKind::kStart, "lookup", EACCES, 126, 126},
      {ErrorKind::kStart, "exec", 0, 125, 125},
      {ErrorKind::kStart, "user", ENOENT, 125, 125},
      {ErrorKind::kStart, "mount", ENOENT, 125, 125},
      {ErrorKind::kStart, "setuid", EPERM, 125, 125},
  };
  for (const Case& test : kCases) {
    Error error{.kind = test.kind, .system_errno = test.system_errno, .stage = test.stage};
    EXPECT_EQ(ExitCodeOf(error, true), test.for_run) << ToString(test.kind) << test.stage;
    EXPECT_EQ(ExitCodeOf(error, false), test.for_others) << ToString(test.kind) << test.stage;
  }
}

TEST(ExitCode, IgnoresTheText) {
  Error error = MakeError(ErrorKind::kSystem, "exec 'x': No such file or directory");
  EXPECT_EQ(ExitCodeOf(error, true), 125);
}

}  // namespace
}  // namespace hoy::cli
