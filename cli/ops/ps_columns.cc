#include "cli/ops/ps_columns.h"

#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "cli/ops/ps_column_text.h"
#include "cli/ops/ps_more_columns.h"
#include "cli/ui/printable.h"
#include "core/base/text.h"
#include "core/seccomp/capabilities.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"

namespace hoy::cli {

std::string NameOf(const core::IdNames& names, uint32_t id) {
  auto found = names.find(id);
  return found == names.end() ? std::to_string(id) : Printable(found->second);
}

std::string Joined(const std::vector<uint32_t>& ids, const core::IdNames& names) {
  if (ids.empty()) return "-";
  std::string text;
  for (uint32_t id : ids) text += (text.empty() ? "" : ",") + NameOf(names, id);
  return text;
}

// Major numbers: Documentation/admin-guide/devices.txt.
std::string Terminal(int64_t device) {
  if (device == 0) return "?";
  unsigned number_major = major(static_cast<dev_t>(device));
  unsigned number_minor = minor(static_cast<dev_t>(device));
  if (number_major >= 136 && number_major <= 143) {
    return fmt::format("pts/{}", (number_major - 136) * 256 + number_minor);
  }
  if (number_major == 4) {
    return number_minor < 64 ? fmt::format("tty{}", number_minor)
                             : fmt::format("ttyS{}", number_minor - 64);
  }
  return "?";
}

time_t StartedAt(const PsView& view) {
  return static_cast<time_t>(view.host.now) - static_cast<time_t>(view.ElapsedSeconds());
}

std::string TimeText(time_t time, const char* format) {
  tm then{};
  localtime_r(&time, &then);
  char text[64];
  return {text, strftime(text, sizeof text, format, &then)};
}

std::string ProcText(const PsView& view, const char* file) {
  auto text = core::ReadFile(fmt::format("/proc/{}/{}", view.process.pid, file), 4096);
  std::string_view line = text ? CutAt(std::string_view(*text), '\n').before : "";
  while (line.ends_with('\0')) line.remove_suffix(1);
  return line.empty() || line == "0" ? "-" : Printable(line);
}

namespace {

using core::ProcFacts;

std::string Capabilities(uint64_t bits) {
  if (bits == 0) return "none";
  if ((core::AvailableCapabilities().bits & ~bits) == 0) return "full";
  std::string text;
  for (const std::string& name : core::CapabilityNames({bits})) {
    text += (text.empty() ? "" : ",") + name.substr(std::string_view("CAP_").size());
  }
  return text;
}

// As ps: the time of a process of today, the date of one of this year, or the year.
std::string StartText(const PsView& view) {
  time_t now = static_cast<time_t>(view.host.now);
  time_t start = StartedAt(view);
  tm today{};
  tm then{};
  localtime_r(&now, &today);
  localtime_r(&start, &then);
  return TimeText(start, then.tm_year != today.tm_year   ? "%Y"
                         : then.tm_yday != today.tm_yday ? "%b%d"
                                                         : "%H:%M");
}

// The time of what is less than a day old, else the date.
std::string StartTimeText(const PsView& view) {
  constexpr double kDay = 24 * 3600;
  return TimeText(StartedAt(view), view.ElapsedSeconds() < kDay ? "%H:%M:%S" : "%b %d");
}

std::string LongStart(const PsView& view) {
  return TimeText(StartedAt(view), "%a %b %e %H:%M:%S %Y");
}

std::string CommandName(const ProcFacts& process) {
  std::string name = Printable(process.comm);
  return process.state == 'Z' ? name + " <defunct>" : name;
}

std::string Arguments(const ProcFacts& process) {
  if (process.command_line.empty()) {
    std::string text = "[" + Printable(process.comm) + "]";
    return process.state == 'Z' ? text + " <defunct>" : text;
  }
  std::string text;
  for (const std::string& word : process.command_line) {
    text += (text.empty() ? "" : " ") + Printable(word);
  }
  return text;
}

std::string StateWithFlags(const ProcFacts& process) {
  std::string text(1, process.state);
  if (process.nice < 0) text += '<';
  if (process.nice > 0) text += 'N';
  if (process.locked_kib > 0) text += 'L';
  if (process.session == process.pid) text += 's';
  if (process.threads > 1) text += 'l';
  if (process.terminal_pgrp == process.pgrp) text += '+';
  return text;
}

// A parent outside of the container is 0 for it.
pid_t InnerParent(const PsView& view) {
  auto parent = std::ranges::find(view.list.processes, view.process.ppid, &ProcFacts::pid);
  return parent == view.list.processes.end() ? 0 : parent->inner_pid;
}

std::string SeccompText(int mode) {
  return mode == 0 ? "disabled" : mode == 1 ? "strict" : "filter";
}

std::string Percent(double value) {
  return fmt::format("{:.1f}", value);
}

const PsColumn kColumns[] = {
    {"pid tgid", "PID",
     [](const PsView& v) {
       return std::to_string(v.inner_pids ? v.process.inner_pid : v.process.pid);
     },
     true},
    {"ppid", "PPID",
     [](const PsView& v) { return std::to_string(v.inner_pids ? InnerParent(v) : v.process.ppid); },
     true},
    {"pgid pgrp", "PGID",
     [](const PsView& v) {
       return std::to_string(v.inner_pids ? v.process.inner_pgrp : v.process.pgrp);
     },
     true},
    {"sid sess session", "SID",
     [](const PsView& v) {
       return std::to_string(v.inner_pids ? v.process.inner_session : v.process.session);
     },
     true},
    {"hpid", "HPID", [](const PsView& v) { return std::to_string(v.process.pid); }, true},
    {"cpid", "CPID", [](const PsView& v) { return std::to_string(v.process.inner_pid); }, true},
    {"tpgid", "TPGID", [](const PsView& v) { return std::to_string(v.process.terminal_pgrp); },
     true},
    {"user euser", "USER",
     [](const PsView& v) { return NameOf(v.list.users, v.process.users.effective); }},
    {"ruser", "RUSER", [](const PsView& v) { return NameOf(v.list.users, v.process.users.real); }},
    {"huser", "HUSER",
     [](const PsView& v) { return NameOf(v.host.users, v.process.users.effective); }},
    {"group egroup", "GROUP",
     [](const PsView& v) { return NameOf(v.list.groups, v.process.groups.effective); }},
    {"rgroup", "RGROUP",
     [](const PsView& v) { return NameOf(v.list.groups, v.process.groups.real); }},
    {"hgroup", "HGROUP",
     [](const PsView& v) { return NameOf(v.host.groups, v.process.groups.effective); }},
    {"groups supgrp", "GROUPS",
     [](const PsView& v) { return Joined(v.process.more_groups, v.list.groups); }},
    {"hgroups", "HGROUPS",
     [](const PsView& v) { return Joined(v.process.more_groups, v.host.groups); }},
    {"uid euid", "UID", [](const PsView& v) { return std::to_string(v.process.users.effective); },
     true},
    {"ruid", "RUID", [](const PsView& v) { return std::to_string(v.process.users.real); }, true},
    {"gid egid", "GID", [](const PsView& v) { return std::to_string(v.process.groups.effective); },
     true},
    {"rgid", "RGID", [](const PsView& v) { return std::to_string(v.process.groups.real); }, true},
    {"comm ucmd ucomm", "COMMAND",
     [](const PsView& v) { return v.tree_prefix + CommandName(v.process); }},
    {"args cmd command", "COMMAND",
     [](const PsView& v) { return v.tree_prefix + Arguments(v.process); }},
    {"c cp", "C",
     [](const PsView& v) { return fmt::format("{}", static_cast<int>(v.CpuPercent())); }, true},
    {"pcpu %cpu", "%CPU", [](const PsView& v) { return Percent(v.CpuPercent()); }, true},
    {"pmem %mem", "%MEM",
     [](const PsView& v) {
       auto bytes = static_cast<double>(v.process.resident_pages * v.host.page_bytes);
       auto total = static_cast<double>(v.host.memory_bytes);
       return Percent(total > 0 ? 100 * bytes / total : 0);
     },
     true},
    {"vsz vsize", "VSZ",
     [](const PsView& v) { return std::to_string(v.process.virtual_bytes / 1024); }, true},
    {"rss rssize rsz", "RSS",
     [](const PsView& v) {
       return std::to_string(v.process.resident_pages * v.host.page_bytes / 1024);
     },
     true},
    {"sz", "SZ",
     [](const PsView& v) {
       return std::to_string(v.process.virtual_bytes / static_cast<uint64_t>(v.host.page_bytes));
     },
     true},
    {"tty tt tname", "TTY", [](const PsView& v) { return Terminal(v.process.terminal); }},
    {"state s", "S", [](const PsView& v) { return std::string(1, v.process.state); }},
    {"stat", "STAT", [](const PsView& v) { return StateWithFlags(v.process); }},
    {"stime start_time", "STIME", StartText},
    {"start", "STARTED", StartTimeText},
    {"lstart", "STARTED", LongStart},
    {"time cputime", "TIME", [](const PsView& v) { return PsDuration(v.CpuSeconds(), true); }},
    {"bsdtime", "TIME",
     [](const PsView& v) {
       return fmt::format("{}:{:02}", v.CpuSeconds() / 60, v.CpuSeconds() % 60);
     }},
    {"times cputimes", "TIME", [](const PsView& v) { return std::to_string(v.CpuSeconds()); },
     true},
    {"etime", "ELAPSED",
     [](const PsView& v) { return PsDuration(static_cast<uint64_t>(v.ElapsedSeconds()), false); }},
    {"etimes", "ELAPSED",
     [](const PsView& v) { return std::to_string(static_cast<uint64_t>(v.ElapsedSeconds())); },
     true},
    {"nice ni", "NI", [](const PsView& v) { return std::to_string(v.process.nice); }, true},
    {"pri", "PRI", [](const PsView& v) { return std::to_string(39 - v.process.priority); }, true},
    {"priority", "PRI", [](const PsView& v) { return std::to_string(v.process.priority); }, true},
    {"nlwp thcount", "NLWP", [](const PsView& v) { return std::to_string(v.process.threads); },
     true},
    {"psr", "PSR", [](const PsView& v) { return std::to_string(v.process.processor); }, true},
    {"f flag flags", "F",
     [](const PsView& v) { return fmt::format("{:x}", v.process.flags >> 6 & 7); }},
    {"addr", "ADDR", [](const PsView&) { return std::string("-"); }},
    {"wchan", "WCHAN", [](const PsView& v) { return ProcText(v, "wchan"); }},
    {"label", "LABEL", [](const PsView& v) { return ProcText(v, "attr/current"); }},
    {"seccomp", "SECCOMP", [](const PsView& v) { return SeccompText(v.process.seccomp); }},
    {"capamb", "AMBIENT CAPS", [](const PsView& v) { return Capabilities(v.process.cap_ambient); }},
    {"capbnd", "BOUNDING CAPS",
     [](const PsView& v) { return Capabilities(v.process.cap_bounding); }},
    {"capeff", "EFFECTIVE CAPS",
     [](const PsView& v) { return Capabilities(v.process.cap_effective); }},
    {"capinh", "INHERITED CAPS",
     [](const PsView& v) { return Capabilities(v.process.cap_inheritable); }},
    {"capprm", "PERMITTED CAPS",
     [](const PsView& v) { return Capabilities(v.process.cap_permitted); }},
};

}  // namespace

PsHost PsHost::Read() {
  PsHost host;
  host.now = core::Now() / core::kSecond;
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  host.uptime = static_cast<double>(boot.tv_sec) + static_cast<double>(boot.tv_nsec) / 1e9;
  host.ticks_per_second = std::max(1L, sysconf(_SC_CLK_TCK));
  host.page_bytes = std::max(1L, sysconf(_SC_PAGESIZE));
  host.memory_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(host.page_bytes);
  host.users = core::HostUsers();
  host.groups = core::HostGroups();
  return host;
}

double PsView::ElapsedSeconds() const {
  double started =
      static_cast<double>(process.start_ticks) / static_cast<double>(host.ticks_per_second);
  return std::max(0.0, host.uptime - started);
}

uint64_t PsView::CpuSeconds() const {
  return (process.user_ticks + process.system_ticks) / static_cast<uint64_t>(host.ticks_per_second);
}

double PsView::CpuPercent() const {
  double used = static_cast<double>(process.user_ticks + process.system_ticks) /
                static_cast<double>(host.ticks_per_second);
  double elapsed = ElapsedSeconds();
  return elapsed > 0 ? 100 * used / elapsed : 0;
}

bool PsColumn::Is(std::string_view name) const {
  auto all = Split(names, ' ');
  return std::ranges::find(all, name) != all.end();
}

const PsColumn* FindPsColumn(std::string_view name) {
  for (std::span<const PsColumn> columns : {std::span<const PsColumn>(kColumns), MorePsColumns()}) {
    for (const PsColumn& column : columns) {
      if (column.Is(name)) return &column;
    }
  }
  return nullptr;
}

std::vector<std::string_view> PsColumnNames() {
  std::vector<std::string_view> names;
  for (std::span<const PsColumn> columns : {std::span<const PsColumn>(kColumns), MorePsColumns()}) {
    for (const PsColumn& column : columns) {
      for (std::string_view name : Split(column.names, ' ')) names.push_back(name);
    }
  }
  return names;
}

std::string PsDuration(uint64_t seconds, bool always_hours) {
  uint64_t days = seconds / 86400;
  uint64_t hours = seconds / 3600 % 24;
  std::string text = fmt::format("{:02}:{:02}", seconds / 60 % 60, seconds % 60);
  if (always_hours || hours > 0 || days > 0) text = fmt::format("{:02}:{}", hours, text);
  if (days > 0) text = fmt::format("{}-{}", days, text);
  return text;
}

}  // namespace hoy::cli
