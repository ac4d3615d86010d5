#include "net/base/address.h"

#include <gtest/gtest.h>

namespace hoy::net {
namespace {

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  EXPECT_EQ(IpAddress::Parse("172.17.0.1")->ToString(), "172.17.0.1");
  EXPECT_EQ(IpAddress::Parse("FD00:0:0::00a")->ToString(), "fd00::a");
  EXPECT_TRUE(IpAddress::Parse("::1")->IsLoopback());
  EXPECT_TRUE(IpAddress::Parse("127.8.9.1")->IsLoopback());
  EXPECT_TRUE(IpAddress::Parse("::")->IsAny());
  EXPECT_TRUE(IpAddress::Parse("0.0.0.0")->IsAny());
  EXPECT_FALSE(IpAddress::Parse("::2")->IsLoopback());
  for (const char* wrong : {"", "1.2.3", "1.2.3.256", "1.2.3.4/8", "fd00::1%eth0", " 1.2.3.4",
                            "01.2.3.4x", "localhost"}) {
    EXPECT_FALSE(IpAddress::Parse(wrong)) << wrong;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(IpAddress::FromBytes("12345"));
}

TEST(IpAddress, CountsOnAcrossBytesUpToItsEnd) {
  EXPECT_EQ(IpAddress::Parse("10.0.255.255")->Plus(1)->ToString(), "10.1.0.0");
  EXPECT_EQ(IpAddress::Parse("10.0.0.0")->Plus(65537)->ToString(), "10.1.0.1");
  EXPECT_EQ(IpAddress::Parse("fd00::ffff:ffff")->Plus(2)->ToString(), "fd00::1:0:1");
  EXPECT_FALSE(IpAddress::Parse("255.255.255.255")->Plus(1));
}

TEST(Subnet, ClearsTheHostPart) {
  EXPECT_EQ(Subnet::Parse("172.18.5.9/16")->ToString(), "172.18.0.0/16");
  EXPECT_EQ(Subnet::Parse("10.1.255.255/25")->ToString(), "10.1.255.128/25");
  EXPECT_EQ(Subnet::Parse("fd00:1:2:3::4/48")->ToString(), "fd00:1:2::/48");
  EXPECT_EQ(Subnet::Parse("1.2.3.4/0")->ToString(), "0.0.0.0/0");
  EXPECT_EQ(Subnet::Parse("172.18.5.9/16", true).error().hint, "the subnet is 172.18.0.0/16");
  for (const char* wrong : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129",
                            "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/+8"}) {
    EXPECT_EQ(Subnet::Parse(wrong).error().kind, ErrorKind::kInvalidArgument) << wrong;
  }
}

TEST(Subnet, KnowsWhatIsInside) {
  Subnet subnet = *Subnet::Parse("172.18.0.0/15");
  EXPECT_TRUE(subnet.Contains(*IpAddress::Parse("172.19.255.255")));
  EXPECT_FALSE(subnet.Contains(*IpAddress::Parse("172.20.0.0")));
  EXPECT_FALSE(subnet.Contains(*IpAddress::Parse("::ac12:0")));
  EXPECT_TRUE(subnet.Overlaps(*Subnet::Parse("172.16.0.0/12")));
  EXPECT_TRUE(subnet.Overlaps(*Subnet::Parse("172.19.4.0/24")));
  EXPECT_FALSE(subnet.Overlaps(*Subnet::Parse("172.20.0.0/16")));
  EXPECT_FALSE(subnet.Contains(*Subnet::Parse("172.16.0.0/12")));
  EXPECT_TRUE(Subnet::Parse("0.0.0.0/0")->Contains(subnet));
  EXPECT_FALSE(Subnet::Parse("::/0")->Overlaps(subnet));
}

TEST(Subnet, LeavesOutTheAddressesNoHostMayHave) {
  auto hosts = [](const char* text) {
    Subnet subnet = *Subnet::Parse(text);
    return subnet.FirstHost().ToString() + " " + subnet.LastHost().ToString();
  };
  EXPECT_EQ(hosts("10.0.0.0/24"), "10.0.0.1 10.0.0.254");
  EXPECT_EQ(hosts("10.0.0.0/31"), "10.0.0.0 10.0.0.1");
  EXPECT_EQ(hosts("10.0.0.7/32"), "10.0.0.7 10.0.0.7");
  EXPECT_EQ(hosts("fd00::/64"), "fd00::1 fd00::ffff:ffff:ffff:ffff");
  EXPECT_EQ(Subnet::Parse("10.4.0.0/22")->last().ToString(), "10.4.3.255");
}

}  // namespace
}  // namespace hoy::net
