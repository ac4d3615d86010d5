#include "core/sys/proc_facts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr size_t kMaxCommandLine = 128 << 10;  // bytes of it that are shown

template <typename Number>
Number At(const std::vector<std::string_view>& fields, size_t index) {
  return index < fields.size() ? ParseInteger<Number>(fields[index]).value_or(0) : 0;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    size_t begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

UserIds Ids(std::string_view value) {
  auto words = Words(value);
  return {At<uint32_t>(words, 0), At<uint32_t>(words, 1), At<uint32_t>(words, 2),
          At<uint32_t>(words, 3)};
}

pid_t Innermost(std::string_view value) {
  auto words = Words(value);
  return words.empty() ? 0 : At<pid_t>(words, words.size() - 1);
}

uint64_t Hex(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

std::optional<ProcFacts> ParseProcStat(std::string_view text) {
  // comm may hold spaces, parentheses and newlines: it ends at the last ')'.
  size_t open = text.find('(');
  size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcFacts facts;
  auto pid = ParseInteger<pid_t>(Trim(text.substr(0, open)));
  auto fields = Words(text.substr(close + 1));
  if (!pid || fields.size() < 22 || fields[0].size() != 1) return std::nullopt;
  facts.pid = facts.tid = *pid;
  facts.comm = text.substr(open + 1, close - open - 1);
  // fields[0] is field 3 of the manual page.
  facts.state = fields[0][0];
  facts.ppid = At<pid_t>(fields, 1);
  facts.pgrp = At<pid_t>(fields, 2);
  facts.session = At<pid_t>(fields, 3);
  facts.terminal = At<int64_t>(fields, 4);
  facts.terminal_pgrp = At<pid_t>(fields, 5);
  facts.flags = At<uint64_t>(fields, 6);
  facts.minor_faults = At<uint64_t>(fields, 7);
  facts.major_faults = At<uint64_t>(fields, 9);
  facts.user_ticks = At<uint64_t>(fields, 11);
  facts.system_ticks = At<uint64_t>(fields, 12);
  facts.child_ticks = At<uint64_t>(fields, 13) + At<uint64_t>(fields, 14);
  facts.priority = At<int64_t>(fields, 15);
  facts.nice = At<int64_t>(fields, 16);
  facts.threads = At<int64_t>(fields, 17);
  facts.start_ticks = At<uint64_t>(fields, 19);
  facts.virtual_bytes = At<uint64_t>(fields, 20);
  facts.resident_pages = At<int64_t>(fields, 21);
  facts.resident_limit = At<uint64_t>(fields, 22);
  facts.code_bytes = At<uint64_t>(fields, 24) - At<uint64_t>(fields, 23);
  facts.stack_start = At<uint64_t>(fields, 25);
  facts.stack_pointer = At<uint64_t>(fields, 26);
  facts.instruction_pointer = At<uint64_t>(fields, 27);
  facts.processor = At<int64_t>(fields, 36);
  facts.realtime_priority = At<int64_t>(fields, 37);
  facts.policy = At<int64_t>(fields, 38);
  return facts;
}

void ParseProcStatus(std::string_view text, ProcFacts& facts) {
  for (std::string_view line : Split(text, '\n')) {
    auto [key, rest] = CutAt(line, ':');
    if (!rest) continue;
    std::string_view value = Trim(*rest);
    if (key == "Uid") facts.users = Ids(value);
    if (key == "Gid") facts.groups = Ids(value);
    if (key == "Groups") {
      for (std::string_view word : Words(value)) {
        if (auto group = ParseInteger<uint32_t>(word)) facts.more_groups.push_back(*group);
      }
    }
    if (key == "NStgid") facts.inner_pid = Innermost(value);
    if (key == "NSpid") facts.inner_tid = Innermost(value);
    if (key == "NSpgid") facts.inner_pgrp = Innermost(value);
    if (key == "NSsid") facts.inner_session = Innermost(value);
    if (key == "VmLck") facts.locked_kib = At<uint64_t>(Words(value), 0);
    if (key == "VmData") facts.data_kib = At<uint64_t>(Words(value), 0);
    if (key == "VmStk") facts.stack_kib = At<uint64_t>(Words(value), 0);
    if (key == "ShdPnd") facts.pending_signals = Hex(value);
    if (key == "SigPnd") facts.thread_pending_signals = Hex(value);
    if (key == "SigBlk") facts.blocked_signals = Hex(value);
    if (key == "SigIgn") facts.ignored_signals = Hex(value);
    if (key == "SigCgt") facts.caught_signals = Hex(value);
    if (key == "CapInh") facts.cap_inheritable = Hex(value);
    if (key == "CapPrm") facts.cap_permitted = Hex(value);
    if (key == "CapEff") facts.cap_effective = Hex(value);
    if (key == "CapBnd") facts.cap_bounding = Hex(value);
    if (key == "CapAmb") facts.cap_ambient = Hex(value);
    if (key == "Seccomp") facts.seccomp = At<int>(Words(value), 0);
  }
}

std::vector<std::string> ParseCommandLine(std::string_view bytes) {
  while (bytes.ends_with('\0')) bytes.remove_suffix(1);
  std::vector<std::string> words;
  for (std::string_view word : Split(bytes, '\0')) words.emplace_back(word);
  return words;
}

namespace {

// Of a process, or of a thread.
std::optional<ProcFacts> ReadFacts(const std::string& directory) {
  auto stat = ReadFile(directory + "/stat", 64 << 10);
  if (!stat) return std::nullopt;
  auto facts = ParseProcStat(*stat);
  if (!facts) return std::nullopt;
  auto status = ReadFile(directory + "/status", 1 << 20);
  if (!status) return std::nullopt;
  ParseProcStatus(*status, *facts);
  if (auto file = OpenAt(kCwd, directory + "/cmdline", O_RDONLY)) {
    // A longer one is cut, not left out.
    std::string bytes(kMaxCommandLine, '\0');
    ssize_t count = read(file->get(), bytes.data(), bytes.size());
    bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
    facts->command_line = ParseCommandLine(bytes);
  }
  return facts;
}

}  // namespace

std::optional<ProcFacts> ReadProcFacts(pid_t pid) {
  return ReadFacts(fmt::format("/proc/{}", pid));
}

std::vector<ProcFacts> ReadThreadFacts(pid_t pid) {
  std::vector<ProcFacts> threads;
  std::string directory = fmt::format("/proc/{}/task", pid);
  for (const std::string& name : ListDirectory(directory).value_or(std::vector<std::string>{})) {
    auto facts = ReadFacts(directory + "/" + name);
    if (!facts) continue;
    facts->pid = pid;
    threads.push_back(*std::move(facts));
  }
  std::ranges::sort(threads, {}, [](const ProcFacts& facts) {
    return std::tuple(facts.tid != facts.pid, facts.start_ticks, facts.tid);
  });
  return threads;
}

}  // namespace hoy::core
