#pragma once
// What /proc/<pid> says about a process: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5).
// comm and cmdline are the process's own words: any bytes may be in them.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::core {

struct UserIds {
  uint32_t real = 0, effective = 0, saved = 0, file_system = 0;
  bool operator==(const UserIds&) const = default;
};

struct ProcFacts {
  // stat; pids as the reader's pid namespace has them
  pid_t pid = 0;
  pid_t tid = 0;  // of a thread; of a process its first one's, which is its pid
  std::string comm;
  char state = '?';
  pid_t ppid = 0, pgrp = 0, session = 0;
  int64_t terminal = 0;  // device number; 0: none
  pid_t terminal_pgrp = -1;
  uint64_t flags = 0;
  uint64_t minor_faults = 0, major_faults = 0;
  uint64_t user_ticks = 0, system_ticks = 0;
  uint64_t child_ticks = 0;  // of children that it waited for
  int64_t priority = 0, nice = 0, threads = 0;
  uint64_t start_ticks = 0;  // since boot
  uint64_t virtual_bytes = 0;
  int64_t resident_pages = 0;
  uint64_t resident_limit = 0;  // bytes
  uint64_t code_bytes = 0;
  uint64_t stack_start = 0, stack_pointer = 0, instruction_pointer = 0;
  int64_t processor = 0;
  int64_t realtime_priority = 0, policy = 0;  // sched(7)
  // status
  UserIds users, groups;
  std::vector<uint32_t> more_groups;
  // In the process's own pid namespace.
  pid_t inner_pid = 0, inner_tid = 0, inner_pgrp = 0, inner_session = 0;
  uint64_t locked_kib = 0, data_kib = 0, stack_kib = 0;
  // signal(7) n is bit n - 1
  uint64_t pending_signals = 0, thread_pending_signals = 0, blocked_signals = 0,
           ignored_signals = 0, caught_signals = 0;
  uint64_t cap_inheritable = 0, cap_permitted = 0, cap_effective = 0, cap_bounding = 0,
           cap_ambient = 0;
  int seccomp = 0;  // 0 disabled, 1 strict, 2 filter
  std::vector<std::string> command_line;
};

// Pure. nullopt: not such a file.
std::optional<ProcFacts> ParseProcStat(std::string_view text);
void ParseProcStatus(std::string_view text, ProcFacts& facts);
// NUL-terminated words; a program that writes a title over its arguments leaves trailing NULs.
std::vector<std::string> ParseCommandLine(std::string_view bytes);

// nullopt: it has ended.
std::optional<ProcFacts> ReadProcFacts(pid_t pid);
// One for each of its threads, the first one first, then the oldest. Empty: it has ended.
std::vector<ProcFacts> ReadThreadFacts(pid_t pid);

}  // namespace hoy::core
