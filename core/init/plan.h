#pragma once
// The InitPlan: what the first process of a container (or of an exec) does between clone and
// execve, as plain data. hoy decides and serialises it (plan_builder.h); hoy-monitor maps the bytes
// and its child carries the steps out in order (interpreter.h), with no allocation, locale, stdio,
// look-up or exception. One flat little buffer, so that nothing has to be decoded:
//
//   PlanHeader | pool (strings with their NULs, lists, blobs) | Step[step_count]
//
// Every reference is a byte offset from the start of the buffer. Offset 0 is "none". A list is a
// uint32_t count followed by that many offsets. Writer and reader are built from the same tree and
// check `kPlanVersion`; the buffer never outlives one start.
//
// A start takes two plans: what is certain at once goes ahead and is carried out (namespaces are
// made, or joined) while hoy still decides the rest.

#include <cstddef>
#include <cstdint>

#include "core/sys/fd_packet.h"

namespace hoy::core {

constexpr uint32_t kPlanMagic = 0x504c5948;  // "HYPL"
constexpr uint32_t kPlanVersion = 19;

using Offset = uint32_t;

// The letters name the fields of Step that a kind uses.
enum class StepKind : uint32_t {
  kAwaitRelease,    // waits until the monitor has joined the cgroups and written the state
  kUnshare,         // flags: CLONE_NEW*
  kJoinCgroups,     // d: list of files that take "0", CgroupLocation::SelfJoinFiles;
                    // slot: 1: and the session's own
  kJoinNamespaces,  // slot: which of join_fds, flags: CLONE_NEW*
  kFork,  // goes on as a new child of our parent, in the PID namespace that was joined, which takes
          // only new processes
  kNewSession,       // setsid(2)
  kPropagation,      // a: path, flags: MS_SLAVE | MS_REC ...
  kOpenTree,         // a: host path, b: what is meant inside that directory, or none,
                     // c: file of the user namespace that says whose its files are, or none,
                     // slot: where to keep it, flags: AT_RECURSIVE or 0,
                     // value: 1: a mount that is nowhere yet, which is taken itself
  kOpenJoinedTree,   // a: path without symbolic links in the mount namespace of join_fds[value],
                     // slot: where to keep it, extra: statfs(2)'s f_type that it must have, or 0
  kOpenFile,         // a: path, flags: O_*, slot: where to keep it
  kMeet,             // slot: takes a byte, value: the slot that has one when we may go on
  kOverlay,          // a: target, b: upperdir, c: workdir, d: list of lowerdirs, topmost first,
                     // value: 1: what is written need not survive a crash ("volatile")
  kPivotRoot,        // a: the new root, already a mount point
  kMount,            // a: fstype, b: source, c: target (made when missing), d: data, flags: MS_*
  kMoveTree,         // slot, c: target (made when missing), flags: MOUNT_ATTR_* for the whole tree,
                     // extra: for its top alone, value: MS_PRIVATE, MS_SLAVE, MS_SHARED, or MS_REC
  kRemount,          // a: path, flags: MS_* (bind remount)
  kMask,             // a: path; a missing one is fine
  kReadOnlyPath,     // a: path; a missing one is fine
  kMakeDirectories,  // a: path, value: mode
  kCopyAttributes,   // a: path, b: the directory that gets its owner, mode and times
  kMakeNode,         // a: path, value: mode with type, extra: device, uid, gid
  kRemoveFile,       // a: path; a missing one is fine
  kSymlink,          // a: content, b: path
  kTouch,            // a: path, value: mode; an existing one is fine
  kWriteFile,        // a: path, b: content
  kWriteOpen,        // slot: where the file is, which is closed, a: its path, b: content
  kLoopbackUp,       // brings "lo" up in a new network namespace
  kHostname,         // a
  kDomainname,       // a
  kTerminal,         // value: rows, extra: columns; opens a pty and sends its master up;
                     // slot: 1: it becomes the controlling terminal later, by the next kind
  kControllingTerminal,  // what is on 0
  kConsole,              // binds the terminal over /dev/console
  kStandardStreams,  // puts the prepared descriptors on 0, 1, 2; slot: 1: the first three that came
                     // with the first PlanOrder
  kPassedDescriptors,  // puts those that came with the first PlanOrder on 3, 4, ...
  kLimit,              // value: RLIMIT_*, extra: soft, extra2: hard
  kUmask,              // value
  kWorkingDirectory,   // a
  kCapabilityBounds,   // value: bounding set to keep
  kUser,               // uid, gid, d: list of group ids (as numbers)
  kCapabilities,       // value: effective+permitted, extra: inheritable, extra2: ambient
  kNoNewPrivileges,    //
  kSeccomp,            // a: sock_filter[], value: count
  kHook,    // a: path, b: list argv, c: list envp, d: list of two texts that have our pid
            // in between on its standard input, value: seconds that it may take; with
            // its output on our standard error. errno: ETIME, or kHookEnded + its code
  kReaper,  // the built-in init: forks, stays as PID 1, reaps and forwards signals
  kExec,    // a: path, b: list argv, c: list envp
};

constexpr int kHookEnded = 1 << 16;  // more than any errno

struct Step {
  StepKind kind;
  uint32_t slot;
  Offset a, b, c, d;
  uint64_t flags;
  uint64_t value, extra, extra2;
  uint32_t uid, gid;
};

// What hoy-monitor does with the plan.
enum class MonitorMode : uint32_t {
  kClone,   // clone the container's init; it carries the steps out and waits for the next plan
  kStart,   // release that init into these steps, then hold its exit code
  kAdopt,   // a monitor was lost: hold the exit code of a container that runs already
  kDirect,  // exec: guard a session whose process carries the steps out
};

struct PlanHeader {
  uint32_t magic;
  uint32_t version;
  uint32_t size;  // of the whole buffer
  MonitorMode mode;
  uint32_t step_count;
  Offset steps;

  uint64_t clone_flags;           // kClone: CLONE_NEW* given to clone3
  uint32_t terminal;              // 1: the container has a pty instead of pipes
  uint32_t open_stdin;            // 1: stdin is a pipe from the client, 0: /dev/null
  uint32_t durable;               // 1: exit record and log survive a power cut; 0: --rm
  uint32_t timeout_seconds;       // --timeout: SIGKILL after this, exit code 124; 0: none
  uint32_t adopted_pid;           // kAdopt
  uint32_t owner_uid, owner_gid;  // of the standard streams
  uint64_t adopted_start_time;
  int64_t adopted_started_at;
  int64_t session_timeout_ms;  // kDirect: the session is killed after this; 0: never
  uint64_t log_max_size;       // the log_* fields: core/monitor/log_writer.h, LogTarget
  uint64_t log_next_number;
  uint32_t log_driver;  // LogDriver
  uint32_t log_max_files;
  uint32_t log_extra_size;
  uint32_t keep_streams;    // kClone: 1: what the process has as 0, 1, 2, we have, too
  uint32_t joined;          // kClone: how many of the first descriptors are namespaces
  uint32_t forks;           // kStart: 1: the container's process is one that the init forks (kFork)
  uint32_t hook_seconds;    // kStart: that the hooks of that process have
  uint32_t meets;           // kStart: 1: somebody looks at the init before that (kMeet)
  uint32_t network_parts;   // kStart, kAdopt: NetworkParts: what came along
  int64_t probe_first_ns;   // when the health is probed first, and how long after each probe
  int64_t probe_period_ns;  // that does not say itself (core/monitor/helper_timer.h)
  int64_t sync_period_ns;   // --sync-interval, likewise

  Offset container_id;
  Offset boot_id;
  Offset run_dir;     // RUN/containers/<id>
  Offset state_path;  // RUN/containers/<id>/state.json
  Offset freezer;     // kStart, kAdopt: for the state, as JSON has it: what tells that it is frozen
  Offset exit_path;   // DATA/containers/<id>/exit.json
  Offset log_path;    // DATA/containers/<id>/stdio.log
  Offset log_extra;   // blob of log_extra_size bytes
  Offset log_lost_path;
  Offset log_packer;   // list: argv
  Offset stdout_path;  // FIFOs in RUN, or 0: nothing comes by, its streams are somebody else's
  Offset stderr_path;
  Offset cgroup_procs;  // kClone, v2: files that take its pid where CLONE_INTO_CGROUP fails
  Offset cgroup_dir;    // kClone, v2: directory for CLONE_INTO_CGROUP, or 0
  // kStart, kAdopt, with ports to publish: list of files to which a process writes "0" that joins
  Offset forwarder_cgroup;
  // kDirect: the session's cgroup (core/cgroup/leaf.h) and the directory above it, where the
  // process goes when it cannot be made; 0: there is none
  Offset session_cgroup;
  Offset session_cgroup_above;
  uint32_t session_born_there;  // v2: 1: the process is cloned into it, and does not join it
  Offset session_record;        // kDirect: the session's file in RUN
  Offset session_directory;     // kDirect: where that is
  Offset thaw_path;             // with a timeout, v1: file that takes "THAWED", or 0
  Offset oom_path;              // file whose "oom_kill N" tells an OOM kill, or 0
  // list: what is exec'd when the container has exited; kDirect: when a detached session has, with
  // its exit code as the last word
  Offset cleanup_argv;
  Offset probe_argv;  // list: what probes its health, or 0: no health check
  Offset sync_argv;   // list: what writes its S3 volumes back while it runs, or 0
  // kStart, kAdopt: by what the container's questions by DNS are answered (core/monitor/resolver.h)
  Offset hosts_path;
  Offset servers_path;
};

// Descriptors of a container's network that the monitor keeps, in this order, from hoy's plan or
// later from a client (core/monitor/attach_protocol.h, kNetwork).
enum NetworkParts : uint32_t {
  kResolverSockets = 1,   // two, a datagram and a listening one, at which the container asks
  kHeldPorts = 2,         // one that is never touched: it holds ports of the host
  kForwarderSockets = 4,  // two, for core/monitor/forwarder.h: the bundle, and what watches it
  kReplacesPorts = 8,     // what was held of ports, and forwarded, before is let go of
};

// Descriptors that hoy hands to hoy-monitor, at fixed numbers (-1 is not possible: unused ones are
// simply closed).
enum MonitorFd : int {
  kStartFd = 3,   // SOCK_SEQPACKET: PlanOrders come in, StartMessages go out, see below
  kAttachFd = 4,  // SOCK_SEQPACKET to the foreground client (attach_protocol.h), or closed;
                  // kDirect: to the session's client (core/monitor/exec_guard.h)
  kJoinFd = 5,    // kDirect: pidfd of the container's init
  kLockFd = 6,    // kStart, kAdopt: the container's lock, shared with hoy until that is decided
  kPlansFd = 7,   // a memfd: each plan lies at the offset that its order names
};

constexpr size_t kPlanSpace = size_t{16} << 20;  // the kernel takes 6 MiB of arguments at most

// The start protocol. First hoy -> hoy-monitor, one packet for each plan when it is complete in the
// memfd: hoy starts the program before it has decided everything, so that both work at the same
// time. End-of-file instead means that hoy gave up.
//
// The first packet may carry descriptors (SCM_RIGHTS) for the process: the namespaces that it joins
// (engine/joined_namespaces.h), its standard streams (--log-driver passthrough), then the user's
// own (--preserve-fds). hoy-monitor does not keep them once it has cloned the init, but for
// keep_streams. What comes with the second packet, and with the only one of kAdopt, it keeps open
// as long as the container runs: its network_parts.
struct PlanOrder {
  uint32_t offset;  // of the plan's PlanHeader in kPlansFd
};

// Then hoy-monitor (or the plan's own process) -> hoy, one packet each:
//
//   | kind      | index        | plan   | value      | ancillary           | meaning              |
//   |-----------|--------------|--------|------------|---------------------|----------------------|
//   | kStarted  | 0            | 0      | init's pid |                     | execve succeeded     |
//   | kNeverRan | 1: OOM kill  | 0      | its pid    |                     | killed before its    |
//   |           |              |        |            |                     | program; published   |
//   | kFailed   | failing step | offset | errno      |                     | nothing runs         |
//   | kSetup    | SetupStage   | 0      | errno      |                     | the monitor failed   |
//   | kTerminal | 0            | 0      | 0          | SCM_RIGHTS: the pty | only in mode kDirect |
//   | EOF without kStarted: in mode kDirect, success; else the monitor was killed |
// With PlanHeader::forks kForked, with the new pid as value, goes from the init to hoy-monitor. Of
// a process in mode kDirect its guard tells (monitor/exec_guard.h).
enum class StartMessageKind : uint32_t {
  kStarted,
  kFailed,
  kSetup,
  kForked,
  kTerminal,
  kNeverRan,
};
enum class SetupStage : uint32_t { kPlan, kState, kStreams, kLog, kClone, kCgroup, kHeldUp };
struct StartMessage {
  StartMessageKind kind;
  uint32_t index;
  int64_t value;
  uint32_t plan;
  uint64_t log_end = 0;  // with kStarted: what the container writes lies behind it in its log
};

constexpr uint32_t kMaxSlots = 512;  // trees opened before pivot_root; one more: E2BIG
// What the first plan opens, and the second moves.
constexpr uint32_t kJoinedShmSlot = kMaxSlots;
constexpr uint32_t kJoinedProcSlot = kMaxSlots + 1;
constexpr uint32_t kAllSlots = kMaxSlots + 2;
constexpr uint32_t kMaxJoined = 6;  // PIDs, IPC, UTS, network, and where the joined trees are
// The user's own descriptors: what the first PlanOrder has room for beside all others.
constexpr size_t kMaxPassedFds = kMaxPacketFds - kMaxJoined - 3;

}  // namespace hoy::core
