#include "net/attach/link_mark.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::net {
namespace {

TEST(LinkMark, SaysWhoseALinkIs) {
  NetworkRecord network;
  network.name = "web";
  network.id = std::string(64, 'a');
  core::ScratchDirectory one;
  core::ScratchDirectory two;
  const core::Layout layout{one.path(), "/run/hoy"};
  const core::Layout other{two.path(), "/run/hoy"};
  for (const core::Layout& each : {layout, other})
    std::filesystem::create_directory(each.Networks());
  EXPECT_EQ(OwnerOf(layout), std::nullopt);
  const std::string mark = MarkOf(layout, network);
  EXPECT_TRUE(IsMark(mark));
  const std::string owner = OwnerOf(layout).value_or("");
  EXPECT_EQ(owner.size(), 32u);
  EXPECT_EQ(ReadMark(mark), (LinkMark{"web", network.id, owner}));
  EXPECT_EQ(MarkOf(layout, network), mark);
  EXPECT_NE(ReadMark(MarkOf(other, network))->owner, owner);

  const core::Layout nowhere{one.path() + "/nowhere", "/run/hoy"};
  EXPECT_EQ(MarkOf(nowhere, network), "hoy network web");
  network.name = std::string(150, 'n');
  EXPECT_EQ(MarkOf(layout, network), "hoy network " + network.name);
  network.name = std::string(250, 'n');
  EXPECT_EQ(MarkOf(layout, network).size(), 254u);
  for (const char* alias : {"", "hoy network web", "hoy network web aa", "uplink of web"}) {
    EXPECT_EQ(ReadMark(alias), std::nullopt) << alias;
  }
}

}  // namespace
}  // namespace hoy::net
