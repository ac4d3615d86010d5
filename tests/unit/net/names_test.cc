#include "net/attach/names.h"

#include <gtest/gtest.h>

namespace hoy::net {
namespace {

Endpoint On(std::string network, std::string_view address, std::vector<std::string> names) {
  Endpoint endpoint;
  endpoint.network = std::move(network);
  endpoint.v4 = EndpointAddress{
      .address = IpAddress::Parse(address).value(), .prefix = 24, .gateway = std::nullopt};
  endpoint.names = std::move(names);
  return endpoint;
}

TEST(Names, AContainerKnowsItselfAndTheOthers) {
  NetworkStatus own;
  own.own_names = "web.example.org web";
  own.endpoints = {On("app", "10.1.0.2", {"web"}), On("db", "10.2.0.2", {"store", "web"})};
  const Endpoint others[] = {On("app", "10.1.0.3", {"one", "0123456789ab", "first"}),
                             On("app", "10.1.0.4", {})};
  EXPECT_EQ(MembersText(own, others),
            "10.1.0.2\tweb.example.org web\n"
            "10.2.0.2\tweb.example.org web store\n"
            "10.1.0.3\tone 0123456789ab first\n");
  own.own_names.clear();
  EXPECT_EQ(MembersText(own, {}), "");
}

TEST(Names, WhatTheContainerWroteStays) {
  std::string first = WithMembers("127.0.0.1\tlocalhost", "10.1.0.2\tweb\n");
  EXPECT_TRUE(first.starts_with("127.0.0.1\tlocalhost\n#")) << first;
  std::string second = WithMembers(first + "192.0.2.9 mine\n", "10.1.0.3\tdb\n");
  EXPECT_EQ(second.find("10.1.0.2"), std::string::npos);
  EXPECT_NE(second.find("10.1.0.3\tdb\n"), std::string::npos);
  EXPECT_TRUE(second.ends_with("192.0.2.9 mine\n"));
  EXPECT_EQ(WithMembers(second, "10.1.0.3\tdb\n"), second);
}

TEST(Names, AreThoseOfTheContainerButNotOnTheDefaultNetwork) {
  core::ContainerRecord record;
  record.id = std::string(64, 'a');
  record.name = "web";
  record.config.hostname = "aaaaaaaaaaaa";
  EXPECT_EQ(NamesOf(record, {.network = "app", .aliases = {"www", "web"}}),
            (std::vector<std::string>{"web", "aaaaaaaaaaaa", "www"}));
  EXPECT_TRUE(NamesOf(record, {.network = "bridge"}).empty());
  EXPECT_EQ(OwnNames(record), "aaaaaaaaaaaa");
  record.config.domainname = "example.org";
  EXPECT_EQ(OwnNames(record), "aaaaaaaaaaaa.example.org aaaaaaaaaaaa");
  NetworkStatus status;
  status.endpoints = {On("bridge", "172.17.0.2", {}), On("app", "10.1.0.2", {"web"})};
  EXPECT_EQ(NamedNetworks(status), std::vector<std::string>{"app"});
}

}  // namespace
}  // namespace hoy::net
