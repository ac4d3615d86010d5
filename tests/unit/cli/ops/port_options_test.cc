#include <gtest/gtest.h>

#include "cli/ops/port_json.h"

namespace hoy::cli {
namespace {

using core::PortBinding;

// "0.0.0.0 8080 -> 80/tcp", one for each binding.
std::string Read(std::string_view text) {
  auto bindings = ParsePublish(text);
  if (!bindings) return "error: " + bindings.error().message;
  std::string all;
  for (const PortBinding& one : *bindings) {
    all += fmt::format("{}{}|{}|{}", all.empty() ? "" : " ", one.host_address, HostPortText(one),
                       PortName(one.container_port, one.protocol));
  }
  return all;
}

TEST(PortOptions, ReadsEveryFormOfPublish) {
  struct Case {
    const char *text, *expected;
  };
  for (const Case& c : {
           Case{"80", "||80/tcp"},
           Case{"8080:80", "|8080|80/tcp"},
           Case{"8080:80/udp", "|8080|80/udp"},
           Case{"80/SCTP", "||80/sctp"},
           Case{":80", "||80/tcp"},
           Case{"0:80", "||80/tcp"},
           Case{"127.0.0.1:8080:80", "127.0.0.1|8080|80/tcp"},
           Case{"127.0.0.1::80", "127.0.0.1||80/tcp"},
           Case{"0.0.0.0:1:2", "0.0.0.0|1|2/tcp"},
           Case{"[::1]:80:80", "::1|80|80/tcp"},
           Case{"::1:80:80", "::1|80|80/tcp"},
           Case{"[2001:DB8::0]::53/udp", "2001:db8::||53/udp"},
           Case{"80-82", "||80/tcp ||81/tcp ||82/tcp"},
           Case{"8080-8082:80-82", "|8080|80/tcp |8081|81/tcp |8082|82/tcp"},
           Case{"127.0.0.1:8080-8081:80-81/udp", "127.0.0.1|8080|80/udp 127.0.0.1|8081|81/udp"},
           Case{"127.0.0.1::80-81", "127.0.0.1||80/tcp 127.0.0.1||81/tcp"},
           Case{"8000-9000:80", "|8000-9000|80/tcp"},
           Case{"80-80:80-80", "|80|80/tcp"},
           Case{"65535:65535", "|65535|65535/tcp"},
           Case{"target=80", "||80/tcp"},
           Case{"target=80,published=8080", "|8080|80/tcp"},
           Case{"published=8080,target=53,protocol=udp", "|8080|53/udp"},
       }) {
    EXPECT_EQ(Read(c.text), c.expected) << c.text;
  }
}

TEST(PortOptions, RefusesWhatIsNoPort) {
  for (const char* text : {"",
                           ":",
                           "::",
                           "x",
                           "80:",
                           "8080:0",
                           "0",
                           "65536",
                           "80:65536",
                           "-1:80",
                           "+1:80",
                           "80/",
                           "80/icmp",
                           "80/tcp/udp",
                           "127.0.0.1:80",
                           "1.2.3:80:80",
                           "host:80:80",
                           "[::1:80:80",
                           "::1]:80:80",
                           "[]:80:80",
                           "[::1]80:80",
                           "80-79",
                           "80-",
                           "-80",
                           "0-5:80",
                           "8080-8081:80-82",
                           "8080:80-81",
                           "1:2:3:4",
                           "8 :80",
                           "target=80,mode=host",
                           "published=80",
                           "target=",
                           "a=b",
                           "target=80,published",
                           "127.0.0.1:8080:80:tcp"}) {
    auto bindings = ParsePublish(text);
    ASSERT_FALSE(bindings) << text << ": " << Read(text);
    EXPECT_EQ(bindings.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_TRUE(bindings.error().message.starts_with(fmt::format("-p '{}': ", text)))
        << bindings.error().message;
  }
}

TEST(PortOptions, TheSameTwiceIsOnceAndTwoForOneIsAnError) {
  EXPECT_EQ(ParsePublishes({"8080:80", "8080:80", "8080:80/udp", "80", "80"})->size(), 3u);
  EXPECT_EQ(ParsePublishes({"127.0.0.1:80:80", "127.0.0.2:80:80", "[::1]:80:80"})->size(), 3u);
  for (const std::vector<std::string>& texts : {std::vector<std::string>{"8080:80", "8080:81"},
                                                {"8080:80", "127.0.0.1:8080:81"},
                                                {"0.0.0.0:8080:80", "127.0.0.1:8080:81"},
                                                {"[::]:1:80", "[::1]:1:81"},
                                                {"8080:80", "8079-8081:80-82"}}) {
    EXPECT_FALSE(ParsePublishes(texts)) << texts[1];
  }
  EXPECT_EQ(ParsePublishes({"8080:80", "8080:81"}).error().message,
            "-p '8080:81': port 8080/tcp of the host leads to port 80 already");
}

TEST(PortOptions, PublishAllAddsWhatIsExposed) {
  std::string names;
  for (const PortBinding& one :
       ExposedBindings({"443/tcp", "53/udp", "8000-8001/tcp", "80/tcp", "rubbish"},
                       *ParsePublishes({"8080:80"}))) {
    names += fmt::format("{}:{} ", one.host_port, PortName(one.container_port, one.protocol));
  }
  EXPECT_EQ(names, "0:443/tcp 0:53/udp 0:8000/tcp 0:8001/tcp ");
}

TEST(PortOptions, WhatIsPublishedIsExposed) {
  core::ContainerConfig config;
  config.exposed_ports = {"443/tcp", "80/tcp"};
  config.network.attachments = {{.network = "bridge"}};
  std::vector<std::string> warnings;
  ASSERT_TRUE(SetPorts({"8080:80", "53/udp"}, true, config, warnings));
  EXPECT_EQ(config.exposed_ports, (std::vector<std::string>{"443/tcp", "53/udp", "80/tcp"}));
  EXPECT_EQ(config.network.ports.size(), 3u);
  EXPECT_TRUE(config.network.publish_all);
  EXPECT_TRUE(warnings.empty());
  // As it was asked for; what -P adds is not in it.
  EXPECT_EQ(PortBindingsOf(config.network),
            Json::parse(R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}]})"));
  EXPECT_EQ(
      OpenPortsJson({{80, "tcp", "0.0.0.0", 8080}, {80, "tcp", "::", 8080}, {1, "tcp", "", 0}}),
      Json::parse(R"({"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},
                            {"HostIp":"::","HostPort":"8080"}],"1/tcp":null})"));
}

TEST(PortOptions, WithoutANetworkOfItsOwnThereIsNothingToPublish) {
  for (core::NamespaceMode mode : {core::NamespaceMode::kPrivate, core::NamespaceMode::kHost}) {
    core::ContainerConfig config;
    config.namespaces.net = mode;
    std::vector<std::string> warnings;
    EXPECT_TRUE(SetPorts({}, false, config, warnings));
    EXPECT_TRUE(warnings.empty());
    EXPECT_TRUE(SetPorts({"80"}, false, config, warnings));
    EXPECT_EQ(warnings.size(), 1u);
  }
  core::ContainerConfig config;
  config.namespaces.net = core::NamespaceMode::kJoined;
  std::vector<std::string> warnings;
  EXPECT_EQ(SetPorts({}, true, config, warnings).error().kind, ErrorKind::kInvalidArgument);
}

TEST(PortOptions, PrintsRangesOfPorts) {
  auto at = [](const char* ip, int host, int container, const char* protocol = "tcp") {
    return OpenPort{static_cast<uint16_t>(container), protocol, ip, static_cast<uint16_t>(host)};
  };
  struct Case {
    std::vector<OpenPort> ports;
    const char* expected;
  };
  for (const Case& c :
       {Case{{}, ""}, Case{{at("0.0.0.0", 8080, 80)}, "0.0.0.0:8080->80/tcp"},
        Case{{at("0.0.0.0", 8080, 80), at("::", 8080, 80)},
             "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"},
        Case{{at("0.0.0.0", 8082, 82), at("0.0.0.0", 8080, 80), at("0.0.0.0", 8081, 81)},
             "0.0.0.0:8080-8082->80-82/tcp"},
        Case{{at("0.0.0.0", 80, 80), at("0.0.0.0", 81, 81), at("0.0.0.0", 90, 82)},
             "0.0.0.0:80-81->80-81/tcp, 0.0.0.0:90->82/tcp"},
        Case{{at("", 0, 443), at("", 0, 80), at("", 0, 81), at("", 0, 53, "udp")},
             "53/udp, 80-81/tcp, 443/tcp"},
        Case{{at("0.0.0.0", 1, 80), at("", 0, 81)}, "0.0.0.0:1->80/tcp, 81/tcp"},
        Case{{at("0.0.0.0", 1, 80), at("127.0.0.1", 2, 81)},
             "0.0.0.0:1->80/tcp, 127.0.0.1:2->81/tcp"},
        Case{{at("0.0.0.0", 8000, 80), at("0.0.0.0", 8001, 80)},
             "0.0.0.0:8000->80/tcp, 0.0.0.0:8001->80/tcp"}}) {
    EXPECT_EQ(PortsText(c.ports), c.expected);
  }
}

TEST(PortOptions, FiltersNameAPortOrARange) {
  EXPECT_TRUE(HasPort("80", "80/tcp"));
  EXPECT_TRUE(HasPort("79-81/tcp", "80/tcp"));
  EXPECT_FALSE(HasPort("80/udp", "80/tcp"));
  EXPECT_FALSE(HasPort("81-90", "80/tcp"));
  EXPECT_FALSE(HasPort("x", "80/tcp"));
}

}  // namespace
}  // namespace hoy::cli
