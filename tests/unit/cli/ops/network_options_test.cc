#include "cli/ops/network_options.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

using core::NamespaceMode;
using core::NetworkAttachment;
using Strings = std::vector<std::string>;

NetworkChoice Parse(const RunOptions& options, std::string_view fallback = "bridge") {
  auto choice = ParseNetworks(options, fallback);
  EXPECT_TRUE(choice) << choice.error().message;
  return choice.value_or(NetworkChoice());
}

std::string Refusal(const RunOptions& options) {
  auto choice = ParseNetworks(options, "bridge");
  return choice ? "accepted" : choice.error().message;
}

TEST(NetworkOptions, TheDefaultIsWhatIsPreset) {
  EXPECT_EQ(Parse({}).config.attachments, std::vector{NetworkAttachment{.network = "bridge"}});
  EXPECT_TRUE(Parse({}, "none").config.attachments.empty());
  EXPECT_EQ(Parse({}, "host").mode, NamespaceMode::kHost);
  for (const char* name : {"bridge", "default", "private"}) {
    EXPECT_EQ(Parse({.network = {name}}, "none").config.attachments.at(0).network, "bridge");
  }
}

TEST(NetworkOptions, AreAloneOrMany) {
  NetworkChoice joined = Parse({.network = {"container:web"}});
  EXPECT_EQ(joined.mode, NamespaceMode::kJoined);
  EXPECT_EQ(joined.config.container, "web");
  EXPECT_EQ(Parse({.network = {"ns:/run/netns/a"}}).config.path, "/run/netns/a");
  NetworkChoice two = Parse({.network = {"a:ip=10.0.0.2,alias=x,alias=y",
                                         "name=b,ip6=fd00::2,mac-address=02:00:00:00:00:01"},
                             .ip6 = "fd00::9",
                             .network_alias = {"z"}});
  ASSERT_EQ(two.config.attachments.size(), 2u);
  EXPECT_EQ(two.config.attachments[0], (NetworkAttachment{.network = "a",
                                                          .address = "10.0.0.2",
                                                          .address6 = "fd00::9",
                                                          .aliases = {"x", "y", "z"}}));
  EXPECT_EQ(two.config.attachments[1],
            (NetworkAttachment{.network = "b", .address6 = "fd00::2", .mac = "02:00:00:00:00:01"}));
}

TEST(NetworkOptions, DnsAndHosts) {
  NetworkChoice choice =
      Parse({.network = {"host"},
             .dns = {"192.0.2.1"},
             .dns_search = {"."},
             .add_host = {"a:10.0.0.1", "b=[fd00::1]", "c:fd00::2", "d:host-gateway"}});
  EXPECT_EQ(choice.config.extra_hosts,
            (Strings{"a:10.0.0.1", "b:fd00::1", "c:fd00::2", "d:host-gateway"}));
  EXPECT_TRUE(choice.config.HasDns());
}

TEST(NetworkOptions, AreRefusedByName) {
  const std::pair<RunOptions, std::string> cases[] = {
      {{.network = {"none", "a"}}, "--network 'none': not together with others"},
      {{.network = {"a", "a"}}, "--network 'a': given twice"},
      {{.network = {"container:"}}, "--network 'container:': a container is wanted"},
      {{.network = {"ns:rel"}}, "--network 'ns:rel': the path must be absolute"},
      {{.network = {"a:color=red"}},
       "--network 'a:color=red': 'color=red': one of ip=, ip6=, mac=, alias="},
      {{.network = {"a:ip=fd00::1"}},
       "--network 'a:ip=fd00::1': ip 'fd00::1': not an IPv4 address"},
      {{.network = {":ip=10.0.0.1"}}, "--network ':ip=10.0.0.1': the name is missing"},
      {{.network = {"host"}, .ip = "10.0.0.1"}, "--ip cannot be set with --network host"},
      {{.network = {"container:x"}, .dns = {"10.0.0.1"}},
       "--dns and --add-host cannot be set with --network container:x: the files are shared"},
      {{.network_alias = {"x"}}, "--network-alias: the default network knows no names"},
      {{.network = {"a"}, .network_alias = {"a b"}},
       "--network-alias 'a b': only letters, digits, '-', '_' and '.' are allowed"},
      {{.mac_address = "01:00:00:00:00:01"},
       "--mac-address '01:00:00:00:00:01': not the address of one interface, such as "
       "02:42:ac:11:00:02"},
      {{.dns = {"one.one"}}, "--dns 'one.one': not an IP address"},
      {{.dns_search = {"a b"}}, "--dns-search 'a b': one word is wanted"},
      {{.add_host = {"a:10.0.0.1"}, .no_hosts = true}, "--no-hosts: not together with --add-host"},
      {{.add_host = {"a"}}, "--add-host 'a': expected NAME:ADDRESS, or NAME:host-gateway"},
  };
  for (const auto& [options, message] : cases) EXPECT_EQ(Refusal(options), message);
}

TEST(NetworkOptions, HaveANameAsOneWouldTypeThem) {
  core::ContainerConfig config;
  EXPECT_EQ(NetworkModeName(config), "none");
  config.network.attachments = {{.network = "a"}, {.network = "b"}};
  EXPECT_EQ(NetworkModeName(config), "a");
  config.network = {.container = "x"};
  EXPECT_EQ(NetworkModeName(config), "container:x");
  config.network = {.path = "/n"};
  EXPECT_EQ(NetworkModeName(config), "ns:/n");
  config.namespaces.net = NamespaceMode::kHost;
  EXPECT_EQ(NetworkModeName(config), "host");
}

}  // namespace
}  // namespace hoy::cli
