// What a compiled profile says about each system call, without a kernel: the program is run here.

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "core/base/fd.h"
#include "core/seccomp/numbers.h"
#include "core/seccomp/profile.h"
#include "core/seccomp/seccomp.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t kX32Bit = 0x40000000;

// The part of classic BPF that seccomp(2) takes and profiles use.
uint32_t Run(std::span<const sock_filter> program, const seccomp_data& data) {
  uint32_t word = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& i = program[at];
    bool taken = false;
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        memcpy(&word, reinterpret_cast<const char*>(&data) + i.k, sizeof word);
        continue;
      case BPF_ALU | BPF_AND | BPF_K: word &= i.k; continue;
      case BPF_RET | BPF_K: return i.k;
      case BPF_JMP | BPF_JA: at += i.k; continue;
      case BPF_JMP | BPF_JEQ | BPF_K: taken = word == i.k; break;
      case BPF_JMP | BPF_JGE | BPF_K: taken = word >= i.k; break;
      case BPF_JMP | BPF_JGT | BPF_K: taken = word > i.k; break;
      case BPF_JMP | BPF_JSET | BPF_K: taken = (word & i.k) != 0; break;
      default: ADD_FAILURE() << "unknown instruction " << i.code; return 0;
    }
    at += taken ? i.jt : i.jf;
  }
  ADD_FAILURE() << "ran off the end";
  return 0;
}

uint32_t Ask(std::span<const sock_filter> program, uint32_t architecture, uint32_t number,
             uint64_t argument0 = 0, uint64_t argument1 = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : architecture;
  data.args[0] = argument0;
  data.args[1] = argument1;
  return Run(program, data);
}

// By name, on the native architecture.
uint32_t Ask(const SeccompProgram& program, const std::string& name, uint64_t argument0 = 0,
             uint64_t argument1 = 0) {
  auto numbers = SyscallNumbers(seccomp_arch_native(), name);
  EXPECT_EQ(numbers.size(), 1U) << name;
  return Ask(program.instructions(), seccomp_arch_native(), numbers.at(0).number, argument0,
             argument1);
}

SeccompProgram Default(std::initializer_list<int> extra = {}) {
  CapabilitySet set = DefaultCapabilities();
  for (int capability : extra) set.Add(capability);
  auto program = DefaultSeccompProgram(set);
  EXPECT_TRUE(program) << program.error().message;
  return program ? std::move(*program) : SeccompProgram();
}

TEST(SeccompProfile, OrdinaryProgramsAreLeftAlone) {
  SeccompProgram program = Default();
  for (const char* name : {"read", "openat2", "execve", "fork", "futex", "mmap", "chroot", "ptrace",
                           "clock_gettime", "landlock_restrict_self", "fchmodat2", "mseal",
                           "futex_wait", "getxattrat", "seccomp", "rseq", "memfd_secret"}) {
    EXPECT_EQ(Ask(program, name), SECCOMP_RET_ALLOW) << name;
  }
}

TEST(SeccompProfile, WhatNeedsACapabilityComesWithIt) {
  struct Case {
    const char* name;
    int capability;
  };
  for (const Case& each :
       {Case{"mount", CAP_SYS_ADMIN}, Case{"unshare", CAP_SYS_ADMIN}, Case{"setns", CAP_SYS_ADMIN},
        Case{"bpf", CAP_SYS_ADMIN}, Case{"bpf", CAP_BPF}, Case{"perf_event_open", CAP_PERFMON},
        Case{"statmount", CAP_SYS_ADMIN}, Case{"reboot", CAP_SYS_BOOT},
        Case{"init_module", CAP_SYS_MODULE}, Case{"kcmp", CAP_SYS_PTRACE},
        Case{"iopl", CAP_SYS_RAWIO}, Case{"settimeofday", CAP_SYS_TIME},
        Case{"mbind", CAP_SYS_NICE}, Case{"syslog", CAP_SYSLOG}, Case{"acct", CAP_SYS_PACCT},
        Case{"vhangup", CAP_SYS_TTY_CONFIG}, Case{"open_by_handle_at", CAP_DAC_READ_SEARCH}}) {
    if (SyscallNumbers(seccomp_arch_native(), each.name).empty()) continue;  // iopl: x86 only
    EXPECT_EQ(Ask(Default(), each.name), kEperm) << each.name;
    EXPECT_EQ(Ask(Default({each.capability}), each.name), SECCOMP_RET_ALLOW) << each.name;
  }
  auto none = DefaultSeccompProgram({});
  ASSERT_TRUE(none);
  EXPECT_EQ(Ask(*none, "chroot"), kEperm);
}

TEST(SeccompProfile, NobodyGetsTheDangerousOnes) {
  SeccompProgram program = Default();
  for (const char* name : {"kexec_load", "add_key", "keyctl", "request_key", "userfaultfd",
                           "swapon", "pivot_root", "io_uring_setup", "move_pages", "nfsservctl"}) {
    if (SyscallNumbers(seccomp_arch_native(), name).empty()) continue;
    EXPECT_EQ(Ask(program, name), kEperm) << name;
  }
}

TEST(SeccompProfile, ArgumentsDecideWhereTheyMust) {
  SeccompProgram program = Default();
  EXPECT_EQ(Ask(program, "socket", 1), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(program, "socket", 40), kEperm) << "AF_VSOCK";
  EXPECT_EQ(Ask(program, "socket", 0x100000028), kEperm) << "the kernel sees AF_VSOCK in this too";
  EXPECT_EQ(Ask(program, "personality", 0), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(program, "personality", 8), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(program, "personality", 0xffffffff), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(program, "personality", 0x0040000), kEperm) << "ADDR_NO_RANDOMIZE";
  EXPECT_EQ(Ask(program, "clone", 0x1200011), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(program, "clone", 0x10000011), kEperm) << "CLONE_NEWUSER";
  EXPECT_EQ(Ask(program, "clone", 0x00020011), kEperm) << "CLONE_NEWNS";
  EXPECT_EQ(Ask(program, "clone3"), kEnosys);
  SeccompProgram admin = Default({CAP_SYS_ADMIN});
  EXPECT_EQ(Ask(admin, "clone", 0x10000011), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(admin, "clone3"), SECCOMP_RET_ALLOW);
}

TEST(SeccompProfile, CallsOfTheFutureDoNotExist) {
  SeccompProgram program = Default();
  for (uint32_t number : {480U, 511U, 600U, 5000U, 0x3fffffffU, 0xffffffffU}) {
    EXPECT_EQ(Ask(program.instructions(), seccomp_arch_native(), number), kEnosys) << number;
  }
  EXPECT_EQ(Ask(program.instructions(), 0xdead, 0), SECCOMP_RET_KILL_PROCESS)
      << "an architecture that is not listed";
}

TEST(SeccompProfile, BuiltInProgramsAreWhatTheTableSays) {
  for (CapabilitySet set : {DefaultCapabilities(), CapabilitySet{}}) {
    auto built_in = DefaultSeccompProgram(set);
    auto compiled = CompileProfile(DefaultProfile(set));
    ASSERT_TRUE(built_in && compiled);
    ASSERT_EQ(built_in->instructions().size(), compiled->size());
    EXPECT_EQ(memcmp(built_in->instructions().data(), compiled->data(),
                     compiled->size() * sizeof(sock_filter)),
              0);
  }
}

TEST(SeccompProfile, TheProgramStaysSmall) {
  // The kernel needs 0.3 us for each instruction when it is installed: a part of every start.
  EXPECT_LT(Default().instructions().size(), 600U);
}

// libseccomp's program of the same rules.
std::vector<sock_filter> ByLibseccomp(const Profile& profile) {
  scmp_filter_ctx context = seccomp_init(profile.default_action);
  for (uint32_t architecture : profile.architectures) seccomp_arch_add(context, architecture);
  for (const ProfileRule& rule : profile.rules) {
    if (rule.action == profile.default_action) continue;
    for (const std::string& name : rule.names) {
      int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      std::vector<scmp_arg_cmp> compares;
      for (const ProfileArgument& argument : rule.arguments) {
        compares.push_back({argument.index, argument.op, argument.value, argument.value_two});
      }
      seccomp_rule_add_array(context, rule.action, number, static_cast<unsigned>(compares.size()),
                             compares.data());
    }
  }
  Fd file(memfd_create("oracle", MFD_CLOEXEC));
  EXPECT_EQ(seccomp_export_bpf(context, file.get()), 0);
  seccomp_release(context);
  lseek(file.get(), 0, SEEK_SET);
  auto bytes = ReadAll(file, "oracle");
  EXPECT_TRUE(bytes);
  std::vector<sock_filter> program(bytes->size() / sizeof(sock_filter));
  memcpy(program.data(), bytes->data(), bytes->size());
  return program;
}

TEST(SeccompProfile, AgreesWithLibseccompOnEveryCall) {
  constexpr uint64_t kArguments[] = {0,      1,       8,       16,         17,        40,
                                     0x1000, 0x20000, 0x20008, 0x10000011, 0xffffffff};
  CapabilitySet admin = DefaultCapabilities();
  admin.Add(CAP_SYS_ADMIN);
  for (CapabilitySet set : {DefaultCapabilities(), CapabilitySet{}, admin}) {
    Profile profile = DefaultProfile(set);
    auto ours = CompileProfile(profile);
    ASSERT_TRUE(ours);
    std::vector<sock_filter> theirs = ByLibseccomp(profile);
    std::set<std::string> names(profile.mentioned.begin(), profile.mentioned.end());
    names.insert({"keyctl", "kexec_load", "userfaultfd", "swapoff", "pivot_root", "uselib"});
    std::vector<uint32_t> architectures = profile.architectures;
    architectures.push_back(seccomp_arch_native());
    for (uint32_t architecture : architectures) {
      for (const std::string& name : names) {
        if (seccomp_syscall_resolve_name(name.c_str()) == __NR_SCMP_ERROR) continue;
        for (const SyscallNumber& each : SyscallNumbers(architecture, name)) {
          uint32_t number = each.number | (architecture == SCMP_ARCH_X32 ? kX32Bit : 0);
          for (uint64_t argument : kArguments) {
            uint32_t expected = Ask(theirs, architecture, number, argument);
            // x32's own calls begin behind those that count as too new.
            if (each.number >= 512 && expected == kEperm) expected = kEnosys;
            EXPECT_EQ(Ask(*ours, architecture, number, argument), expected)
                << name << " on " << architecture << " with " << argument;
          }
        }
      }
    }
  }
}

Result<SeccompProgram> Load(std::string_view json) {
  return LoadSeccompProfile(json, DefaultCapabilities());
}

TEST(SeccompJson, ReadsRuntimeSpecProfiles) {
  auto program = Load(R"({
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
      {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5},
      {"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"},
      {"names": ["kill"], "action": "SCMP_ACT_ERRNO",
       "args": [{"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]}
    ]})");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(Ask(*program, "mkdirat"), SECCOMP_RET_ERRNO | EIO);
  EXPECT_EQ(Ask(*program, "kill", 1, 9), kEperm);
  EXPECT_EQ(Ask(*program, "kill", 1, 15), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(*program, "read"), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(program->instructions(), seccomp_arch_native(), 5000), SECCOMP_RET_ALLOW);
}

TEST(SeccompJson, ReadsDockersConditions) {
  auto program = Load(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": null}],
    "syscalls": [
      {"names": ["read", "openat"], "action": "SCMP_ACT_ALLOW", "args": null, "comment": "",
       "includes": {}, "excludes": {}},
      {"name": "chroot", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
      {"name": "mount", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"name": "setns", "action": "SCMP_ACT_ALLOW",
       "includes": {"caps": ["CAP_SYS_CHROOT", "CAP_SYS_ADMIN"]}},
      {"name": "unshare", "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_CHROOT"]}},
      {"name": "getpid", "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["mips"]}},
      {"name": "getppid", "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["mips"]}},
      {"name": "ptrace", "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
      {"name": "bpf", "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
      {"name": "kcmp", "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4.8"}}
    ]})");
  ASSERT_TRUE(program) << program.error().message;
  for (const char* name : {"read", "openat", "chroot", "getppid", "ptrace"}) {
    EXPECT_EQ(Ask(*program, name), SECCOMP_RET_ALLOW) << name;
  }
  for (const char* name : {"mount", "setns", "unshare", "getpid", "bpf", "kcmp"}) {
    EXPECT_EQ(Ask(*program, name), kEnosys) << name;
  }
}

TEST(SeccompJson, ComparesAllSixtyFourBits) {
  struct Case {
    const char* op;
    uint64_t value;
    std::vector<uint64_t> holds;
    std::vector<uint64_t> fails;
  };
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  const Case cases[] = {
      {"EQ", kHigh + 5, {kHigh + 5}, {5, kHigh, kHigh + 6, 2 * kHigh + 5}},
      {"NE", kHigh + 5, {5, kHigh, kHigh + 6, 2 * kHigh + 5}, {kHigh + 5}},
      {"LT", kHigh + 5, {0, 5, kHigh, kHigh + 4}, {kHigh + 5, kHigh + 6, 2 * kHigh}},
      {"LE", kHigh + 5, {0, 6, kHigh, kHigh + 5}, {kHigh + 6, 2 * kHigh}},
      {"GT", kHigh + 5, {kHigh + 6, 2 * kHigh}, {0, 6, kHigh, kHigh + 5}},
      {"GE", kHigh + 5, {kHigh + 5, 2 * kHigh}, {0, 6, kHigh, kHigh + 4}},
      {"MASKED_EQ", kHigh + 4, {kHigh, kHigh + 3}, {0, 4, kHigh + 4}},
  };
  for (const Case& each : cases) {
    auto program = Load(fmt::format(
        R"({{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["kill"],
             "action": "SCMP_ACT_ALLOW", "args": [{{"index": 0, "op": "SCMP_CMP_{}",
             "value": {}, "valueTwo": {}}}]}}]}})",
        each.op, each.value, kHigh));
    ASSERT_TRUE(program) << program.error().message;
    for (uint64_t argument : each.holds) {
      EXPECT_EQ(Ask(*program, "kill", argument), SECCOMP_RET_ALLOW) << each.op << argument;
    }
    for (uint64_t argument : each.fails) {
      EXPECT_EQ(Ask(*program, "kill", argument), kEperm) << each.op << argument;
    }
  }
}

TEST(SeccompJson, SeveralArgumentsMustAllHoldButTwoOnOneIndexAreAChoice) {
  auto program = Load(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["kill"], "action": "SCMP_ACT_ALLOW",
       "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"},
                {"index": 1, "value": 15, "op": "SCMP_CMP_EQ"}]},
      {"names": ["getpgid"], "action": "SCMP_ACT_ALLOW",
       "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"},
                {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]})");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(Ask(*program, "kill", 7, 15), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(*program, "kill", 7, 9), kEperm);
  EXPECT_EQ(Ask(*program, "kill", 8, 15), kEperm);
  EXPECT_EQ(Ask(*program, "getpgid", 8), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Ask(*program, "getpgid", 9), kEperm);
}

TEST(SeccompJson, AProfileForOneCallManyTimesIsNotTooFarToJump) {
  std::string rules;
  for (int i = 0; i < 120; ++i) {
    rules += fmt::format(R"({}{{"names": ["kill"], "action": "SCMP_ACT_ALLOW",
        "args": [{{"index": 0, "value": {}, "op": "SCMP_CMP_EQ"}}]}})",
                         i == 0 ? "" : ",", 2 * i);
  }
  auto program = Load(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)" + rules + "]}");
  ASSERT_TRUE(program) << program.error().message;
  for (uint64_t i = 0; i < 120; ++i) {
    EXPECT_EQ(Ask(*program, "kill", 2 * i), SECCOMP_RET_ALLOW);
    EXPECT_EQ(Ask(*program, "kill", 2 * i + 1), kEperm);
  }
  EXPECT_EQ(Ask(*program, "read"), kEperm);
}

TEST(SeccompJson, SaysWhereAProfileIsWrong) {
  struct Case {
    const char* json;
    const char* says;
  };
  const Case cases[] = {
      {"", "seccomp profile: not JSON"},
      {"{", "seccomp profile: not JSON"},
      {"[]", "seccomp profile: not an object"},
      {"{}", "seccomp profile: defaultAction: not a string"},
      {R"({"defaultAction": "ALLOW"})", "unknown action 'ALLOW'"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}})", "syscalls: not a list"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_LOG"}]})",
       "syscalls[0]: names no system call"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"]}]})",
       "syscalls[0].action: not a string"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [1]}]})",
       "syscalls[0].names: not a string"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"],
          "action": "SCMP_ACT_LOG", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]})",
       "syscalls[0].args.index: 6"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"],
          "action": "SCMP_ACT_LOG", "args": [{"index": 0, "op": "EQ"}]}]})",
       "unknown operator 'EQ'"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["VAX"]})",
       "unknown architecture 'VAX'"},
      {R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 70000})", "too large"},
      {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"],
          "action": "SCMP_ACT_LOG", "includes": {"minKernel": "new"}}]})",
       "'new' is not a kernel version"},
  };
  for (const Case& each : cases) {
    auto program = Load(each.json);
    ASSERT_FALSE(program) << each.json;
    EXPECT_EQ(program.error().kind, ErrorKind::kInvalidArgument) << each.json;
    EXPECT_NE(program.error().message.find(each.says), std::string::npos)
        << program.error().message;
  }
  auto notify = Load(R"({"defaultAction": "SCMP_ACT_NOTIFY"})");
  ASSERT_FALSE(notify);
  EXPECT_EQ(notify.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace hoy::core
