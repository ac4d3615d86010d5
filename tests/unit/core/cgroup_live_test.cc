#include "core/cgroup/usage.h"
#include "tests/unit/core/cgroup_fixture.h"

namespace hoy::core {
namespace {

TEST_F(CgroupLive, IsMadeAndRemovedWithoutATrace) {
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  EXPECT_EQ(cgroup->location().version, host_.version);
  ASSERT_FALSE(cgroup->location().directories.empty());
  for (const auto& [name, directory] : cgroup->location().directories) {
    EXPECT_TRUE(Exists(directory)) << directory;
    EXPECT_TRUE(directory.ends_with("/hoy-" + request_.id)) << directory;
  }
  EXPECT_EQ(Everywhere("hoy-" + request_.id).size(), cgroup->location().directories.size());
  EXPECT_TRUE(cgroup->devices_enforced());
  ASSERT_OK(cgroup->Remove());
  EXPECT_TRUE(Everywhere("hoy-" + request_.id).empty());
  ASSERT_OK(cgroup->Remove());  // once more is fine
}

TEST_F(CgroupLive, HoldsItsMembersInEveryHierarchy) {
  auto made = Cgroup::Create(request_);
  ASSERT_OK(made);
  // As a later hoy would: from the record alone.
  Cgroup cgroup = Cgroup::Open(made->location());
  Member member(WaitForSignals);
  ASSERT_OK(cgroup.Join(member.pid()));
  auto text = ReadFile(fmt::format("/proc/{}/cgroup", member.pid()));
  ASSERT_OK(text);
  size_t joined = 0;
  for (std::string_view line : Split(*text, '\n')) joined += line.ends_with("hoy-" + request_.id);
  EXPECT_EQ(joined, cgroup.location().directories.size()) << *text;
  EXPECT_EQ(cgroup.Processes().value_or(std::vector<pid_t>{}), std::vector<pid_t>{member.pid()});
  EXPECT_FALSE(cgroup.IsEmpty().value_or(true));

  ASSERT_OK(cgroup.Kill());
  EXPECT_EQ(member.Wait().signal, SIGKILL);
  EXPECT_TRUE(cgroup.IsEmpty().value_or(false));
  ASSERT_OK(cgroup.Remove());
}

TEST_F(CgroupLive, AProcessCanJoinByItself) {
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  std::vector<std::string> files = cgroup->location().SelfJoinFiles();
  std::vector<const char*> paths;
  for (const std::string& file : files) paths.push_back(file.c_str());
  int joined[2];
  ASSERT_EQ(pipe2(joined, O_CLOEXEC), 0);
  Member member([&] {
    size_t failed = 0;
    if (JoinCgroupsAsSelf(paths.data(), paths.size(), &failed) != 0) return 1;
    if (write(joined[1], "j", 1) != 1) return 2;
    return WaitForSignals();
  });
  member.Go();
  close(joined[1]);
  char byte = 0;
  ASSERT_EQ(read(joined[0], &byte, 1), 1);
  close(joined[0]);
  auto text = ReadFile(fmt::format("/proc/{}/cgroup", member.pid()));
  ASSERT_OK(text);
  size_t count = 0;
  for (std::string_view line : Split(*text, '\n')) count += line.ends_with("hoy-" + request_.id);
  EXPECT_EQ(count, files.size()) << *text;
  ASSERT_OK(cgroup->Kill());
  member.Wait();
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, WritesEveryLimit) {
  request_.limits.memory_bytes = 64 * kMiB;
  request_.limits.memory_reservation_bytes = 32 * kMiB;
  request_.limits.nano_cpus = 500'000'000;
  request_.limits.cpu_shares = 512;
  request_.limits.pids_limit = 77;
  request_.limits.cpuset_cpus = "0";
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  EXPECT_EQ(FileOf(*cgroup, "memory", "memory.limit_in_bytes", "memory.max"), "67108864");
  EXPECT_EQ(FileOf(*cgroup, "memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
  EXPECT_EQ(FileOf(*cgroup, "cpu", "cpu.cfs_quota_us", "cpu.max"), v2() ? "50000 100000" : "50000");
  EXPECT_EQ(FileOf(*cgroup, "cpu", "cpu.shares", "cpu.weight"), v2() ? "59" : "512");
  EXPECT_EQ(FileOf(*cgroup, "pids", "pids.max", "pids.max"), "77");
  EXPECT_EQ(FileOf(*cgroup, "cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
  // A cpuset with no memory nodes would take no process.
  Member member([] { return 0; });
  EXPECT_TRUE(cgroup->Join(member.pid()));
  member.Go();
  EXPECT_EQ(member.Wait().code, 0);
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, UpdatesLimitsInBothDirections) {
  request_.limits.memory_bytes = 64 * kMiB;
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  ResourceLimits before = request_.limits;
  for (int64_t size : {256 * kMiB, 32 * kMiB}) {
    ResourceLimits after = before;
    after.memory_bytes = after.memory_swap_bytes = size;
    ASSERT_OK(cgroup->Update(before, after));
    EXPECT_EQ(FileOf(*cgroup, "memory", "memory.limit_in_bytes", "memory.max"),
              std::to_string(size));
    before = after;
  }
  ASSERT_OK(cgroup->Remove());
}

// The quota is refused (a period of zero is none), and so the limits before it go back.
TEST_F(CgroupLive, AnUpdateThatTheKernelRefusesChangesNothing) {
  request_.limits.memory_bytes = 64 * kMiB;
  request_.limits.pids_limit = 50;
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  std::string memory = FileOf(*cgroup, "memory", "memory.limit_in_bytes", "memory.max");
  std::string swap =
      v2() ? "" : FileOf(*cgroup, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
  std::string shares = FileOf(*cgroup, "cpu", "cpu.shares", "cpu.weight");
  ResourceLimits after = request_.limits;
  after.memory_bytes = 256 * kMiB;
  after.cpu_shares = 512;
  after.cpu_period_us = 7;  // ValidateLimits would have caught it
  after.cpu_quota_us = 7;
  after.pids_limit = 20;
  auto updated = cgroup->Update(request_.limits, after);
  ASSERT_FALSE(updated);
  EXPECT_NE(updated.error().message.find("--cpu-quota"), std::string::npos)
      << updated.error().message;
  EXPECT_EQ(FileOf(*cgroup, "memory", "memory.limit_in_bytes", "memory.max"), memory);
  if (!v2()) {
    EXPECT_EQ(FileOf(*cgroup, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max"), swap);
  }
  EXPECT_EQ(FileOf(*cgroup, "cpu", "cpu.shares", "cpu.weight"), shares);
  EXPECT_EQ(FileOf(*cgroup, "pids", "pids.max", "pids.max"), "50");
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, CountsTheProcessesThatTheOomKillerTook) {
  request_.limits.memory_bytes = request_.limits.memory_swap_bytes = 16 * kMiB;
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  EXPECT_EQ(cgroup->OomKills(), 0U);
  Member member([] {
    constexpr size_t kSize = 64 << 20;
    char* memory = static_cast<char*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t at = 0; at < kSize; at += 4096) memory[at] = 1;
    return 0;
  });
  ASSERT_OK(cgroup->Join(member.pid()));
  member.Go();
  EXPECT_EQ(member.Wait().signal, SIGKILL);
  EXPECT_GE(cgroup->OomKills(), 1U);
  EXPECT_EQ(ReadOomKills(cgroup->location().OomFile().c_str()), cgroup->OomKills());
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, BoundsTheNumberOfProcesses) {
  request_.limits.pids_limit = 1;
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  Member member([] {
    pid_t child = fork();
    if (child == 0) _exit(0);
    return child < 0 ? errno : 0;
  });
  ASSERT_OK(cgroup->Join(member.pid()));
  member.Go();
  EXPECT_EQ(member.Wait().code, EAGAIN);
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, FreezesAndThaws) {
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  int ask[2];
  int answer[2];
  ASSERT_EQ(pipe2(ask, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(answer, O_CLOEXEC), 0);
  Member echo([&] {
    char byte = 0;
    while (read(ask[0], &byte, 1) == 1) {
      if (write(answer[1], &byte, 1) != 1) break;
    }
    return 0;
  });
  ASSERT_OK(cgroup->Join(echo.pid()));
  echo.Go();
  char byte = 'x';
  ASSERT_EQ(write(ask[1], &byte, 1), 1);
  ASSERT_EQ(read(answer[0], &byte, 1), 1);

  EXPECT_FALSE(cgroup->IsFrozen());
  ASSERT_OK(cgroup->Freeze());
  EXPECT_TRUE(cgroup->IsFrozen());
  ASSERT_EQ(write(ask[1], &byte, 1), 1);
  pollfd reply{answer[0], POLLIN, 0};
  EXPECT_EQ(poll(&reply, 1, 50), 0) << "a frozen process answered";
  ASSERT_OK(cgroup->Thaw());
  EXPECT_FALSE(cgroup->IsFrozen());
  EXPECT_EQ(read(answer[0], &byte, 1), 1);

  // Killing what is frozen must not need a thaw by hand.
  ASSERT_OK(cgroup->Freeze());
  ASSERT_OK(cgroup->Kill());
  EXPECT_EQ(echo.Wait().signal, SIGKILL);
  ASSERT_OK(cgroup->Remove());
  EXPECT_FALSE(cgroup->IsFrozen());
  for (int fd : {ask[0], ask[1], answer[0], answer[1]}) close(fd);
}

TEST_F(CgroupLive, KillsProcessesThatForkAllTheTime) {
  request_.limits.pids_limit = 40;
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  int started[2];
  ASSERT_EQ(pipe2(started, O_CLOEXEC), 0);
  Member bomb([&] {
    signal(SIGCHLD, SIG_IGN);
    for (int forks = 0;; ++forks) {
      if (fork() < 0 && write(started[1], "f", 1) != 1) return 1;
    }
  });
  ASSERT_OK(cgroup->Join(bomb.pid()));
  bomb.Go();
  char byte = 0;
  ASSERT_EQ(read(started[0], &byte, 1), 1);  // the cgroup is full
  ASSERT_OK(cgroup->Kill());
  EXPECT_EQ(bomb.Wait().signal, SIGKILL);
  ASSERT_OK(cgroup->Remove(20'000));
  close(started[0]);
  close(started[1]);
}

TEST_F(CgroupLive, RemovesWhatTheContainerMadeBelow) {
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  for (const auto& [name, directory] : cgroup->location().directories) {
    for (const char* below : {"/a", "/a/b", "/c"}) {
      ASSERT_EQ(mkdir((directory + below).c_str(), 0755), 0) << directory << below;
    }
  }
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, RefusesToRemoveWhatIsInUseAndNamesTheProcess) {
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  Member member(WaitForSignals);
  ASSERT_OK(cgroup->Join(member.pid()));
  auto removed = cgroup->Remove(10);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::kConflict);
  EXPECT_NE(removed.error().hint.find(std::to_string(member.pid())), std::string::npos)
      << removed.error().hint;

  request_.limits.pids_limit = 3;
  auto again = Cgroup::Create(request_);
  ASSERT_FALSE(again) << "a cgroup in use was taken over";
  EXPECT_EQ(again.error().kind, ErrorKind::kAlreadyExists);

  ASSERT_OK(cgroup->Kill());
  member.Wait();
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, ReplacesTheLeftOverOfACreateThatDied) {
  request_.limits.pids_limit = 3;
  auto dead = Cgroup::Create(request_);
  ASSERT_OK(dead);
  request_.limits = {};
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  EXPECT_EQ(FileOf(*cgroup, "pids", "pids.max", "pids.max"), "max");
  ASSERT_OK(cgroup->Remove());
}

TEST_F(CgroupLive, ALimitThatTheKernelRefusesLeavesNothingBehind) {
  request_.limits.cpuset_cpus = "60000";  // ValidateLimits would have refused it
  auto cgroup = Cgroup::Create(request_);
  ASSERT_FALSE(cgroup);
  EXPECT_EQ(cgroup.error().kind, ErrorKind::kInvalidArgument) << cgroup.error().message;
  EXPECT_NE(cgroup.error().message.find("--cpuset-cpus 60000"), std::string::npos)
      << cgroup.error().message;
}

TEST_F(CgroupLive, DefaultDeviceRulesKeepHostDevicesOut) {
  char directory[] = "/tmp/hoy-cgroup-test-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  std::string kmsg = std::string(directory) + "/kmsg";
  ASSERT_EQ(mknod(kmsg.c_str(), S_IFCHR | 0600, makedev(1, 11)), 0);
  auto open_both = [&] {
    if (open("/dev/null", O_RDWR) < 0) return 1;
    std::string node = kmsg + "-inside";
    if (mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 11)) != 0) return 2;
    return open(kmsg.c_str(), O_RDONLY) < 0 ? 100 + errno : 0;
  };
  auto run = [&] {
    auto cgroup = Cgroup::Create(request_);
    EXPECT_TRUE(cgroup) << cgroup.error().message;
    Member member(open_both);
    EXPECT_TRUE(cgroup->Join(member.pid()));
    member.Go();
    int code = member.Wait().code;
    EXPECT_TRUE(cgroup->Remove());
    unlink((kmsg + "-inside").c_str());
    return code;
  };
  EXPECT_EQ(run(), 100 + EPERM);
  request_.devices = {*ParseDeviceRule("c 1:11 r")};
  EXPECT_EQ(run(), 0);
  request_.devices.push_back({false, 'c', 1, 11, "r"});
  EXPECT_EQ(run(), 100 + EPERM) << "the last rule decides";
  request_.devices.clear();
  request_.all_devices = true;
  EXPECT_EQ(run(), 0);
  std::filesystem::remove_all(directory);
}

TEST_F(CgroupLive, ParentsThatHoyMadeGoWithTheirLastContainer) {
  std::string top = fmt::format("hoy-test-parent-{}", getpid());
  request_.parent = "/" + top + "/inner";
  request_.limits.pids_limit = 9;
  auto first = Cgroup::Create(request_);
  ASSERT_OK(first);
  EXPECT_NE(first->location().Directory("pids").find("/" + top + "/inner/hoy-"), std::string::npos);
  CgroupRequest other = request_;
  other.id += "-b";
  auto second = Cgroup::Create(other);
  ASSERT_OK(second);
  ASSERT_OK(first->Remove());
  EXPECT_FALSE(Everywhere(top).empty());
  ASSERT_OK(second->Remove());
  EXPECT_TRUE(Everywhere(top).empty());
}

TEST_F(CgroupLive, AParentOfTheUsersOwnStays) {
  std::string top = fmt::format("hoy-test-parent-{}", getpid());
  const CgroupHierarchy& hierarchy = v2() ? *host_.Unified() : *host_.Find("pids");
  std::string directory = hierarchy.mountpoint + "/" + top;
  ASSERT_EQ(mkdir(directory.c_str(), 0755), 0);
  request_.parent = "/" + top;
  auto cgroup = Cgroup::Create(request_);
  EXPECT_TRUE(cgroup);
  EXPECT_TRUE(cgroup->Remove());
  EXPECT_EQ(Everywhere(top), std::vector<std::string>{directory});
  EXPECT_EQ(rmdir(directory.c_str()), 0);
}

TEST_F(CgroupLive, ASharedParentMayComeAndGoAtAnyTime) {
  std::string top = fmt::format("hoy-test-parent-{}", getpid());
  auto loop = [&](const std::string& suffix) {
    CgroupRequest mine = request_;
    mine.id += suffix;
    mine.parent = "/" + top;
    for (int i = 0; i < (v2() ? 20 : 50); ++i) {
      auto cgroup = Cgroup::Create(mine);
      ASSERT_OK(cgroup);
      ASSERT_OK(cgroup->Remove());
    }
  };
  std::thread one([&] { loop("-a"); });
  std::thread two([&] { loop("-b"); });
  one.join();
  two.join();
  EXPECT_TRUE(Everywhere(top).empty());
}

TEST_F(CgroupLive, RefusesAParentThatLeadsOut) {
  request_.parent = "/../elsewhere";
  auto cgroup = Cgroup::Create(request_);
  ASSERT_FALSE(cgroup);
  EXPECT_EQ(cgroup.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(CgroupLive, TellsWhatIsUsed) {
  request_.limits.memory_bytes = 64 * kMiB;
  request_.limits.pids_limit = 5;
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  Member member([&] {
    constexpr size_t kSize = 8 << 20;
    char* memory = static_cast<char*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kSize, MADV_NOHUGEPAGE);  // a huge page is one fault
    for (size_t at = 0; at < kSize; at += 4096) memory[at] = 1;
    if (write(ready[1], "r", 1) != 1) return 1;
    return WaitForSignals();
  });
  ASSERT_OK(cgroup->Join(member.pid()));
  member.Go();
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  CgroupUsage usage = ReadUsage(cgroup->location());
  EXPECT_GE(usage.memory_bytes, 7U << 20);
  EXPECT_LE(usage.memory_bytes, 64U << 20);
  EXPECT_EQ(usage.memory_limit_bytes, 64U << 20);
  EXPECT_GE(usage.memory_peak_bytes.value_or(8 << 20), 7U << 20);
  EXPECT_GE(usage.page_faults, 2000U);  // 8 MiB, page by page
  EXPECT_TRUE(usage.major_page_faults);
  EXPECT_EQ(usage.oom_kills.value_or(0), 0U);
  EXPECT_GT(usage.cpu_ns, 0U);
  EXPECT_EQ(ReadCpuUsage(cgroup->location()).has_value(), true);
  EXPECT_EQ(usage.pids, 1U);
  EXPECT_EQ(usage.pids_limit, 5U);
  EXPECT_TRUE(usage.read_bytes);
  // Only v2 knows these, and then it must tell them.
  bool v2 = host_.version == CgroupVersion::kV2;
  EXPECT_EQ(usage.cpu_pressure.has_value(),
            v2 && Exists(cgroup->location().Directory("") + "/cpu.pressure"));
  ASSERT_OK(cgroup->Kill());
  member.Wait();
  ASSERT_OK(cgroup->Remove());
  EXPECT_FALSE(ReadUsage(cgroup->location()).memory_bytes);
  EXPECT_FALSE(ReadUsage({}).cpu_ns);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(CgroupLive, HostInfoListsTheControllers) {
  CgroupHostInfo info = DescribeCgroupHost();
  EXPECT_EQ(info.version, host_.version);
  EXPECT_NE(std::ranges::find(info.controllers, "memory"), info.controllers.end());
  EXPECT_NE(std::ranges::find(info.controllers, "pids"), info.controllers.end());
}

// Only where the machine has v2: in the VM. An empty list makes no tests.

}  // namespace
}  // namespace hoy::core
