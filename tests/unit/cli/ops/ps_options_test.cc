#include "cli/ops/ps_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

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

TEST(PsOptions, ShowThreadsTreesAndLabels) {
  EXPECT_EQ(Titles({"-eLf"}), "UID PID PPID LWP C NLWP STIME TTY TIME CMD");
  EXPECT_EQ(Titles({"-L"}), "PID LWP TTY TIME CMD");
  EXPECT_EQ(Titles({"-ejL"}), "PID PGID SID LWP TTY TIME CMD");
  EXPECT_EQ(Titles({"-elL"}), "F S UID PID PPID LWP C PRI NI ADDR SZ WCHAN TTY TIME CMD");
  EXPECT_EQ(Titles({"-T"}), "PID SPID TTY TIME CMD");
  EXPECT_EQ(Titles({"-efT"}), "UID PID SPID PPID C STIME TTY TIME CMD");
  EXPECT_EQ(Titles({"auxH"}), Titles({"aux"}));
  EXPECT_EQ(Titles({"-eZ"}), "LABEL PID TTY TIME CMD");
  EXPECT_EQ(Titles({"axv"}), "PID TTY STAT TIME MAJFL TRS DRS RSS %MEM COMMAND");
  EXPECT_EQ(Titles({"axs"}), "UID PID PENDING BLOCKED IGNORED CAUGHT STAT TTY TIME COMMAND");
  const auto request = [](const std::string& option) {
    return *ParsePsArguments(std::vector<std::string>{option});
  };
  for (const char* option : {"-eLf", "-T", "auxH"}) EXPECT_TRUE(request(option).threads) << option;
  EXPECT_FALSE(request("-ef").threads);
  for (const char* option : {"--forest", "auxf"}) {
    EXPECT_EQ(request(option).tree, PsTree::kForest) << option;
  }
  EXPECT_EQ(request("-eH").tree, PsTree::kIndented);
  EXPECT_FALSE(request("-eH").threads);
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
  EXPECT_EQ(Titles({"auxe"}), "unknown ps option 'e'") << "nobody's environment is shown";
  EXPECT_EQ(Titles({"--forest=yes"}), "unknown ps option '--forest=yes'");
  EXPECT_EQ(Titles({"-p", "1"}), "unknown ps option '-p'");
  EXPECT_EQ(Titles({"-o", "numa"}), "unknown column 'numa'");
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

TEST(PsColumns, ShowWhatFewAskForAsProcpsDoes) {
  core::ProcFacts process = SomeProcess();
  process.tid = 4712;
  process.inner_tid = 8;
  process.users = {1, 1000, 2, 3};
  process.groups = {1, 5, 5, 7};
  process.minor_faults = 131;
  process.major_faults = 2;
  process.code_bytes = 18'048;
  process.data_kib = 224;
  process.stack_kib = 132;
  process.resident_limit = UINT64_MAX;
  process.stack_start = 0x7fff1cac8720;
  process.ignored_signals = 6;
  process.priority = 20;
  EXPECT_EQ(Cell("lwp", process), "4712");
  EXPECT_EQ(Cell("tid", process, true), "8");
  EXPECT_EQ(Cell("suid", process), "2");
  EXPECT_EQ(Cell("fsuser", process), "3");
  EXPECT_EQ(Cell("sgroup", process), "tty");
  EXPECT_EQ(Cell("supgid", process), "5,6");
  EXPECT_EQ(Cell("fname", process), "evil\\x1b[2J");
  EXPECT_EQ(Cell("minflt", process), "131");
  EXPECT_EQ(Cell("pagein", process), "2");
  EXPECT_EQ(Cell("trs", process), "17");
  EXPECT_EQ(Cell("drs", process), "10222");
  EXPECT_EQ(Cell("size", process), "356");
  EXPECT_EQ(Cell("m_size", process), "10485760");
  EXPECT_EQ(Cell("lim", process), "xx");
  EXPECT_EQ(Cell("stackp", process), "00007fff1cac8720");
  EXPECT_EQ(Cell("ignored", process), "0000000000000006");
  EXPECT_EQ(Cell("opri", process), "80");
  EXPECT_EQ(Cell("pri_api", process), "-21");
  EXPECT_EQ(Cell("pri_bar", process), "21");
  EXPECT_EQ(Cell("pri_baz", process), "120");
  EXPECT_EQ(Cell("pri_foo", process), "0");
  EXPECT_EQ(Cell("cls", process), "TS");
  EXPECT_EQ(Cell("rtprio", process), "-");
  EXPECT_EQ(Cell("cuu", process), "18.061");
  process.policy = 2;
  process.realtime_priority = 50;
  EXPECT_EQ(Cell("policy", process), "RR");
  EXPECT_EQ(Cell("rtprio", process), "50");
  process.more_groups.clear();
  EXPECT_EQ(Cell("supgrp", process), "-");
}

// `ps L` of procps 4.0.2, without its own tests (_left), what it asks systemd, libnuma or LXC for
// (lsession lxc machine numa ouid seat slice unit uunit), and nothing else.
TEST(PsColumns, KnowEveryNameThatPsKnows) {
  const std::string names =
      "%cpu %mem ag_id ag_nice args atime blocked bsdstart bsdtime c caught cgname cgroup cgroupns "
      "class cls cmd comm command context cp cpuid cputime cputimes cuc cuu drs dsiz egid egroup "
      "eip esp etime etimes euid euser exe f fgid fgroup flag flags fname fsgid fsgroup fsuid "
      "fsuser fuid fuser gid group ignored intpri ipcns label lastcpu lim longtname lstart luid "
      "lwp m_drs m_size m_trs maj_flt majflt min_flt minflt mntns netns ni nice nlwp oom oomadj "
      "opri pagein pcpu pending pgid pgrp pid pidns pmem policy ppid pri pri_api pri_bar pri_baz "
      "pri_foo priority psr pss rbytes rchars rgid rgroup rops rss rssize rsz rtprio ruid ruser s "
      "sched sess session sgi_p sgi_rss sgid sgroup sid sig sig_block sig_catch sig_ignore "
      "sig_pend sigcatch sigignore sigmask size spid stackp start start_stack start_time stat "
      "state stime suid supgid supgrp suser svgid svgroup svuid svuser sz tgid thcount tid time "
      "timens times tname tpgid trs trss tsig tsiz tt tty tty4 tty8 ucmd ucomm uid uid_hack uname "
      "user userns uss util utsns vsize vsz wbytes wcbytes wchan wchars wname wops zone";
  std::istringstream words(names);
  for (std::string name; words >> name;) EXPECT_NE(FindPsColumn(name), nullptr) << name;
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
