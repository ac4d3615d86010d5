#include "core/monitor/hosts_lookup.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "core/monitor/name_servers.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

DnsQuestion Ask(const std::string& name, DnsType type) {
  DnsQuestion question{};
  question.type = type;
  question.record_class = kInternet;
  std::strcpy(question.name, name.c_str());
  return question;
}

class HostsFile : public testing::Test {
 protected:
  void TearDown() override { unlink(path_.c_str()); }

  void Write(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(path_, text, Durability::kVolatile));
  }
  DnsFindings Find(const std::string& name, DnsType type) {
    DnsFindings findings;
    LookUpInHosts(path_.c_str(), buffer_, Ask(name, type), &findings);
    return findings;
  }
  // "10.0.0.1 10.0.0.2", "-": the name is known, "": it is not.
  std::string Addresses(const std::string& name, DnsType type = DnsType::kA) {
    const DnsFindings findings = Find(name, type);
    std::string text;
    for (size_t i = 0; i < findings.count; ++i) {
      char one[INET6_ADDRSTRLEN];
      const HostAddress& address = findings.addresses[i];
      inet_ntop(address.size == 4 ? AF_INET : AF_INET6, address.bytes, one, sizeof one);
      text += (text.empty() ? "" : " ") + std::string(one);
    }
    return findings.known && text.empty() ? "-" : text;
  }

  std::string path_ = testing::TempDir() + "hoy-lookup-" + std::to_string(getpid());
  char buffer_[kHostsBufferBytes];
};

TEST_F(HostsFile, NamesAreFound) {
  Write(
      "# 10.9.9.9 web\n\n10.0.0.2\tweb 123abc WWW # nobody\n10.0.0.3 other web.\n"
      "fd00::2\tweb\r\n10.0.0.2 web\nnonsense web\n10.0.0.9 last");
  EXPECT_EQ(Addresses("web"), "10.0.0.2 10.0.0.3");
  EXPECT_EQ(Addresses("web", DnsType::kAaaa), "fd00::2");
  EXPECT_EQ(Addresses("web", DnsType::kAny), "10.0.0.2 10.0.0.3 fd00::2");
  EXPECT_EQ(Addresses("www"), "10.0.0.2");
  EXPECT_EQ(Addresses("www", DnsType::kAaaa), "-");
  EXPECT_EQ(Addresses("last"), "10.0.0.9");
  for (const char* unknown : {"we", "webb", "nobody", "10.0.0.2", "nonsense"}) {
    EXPECT_EQ(Addresses(unknown), "") << unknown;
  }
  EXPECT_FALSE(Find("", DnsType::kA).known);
}

TEST_F(HostsFile, AddressesAreFound) {
  Write("10.0.0.2 web 123abc\n10.0.0.2 later\nfd00::1 six\n10.0.0.7\n");
  EXPECT_STREQ(Find("2.0.0.10.in-addr.arpa", DnsType::kPtr).name, "web");
  std::string six = "1.";
  for (int i = 0; i < 29; ++i) six += "0.";
  EXPECT_STREQ(Find(six + "d.f.ip6.arpa", DnsType::kPtr).name, "six");
  EXPECT_FALSE(Find("7.0.0.10.in-addr.arpa", DnsType::kPtr).known);
  EXPECT_FALSE(Find("2.0.0.10.in-addr.arpa", DnsType::kA).known);
}

TEST_F(HostsFile, AnyLengthOfFileAndLineIsRead) {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "\tmember-" +
            std::to_string(i) + " 0123456789ab\n";
  }
  Write(text + "10.2.0.1 " + std::string(2 * kHostsBufferBytes, 'x') + " long\n10.2.0.2 after\n");
  for (int i : {0, 1, 99, 500, 999}) {
    EXPECT_EQ(Addresses("member-" + std::to_string(i)),
              "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  }
  EXPECT_EQ(Addresses("0123456789ab").substr(0, 8), "10.1.0.0");
  EXPECT_EQ(Addresses("long"), "");
  EXPECT_EQ(Addresses("after"), "10.2.0.2");
  Write(std::string(kMostHostsBytes, '\n') + "10.2.0.3 beyond\n");
  EXPECT_EQ(Addresses("beyond"), "");
  Write(std::string("10.2.0.4 we\0b web\n", 18));
  EXPECT_EQ(Addresses("web"), "10.2.0.4");
}

TEST_F(HostsFile, WhatIsNoFileKnowsNothing) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(Addresses("web"), "");
  unlink(path_.c_str());
  EXPECT_EQ(Addresses("web"), "");
}

TEST(HostAddress, IsReadAsTheCLibraryReadsIt) {
  for (const char* text : {"1.2.3.4",
                           "255.255.255.255",
                           "0.0.0.0",
                           "1.2.3",
                           "1.2.3.256",
                           "1.2.3.4.5",
                           "1..3.4",
                           "1.2.3.4 ",
                           "::",
                           "::1",
                           "1::",
                           "fd00:1::2",
                           "1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           ":::",
                           ":1",
                           "1:",
                           "::ffff:1.2.3.4",
                           "1:2:3:4:5:6:1.2.3.4",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3.4.5",
                           "12345::",
                           "g::",
                           "FE80::A",
                           "1:2:3:4::5:6:7",
                           "",
                           "::1:2:3:4:5:6:7",
                           ":",
                           "::1.2.3"}) {
    uint8_t expected[16] = {};
    const size_t size = inet_pton(AF_INET, text, expected) == 1    ? 4
                        : inet_pton(AF_INET6, text, expected) == 1 ? 16
                                                                   : 0;
    HostAddress address;
    const bool read = ParseHostAddress(text, std::strlen(text), &address);
    EXPECT_EQ(read, size != 0) << text;
    if (!read || size == 0) continue;
    EXPECT_EQ(address.size, size) << text;
    EXPECT_EQ(std::memcmp(address.bytes, expected, size), 0) << text;
  }
}

TEST(NameServers, AreReadLineByLine) {
  const std::string text = "192.0.2.1\nnonsense\nfe80::1%3\n127.0.0.53\n::1\n192.0.2.2\n";
  NameServers servers;
  servers.Parse(text.data(), text.size());
  ASSERT_EQ(servers.count, NameServers::kMost);
  const auto& first = reinterpret_cast<const sockaddr_in&>(servers.addresses[0]);
  EXPECT_EQ(first.sin_addr.s_addr, inet_addr("192.0.2.1"));
  EXPECT_EQ(first.sin_port, htons(53));
  const auto& second = reinterpret_cast<const sockaddr_in6&>(servers.addresses[1]);
  EXPECT_EQ(second.sin6_family, AF_INET6);
  EXPECT_EQ(second.sin6_scope_id, 3u);
  EXPECT_EQ(SizeOf(servers.addresses[1]), sizeof(sockaddr_in6));
  servers.Parse("", 0);
  EXPECT_EQ(servers.count, 0u);
}

}  // namespace
}  // namespace hoy::core
