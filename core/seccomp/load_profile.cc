// Seccomp profiles as JSON: docker's format (archMap, includes, excludes) and runtime-spec's
// linux.seccomp (config-linux.md), which is the part of it without conditions.

#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/seccomp/profile.h"
#include "core/seccomp/seccomp.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

template <typename Value>
struct Word {
  std::string_view name;
  Value value;
};

constexpr std::array kArchitectures = {
    Word<uint32_t>{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    Word<uint32_t>{"SCMP_ARCH_X86", SCMP_ARCH_X86},
    Word<uint32_t>{"SCMP_ARCH_X32", SCMP_ARCH_X32},
    Word<uint32_t>{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    Word<uint32_t>{"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    Word<uint32_t>{"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
    Word<uint32_t>{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    Word<uint32_t>{"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    Word<uint32_t>{"SCMP_ARCH_S390", SCMP_ARCH_S390},
    Word<uint32_t>{"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    Word<uint32_t>{"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    Word<uint32_t>{"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    Word<uint32_t>{"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    Word<uint32_t>{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    Word<uint32_t>{"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    Word<uint32_t>{"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    Word<uint32_t>{"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
};

constexpr std::array kOperators = {
    Word<scmp_compare>{"SCMP_CMP_NE", SCMP_CMP_NE},
    Word<scmp_compare>{"SCMP_CMP_LT", SCMP_CMP_LT},
    Word<scmp_compare>{"SCMP_CMP_LE", SCMP_CMP_LE},
    Word<scmp_compare>{"SCMP_CMP_EQ", SCMP_CMP_EQ},
    Word<scmp_compare>{"SCMP_CMP_GE", SCMP_CMP_GE},
    Word<scmp_compare>{"SCMP_CMP_GT", SCMP_CMP_GT},
    Word<scmp_compare>{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

template <typename Value, size_t kSize>
std::optional<Value> Find(const std::array<Word<Value>, kSize>& words, std::string_view name) {
  auto found = std::ranges::find(words, name, &Word<Value>::name);
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

std::unexpected<Error> Invalid(std::string message) {
  return Fail(MakeError(ErrorKind::kInvalidArgument, std::move(message)));
}

// The member, or null where it is absent: docker writes absent lists as null.
const Json& Member(const Json& object, const char* key) {
  static const Json null;
  auto found = object.find(key);
  return found == object.end() ? null : *found;
}

Result<std::string> Text(const Json& value, std::string_view place) {
  if (!value.is_string()) return Invalid(fmt::format("{}: not a string", place));
  return value.get<std::string>();
}

Result<std::vector<std::string>> Texts(const Json& value, std::string_view place) {
  std::vector<std::string> texts;
  if (value.is_null()) return texts;
  if (!value.is_array()) return Invalid(fmt::format("{}: not a list", place));
  for (const Json& each : value) {
    TRY(std::string text, Text(each, place));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<uint64_t> Number(const Json& value, std::string_view place) {
  if (value.is_null()) return 0;
  if (!value.is_number_unsigned()) return Invalid(fmt::format("{}: not a natural number", place));
  return value.get<uint64_t>();
}

Result<uint32_t> Action(const std::string& name, const Json& errno_value, std::string_view place) {
  uint16_t code = EPERM;
  if (!errno_value.is_null()) {
    TRY(uint64_t number, Number(errno_value, place));
    if (number > 0xffff) return Invalid(fmt::format("{}: errno {} is too large", place, number));
    code = static_cast<uint16_t>(number);
  }
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(code);
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(code);
  if (name == "SCMP_ACT_NOTIFY") {
    return Fail(MakeError(ErrorKind::kUnsupported, fmt::format("{}: SCMP_ACT_NOTIFY", place))
                    .WithHint("hoy has no seccomp agent to notify; use another action"));
  }
  return Invalid(fmt::format("{}: unknown action '{}'", place, name));
}

// "4.8" against uname: whether this kernel is at least that.
Result<bool> KernelIsAtLeast(const std::string& version, std::string_view place) {
  auto parse = [](std::string_view text) {
    auto [major, rest] = CutAt(text, '.');
    std::string_view minor = rest.value_or("");
    minor = minor.substr(0, minor.find_first_not_of("0123456789"));
    return std::pair(ParseInteger<int>(major), ParseInteger<int>(minor));
  };
  auto wanted = parse(version);
  if (!wanted.first || !wanted.second) {
    return Invalid(fmt::format("{}: '{}' is not a kernel version", place, version));
  }
  utsname running{};
  uname(&running);
  return parse(running.release) >= wanted;
}

// docker's `includes` (all must hold) or `excludes` (none may hold).
struct Filter {
  std::vector<std::string> capabilities;
  std::vector<std::string> architectures;
  std::string min_kernel;
};

Result<Filter> ReadFilter(const Json& value, const std::string& place) {
  Filter filter;
  if (value.is_null()) return filter;
  if (!value.is_object()) return Invalid(fmt::format("{}: not an object", place));
  TRY(filter.capabilities, Texts(Member(value, "caps"), place + ".caps"));
  TRY(filter.architectures, Texts(Member(value, "arches"), place + ".arches"));
  if (const Json& kernel = Member(value, "minKernel"); !kernel.is_null()) {
    TRY(filter.min_kernel, Text(kernel, place + ".minKernel"));
  }
  return filter;
}

bool NamesNative(const std::vector<std::string>& architectures) {
  return std::ranges::find(architectures, NativeArchitecture()) != architectures.end();
}

bool HasCapability(CapabilitySet capabilities, const std::string& name) {
  auto capability = ParseCapability(name);
  return capability && capabilities.Has(*capability);
}

Result<bool> Applies(const Json& entry, CapabilitySet capabilities, const std::string& place) {
  auto has = [&](const std::string& name) { return HasCapability(capabilities, name); };
  TRY(Filter includes, ReadFilter(Member(entry, "includes"), place + ".includes"));
  TRY(Filter excludes, ReadFilter(Member(entry, "excludes"), place + ".excludes"));
  if (NamesNative(excludes.architectures) || std::ranges::any_of(excludes.capabilities, has)) {
    return false;
  }
  if (!excludes.min_kernel.empty()) {
    TRY(bool excluded, KernelIsAtLeast(excludes.min_kernel, place + ".excludes.minKernel"));
    if (excluded) return false;
  }
  if (!includes.architectures.empty() && !NamesNative(includes.architectures)) return false;
  if (!std::ranges::all_of(includes.capabilities, has)) return false;
  if (includes.min_kernel.empty()) return true;
  return KernelIsAtLeast(includes.min_kernel, place + ".includes.minKernel");
}

Result<std::vector<ProfileArgument>> ReadArguments(const Json& list, const std::string& place) {
  std::vector<ProfileArgument> arguments;
  if (list.is_null()) return arguments;
  if (!list.is_array()) return Invalid(fmt::format("{}: not a list", place));
  for (const Json& each : list) {
    if (!each.is_object()) return Invalid(fmt::format("{}: not an object", place));
    ProfileArgument argument;
    TRY(uint64_t index, Number(Member(each, "index"), place + ".index"));
    if (index > 5) return Invalid(fmt::format("{}.index: {} is not in 0 to 5", place, index));
    argument.index = static_cast<unsigned>(index);
    TRY(std::string name, Text(Member(each, "op"), place + ".op"));
    auto op = Find(kOperators, name);
    if (!op) return Invalid(fmt::format("{}.op: unknown operator '{}'", place, name));
    argument.op = *op;
    TRY(argument.value, Number(Member(each, "value"), place + ".value"));
    TRY(argument.value_two, Number(Member(each, "valueTwo"), place + ".valueTwo"));
    arguments.push_back(argument);
  }
  return arguments;
}

Result<std::vector<uint32_t>> ReadArchitectureNames(const Json& list, const std::string& place) {
  TRY(auto names, Texts(list, place));
  std::vector<uint32_t> architectures;
  for (const std::string& name : names) {
    auto architecture = Find(kArchitectures, name);
    if (!architecture) return Invalid(fmt::format("{}: unknown architecture '{}'", place, name));
    architectures.push_back(*architecture);
  }
  return architectures;
}

Result<std::vector<uint32_t>> ReadArchitectures(const Json& root) {
  const Json& map = Member(root, "archMap");
  if (map.is_null()) return ReadArchitectureNames(Member(root, "architectures"), "architectures");
  if (!Member(root, "architectures").empty()) {
    return Invalid("architectures and archMap exclude each other");
  }
  if (!map.is_array()) return Invalid("archMap: not a list");
  for (const Json& each : map) {
    if (!each.is_object()) return Invalid("archMap: not an object");
    TRY(std::string name, Text(Member(each, "architecture"), "archMap.architecture"));
    if (Find(kArchitectures, name) != seccomp_arch_native()) continue;
    return ReadArchitectureNames(Member(each, "subArchitectures"), "archMap.subArchitectures");
  }
  return std::vector<uint32_t>{};
}

Result<ProfileRule> ReadRule(const Json& entry, const std::string& place) {
  ProfileRule rule;
  TRY(rule.names, Texts(Member(entry, "names"), place + ".names"));
  if (const Json& name = Member(entry, "name"); !name.is_null()) {
    TRY(std::string only, Text(name, place + ".name"));
    rule.names.push_back(std::move(only));
  }
  if (rule.names.empty()) return Invalid(fmt::format("{}: names no system call", place));
  TRY(std::string action, Text(Member(entry, "action"), place + ".action"));
  TRY(rule.action, Action(action, Member(entry, "errnoRet"), place + ".action"));
  TRY(rule.arguments, ReadArguments(Member(entry, "args"), place + ".args"));
  return rule;
}

Result<Profile> ReadProfile(const Json& root, CapabilitySet capabilities) {
  if (!root.is_object()) return Invalid("not an object");
  Profile profile;
  TRY(std::string action, Text(Member(root, "defaultAction"), "defaultAction"));
  TRY(profile.default_action, Action(action, Member(root, "defaultErrnoRet"), "defaultAction"));
  TRY(profile.architectures, ReadArchitectures(root));
  TRY(auto flags, Texts(Member(root, "flags"), "flags"));
  if (!flags.empty()) {
    return Fail(MakeError(ErrorKind::kUnsupported, fmt::format("flags: {}", flags.front()))
                    .WithHint("hoy installs filters without flags; take them out of the profile"));
  }
  const Json& entries = Member(root, "syscalls");
  if (!entries.is_null() && !entries.is_array()) return Invalid("syscalls: not a list");
  for (size_t i = 0; i < entries.size(); ++i) {
    std::string place = fmt::format("syscalls[{}]", i);
    if (!entries[i].is_object()) return Invalid(place + ": not an object");
    TRY(ProfileRule rule, ReadRule(entries[i], place));
    profile.mentioned.insert(profile.mentioned.end(), rule.names.begin(), rule.names.end());
    TRY(bool applies, Applies(entries[i], capabilities, place));
    if (applies) profile.rules.push_back(std::move(rule));
  }
  return profile;
}

}  // namespace

Result<SeccompProgram> LoadSeccompProfile(std::string_view json, CapabilitySet capabilities) {
  Json root;
  try {
    root = Json::parse(json);
  } catch (const Json::parse_error& error) {
    size_t read = std::min(error.byte, json.size());
    return Invalid(fmt::format("seccomp profile: not JSON at line {}",
                               1 + std::ranges::count(json.substr(0, read), '\n')));
  }
  TRY_CONTEXT_SET(Profile profile, ReadProfile(root, capabilities), "seccomp profile");
  TRY_CONTEXT_SET(auto program, CompileProfile(profile), "seccomp profile");
  return SeccompProgram(std::move(program));
}

}  // namespace hoy::core
