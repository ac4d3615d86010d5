#include "oci/image/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr std::array<std::string_view, 20> kArchitectures = {
    "386",     "amd64",    "arm",   "arm64",   "loong64",  "mips",    "mipsle",
    "mips64",  "mips64le", "ppc64", "ppc64le", "riscv",    "riscv64", "s390x",
    "sparc64", "wasm",     "ppc",   "s390",    "amd64p32", "armbe"};
constexpr std::array<std::string_view, 10> kSystems = {"linux",  "windows", "darwin",  "freebsd",
                                                       "netbsd", "openbsd", "solaris", "illumos",
                                                       "wasip1", "android"};

bool IsToken(std::string_view text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

template <size_t n>
bool Contains(const std::array<std::string_view, n>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

// "v7" -> 7; nullopt for anything else.
std::optional<int> VariantNumber(std::string_view variant) {
  if (!variant.starts_with('v')) return std::nullopt;
  return ParseInteger<int>(variant.substr(1).substr(0, variant.find('.') - 1));
}

// The variant that an architecture without one means.
int DefaultVariant(std::string_view architecture) {
  if (architecture == "arm") return 7;
  if (architecture == "arm64") return 8;
  return 1;  // amd64
}

}  // namespace

std::string Platform::ToString() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform Normalize(Platform platform) {
  platform.os = ToLower(platform.os);
  platform.architecture = ToLower(platform.architecture);
  platform.variant = ToLower(platform.variant);
  std::string& architecture = platform.architecture;
  std::string& variant = platform.variant;
  if (platform.os == "macos") platform.os = "darwin";
  if (architecture == "x86_64" || architecture == "x86-64") {
    architecture = "amd64";
  } else if (architecture == "i386" || architecture == "i486" || architecture == "i586" ||
             architecture == "i686" || architecture == "x86") {
    architecture = "386";
    variant.clear();
  } else if (architecture == "aarch64") {
    architecture = "arm64";
  } else if (architecture == "armhf") {
    architecture = "arm";
    variant = "v7";
  } else if (architecture == "armel") {
    architecture = "arm";
    variant = "v6";
  } else if (architecture.starts_with("armv")) {  // armv7l, armv6l, armv8l
    variant = architecture.substr(3, 2);
    architecture = "arm";
  } else if (architecture == "loongarch64") {
    architecture = "loong64";
  }
  if (!variant.empty() && variant[0] >= '0' && variant[0] <= '9') variant.insert(0, "v");
  if (architecture == "amd64" && variant == "v1") variant.clear();
  if (architecture == "arm64" && (variant == "v8" || variant == "v8.0")) variant.clear();
  if (architecture == "arm" && variant.empty()) variant = "v7";
  return platform;
}

Result<Platform> ParsePlatform(std::string_view text, const Platform& host) {
  auto invalid = [&](std::string_view reason) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("invalid platform '{}': {}", text.substr(0, 128), reason))
                    .WithHint("a platform is OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64/v8"));
  };
  std::string lower = ToLower(text);
  auto parts = Split(lower, '/');
  if (parts.empty()) return invalid("it is empty");
  if (parts.size() > 3) return invalid("it has more than three parts");
  if (!std::ranges::all_of(parts, IsToken)) return invalid("a part is empty or malformed");
  if (parts.size() == 1) {
    Platform only = Normalize({.os = std::string(parts[0]), .architecture = {}, .variant = {}});
    if (Contains(kSystems, only.os)) {
      return Platform{.os = only.os, .architecture = host.architecture, .variant = host.variant};
    }
    Platform machine =
        Normalize({.os = host.os, .architecture = std::string(parts[0]), .variant = {}});
    if (Contains(kArchitectures, machine.architecture)) return machine;
    return invalid("neither an operating system nor an architecture is called so");
  }
  return Normalize({.os = std::string(parts[0]),
                    .architecture = std::string(parts[1]),
                    .variant = parts.size() > 2 ? std::string(parts[2]) : std::string()});
}

Platform HostPlatform() {
  utsname name{};
  uname(&name);
  std::string machine = name.machine;
  constexpr bool kLittle = std::endian::native == std::endian::little;
  if (machine == "mips64" && kLittle) machine = "mips64le";
  if (machine == "mips" && kLittle) machine = "mipsle";
  return Normalize({.os = "linux", .architecture = machine, .variant = {}});
}

Result<Platform> ChoosePlatform(std::string_view flag, std::string_view docker_default_platform) {
  Platform host = HostPlatform();
  if (!flag.empty()) return ParsePlatform(flag, host);
  if (docker_default_platform.empty()) return host;
  TRY_CONTEXT_SET(Platform platform, ParsePlatform(docker_default_platform, host),
                  "DOCKER_DEFAULT_PLATFORM");
  return platform;
}

std::optional<int> MatchRank(const Platform& wanted, const Platform& candidate) {
  if (wanted.os != candidate.os || wanted.architecture != candidate.architecture) {
    return std::nullopt;
  }
  if (wanted.variant == candidate.variant) return 0;
  // Within these families a machine runs what was made for the older variants.
  if (wanted.architecture != "arm" && wanted.architecture != "arm64" &&
      wanted.architecture != "amd64") {
    return std::nullopt;
  }
  int fallback = DefaultVariant(wanted.architecture);
  auto number = [&](const std::string& variant) {
    return variant.empty() ? std::optional(fallback) : VariantNumber(variant);
  };
  auto want = number(wanted.variant);
  auto have = number(candidate.variant);
  if (!want || !have || *have > *want) return std::nullopt;
  return *want - *have;
}

}  // namespace hoy::oci
