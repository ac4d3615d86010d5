#include "core/engine/etc_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/sys/files.h"
#include "tests/support/must_run.h"

namespace hoy::core {
namespace {

TEST(EtcFiles, HostsNameTheContainerTheHostAndWhatWasAdded) {
  ContainerConfig config;
  config.hostname = "one";
  config.domainname = "example.org";
  config.network.extra_hosts = {"db:10.0.0.9", "up:host-gateway", "six:fd00::1"};
  std::string hosts = HostsText(config, "172.17.0.1");
  for (const char* line :
       {"127.0.0.1\tlocalhost\n", "172.17.0.1\thost.containers.internal host.docker.internal\n",
        "10.0.0.9\tdb\n", "172.17.0.1\tup\n", "fd00::1\tsix\n"}) {
    EXPECT_NE(hosts.find(line), std::string::npos) << line << "\n" << hosts;
  }
}

TEST(EtcFiles, TheHostsNamesFollowItsAddress) {
  ContainerConfig config;
  config.network.extra_hosts = {"db:10.0.0.9", "up:host-gateway"};
  EXPECT_TRUE(NamesHost(config.network));
  EXPECT_FALSE(NamesHost({.extra_hosts = {"db:10.0.0.9"}}));
  const std::string none = HostsText(config, "");
  EXPECT_EQ(none.find("host.containers.internal"), std::string::npos) << none;
  EXPECT_EQ(none.find("\tup\n"), std::string::npos) << none;
  EXPECT_NE(none.find("10.0.0.9\tdb\n"), std::string::npos) << none;
  const std::string mine = none + "192.0.2.9 mine\n";
  std::string some = WithHost(mine, config.network, "10.1.0.1");
  EXPECT_NE(some.find("10.1.0.1\thost.containers.internal"), std::string::npos) << some;
  EXPECT_NE(some.find("10.1.0.1\tup\n"), std::string::npos) << some;
  some = WithHost(some + "192.0.2.8 more\n", config.network, "10.2.0.1");
  EXPECT_EQ(some.find("10.1.0.1"), std::string::npos) << some;
  EXPECT_NE(some.find("10.2.0.1\tup\n"), std::string::npos) << some;
  EXPECT_EQ(WithHost(some, config.network, ""), mine + "192.0.2.8 more\n");
}

TEST(EtcFiles, ResolvConfIsTheHostsWithoutItsLoopback) {
  constexpr std::string_view kHost =
      "# made by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch a.example\n"
      "options edns0\n";
  EXPECT_EQ(ResolvText({}, kHost), "nameserver 192.0.2.1\nsearch a.example\noptions edns0\n");
  EXPECT_EQ(ResolvText({}, "nameserver 127.0.0.53\n"), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  NetworkConfig config;
  config.dns = {"127.0.0.1"};
  config.dns_search = {"."};
  config.dns_options = {"ndots:2", "rotate"};
  EXPECT_EQ(ResolvText(config, kHost), "nameserver 127.0.0.1\noptions ndots:2 rotate\n");
  EXPECT_EQ(ResolvText({}, ""), "");
}

TEST(EtcFiles, WithAResolverTheContainerAsksThatAndItAsksTheServers) {
  constexpr std::string_view kHost =
      "nameserver 127.0.0.53\nnameserver fe80::1%eth0\nsearch a.example\noptions edns0\n";
  EXPECT_EQ(ResolvText({}, kHost, "127.0.0.11"),
            "nameserver 127.0.0.11\nsearch a.example\noptions edns0 ndots:0\n");
  EXPECT_EQ(ServersText({}, kHost), "127.0.0.53\nfe80::1%eth0\n");
  EXPECT_EQ(ServersText({}, ""), "8.8.8.8\n8.8.4.4\n");
  NetworkConfig config;
  config.dns = {"127.0.0.1", "192.0.2.1"};
  config.dns_options = {"ndots:2"};
  EXPECT_EQ(ResolvText(config, "", "127.0.0.11"),
            "nameserver 127.0.0.11\nnameserver 127.0.0.1\noptions ndots:2\n");
  EXPECT_EQ(ServersText(config, kHost), "192.0.2.1\n");
  config.dns = {"127.0.0.1"};
  EXPECT_EQ(ServersText(config, kHost), "");
}

TEST(EtcFiles, WritingInPlaceKeepsTheInode) {
  std::string path = testing::TempDir() + "hoy-hosts-" + std::to_string(getpid());
  ASSERT_TRUE(WriteFileAtomically(path, "a long text of more than one line\nhere\n",
                                  Durability::kVolatile));
  struct stat before{};
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  for (const char* text : {"short\n", "longer than it was before that\n"}) {
    auto written = WriteInPlace(path, text);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(ReadFile(path).value_or(""), text);
  }
  struct stat after{};
  ASSERT_EQ(stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  unlink(path.c_str());
}

class HostileEtcFile : public testing::Test {
 protected:
  HostileEtcFile() : path_(testing::TempDir() + "hoy-hosts-" + std::to_string(getpid())) {
    EXPECT_TRUE(WriteFileAtomically(path_, "what was there\n", Durability::kVolatile));
  }
  ~HostileEtcFile() override { unlink(path_.c_str()); }

  std::string path_;
};

// Memory and disk for as much as its size says would be the container's to choose.
TEST_F(HostileEtcFile, AHugeOneCostsNothing) {
  ASSERT_EQ(truncate(path_.c_str(), off_t{1} << 40), 0);
  auto read = ReadEtcFile(path_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  auto written = WriteInPlace(path_, "new\n");
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(ReadEtcFile(path_).value_or(""), "new\n");
}

// Without O_NONBLOCK both would hang here for lease-break-time.
TEST_F(HostileEtcFile, ALeaseHoldsNobodyUp) {
  signal(SIGIO, SIG_IGN);
  for (int kind : {F_RDLCK, F_WRLCK}) {
    Fd holder(open(path_.c_str(), kind == F_RDLCK ? O_RDONLY : O_RDWR));
    ASSERT_EQ(fcntl(holder.get(), F_SETLEASE, kind), 0) << strerror(errno);
    auto written = WriteInPlace(path_, "new\n");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::kConflict);
    if (kind == F_WRLCK) {
      EXPECT_FALSE(ReadEtcFile(path_));
    }
  }
  EXPECT_EQ(ReadEtcFile(path_).value_or(""), "what was there\n");
}

TEST(EtcFiles, WhatHasNoRoomIsNotWrittenInParts) {
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    SKIP_BECAUSE("cannot make a mount namespace: " << strerror(errno));
  }
  std::string directory = testing::TempDir() + "hoy-full-" + std::to_string(getpid());
  ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
  ASSERT_EQ(mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=64k"), 0);
  std::string path = directory + "/hosts";
  const std::string before = "127.0.0.1\tlocalhost\n10.1.0.2\tone\n";
  ASSERT_TRUE(WriteFileAtomically(path, before, Durability::kVolatile));
  std::string text(16 * 4096, 'x');
  (void)WriteFileAtomically(directory + "/rest", text.substr(2 * 4096), Durability::kVolatile);
  auto written = WriteInPlace(path, text);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().system_errno, ENOSPC) << written.error().message;
  EXPECT_EQ(ReadFile(path).value_or(""), before);
  // What fits is written all the same.
  EXPECT_TRUE(WriteInPlace(path, "127.0.0.1\tlocalhost\n"));
  EXPECT_EQ(ReadFile(path).value_or(""), "127.0.0.1\tlocalhost\n");
  umount2(directory.c_str(), MNT_DETACH);
  rmdir(directory.c_str());
}

}  // namespace
}  // namespace hoy::core
