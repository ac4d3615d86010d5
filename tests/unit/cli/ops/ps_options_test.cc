#include "cli/ops/ps_options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hoy::cli {
namespace {

std::string Titles(const std::vector<std::string>& arguments) {
  auto request = ParsePsArguments(arguments);
  if (!request) return request.error().message;
  std::string text;
  for (const PsChoice& choice : request->columns) text += (text.empty() ? "" : " ") + choice.title;
  return text;
}

TEST(PsOptions, ChooseTheColumnsThatPsHas) {
  EXPECT_EQ(Titles({}), "UID PID PPID C STIME TTY TIME CMD");
  EXPECT_EQ(Titles({"-ef"}), "UID PID PPID C STIME TTY TIME CMD");
  EXPECT_EQ(Titles({"aux"}), "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND");
  EXPECT_EQ(Titles({"-e"}), "PID TTY TIME CMD");
  EXPECT_EQ(Titles({"ax"}), "PID TTY STAT TIME COMMAND");
  EXPECT_EQ(Titles({"-F"}), "UID PID PPID C SZ RSS PSR STIME TTY TIME CMD");
  EXPECT_EQ(Titles({"-el"}), "F S UID PID PPID C PRI NI ADDR SZ WCHAN TTY TIME CMD");
  EXPECT_EQ(Titles({"-j"}), "PID PGID SID TTY TIME CMD");
  EXPECT_EQ(Titles({"auxww"}), Titles({"aux"}));
}

TEST(PsOptions, TakeColumnsInEveryForm) {
  EXPECT_EQ(Titles({"-o", "pid,user,comm"}), "PID USER COMMAND");
  EXPECT_EQ(Titles({"-eo", "pid", "-opcpu"}), "PID %CPU");
  EXPECT_EQ(Titles({"axo", "pid,args"}), "PID COMMAND");
  EXPECT_EQ(Titles({"--format=pid,rss"}), "PID RSS");
  EXPECT_EQ(Titles({"--format", "%mem"}), "%MEM");
  EXPECT_EQ(Titles({"-o", "pid=A,B", "-o", "comm="}), "A,B ");
  EXPECT_EQ(Titles({"-o", "user,pid=NUMBER"}), "USER NUMBER");
  EXPECT_EQ(Titles({"-o", "PID"}), "PID");
}

TEST(PsOptions, NamesAlonePickTheContainersOwnNumbers) {
  EXPECT_EQ(Titles({"pid", "hpid", "user,args"}), "PID HPID USER COMMAND");
  EXPECT_TRUE(ParsePsArguments(std::vector<std::string>{"pid"})->inner_pids);
  EXPECT_FALSE(ParsePsArguments(std::vector<std::string>{"-o", "pid"})->inner_pids);
  EXPECT_FALSE(ParsePsArguments({})->inner_pids);
}

TEST(PsOptions, SortAndLeaveTitlesOut) {
  auto request =
      ParsePsArguments(std::vector<std::string>{"aux", "--sort=-rss,pid", "--no-headers"});
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->headers);
  ASSERT_EQ(request->sort.size(), 2U);
  EXPECT_TRUE(request->sort[0].descending);
  EXPECT_EQ(request->sort[1].column, FindPsColumn("pid"));
}

TEST(PsOptions, ThatAreUnknownAreErrors) {
  EXPECT_EQ(Titles({"-o", "pid,nonsense"}), "unknown column 'nonsense'");
  EXPECT_EQ(Titles({"-o", ""}), "unknown column ''");
  EXPECT_EQ(Titles({"-Z"}), "unknown ps option '-Z'");
  EXPECT_EQ(Titles({"auxf"}), "unknown ps option 'f'");
  EXPECT_EQ(Titles({"--forest"}), "unknown ps option '--forest'");
  EXPECT_EQ(Titles({"--sort", "age"}), "unknown sort key 'age'");
  EXPECT_EQ(Titles({"-o"}), "ps option 'o' wants a value");
  EXPECT_EQ(Titles({"pid", "nonsense"}), "unknown ps option 'p'");
}

core::ProcFacts SomeProcess() {
  core::ProcFacts process;
  process.pid = 4711;
  process.inner_pid = 7;
  process.ppid = 4700;
  process.comm = "evil\033[2J";
  process.command_line = {"/bin/evil", "a\nb"};
  process.state = 'S';
  process.session = process.pgrp = process.terminal_pgrp = 4711;
  process.terminal = 0x8803;  // 136:3
  process.nice = 5;
  process.threads = 2;
  process.user_ticks = 1'800'000;
  process.system_ticks = 6100;
  process.start_ticks = 1000 * 100;
  process.virtual_bytes = 10 << 20;
  process.resident_pages = 256;
  process.users.effective = 1000;
  process.groups.effective = 5;
  process.more_groups = {5, 6};
  process.cap_effective = 1;
  return process;
}

std::string Cell(std::string_view column, const core::ProcFacts& process, bool inner = false) {
  core::ProcessList list;
  list.processes = {process};
  list.users = {{1000, "app"}};
  list.groups = {{5, "tty"}};
  PsHost host;
  host.uptime = 101'000;
  host.now = 1'800'000'000;
  host.memory_bytes = 100 << 20;
  host.users = {{1000, "alice"}};
  return FindPsColumn(column)->text({process, list, host, inner});
}

TEST(PsColumns, ShowWhatPsShows) {
  const core::ProcFacts process = SomeProcess();
  EXPECT_EQ(Cell("pid", process), "4711");
  EXPECT_EQ(Cell("pid", process, true), "7");
  EXPECT_EQ(Cell("ppid", process, true), "0");  // outside
  EXPECT_EQ(Cell("hpid", process, true), "4711");
  EXPECT_EQ(Cell("cpid", process), "7");
  EXPECT_EQ(Cell("user", process), "app");
  EXPECT_EQ(Cell("huser", process), "alice");
  EXPECT_EQ(Cell("uid", process), "1000");
  EXPECT_EQ(Cell("groups", process), "tty,6");
  EXPECT_EQ(Cell("tty", process), "pts/3");
  EXPECT_EQ(Cell("stat", process), "SNsl+");
  EXPECT_EQ(Cell("time", process), "05:01:01");
  EXPECT_EQ(Cell("bsdtime", process), "301:01");
  EXPECT_EQ(Cell("etime", process), "1-03:46:40");
  EXPECT_EQ(Cell("pcpu", process), "18.1");
  EXPECT_EQ(Cell("c", process), "18");
  EXPECT_EQ(Cell("pmem", process), "1.0");
  EXPECT_EQ(Cell("vsz", process), "10240");
  EXPECT_EQ(Cell("rss", process), "1024");
  EXPECT_EQ(Cell("capeff", process), "CHOWN");
  EXPECT_EQ(Cell("capprm", process), "none");
}

TEST(PsColumns, EscapeWhatAProcessCallsItself) {
  core::ProcFacts process = SomeProcess();
  EXPECT_EQ(Cell("comm", process), "evil\\x1b[2J");
  EXPECT_EQ(Cell("args", process), "/bin/evil a\\nb");
  process.command_line.clear();
  process.state = 'Z';
  EXPECT_EQ(Cell("args", process), "[evil\\x1b[2J] <defunct>");
}

TEST(PsColumns, NamesAreUnique) {
  auto names = PsColumnNames();
  for (std::string_view name : names) {
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  }
}

}  // namespace
}  // namespace hoy::cli
