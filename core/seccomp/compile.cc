#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>
#include <span>

#include "core/seccomp/numbers.h"
#include "core/seccomp/profile.h"

namespace hoy::core {
namespace {

using Code = std::vector<sock_filter>;

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT; x32 has no architecture of its own
constexpr size_t kFarthestJump = 255;     // of a conditional one

sock_filter Load(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
sock_filter And(uint32_t mask) {
  return BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask);
}
sock_filter Return(uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}
sock_filter Branch(uint16_t condition, uint32_t value, size_t if_true, size_t if_false) {
  return BPF_JUMP(static_cast<uint16_t>(BPF_JMP | condition | BPF_K), value,
                  static_cast<uint8_t>(if_true), static_cast<uint8_t>(if_false));
}
// Runs `when_true` or `when_false`, both of which end in a return.
Code Fork(uint16_t condition, uint32_t value, const Code& when_true, const Code& when_false) {
  Code code;
  if (when_false.size() <= kFarthestJump) {
    code.push_back(Branch(condition, value, when_false.size(), 0));
  } else {
    code.push_back(Branch(condition, value, 0, 1));
    code.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(when_false.size())));
  }
  code.insert(code.end(), when_false.begin(), when_false.end());
  code.insert(code.end(), when_true.begin(), when_true.end());
  return code;
}

// One way to match a call: all the arguments hold.
struct Alternative {
  std::vector<ProfileArgument> arguments;
  uint32_t action = 0;

  bool operator==(const Alternative&) const = default;
};

// What happens to one system call.
struct Verdict {
  std::optional<uint32_t> always;  // by a rule without arguments
  std::vector<Alternative> alternatives;
};

// The check of one argument. Falls through where it holds; `failures` gets the jumps to be taken
// where it does not.
class ArgumentCheck {
 public:
  ArgumentCheck(Code& code, std::vector<size_t>& failures) : code_(code), failures_(failures) {}

  void Emit(const ProfileArgument& argument) {
    size_t at = offsetof(seccomp_data, args) + argument.index * sizeof(uint64_t);
    size_t low = at + (std::endian::native == std::endian::little ? 0 : sizeof(uint32_t));
    size_t high = at + (std::endian::native == std::endian::little ? sizeof(uint32_t) : 0);
    uint64_t value = argument.op == SCMP_CMP_MASKED_EQ ? argument.value_two : argument.value;
    auto low_value = static_cast<uint32_t>(value);
    auto high_value = static_cast<uint32_t>(value >> 32);
    if (argument.op == SCMP_CMP_MASKED_EQ) {
      EmitMasked(low, static_cast<uint32_t>(argument.value), low_value);
      if (!argument.is_int) {
        EmitMasked(high, static_cast<uint32_t>(argument.value >> 32), high_value);
      }
      return;
    }
    size_t done = code_.size();  // the jump that skips the low word because the high one decided
    if (!argument.is_int) {
      code_.push_back(Load(high));
      done = EmitHigh(argument.op, high_value);
    }
    code_.push_back(Load(low));
    EmitLow(argument.op, low_value);
    if (done < code_.size() && !argument.is_int && skips_) {
      code_[done].jt = static_cast<uint8_t>(code_.size() - done - 1);
    }
  }

 private:
  void FailUnless(uint16_t condition, uint32_t value) {
    failures_.push_back(code_.size());
    code_.push_back(Branch(condition, value, 0, kFarthestJump));
  }
  void FailIf(uint16_t condition, uint32_t value) {
    failures_.push_back(code_.size());
    code_.push_back(Branch(condition, value, kFarthestJump, 0));
  }

  void EmitMasked(size_t offset, uint32_t mask, uint32_t value) {
    if (mask == 0 && value == 0) return;
    code_.push_back(Load(offset));
    code_.push_back(And(mask));
    FailUnless(BPF_JEQ, value);
  }

  // Returns the index of the jump to patch to the end of the check (where skips_ is set).
  size_t EmitHigh(scmp_compare op, uint32_t value) {
    skips_ = false;
    switch (op) {
      case SCMP_CMP_EQ: FailUnless(BPF_JEQ, value); break;
      case SCMP_CMP_NE: {
        // Differs: holds. Equal: the low word decides.
        skips_ = true;
        code_.push_back(Branch(BPF_JEQ, value, 1, 0));
        code_.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
        return Always();
      }
      case SCMP_CMP_GE:
      case SCMP_CMP_GT: {
        skips_ = true;
        size_t jump = code_.size();
        code_.push_back(Branch(BPF_JGT, value, 0, 0));
        FailUnless(BPF_JEQ, value);
        return jump;
      }
      default: {  // LT, LE
        FailIf(BPF_JGT, value);
        skips_ = true;
        code_.push_back(Branch(BPF_JEQ, value, 1, 0));
        code_.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
        return Always();
      }
    }
    return code_.size();
  }
  // Turns the JA just pushed into a conditional jump that is always taken, so that both kinds are
  // patched alike: any word is at least 0.
  size_t Always() {
    code_.back() = Branch(BPF_JGE, 0, 0, 0);
    return code_.size() - 1;
  }

  void EmitLow(scmp_compare op, uint32_t value) {
    switch (op) {
      case SCMP_CMP_NE: FailIf(BPF_JEQ, value); break;
      case SCMP_CMP_GE: FailUnless(BPF_JGE, value); break;
      case SCMP_CMP_GT: FailUnless(BPF_JGT, value); break;
      case SCMP_CMP_LT: FailIf(BPF_JGE, value); break;
      case SCMP_CMP_LE: FailIf(BPF_JGT, value); break;
      default: FailUnless(BPF_JEQ, value); break;
    }
  }

  Code& code_;
  std::vector<size_t>& failures_;
  bool skips_ = false;
};

// The alternatives in turn, then `otherwise`.
Code VerdictCode(const Verdict& verdict, uint32_t otherwise) {
  if (verdict.always) return {Return(*verdict.always)};
  Code code;
  for (const Alternative& alternative : verdict.alternatives) {
    std::vector<size_t> failures;
    for (const ProfileArgument& argument : alternative.arguments) {
      ArgumentCheck(code, failures).Emit(argument);
    }
    code.push_back(Return(alternative.action));
    for (size_t at : failures) {
      auto distance = static_cast<uint8_t>(code.size() - at - 1);
      if (code[at].jt == kFarthestJump) code[at].jt = distance;
      if (code[at].jf == kFarthestJump) code[at].jf = distance;
    }
  }
  code.push_back(Return(otherwise));
  return code;
}

// From its start to the start of the next one, all numbers have this code.
struct Interval {
  uint32_t start = 0;
  Code code;
};

bool Same(const Code& a, const Code& b) {
  return std::ranges::equal(a, b, [](const sock_filter& x, const sock_filter& y) {
    return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
  });
}

void Append(std::vector<Interval>& intervals, uint32_t start, Code code) {
  if (!intervals.empty() && Same(intervals.back().code, code)) return;
  intervals.push_back({start, std::move(code)});
}

Code PlainSearch(std::span<const Interval> intervals) {
  if (intervals.size() == 1) return intervals.front().code;
  size_t middle = intervals.size() / 2;
  return Fork(BPF_JGE, intervals[middle].start, PlainSearch(intervals.subspan(middle)),
              PlainSearch(intervals.first(middle)));
}

// A binary search whose leaves share their returns, at the end. The kernel translates the filter to
// machine code at each start, and a return is the longest instruction.
class SharedSearch {
 public:
  // nullopt: some return is too far for a conditional jump.
  static std::optional<Code> Compile(std::span<const Interval> intervals) {
    if (intervals.size() == 1) return intervals.front().code;
    SharedSearch search;
    if (!search.Emit(intervals) || !search.EmitReturns()) return std::nullopt;
    return std::move(search.code_);
  }

 private:
  struct Jump {
    size_t at;
    bool when_true;
    uint32_t action;
  };

  static bool IsReturn(const Code& code) {
    return code.size() == 1 && code.front().code == (BPF_RET | BPF_K);
  }

  // Layout: the branch, what follows when false, what follows when true.
  bool Emit(std::span<const Interval> intervals) {
    if (intervals.size() == 1) {
      const Code& leaf = intervals.front().code;
      code_.insert(code_.end(), leaf.begin(), leaf.end());
      return true;
    }
    size_t middle = intervals.size() / 2;
    size_t at = code_.size();
    code_.push_back(Branch(BPF_JGE, intervals[middle].start, 0, 0));
    if (!EmitSide(intervals.first(middle), at, false)) return false;
    return EmitSide(intervals.subspan(middle), at, true);
  }

  bool EmitSide(std::span<const Interval> side, size_t at, bool when_true) {
    if (side.size() == 1 && IsReturn(side.front().code)) {
      returns_.push_back({at, when_true, side.front().code.front().k});
      return true;
    }
    return SetJump(at, when_true, code_.size()) && Emit(side);
  }

  bool EmitReturns() {
    std::map<uint32_t, size_t> places;
    for (const Jump& jump : returns_) {
      auto [place, is_new] = places.try_emplace(jump.action, code_.size());
      if (is_new) code_.push_back(Return(jump.action));
      if (!SetJump(jump.at, jump.when_true, place->second)) return false;
    }
    return true;
  }

  bool SetJump(size_t at, bool when_true, size_t target) {
    size_t distance = target - at - 1;
    if (distance > kFarthestJump) return false;
    (when_true ? code_[at].jt : code_[at].jf) = static_cast<uint8_t>(distance);
    return true;
  }

  Code code_;
  std::vector<Jump> returns_;
};

Code BinarySearch(std::span<const Interval> intervals) {
  auto shared = SharedSearch::Compile(intervals);
  return shared ? *std::move(shared) : PlainSearch(intervals);
}

class ArchitectureCompiler {
 public:
  explicit ArchitectureCompiler(const Profile& profile) : profile_(profile) {}

  // `scmp` may be x32, whose calls are merged with x86-64's: by name they have the same verdicts.
  void Add(uint32_t scmp) {
    for (const ProfileRule& rule : profile_.rules) {
      for (const std::string& name : rule.names) {
        for (const SyscallNumber& number : SyscallNumbers(scmp, name)) AddRule(rule, number);
      }
    }
    // x32's own numbers, from 512, are no sign of age.
    if (scmp == SCMP_ARCH_X32) return;
    for (const std::string& name : profile_.mentioned) {
      for (const SyscallNumber& number : SyscallNumbers(scmp, name)) {
        newest_ = std::max(newest_, number.number);
      }
    }
  }

  Code Compile(bool native_x86_64, bool x32) const {
    uint32_t kind = profile_.default_action & SECCOMP_RET_ACTION_FULL;
    bool permissive = kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG;
    Code otherwise = {Return(profile_.default_action)};
    Code unknown = permissive ? otherwise : Code{Return(SECCOMP_RET_ERRNO | ENOSYS)};
    std::vector<Interval> intervals;
    uint32_t next = 0;
    auto fill_up_to = [&](uint32_t end) {  // numbers that no rule has
      if (next < end && next <= newest_) Append(intervals, next, otherwise);
      if (end > newest_ + 1) Append(intervals, std::max(next, newest_ + 1), unknown);
    };
    for (const auto& [number, verdict] : verdicts_) {
      if (next < number) fill_up_to(number);
      Append(intervals, number, VerdictCode(verdict, profile_.default_action));
      next = number + 1;
    }
    fill_up_to(UINT32_MAX);
    if (native_x86_64 && !x32) Append(intervals, kX32Bit, {Return(SECCOMP_RET_KILL_PROCESS)});

    Code code = {Load(offsetof(seccomp_data, nr))};
    if (x32) code.push_back(And(~kX32Bit));
    Code search = BinarySearch(intervals);
    code.insert(code.end(), search.begin(), search.end());
    return code;
  }

 private:
  void AddRule(const ProfileRule& rule, const SyscallNumber& number) {
    if (number.call && !rule.arguments.empty()) return;  // they are in memory, out of sight
    Verdict& verdict = verdicts_[number.number];
    std::vector<ProfileArgument> arguments = rule.arguments;
    if (number.call) {
      arguments.push_back({0, SCMP_CMP_MASKED_EQ, number.call_mask, *number.call, true});
    }
    if (arguments.empty()) {
      if (!verdict.always) verdict.always = rule.action;
      return;
    }
    if (IndexesAreDistinct(arguments)) {
      AddAlternative(verdict, {arguments, rule.action});
      return;
    }
    for (const ProfileArgument& argument : arguments) {
      AddAlternative(verdict, {{argument}, rule.action});
    }
  }

  // Most come twice: from x86-64 and from x32.
  static void AddAlternative(Verdict& verdict, Alternative alternative) {
    if (std::ranges::find(verdict.alternatives, alternative) == verdict.alternatives.end()) {
      verdict.alternatives.push_back(std::move(alternative));
    }
  }

  static bool IndexesAreDistinct(const std::vector<ProfileArgument>& arguments) {
    unsigned seen = 0;
    return std::ranges::all_of(arguments, [&](const ProfileArgument& argument) {
      unsigned bit = 1U << argument.index;
      bool fresh = (seen & bit) == 0;
      seen |= bit;
      return fresh;
    });
  }

  const Profile& profile_;
  std::map<uint32_t, Verdict> verdicts_;
  uint32_t newest_ = 0;
};

}  // namespace

const char* NativeArchitecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#else
#error "name this architecture as docker does, and its rows in default_profile.cc"
#endif
}

std::vector<uint32_t> NativeSubArchitectures() {
#if defined(__x86_64__)
  return {SCMP_ARCH_X86, SCMP_ARCH_X32};
#elif defined(__aarch64__)
  return {SCMP_ARCH_ARM};
#else
  return {};
#endif
}

Result<std::vector<sock_filter>> CompileProfile(const Profile& profile) {
  uint32_t native = seccomp_arch_native();
  std::vector<uint32_t> others;
  bool x32 = false;
  for (uint32_t architecture : profile.architectures) {
    if (architecture == SCMP_ARCH_X32) {
      x32 = native == SCMP_ARCH_X86_64;
    } else if (architecture != native) {
      others.push_back(architecture);
    }
  }
  // libseccomp's tokens are the kernel's AUDIT_ARCH_*.
  Code program = {Return(SECCOMP_RET_KILL_PROCESS)};
  for (uint32_t architecture : others) {
    ArchitectureCompiler compiler(profile);
    compiler.Add(architecture);
    Code code = compiler.Compile(false, false);
    // Of what looks at an argument the kernel keeps no table of the calls that are always allowed
    // (seccomp_cache_prepare, kernel/seccomp.c, Linux 5.11). Making it costs each start a fifth of
    // the filter, and programs of another architecture are rare.
    code.insert(code.begin(), Load(offsetof(seccomp_data, args)));
    program = Fork(BPF_JEQ, architecture, code, program);
  }
  ArchitectureCompiler compiler(profile);
  compiler.Add(native);
  if (x32) compiler.Add(SCMP_ARCH_X32);
  program = Fork(BPF_JEQ, native, compiler.Compile(native == SCMP_ARCH_X86_64, x32), program);
  program.insert(program.begin(), Load(offsetof(seccomp_data, arch)));
  if (program.size() > BPF_MAXINSNS) {
    return Fail(ErrorKind::kInvalidArgument, "{} BPF instructions, and the kernel takes {}",
                program.size(), BPF_MAXINSNS);
  }
  return program;
}

}  // namespace hoy::core
