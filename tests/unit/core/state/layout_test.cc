#include "core/state/layout.h"

#include <gtest/gtest.h>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

TEST(PrepareLayout, MakesEveryDirectoryThatIsMissingAtEveryCall) {
  ScratchDirectory scratch;
  const Layout layout{.data = scratch.path() + "/d", .run = scratch.path() + "/r"};
  const std::vector<std::string> directories = {
      layout.ImageRefs(), layout.ImageRecords(),  layout.Blobs(),          layout.Ingest(),
      layout.Leases(),    layout.Layers(),        layout.Names(),          layout.Containers(),
      layout.Images(),    layout.RunContainers(), layout.RootMountPoint(), layout.run};
  ASSERT_TRUE(PrepareLayout(layout));
  for (const std::string& removed : directories) {
    ASSERT_TRUE(RemoveTree(removed));
    ASSERT_TRUE(PrepareLayout(layout)) << removed;
    for (const std::string& directory : directories) {
      EXPECT_TRUE(Exists(directory)) << directory << " after " << removed << " went";
    }
  }
}

TEST(PrepareLayout, RefusesWhatANewerHoyWrote) {
  ScratchDirectory scratch;
  const Layout layout{.data = scratch.path() + "/d", .run = scratch.path() + "/r"};
  ASSERT_TRUE(PrepareLayout(layout));
  ASSERT_TRUE(WriteFileAtomically(layout.Version(), "2\n", Durability::kVolatile));
  auto prepared = PrepareLayout(layout);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace hoy::core
