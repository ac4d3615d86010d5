#pragma once
// What the monitor tells the world, in files: who runs, and how it ended.
//
// RUN/containers/<id>/state.json, made by rename before the container's process may go on:
//   line 1  {"version":1,"ready":0,"pid":..,"start_time":..,"boot_id":"..","monitor_pid":..,
//            "monitor_start_time":..,"started_at":..,"freezer":".."}
//           freezer: what IsFrozenBy (core/cgroup/cgroup.h) reads; "": nothing can be frozen; may
//           be missing. ready becomes 1, in place, when the program runs: until then its first
//           process may be in the host's root still.
//   line 2  the ExitRecord, appended to the same inode. A waiter that opened the file before still
//           reads it when the clean-up has unlinked everything: --rm never loses an exit code.
// DATA/containers/<id>/exit.json, by rename, durable: the ExitRecord alone. Not for --rm.
//   {"version":1,"exit_code":..,"signal":..,"core_dumped":..,"oom_killed":..,"timed_out":..,
//    "started_at":..,"finished_at":..,"user_cpu_us":..,"system_cpu_us":..,"max_rss_kib":..,
//    "log_lost":..,"log_lost_unmarked":..}
// Times are nanoseconds since the epoch. Decoded by core/state/run_state.h.

#include <sys/types.h>

#include <cstdint>

namespace hoy::core {

struct RunningFacts {
  pid_t pid;
  uint64_t start_time;
  const char* boot_id;
  const char* freezer;  // a JSON string, or null
  int64_t started_at;
  bool ready;
};

struct ExitFacts {
  bool known = true;  // false: the exit status could not be had (monitor lost, old kernel)
  int exit_code = 0;
  int signal = 0;
  bool core_dumped = false;
  bool oom_killed = false;
  bool timed_out = false;
  int64_t started_at = 0;
  int64_t finished_at = 0;
  int64_t user_cpu_us = 0;
  int64_t system_cpu_us = 0;
  int64_t max_rss_kib = 0;
  int64_t log_lost = 0;  // LogLoss of log_writer.h
  int64_t log_lost_unmarked = 0;
};

// Clock ticks since boot at which a process started, /proc/<pid>/stat field 22; 0: no such process.
uint64_t StartTimeOf(pid_t pid);

// False: it has forked off its parent and come to no execve yet, dead or alive (PF_FORKNOEXEC,
// include/linux/sched.h).
bool HasExecuted(pid_t pid);

// Returns the descriptor to append to, or -1 with errno.
int PublishRunning(const char* state_path, const RunningFacts& facts);

void PublishReady(int state_fd);

// Appends to `state_fd`, then replaces `exit_path` (null: none) and syncs it when `durable`.
// 0, or the first errno; it goes on after a failure.
int PublishExit(int state_fd, const char* exit_path, bool durable, const ExitFacts& facts);

}  // namespace hoy::core
