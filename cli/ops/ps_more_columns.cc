#include "cli/ops/ps_more_columns.h"

#include <linux/sched.h>
#include <time.h>
#include <unistd.h>

#include "cli/ops/ps_column_text.h"
#include "cli/ui/printable.h"
#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

using core::ProcFacts;

std::string ProcPath(const PsView& view, std::string_view file) {
  return fmt::format("/proc/{}/{}", view.process.pid, file);
}

std::string LinkText(const PsView& view, std::string_view file) {
  char target[4096];
  ssize_t length = readlink(ProcPath(view, file).c_str(), target, sizeof target);
  return length > 0 ? Printable(std::string_view(target, static_cast<size_t>(length))) : "-";
}

// "net:[4026531840]" -> "4026531840".
std::string NamespaceNumber(const PsView& view, std::string_view name) {
  std::string target = LinkText(view, fmt::format("ns/{}", name));
  size_t begin = target.find('[');
  size_t end = target.find(']');
  if (begin == std::string::npos || end == std::string::npos) return "-";
  return target.substr(begin + 1, end - begin - 1);
}

std::string WholeFile(const PsView& view, std::string_view file) {
  return core::ReadFile(ProcPath(view, file), 64 << 10).value_or("");
}

// The number behind "key:" in a file of /proc/<pid>; "-": not readable.
std::string KeyedNumber(const PsView& view, std::string_view file, std::string_view key) {
  std::string text = WholeFile(view, file);
  for (std::string_view line : Split(text, '\n')) {
    auto [name, value] = CutAt(line, ':');
    if (name != key || !value) continue;
    return std::string(CutAt(Trim(*value), ' ').before);
  }
  return "-";
}

std::string UniqueMemory(const PsView& view) {
  auto kib = [&](std::string_view key) {
    return ParseInteger<uint64_t>(KeyedNumber(view, "smaps_rollup", key)).value_or(0);
  };
  return std::to_string(kib("Private_Clean") + kib("Private_Dirty"));
}

// The hierarchies in which it is not in the root, as ps joins them.
std::string CgroupText(const PsView& view) {
  std::string text;
  const std::string file = WholeFile(view, "cgroup");
  for (std::string_view line : Split(Trim(file), '\n')) {
    if (line.empty() || line.ends_with(":/")) continue;
    text += (text.empty() ? "" : ",") + Printable(line);
  }
  return text.empty() ? "-" : text;
}

// "/autogroup-123 nice 0": sched_autogroup.
std::string AutogroupWord(const PsView& view, bool nice) {
  std::string text = WholeFile(view, "autogroup");
  auto words = Split(Trim(text), ' ');
  if (words.size() != 3) return "-";
  if (nice) return std::string(words[2]);
  auto [name, number] = CutAt(words[0], '-');
  return number ? std::string(*number) : "-";
}

std::string Signals(uint64_t set) {
  return fmt::format("{:016x}", set);
}

std::string Address(uint64_t address) {
  return fmt::format("{:016x}", address);
}

std::string SchedulingClass(const ProcFacts& process) {
  switch (process.policy) {
    case SCHED_NORMAL: return "TS";
    case SCHED_FIFO: return "FF";
    case SCHED_RR: return "RR";
    case SCHED_BATCH: return "B";
    case SCHED_ISO: return "ISO";
    case SCHED_IDLE: return "IDL";
    case SCHED_DEADLINE: return "DLN";
    default: return fmt::format("#{}", process.policy);
  }
}

bool IsRealtime(const ProcFacts& process) {
  return process.policy == SCHED_FIFO || process.policy == SCHED_RR;
}

// The time of what is less than a day old, else the date.
std::string BsdStart(const PsView& view) {
  constexpr double kDay = 24 * 3600;
  return TimeText(StartedAt(view), view.ElapsedSeconds() < kDay ? "%H:%M" : "%b %e");
}

std::string LoginUser(const PsView& view) {
  std::string text = WholeFile(view, "loginuid");
  return text.empty() || Trim(text) == "4294967295" ? "-" : std::string(Trim(text));
}

std::string CpuShare(const PsView& view, uint64_t ticks) {
  double elapsed = view.ElapsedSeconds();
  double used = static_cast<double>(ticks) / static_cast<double>(view.host.ticks_per_second);
  return fmt::format("{:.3f}", elapsed > 0 ? 100 * used / elapsed : 0);
}

std::string Kib(uint64_t bytes) {
  return std::to_string(bytes / 1024);
}

const PsColumn kColumns[] = {
    // Ids.
    {"suid svuid", "SUID", [](const PsView& v) { return std::to_string(v.process.users.saved); },
     true},
    {"suser svuser", "SUSER",
     [](const PsView& v) { return NameOf(v.list.users, v.process.users.saved); }},
    {"fuid fsuid", "FUID",
     [](const PsView& v) { return std::to_string(v.process.users.file_system); }, true},
    {"fuser fsuser", "FUSER",
     [](const PsView& v) { return NameOf(v.list.users, v.process.users.file_system); }},
    {"sgid svgid", "SGID", [](const PsView& v) { return std::to_string(v.process.groups.saved); },
     true},
    {"sgroup svgroup", "SGROUP",
     [](const PsView& v) { return NameOf(v.list.groups, v.process.groups.saved); }},
    {"fgid fsgid", "FGID",
     [](const PsView& v) { return std::to_string(v.process.groups.file_system); }, true},
    {"fgroup fsgroup", "FGROUP",
     [](const PsView& v) { return NameOf(v.list.groups, v.process.groups.file_system); }},
    {"supgid", "SUPGID", [](const PsView& v) { return Joined(v.process.more_groups, {}); }},
    {"luid", "LUID", LoginUser},
    {"uname uid_hack", "USER",
     [](const PsView& v) { return NameOf(v.list.users, v.process.users.effective); }},
    {"lwp tid spid", "LWP",
     [](const PsView& v) {
       return std::to_string(v.inner_pids ? v.process.inner_tid : v.process.tid);
     },
     true},
    // Programs.
    {"exe", "EXE", [](const PsView& v) { return LinkText(v, "exe"); }},
    {"fname", "COMMAND",
     [](const PsView& v) { return Printable(std::string_view(v.process.comm).substr(0, 8)); }},
    {"context zone", "CONTEXT", [](const PsView& v) { return ProcText(v, "attr/current"); }},
    {"wname", "WCHAN", [](const PsView& v) { return ProcText(v, "wchan"); }},
    {"longtname tty4 tty8", "TTY", [](const PsView& v) { return Terminal(v.process.terminal); }},
    {"cgroup cgname", "CGROUP", CgroupText},
    // Time and scheduling.
    {"bsdstart", "START", BsdStart},
    {"atime", "TIME", [](const PsView& v) { return PsDuration(v.CpuSeconds(), true); }},
    {"cuu", "%CUU",
     [](const PsView& v) { return CpuShare(v, v.process.user_ticks + v.process.system_ticks); }},
    {"cuc", "%CUC",
     [](const PsView& v) {
       return CpuShare(v, v.process.user_ticks + v.process.system_ticks + v.process.child_ticks);
     }},
    {"util", "C",
     [](const PsView& v) { return fmt::format("{}", static_cast<int>(v.CpuPercent())); }, true},
    {"cls class policy", "CLS", [](const PsView& v) { return SchedulingClass(v.process); }},
    {"sched", "SCH", [](const PsView& v) { return std::to_string(v.process.policy); }, true},
    {"rtprio", "RTPRIO",
     [](const PsView& v) {
       return IsRealtime(v.process) ? std::to_string(v.process.realtime_priority) : "-";
     }},
    {"opri intpri", "PRI", [](const PsView& v) { return std::to_string(60 + v.process.priority); },
     true},
    {"pri_api", "API", [](const PsView& v) { return std::to_string(-1 - v.process.priority); },
     true},
    {"pri_bar", "BAR", [](const PsView& v) { return std::to_string(v.process.priority + 1); },
     true},
    {"pri_baz", "BAZ", [](const PsView& v) { return std::to_string(v.process.priority + 100); },
     true},
    {"pri_foo", "FOO", [](const PsView& v) { return std::to_string(v.process.priority - 20); },
     true},
    {"ag_id", "AGID", [](const PsView& v) { return AutogroupWord(v, false); }},
    {"ag_nice", "AGNI", [](const PsView& v) { return AutogroupWord(v, true); }},
    {"cpuid lastcpu", "CPUID", [](const PsView& v) { return std::to_string(v.process.processor); },
     true},
    {"sgi_p", "P",
     [](const PsView& v) {
       return v.process.state == 'R' ? std::to_string(v.process.processor) : "*";
     }},
    // Memory.
    {"min_flt minflt", "MINFL",
     [](const PsView& v) { return std::to_string(v.process.minor_faults); }, true},
    {"maj_flt majflt pagein", "MAJFL",
     [](const PsView& v) { return std::to_string(v.process.major_faults); }, true},
    {"trs trss tsiz m_trs", "TRS", [](const PsView& v) { return Kib(v.process.code_bytes); }, true},
    {"drs dsiz m_drs", "DRS",
     [](const PsView& v) { return Kib(v.process.virtual_bytes - v.process.code_bytes); }, true},
    {"m_size", "SIZE", [](const PsView& v) { return std::to_string(v.process.virtual_bytes); },
     true},
    {"size", "SIZE",
     [](const PsView& v) { return std::to_string(v.process.data_kib + v.process.stack_kib); },
     true},
    {"sgi_rss", "RSS",
     [](const PsView& v) {
       return Kib(static_cast<uint64_t>(v.process.resident_pages * v.host.page_bytes));
     },
     true},
    {"pss", "PSS", [](const PsView& v) { return KeyedNumber(v, "smaps_rollup", "Pss"); }},
    {"uss", "USS", UniqueMemory, true},
    {"lim", "LIM",
     [](const PsView& v) {
       return v.process.resident_limit == UINT64_MAX ? "xx" : Kib(v.process.resident_limit);
     }},
    {"oom", "OOM", [](const PsView& v) { return std::string(Trim(WholeFile(v, "oom_score"))); },
     true},
    {"oomadj", "OOMADJ",
     [](const PsView& v) { return std::string(Trim(WholeFile(v, "oom_score_adj"))); }, true},
    {"stackp start_stack", "STACKP",
     [](const PsView& v) { return Address(v.process.stack_start); }},
    {"esp", "ESP", [](const PsView& v) { return Address(v.process.stack_pointer); }},
    {"eip", "EIP", [](const PsView& v) { return Address(v.process.instruction_pointer); }},
    // I/O: proc_pid_io(5).
    {"rbytes", "RBYTES", [](const PsView& v) { return KeyedNumber(v, "io", "read_bytes"); }},
    {"wbytes", "WBYTES", [](const PsView& v) { return KeyedNumber(v, "io", "write_bytes"); }},
    {"wcbytes", "WCBYTES",
     [](const PsView& v) { return KeyedNumber(v, "io", "cancelled_write_bytes"); }},
    {"rchars", "RCHARS", [](const PsView& v) { return KeyedNumber(v, "io", "rchar"); }},
    {"wchars", "WCHARS", [](const PsView& v) { return KeyedNumber(v, "io", "wchar"); }},
    {"rops", "ROPS", [](const PsView& v) { return KeyedNumber(v, "io", "syscr"); }},
    {"wops", "WOPS", [](const PsView& v) { return KeyedNumber(v, "io", "syscw"); }},
    // Signals.
    {"pending sig sig_pend", "PENDING",
     [](const PsView& v) { return Signals(v.process.pending_signals); }},
    {"tsig", "PENDING", [](const PsView& v) { return Signals(v.process.thread_pending_signals); }},
    {"blocked sig_block sigmask", "BLOCKED",
     [](const PsView& v) { return Signals(v.process.blocked_signals); }},
    {"ignored sig_ignore sigignore", "IGNORED",
     [](const PsView& v) { return Signals(v.process.ignored_signals); }},
    {"caught sig_catch sigcatch", "CAUGHT",
     [](const PsView& v) { return Signals(v.process.caught_signals); }},
    // Namespaces.
    {"cgroupns", "CGROUPNS", [](const PsView& v) { return NamespaceNumber(v, "cgroup"); }},
    {"ipcns", "IPCNS", [](const PsView& v) { return NamespaceNumber(v, "ipc"); }},
    {"mntns", "MNTNS", [](const PsView& v) { return NamespaceNumber(v, "mnt"); }},
    {"netns", "NETNS", [](const PsView& v) { return NamespaceNumber(v, "net"); }},
    {"pidns", "PIDNS", [](const PsView& v) { return NamespaceNumber(v, "pid"); }},
    {"timens", "TIMENS", [](const PsView& v) { return NamespaceNumber(v, "time"); }},
    {"userns", "USERNS", [](const PsView& v) { return NamespaceNumber(v, "user"); }},
    {"utsns", "UTSNS", [](const PsView& v) { return NamespaceNumber(v, "uts"); }},
};

}  // namespace

std::span<const PsColumn> MorePsColumns() {
  return kColumns;
}

}  // namespace hoy::cli
