#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/cgroup/devices.h"

namespace hoy::core {
namespace {

// As much of the eBPF machine as a device filter uses; anything else fails the test.
bool Allows(const std::vector<bpf_insn>& program, char type, uint32_t access, uint32_t major,
            uint32_t minor) {
  const bpf_cgroup_dev_ctx context = {
      access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor};
  uint64_t regs[11] = {};
  for (size_t at = 0; at < program.size(); ++at) {
    const bpf_insn& i = program[at];
    uint64_t source =
        (i.code & 0x08) != 0 ? regs[i.src_reg] : static_cast<uint64_t>(int64_t{i.imm});
    switch (i.code & ~0x08) {
      case BPF_LDX | BPF_MEM | BPF_W:
        memcpy(&regs[i.dst_reg], reinterpret_cast<const char*>(&context) + i.off, 4);
        break;
      case BPF_ALU | BPF_MOV: regs[i.dst_reg] = static_cast<uint32_t>(source); break;
      case BPF_ALU | BPF_AND:
        regs[i.dst_reg] = static_cast<uint32_t>(regs[i.dst_reg] & source);
        break;
      case BPF_ALU | BPF_RSH:
        regs[i.dst_reg] = static_cast<uint32_t>(regs[i.dst_reg]) >> source;
        break;
      case BPF_JMP | BPF_JNE:
        if (regs[i.dst_reg] != source) at += static_cast<size_t>(i.off);
        break;
      case BPF_JMP | BPF_JEQ:
        if (regs[i.dst_reg] == source) at += static_cast<size_t>(i.off);
        break;
      case BPF_JMP | BPF_EXIT: return regs[0] != 0;
      default: ADD_FAILURE() << "unknown instruction " << int{i.code}; return false;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return false;
}

constexpr uint32_t kMknod = BPF_DEVCG_ACC_MKNOD;
constexpr uint32_t kRead = BPF_DEVCG_ACC_READ;
constexpr uint32_t kWrite = BPF_DEVCG_ACC_WRITE;

DeviceRule Rule(std::string_view text, bool allow = true) {
  auto rule = ParseDeviceRule(text);
  EXPECT_TRUE(rule) << text;
  rule->allow = allow;
  return *rule;
}

TEST(CgroupDevices, DefaultRulesAllowTheUsualNodesAndMknodOfAnything) {
  auto program = AssembleDeviceFilter(DefaultDeviceRules());
  EXPECT_TRUE(Allows(program, 'c', kRead | kWrite, 1, 3));
  EXPECT_TRUE(Allows(program, 'c', kRead | kWrite, 136, 12));
  EXPECT_TRUE(Allows(program, 'c', kRead | kWrite, 5, 2));
  EXPECT_TRUE(Allows(program, 'b', kMknod, 8, 0));
  EXPECT_TRUE(Allows(program, 'c', kMknod, 10, 200));
  EXPECT_FALSE(Allows(program, 'b', kRead, 8, 0));
  EXPECT_FALSE(Allows(program, 'c', kRead, 1, 1)) << "/dev/mem";
  EXPECT_FALSE(Allows(program, 'b', kMknod | kRead, 8, 0));
  EXPECT_FALSE(Allows(program, 'b', kRead, 1, 3)) << "the numbers of null, but a block device";
}

TEST(CgroupDevices, NoRuleDeniesEverything) {
  auto program = AssembleDeviceFilter({});
  EXPECT_FALSE(Allows(program, 'c', kRead, 1, 3));
}

TEST(CgroupDevices, AnAllowRuleCoversAllThatIsAskedOrNothing) {
  auto program = AssembleDeviceFilter({Rule("c 10:229 rw")});
  EXPECT_TRUE(Allows(program, 'c', kRead, 10, 229));
  EXPECT_TRUE(Allows(program, 'c', kRead | kWrite, 10, 229));
  EXPECT_FALSE(Allows(program, 'c', kRead | kMknod, 10, 229));
  EXPECT_FALSE(Allows(program, 'c', kRead, 10, 228));
}

TEST(CgroupDevices, TheLastRuleThatMatchesDecides) {
  auto program = AssembleDeviceFilter({Rule("b 8:* rwm"), Rule("b 8:1 w", false)});
  EXPECT_TRUE(Allows(program, 'b', kRead | kWrite, 8, 0));
  EXPECT_TRUE(Allows(program, 'b', kRead, 8, 1));
  EXPECT_FALSE(Allows(program, 'b', kRead | kWrite, 8, 1))
      << "a deny rule hits any of its accesses";
}

TEST(CgroupDevices, ARuleForEverythingEndsTheProgram) {
  auto program = AssembleDeviceFilter({Rule("b 8:0 rwm", false), Rule("a")});
  EXPECT_TRUE(Allows(program, 'b', kRead, 8, 0));
  // The verifier refuses code that cannot be reached: the last instruction is the only exit.
  EXPECT_EQ(program.back().code, BPF_JMP | BPF_EXIT);
  EXPECT_EQ(std::ranges::count(program, BPF_JMP | BPF_EXIT, &bpf_insn::code), 1);
}

TEST(CgroupDevices, ParsesRulesOfBothSpellings) {
  EXPECT_EQ(Rule("c 1:3 rwm"), (DeviceRule{true, 'c', 1, 3, "rwm"}));
  EXPECT_EQ(Rule("b *:* m"), (DeviceRule{true, 'b', {}, {}, "m"}));
  EXPECT_EQ(Rule("a"), DeviceRule{});
  for (const char* text : {"", "c", "c 1 rwm", "d 1:3 r", "c 1:3 x", "c 1:3 ", "c -1:3 r",
                           "c 1:3 rwmr", "c 1:3 r w", "cc 1:3 r", "c 1:99999999999 r"}) {
    auto rule = ParseDeviceRule(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_FALSE(rule.error().hint.empty());
  }
}

TEST(CgroupDevices, FormatsRulesAsTheKernelReadsThem) {
  EXPECT_EQ(FormatDeviceRule(Rule("c 1:3 rwm")), std::vector<std::string>{"c 1:3 rwm"});
  EXPECT_EQ(FormatDeviceRule(Rule("a")), std::vector<std::string>{"a"});
  EXPECT_EQ(FormatDeviceRule(Rule("a *:* rwm")), std::vector<std::string>{"a"});
  EXPECT_EQ(FormatDeviceRule(Rule("a *:* m")), (std::vector<std::string>{"b *:* m", "c *:* m"}))
      << "to the kernel, a plain 'a' would be everything";
}

TEST(CgroupDevices, RulesThatStartWithDenyAllStandForThemselves) {
  DeviceRule deny_all = Rule("a", false);
  EXPECT_EQ(EffectiveDeviceRules({deny_all, Rule("c 1:3 r")}),
            std::vector<DeviceRule>{Rule("c 1:3 r")});
  EXPECT_EQ(EffectiveDeviceRules({Rule("a")}), std::vector<DeviceRule>{Rule("a")});
  EXPECT_EQ(EffectiveDeviceRules({}), DefaultDeviceRules());
  EXPECT_EQ(EffectiveDeviceRules({Rule("c 10:200 rwm")}).size(), DefaultDeviceRules().size() + 1);
}

}  // namespace
}  // namespace hoy::core
