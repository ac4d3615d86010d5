#include "core/engine/signal_effect.h"

#include <signal.h>

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

SignalEffect EffectOn(pid_t pid, int signal) {
  auto status = ReadKernelFile(fmt::format("/proc/{}/status", pid));
  return status ? EffectOf(*status, signal) : SignalEffect::kTaken;
}

SignalEffect EffectOn(BorrowedFd pidfd, int signal) {
  auto about = ReadKernelFile(fmt::format("/proc/self/fdinfo/{}", pidfd.get()));
  auto pid = about ? ParseInteger<pid_t>(FieldOf(*about, "Pid")) : std::nullopt;
  return pid && *pid > 0 ? EffectOn(*pid, signal) : SignalEffect::kTaken;
}

}  // namespace hoy::core
