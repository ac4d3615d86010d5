#include "cli/ops/option_values.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace hoy::cli {
namespace {

using core::NamespaceMode;

TEST(OptionValues, ReadsCpusExactly) {
  EXPECT_EQ(*ParseCpus("1"), 1'000'000'000);
  EXPECT_EQ(*ParseCpus("1.5"), 1'500'000'000);
  EXPECT_EQ(*ParseCpus(".1"), 100'000'000);
  EXPECT_EQ(*ParseCpus("0.000000001"), 1);
  EXPECT_EQ(*ParseCpus("2."), 2'000'000'000);
  for (const char* text :
       {"", ".", "-1", "1,5", "1.5.1", "1e3", "0.0000000001", "99999999999", "x", "1.-5", "+1"}) {
    EXPECT_FALSE(ParseCpus(text).has_value()) << text;
  }
}

TEST(OptionValues, ReadsRestartPolicies) {
  using core::RestartMode;
  using core::RestartPolicy;
  EXPECT_EQ(*ParseRestartPolicy(""), (RestartPolicy{RestartMode::kNo, 0}));
  EXPECT_EQ(*ParseRestartPolicy("no"), (RestartPolicy{RestartMode::kNo, 0}));
  EXPECT_EQ(*ParseRestartPolicy("always"), (RestartPolicy{RestartMode::kAlways, 0}));
  EXPECT_EQ(*ParseRestartPolicy("unless-stopped"), (RestartPolicy{RestartMode::kUnlessStopped, 0}));
  EXPECT_EQ(*ParseRestartPolicy("on-failure"), (RestartPolicy{RestartMode::kOnFailure, 0}));
  EXPECT_EQ(*ParseRestartPolicy("on-failure:3"), (RestartPolicy{RestartMode::kOnFailure, 3}));
  for (const char* text :
       {"never", "Always", ":3", "always:3", "no:1", "on-failure:", "on-failure:x", "on-failure:-1",
        "on-failure:1:2", "on-failure:99999999999"}) {
    auto policy = ParseRestartPolicy(text);
    ASSERT_FALSE(policy.has_value()) << text;
    EXPECT_EQ(policy.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(OptionValues, ReadsUlimits) {
  EXPECT_EQ(*ParseUlimit("nofile=1024:2048"), (core::Rlimit{RLIMIT_NOFILE, 1024, 2048}));
  EXPECT_EQ(*ParseUlimit("core=0"), (core::Rlimit{RLIMIT_CORE, 0, 0}));
  EXPECT_EQ(*ParseUlimit("RLIMIT_NPROC=-1"), (core::Rlimit{RLIMIT_NPROC, UINT64_MAX, UINT64_MAX}));
  EXPECT_EQ(*ParseUlimit("stack=8:unlimited"), (core::Rlimit{RLIMIT_STACK, 8, UINT64_MAX}));
  for (const char* text : {"", "nofile", "nofile=", "nofiles=1", "nofile=2:1", "nofile=-1:5",
                           "nofile=-2", "nofile=x", "nofile=1:2:3", "=1"}) {
    auto limit = ParseUlimit(text);
    ASSERT_FALSE(limit.has_value()) << text;
    EXPECT_EQ(limit.error().kind, ErrorKind::kInvalidArgument);
  }
  const std::pair<int, std::string_view> names[] = {
      {RLIMIT_CPU, "cpu"},           {RLIMIT_FSIZE, "fsize"},
      {RLIMIT_DATA, "data"},         {RLIMIT_STACK, "stack"},
      {RLIMIT_CORE, "core"},         {RLIMIT_RSS, "rss"},
      {RLIMIT_NPROC, "nproc"},       {RLIMIT_NOFILE, "nofile"},
      {RLIMIT_MEMLOCK, "memlock"},   {RLIMIT_AS, "as"},
      {RLIMIT_LOCKS, "locks"},       {RLIMIT_SIGPENDING, "sigpending"},
      {RLIMIT_MSGQUEUE, "msgqueue"}, {RLIMIT_NICE, "nice"},
      {RLIMIT_RTPRIO, "rtprio"},     {RLIMIT_RTTIME, "rttime"}};
  for (auto [resource, name] : names) EXPECT_EQ(RlimitName(resource), name);
}

TEST(OptionValues, ReadsDevices) {
  struct Case {
    const char* text;
    const char *host, *container, *access;
  };
  for (const Case& c : {Case{"/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm"},
                        Case{"/dev/fuse:/dev/x", "/dev/fuse", "/dev/x", "rwm"},
                        Case{"/dev/fuse:r", "/dev/fuse", "/dev/fuse", "r"},
                        Case{"/dev/fuse:/dev/x:rw", "/dev/fuse", "/dev/x", "rw"}}) {
    auto device = ParseDevice(c.text);
    ASSERT_TRUE(device.has_value()) << c.text;
    EXPECT_EQ(device->host, c.host);
    EXPECT_EQ(device->container, c.container);
    EXPECT_EQ(device->access, c.access);
  }
  for (const char* text : {"", "dev/fuse", "vendor.com/gpu=0", "/dev/fuse:x", "/dev/a:/dev/b:x",
                           "/dev/a:/dev/b:", "/dev/a:/dev/b:rw:m", ":/dev/a"}) {
    EXPECT_FALSE(ParseDevice(text).has_value()) << text;
  }
}

TEST(OptionValues, AllowsSysctlsOfOwnNamespacesOnly) {
  core::NamespaceModes own;
  core::NamespaceModes shared{NamespaceMode::kHost, NamespaceMode::kHost, NamespaceMode::kHost,
                              NamespaceMode::kHost, NamespaceMode::kHost};
  for (const char* text : {"net.core.somaxconn=1024", "net/ipv4/ip_forward=1", "kernel.shmmax=1",
                           "fs.mqueue.msg_max=5", "kernel.domainname=x"}) {
    EXPECT_TRUE(ParseSysctl(text, own).has_value()) << text;
    auto refused = ParseSysctl(text, shared);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_TRUE(refused.error().message.contains("would change the host"));
  }
  EXPECT_EQ(ParseSysctl("net/ipv4/ip_forward = 1 ", own)->first, "net.ipv4.ip_forward");
  EXPECT_EQ(ParseSysctl("net/ipv4/ip_forward = 1 ", own)->second, "1");
  for (const char* text :
       {"", "=1", "net.core.somaxconn", "vm.swappiness=1", "kernel.hostname=x",
        "kernel.core_pattern=|/x", "net.../../kernel/x=1", "net//x=1", "net.a b=1"}) {
    EXPECT_FALSE(ParseSysctl(text, own).has_value()) << text;
  }
}

TEST(OptionValues, ReadsSecurityOptions) {
  auto security = ParseSecurityOptions({"seccomp=/p.json", "no-new-privileges",
                                        "unmask=/proc/kcore:/sys/*", "mask=/proc/foo",
                                        "apparmor=unconfined", "label=disable", "label:disable"});
  ASSERT_TRUE(security.has_value()) << security.error().message;
  EXPECT_EQ(security->seccomp, core::SeccompMode::kProfile);
  EXPECT_EQ(security->seccomp_file, "/p.json");
  EXPECT_TRUE(security->no_new_privileges);
  EXPECT_EQ(security->unmask, (std::vector<std::string>{"/proc/kcore", "/sys/*"}));
  EXPECT_EQ(security->mask, std::vector<std::string>{"/proc/foo"});
  EXPECT_FALSE(security->unmask_all);

  EXPECT_EQ(ParseSecurityOptions({"seccomp=unconfined"})->seccomp, core::SeccompMode::kUnconfined);
  EXPECT_EQ(ParseSecurityOptions({"seccomp:unconfined"})->seccomp, core::SeccompMode::kUnconfined);
  EXPECT_FALSE(ParseSecurityOptions({"no-new-privileges=false"})->no_new_privileges);
  EXPECT_TRUE(ParseSecurityOptions({"no-new-privileges:true"})->no_new_privileges);
  EXPECT_TRUE(ParseSecurityOptions({"unmask=ALL"})->unmask_all);
  for (const char* text : {"", "seccomp", "seccomp=", "no-new-privileges=maybe", "unmask", "mask=x",
                           "unmask=proc", "apparmor=docker-default", "label=type:x", "magic=1"}) {
    EXPECT_FALSE(ParseSecurityOptions({text}).has_value()) << text;
  }
}

TEST(OptionValues, ReadsEnvFilesAsDockerDoes) {
  auto entries = ParseEnvFile("f",
                              "\xef\xbb\xbf# comment\n"
                              "A=1\n"
                              "  B=two words \r\n"
                              "\n"
                              "   # another\n"
                              "C=\"quotes stay\"\n"
                              "D=x=y # not a comment\n"
                              "IMPORT\n"
                              "EMPTY=");
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  const std::pair<std::string, std::optional<std::string>> expected[] = {
      {"A", "1"},
      {"B", "two words "},
      {"C", "\"quotes stay\""},
      {"D", "x=y # not a comment"},
      {"IMPORT", std::nullopt},
      {"EMPTY", ""}};
  ASSERT_EQ(entries->size(), std::size(expected));
  for (size_t i = 0; i < entries->size(); ++i) {
    EXPECT_EQ((*entries)[i].name, expected[i].first);
    EXPECT_EQ((*entries)[i].value, expected[i].second);
  }
  EXPECT_EQ(ParseEnvFile("f", "=x").error().message,
            "--env-file 'f' '=x': a variable needs a name");
  EXPECT_FALSE(ParseEnvFile("f", "A B=x").has_value());
  for (std::string_view zero : {std::string_view("A=1\0x", 5), std::string_view("A\0=1", 4)}) {
    auto refused = ParseEnvFile("f", zero);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "--env-file 'f': 'A' contains a zero byte");
  }
}

TEST(OptionValues, ReadsLabelFiles) {
  auto labels = ParseLabelFile("f", "a=1\n#x\nb\n");
  ASSERT_TRUE(labels.has_value());
  EXPECT_EQ(*labels, (core::StringPairs{{"a", "1"}, {"b", ""}}));
  EXPECT_FALSE(ParseLabelFile("f", "=1").has_value());
}

TEST(OptionValues, ReadsSizesNumbersAndPolicies) {
  EXPECT_EQ(*ParseSizeFlag("--memory", "64m"), 64 << 20);
  EXPECT_EQ(ParseSizeFlag("--memory", "lots").error().message,
            "--memory 'lots': not a size like 512m or 2g");
  EXPECT_FALSE(ParseSizeFlag("--memory", "1k", 4096).has_value());
  EXPECT_EQ(*ParseNumberFlag("--n", "-1", -1, 5), -1);
  EXPECT_FALSE(ParseNumberFlag("--n", "6", -1, 5).has_value());
  EXPECT_FALSE(ParseNumberFlag("--n", "5x", -1, 5).has_value());
  EXPECT_EQ(*ParsePullPolicy("newer"), PullPolicy::kNewer);
  EXPECT_FALSE(ParsePullPolicy("sometimes").has_value());
}

}  // namespace
}  // namespace hoy::cli
