#include "core/engine/signal_effect.h"

#include <signal.h>
#include <sys/syscall.h>

#include <cstdint>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

std::string_view FieldOf(std::string_view text, std::string_view name) {
  for (std::string_view line : Split(text, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return Trim(line.substr(name.size() + 1));
    }
  }
  return {};
}

bool Holds(std::string_view hex, int signal) {
  uint64_t mask = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), mask, 16);
  return signal > 0 && signal <= 64 && ((mask >> (signal - 1)) & 1) != 0;
}

}  // namespace

SignalEffect EffectOf(std::string_view proc_status, int signal) {
  if (signal == SIGKILL || signal == SIGSTOP) return SignalEffect::kTaken;
  if (Holds(FieldOf(proc_status, "SigIgn"), signal)) return SignalEffect::kIgnored;
  if (Holds(FieldOf(proc_status, "SigBlk"), signal)) return SignalEffect::kTaken;
  if (Holds(FieldOf(proc_status, "SigCgt"), signal)) return SignalEffect::kTaken;
  std::string_view pids = FieldOf(proc_status, "NSpid");  // outermost namespace first
  size_t last = pids.find_last_of(" \t");
  bool is_first = last != std::string_view::npos && pids.substr(last + 1) == "1";
  return is_first ? SignalEffect::kUnhandled : SignalEffect::kTaken;
}

bool AwaitsSignals(std::string_view proc_syscall) {
  // Of a 32-bit process the numbers are its own.
  constexpr int kCompat = 177;        // rt_sigtimedwait, on x86 and Arm
  constexpr int kCompatTime64 = 421;  // rt_sigtimedwait_time64
  auto number = ParseInteger<int>(proc_syscall.substr(0, proc_syscall.find(' ')));
  return number == SYS_rt_sigtimedwait || number == kCompat || number == kCompatTime64;
}

SignalEffect EffectOn(pid_t pid, int signal) {
  auto status = ReadKernelFile(fmt::format("/proc/{}/status", pid));
  SignalEffect effect = status ? EffectOf(*status, signal) : SignalEffect::kTaken;
  if (effect != SignalEffect::kUnhandled) return effect;
  auto call = ReadKernelFile(fmt::format("/proc/{}/syscall", pid));
  return call && AwaitsSignals(*call) ? SignalEffect::kTaken : effect;
}

SignalEffect EffectOn(BorrowedFd pidfd, int signal) {
  auto about = ReadKernelFile(fmt::format("/proc/self/fdinfo/{}", pidfd.get()));
  auto pid = about ? ParseInteger<pid_t>(FieldOf(*about, "Pid")) : std::nullopt;
  return pid && *pid > 0 ? EffectOn(*pid, signal) : SignalEffect::kTaken;
}

}  // namespace hoy::core
