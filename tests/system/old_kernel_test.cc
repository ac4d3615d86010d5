// System calls that an older kernel, or the seccomp filter of an outer container, does not have:
// a filter answers ENOSYS, and hoy does without.

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/run_behind.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

struct Missing {
  const char* name;
  std::vector<uint32_t> calls;
};
std::ostream& operator<<(std::ostream& stream, const Missing& missing) {
  return stream << missing.name;
}

std::vector<sock_filter> Without(const std::vector<uint32_t>& calls) {
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (uint32_t call : calls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return filter;
}

class OldKernel : public ImageSandbox, public testing::WithParamInterface<Missing> {
 protected:
  Output RunBehind(const std::vector<std::string>& arguments) const {
    Output output = test::RunBehind(Without(GetParam().calls), Hoy(arguments));
    output.out += "|" + output.err;
    output.err.clear();
    return output;
  }
};

TEST_P(OldKernel, RunsExecsAndStops) {
  const Output run =
      RunBehind({"run", "--rm", "-u", "app", Busybox(), "sh", "-c", "id -un; exit 7"});
  EXPECT_EQ(run.code, 7) << run;
  EXPECT_EQ(run.out, "app\n|") << run;
  EXPECT_EQ(RunBehind({"run", "-d", "--name", "one", Busybox(), "sleep", "1000"}).code, 0);
  const Output exec = RunBehind({"exec", "one", "sh", "-c", "echo $0; exit 8"});
  EXPECT_EQ(exec.code, 8) << exec;
  const Output missing = RunBehind({"run", "--rm", Busybox(), "no-such-program"});
  EXPECT_EQ(missing.code, 127) << missing;
  EXPECT_EQ(RunBehind({"rm", "-f", "one"}).code, 0);
}

TEST_P(OldKernel, BindsReadOnlyAndKeepsTheOtherFlagsOfTheMount) {
  WriteFile(Path("file"), "x\n");
  const Output run =
      RunBehind({"run", "--rm", "-v", directory() + ":/d:ro,noexec", Busybox(), "sh", "-c",
                 "cat /d/file; touch /d/new; awk '$5 == \"/d\"' $0", "/proc/self/mountinfo"});
  EXPECT_TRUE(run.out.starts_with("x\n")) << run;
  EXPECT_NE(run.out.find("Read-only file system"), std::string::npos) << run;
  EXPECT_NE(run.out.find("noexec"), std::string::npos) << run;
  EXPECT_EQ(run.out.find("master:"), std::string::npos) << run << "private by default";
}

INSTANTIATE_TEST_SUITE_P(Without, OldKernel,
                         testing::Values(Missing{"clone3", {SYS_clone3}},
                                         Missing{"openat2", {SYS_openat2}},
                                         Missing{"mount_setattr", {SYS_mount_setattr}},
                                         Missing{"both", {SYS_clone3, SYS_openat2}}),
                         [](const auto& missing) { return missing.param.name; });

}  // namespace
}  // namespace hoy::test
