#include "net/firewall/iptables_firewall.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "core/sys/files.h"

namespace hoy::net {
namespace {

constexpr int kAttempts = 3;
// Of one change, for the lock of iptables, and the most of it that one program waits.
constexpr std::chrono::seconds kTurn(120);
constexpr std::chrono::seconds kWait(60);
constexpr const char* kLockName = "hoy-iptables.lock";
// Longer than one who has it takes.
constexpr std::chrono::seconds kPatience = kTurn + kWait;
constexpr std::chrono::milliseconds kPause(5);

// Beside that of iptables, which xtables.lock is by default: where that cannot be, without a /run
// to write to, iptables does nothing either, and both go where iptables is told to have it.
std::string LockPath() {
  const char* other = getenv("XTABLES_LOCKFILE");
  std::string path = other != nullptr && *other == '/' ? other : "/run/xtables.lock";
  return path.substr(0, path.rfind('/') + 1) + kLockName;
}

// Nobody but root can open it, and so nobody else can hold it.
Result<Fd> TakeTurn() {
  const std::string path = LockPath();
  auto opened = core::OpenAt(core::kCwd, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!opened) {
    return Fail(std::move(opened).error().WithHint(
        "XTABLES_LOCKFILE=FILE, in the environment, has this lock and that of iptables elsewhere"));
  }
  Fd fd = *std::move(opened);
  auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    TRY(bool is_ours, core::TryLockFile(fd, core::LockMode::kExclusive));
    if (is_ours) return fd;
    if (std::chrono::steady_clock::now() >= end) {
      return Fail(ErrorKind::kSystem, "{} is held by another hoy for {} s", path,
                  kPatience.count());
    }
    std::this_thread::sleep_for(kPause);
  }
}

void EraseOwner(std::vector<IptablesRule>& rules, std::string_view id) {
  std::erase_if(rules, [&](const IptablesRule& rule) { return rule.owner == id; });
}

std::vector<OwnedPort> PortsIn(std::span<const IptablesRule> rules, bool v6) {
  std::vector<OwnedPort> ports;
  for (const IptablesRule& rule : rules) {
    if (auto port = ReadIptablesPort(rule, v6)) ports.push_back(*std::move(port));
  }
  return ports;
}

}  // namespace

Result<IptablesFirewall> IptablesFirewall::Open() {
  TRY(IptablesProgram v4, IptablesProgram::Find(/*v6=*/false));
  return IptablesFirewall(std::move(v4));
}

bool IptablesFirewall::IsInUse() {
  if (!HasIptablesTables(/*v6=*/false) && !HasIptablesTables(/*v6=*/true)) return false;
  auto iptables = Open();
  if (!iptables) return false;
  auto families = iptables->Read();
  return families && std::ranges::any_of(
                         *families, [](const Family& family) { return !family.now.rules.empty(); });
}

Result<const IptablesProgram*> IptablesFirewall::ProgramOf(bool v6) {
  if (!v6) return &v4_;
  if (!v6_) {
    TRY(v6_, IptablesProgram::Find(/*v6=*/true));
  }
  return &*v6_;
}

Result<IptablesFirewall::Families> IptablesFirewall::Read() {
  Families families;
  for (bool v6 : {false, true}) {
    IptablesState state;
    // Without a program for IPv6 nobody has rules there; who wants some hears of it.
    auto program = ProgramOf(v6);
    if (program) {
      TRY(std::string saved, (*program)->Save());
      state = ParseIptables(saved);
    }
    std::vector<IptablesRule> owned = state.rules;
    EraseOwner(owned, kHoyOwner);
    families.push_back({v6, std::move(state), std::move(owned)});
  }
  return families;
}

Result<> IptablesFirewall::Change(bool mends, const std::function<Result<>(Families&)>& decide) {
  TRY(Fd turn, TakeTurn());
  auto end = std::chrono::steady_clock::now() + kTurn;
  for (int attempt = 1;; ++attempt) {
    TRY(Families families, Read());
    TRY(decide(families));
    Result<> done;
    for (Family& family : families) {
      bool is_whole = !family.now.rules.empty() && IsWholeIptables(family.now, family.v6);
      if (mends && !is_whole && !family.owned.empty()) was_mended_ = true;
      std::string text = WriteIptables(family.now, std::move(family.owned), family.v6);
      if (text.empty()) continue;
      TRY(const IptablesProgram* program, ProgramOf(family.v6));
      auto left = std::chrono::ceil<std::chrono::seconds>(end - std::chrono::steady_clock::now());
      done = program->Restore(text, std::clamp(left, std::chrono::seconds(1), kWait));
      if (!done) break;
    }
    // What was waited for in vain is not waited for again.
    bool is_refused = !done && done.error().kind == ErrorKind::kUnsupported;
    if (!is_refused || attempt == kAttempts) return done;
  }
}

Result<> IptablesFirewall::AddNetwork(const BridgeRules& rules) {
  return Change(/*mends=*/true, [&](Families& families) -> Result<> {
    for (Family& family : families) {
      std::vector<IptablesRule> wanted = NetworkIptablesRules(rules, family.v6);
      if (HasAll(family.now, wanted)) continue;
      EraseOwner(family.owned, rules.network_id);
      std::ranges::move(wanted, std::back_inserter(family.owned));
    }
    return {};
  });
}

Result<> IptablesFirewall::Publish(std::string_view container_id,
                                   std::span<const PublishedPort> ports,
                                   const IsOverFunction& is_over) {
  return Change(/*mends=*/true, [&](Families& families) -> Result<> {
    for (Family& family : families) {
      std::optional<Error> taken;
      std::erase_if(family.owned, [&](const IptablesRule& rule) {
        auto other = ReadIptablesPort(rule, family.v6);
        if (!other) return false;
        auto collides = [&](const PublishedPort& port) { return Collide(port, other->port); };
        auto port = std::ranges::find_if(ports, collides);
        if (port == ports.end()) return false;
        bool is_free = other->container_id == container_id || (is_over && is_over(*other));
        if (!is_free) taken = PortIsTaken(*port, *other);
        return is_free;
      });
      if (taken) return Fail(*std::move(taken));
      for (const PublishedPort& port : ports) {
        if (port.host.is_v6() != family.v6) continue;
        family.owned.push_back(PortIptablesRule(container_id, port));
      }
    }
    return {};
  });
}

Result<std::vector<OwnedPort>> IptablesFirewall::Published() {
  TRY(Families families, Read());
  std::vector<OwnedPort> ports;
  for (const Family& family : families) {
    std::ranges::move(PortsIn(family.now.rules, family.v6), std::back_inserter(ports));
  }
  return ports;
}

Result<bool> IptablesFirewall::IsWhole() {
  TRY(Families families, Read());
  if (families.front().now.rules.empty() && families.back().now.rules.empty()) return false;
  return std::ranges::all_of(
      families, [](const Family& family) { return IsWholeIptables(family.now, family.v6); });
}

Result<bool> IptablesFirewall::HasNetwork(const BridgeRules& rules) {
  TRY(Families families, Read());
  return std::ranges::all_of(families, [&](const Family& family) {
    return HasAll(family.now, NetworkIptablesRules(rules, family.v6));
  });
}

Result<> IptablesFirewall::Remove(std::string_view id) {
  return Change(/*mends=*/false, [&](Families& families) -> Result<> {
    for (Family& family : families) EraseOwner(family.owned, id);
    return {};
  });
}

}  // namespace hoy::net
