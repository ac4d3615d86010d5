#include "core/cgroup/devices.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <string_view>

#include "core/base/text.h"

namespace hoy::core {
namespace {

// bpf(2), include/uapi/linux/bpf.h: struct bpf_cgroup_dev_ctx. access_type holds the access in its
// upper and the type in its lower 16 bits.
constexpr uint8_t kRegResult = BPF_REG_0;
constexpr uint8_t kRegContext = BPF_REG_1;  // free for scratch once the context is loaded
constexpr uint8_t kRegAccess = BPF_REG_2;
constexpr uint8_t kRegType = BPF_REG_3;
constexpr uint8_t kRegMajor = BPF_REG_4;
constexpr uint8_t kRegMinor = BPF_REG_5;

constexpr int32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

bpf_insn Instruction(uint8_t code, uint8_t destination, uint8_t source, int16_t offset,
                     int32_t immediate) {
  bpf_insn instruction{};
  instruction.code = code;
  instruction.dst_reg = destination & 0xf;
  instruction.src_reg = source & 0xf;
  instruction.off = offset;
  instruction.imm = immediate;
  return instruction;
}

bpf_insn Load(uint8_t destination, size_t offset) {
  return Instruction(BPF_LDX | BPF_MEM | BPF_W, destination, kRegContext,
                     static_cast<int16_t>(offset), 0);
}
bpf_insn Alu(uint8_t operation, uint8_t destination, int32_t immediate) {
  return Instruction(BPF_ALU | operation | BPF_K, destination, 0, 0, immediate);
}
bpf_insn Move(uint8_t destination, uint8_t source) {
  return Instruction(BPF_ALU | BPF_MOV | BPF_X, destination, source, 0, 0);
}

int32_t AccessBits(std::string_view access) {
  int32_t bits = 0;
  for (char c : access) {
    bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

bool MatchesEverything(const DeviceRule& rule) {
  return rule.type == 'a' && !rule.major && !rule.minor && AccessBits(rule.access) == kAllAccess;
}

// Jumps that leave a rule all lead to the start of the next one.
class RuleAssembler {
 public:
  explicit RuleAssembler(std::vector<bpf_insn>& program) : program_(program) {}

  void NextUnlessEqual(uint8_t reg, int32_t value) {
    exits_.push_back(program_.size());
    program_.push_back(Instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, value));
  }
  void NextUnlessSameRegister(uint8_t reg, uint8_t other) {
    exits_.push_back(program_.size());
    program_.push_back(Instruction(BPF_JMP | BPF_JNE | BPF_X, reg, other, 0, 0));
  }
  void NextIfEqual(uint8_t reg, int32_t value) {
    exits_.push_back(program_.size());
    program_.push_back(Instruction(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, 0, value));
  }
  void Return(bool allow) {
    program_.push_back(Alu(BPF_MOV, kRegResult, allow ? 1 : 0));
    program_.push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    for (size_t at : exits_) program_[at].off = static_cast<int16_t>(program_.size() - at - 1);
  }

 private:
  std::vector<bpf_insn>& program_;
  std::vector<size_t> exits_;
};

void AssembleRule(const DeviceRule& rule, std::vector<bpf_insn>& program) {
  RuleAssembler assembler(program);
  if (rule.type != 'a') {
    assembler.NextUnlessEqual(kRegType,
                              rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  }
  if (int32_t bits = AccessBits(rule.access); bits != kAllAccess) {
    program.push_back(Move(kRegContext, kRegAccess));
    program.push_back(Alu(BPF_AND, kRegContext, bits));
    // An allow rule must cover all that is asked for; a deny rule hits if it covers any of it.
    if (rule.allow) {
      assembler.NextUnlessSameRegister(kRegContext, kRegAccess);
    } else {
      assembler.NextIfEqual(kRegContext, 0);
    }
  }
  if (rule.major) assembler.NextUnlessEqual(kRegMajor, static_cast<int32_t>(*rule.major));
  if (rule.minor) assembler.NextUnlessEqual(kRegMinor, static_cast<int32_t>(*rule.minor));
  assembler.Return(rule.allow);
}

DeviceRule Allow(char type, std::optional<uint32_t> major, std::optional<uint32_t> minor,
                 std::string access = "rwm") {
  return {true, type, major, minor, std::move(access)};
}

}  // namespace

Result<DeviceRule> ParseDeviceRule(std::string_view text) {
  auto invalid = [&] {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument,
                  fmt::format("device rule '{}': not of the form 'TYPE MAJOR:MINOR ACCESS'", text))
            .WithHint("such as 'c 1:3 rwm' or 'b 8:* rm'; TYPE is a, b or c"));
  };
  if (text == "a") return DeviceRule{};
  auto fields = Split(text, ' ');
  if (fields.size() != 3 || fields[0].size() != 1 ||
      std::string_view("abc").find(fields[0][0]) == std::string_view::npos) {
    return invalid();
  }
  DeviceRule rule;
  rule.type = fields[0][0];
  auto [major, minor] = CutAt(fields[1], ':');
  if (!minor) return invalid();
  if (major != "*") {
    rule.major = ParseInteger<uint32_t>(major);
    if (!rule.major) return invalid();
  }
  if (*minor != "*") {
    rule.minor = ParseInteger<uint32_t>(*minor);
    if (!rule.minor) return invalid();
  }
  rule.access = fields[2];
  if (rule.access.empty() || rule.access.size() > 3 ||
      rule.access.find_first_not_of("rwm") != std::string::npos) {
    return invalid();
  }
  return rule;
}

std::vector<std::string> FormatDeviceRule(const DeviceRule& rule) {
  if (MatchesEverything(rule)) return {"a"};
  auto number = [](const std::optional<uint32_t>& value) {
    return value ? std::to_string(*value) : std::string("*");
  };
  std::vector<std::string> lines;
  for (char type : {'b', 'c'}) {
    if (rule.type != 'a' && rule.type != type) continue;
    lines.push_back(
        fmt::format("{} {}:{} {}", type, number(rule.major), number(rule.minor), rule.access));
  }
  return lines;
}

const std::vector<DeviceRule>& DefaultDeviceRules() {
  static const std::vector<DeviceRule> rules = {
      Allow('c', {}, {}, "m"), Allow('b', {}, {}, "m"),  // a node alone opens nothing
      Allow('c', 1, 3),                                  // null
      Allow('c', 1, 5),                                  // zero
      Allow('c', 1, 7),                                  // full
      Allow('c', 1, 8),                                  // random
      Allow('c', 1, 9),                                  // urandom
      Allow('c', 5, 0),                                  // tty
      Allow('c', 5, 1),                                  // console
      Allow('c', 5, 2),                                  // ptmx
      Allow('c', 136, {}),                               // pts/*
  };
  return rules;
}

std::vector<DeviceRule> EffectiveDeviceRules(const std::vector<DeviceRule>& more) {
  std::vector<DeviceRule> rules = DefaultDeviceRules();
  // What a container's config says begins with them.
  size_t known =
      std::ranges::equal(rules, more | std::views::take(rules.size())) ? rules.size() : 0;
  rules.insert(rules.end(), more.begin() + static_cast<ptrdiff_t>(known), more.end());
  auto last = std::find_if(rules.rbegin(), rules.rend(), MatchesEverything);
  if (last == rules.rend()) return rules;
  // Starting from nothing is the same as starting from "deny all".
  rules.erase(rules.begin(), last->allow ? std::prev(last.base()) : last.base());
  return rules;
}

std::vector<bpf_insn> AssembleDeviceFilter(const std::vector<DeviceRule>& rules) {
  std::vector<bpf_insn> program = {
      Load(kRegAccess, offsetof(bpf_cgroup_dev_ctx, access_type)),
      Load(kRegMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      Load(kRegMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
      Move(kRegType, kRegAccess),
      Alu(BPF_AND, kRegType, 0xffff),
      Alu(BPF_RSH, kRegAccess, 16),
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    AssembleRule(*rule, program);
    // The verifier refuses instructions that nothing can reach.
    if (MatchesEverything(*rule)) return program;
  }
  RuleAssembler(program).Return(false);
  return program;
}

}  // namespace hoy::core
