#include "core/sys/proc_facts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>
#include <thread>

namespace hoy::core {
namespace {

TEST(ProcFacts, ReadsTheFieldsBehindAHostileName) {
  auto facts = ParseProcStat(
      "42 (a) R 1 (\n)) S 7 40 39 34816 41 4194304 10 0 0 0 250 50 0 0 20 -5 3 0 9000 8192 12 "
      "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->pid, 42);
  EXPECT_EQ(facts->comm, "a) R 1 (\n)");
  EXPECT_EQ(facts->state, 'S');
  EXPECT_EQ(facts->ppid, 7);
  EXPECT_EQ(facts->pgrp, 40);
  EXPECT_EQ(facts->session, 39);
  EXPECT_EQ(facts->terminal, 34816);
  EXPECT_EQ(facts->terminal_pgrp, 41);
  EXPECT_EQ(facts->user_ticks, 250U);
  EXPECT_EQ(facts->system_ticks, 50U);
  EXPECT_EQ(facts->nice, -5);
  EXPECT_EQ(facts->threads, 3);
  EXPECT_EQ(facts->start_ticks, 9000U);
  EXPECT_EQ(facts->virtual_bytes, 8192U);
  EXPECT_EQ(facts->resident_pages, 12);
  EXPECT_EQ(facts->processor, 1);
}

TEST(ProcFacts, RefusesWhatIsNoStatFile) {
  for (const char* text : {"", "42", "42 (sh", "42 (sh) ", "x (sh) S 1 1 1", ") ("}) {
    EXPECT_FALSE(ParseProcStat(text)) << text;
  }
}

TEST(ProcFacts, ReadsStatus) {
  ProcFacts facts;
  ParseProcStatus(
      "Name:\tsh\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t10 20 \nNStgid:\t42\t7\n"
      "NSpid:\t43\t8\nVmData:\t 224 kB\nVmStk:\t 132 kB\nSigPnd:\t1\nShdPnd:\t2\n"
      "SigBlk:\t4\nSigIgn:\t0000000000000006\nSigCgt:\t8\n"
      "NSpgid:\t40\t1\nNSsid:\t39\t0\nVmLck:\t       8 kB\nCapInh:\t0000000000000001\n"
      "CapPrm:\t00000000a80425fb\nCapEff:\t2\nCapBnd:\t3\nCapAmb:\t4\nSeccomp:\t2\n",
      facts);
  EXPECT_EQ(facts.users, (UserIds{1, 2, 3, 4}));
  EXPECT_EQ(facts.groups, (UserIds{5, 6, 7, 8}));
  EXPECT_EQ(facts.more_groups, (std::vector<uint32_t>{10, 20}));
  EXPECT_EQ(facts.inner_pid, 7);
  EXPECT_EQ(facts.inner_tid, 8);
  EXPECT_EQ(facts.data_kib, 224U);
  EXPECT_EQ(facts.stack_kib, 132U);
  EXPECT_EQ(facts.thread_pending_signals, 1U);
  EXPECT_EQ(facts.pending_signals, 2U);
  EXPECT_EQ(facts.blocked_signals, 4U);
  EXPECT_EQ(facts.ignored_signals, 6U);
  EXPECT_EQ(facts.caught_signals, 8U);
  EXPECT_EQ(facts.inner_pgrp, 1);
  EXPECT_EQ(facts.inner_session, 0);
  EXPECT_EQ(facts.locked_kib, 8U);
  EXPECT_EQ(facts.cap_permitted, 0xa80425fbU);
  EXPECT_EQ(facts.seccomp, 2);
}

TEST(ProcFacts, ListsThreads) {
  std::latch done(1);
  std::jthread other([&] { done.wait(); });
  const std::vector<ProcFacts> threads = ReadThreadFacts(getpid());
  ASSERT_GE(threads.size(), 2U);
  EXPECT_EQ(threads[0].tid, getpid()) << "the first one is the process";
  for (const ProcFacts& thread : threads) EXPECT_EQ(thread.pid, getpid());
  EXPECT_NE(threads[1].tid, getpid());
  done.count_down();
  EXPECT_TRUE(ReadThreadFacts(-1).empty());
}

TEST(ProcFacts, ReadsCommandLines) {
  using namespace std::string_literals;
  EXPECT_EQ(ParseCommandLine("sh\0-c\0\0echo a b\0"s),
            (std::vector<std::string>{"sh", "-c", "", "echo a b"}));
  EXPECT_EQ(ParseCommandLine("nginx: master\0\0\0\0"s), std::vector<std::string>{"nginx: master"});
  EXPECT_TRUE(ParseCommandLine("").empty());
}

TEST(ProcFacts, OfThisVeryProcess) {
  auto facts = ReadProcFacts(getpid());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->pid, getpid());
  EXPECT_EQ(facts->ppid, getppid());
  EXPECT_EQ(facts->users.effective, geteuid());
  EXPECT_FALSE(facts->command_line.empty());
  EXPECT_FALSE(ReadProcFacts(0));
}

}  // namespace
}  // namespace hoy::core
