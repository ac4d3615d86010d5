#include "core/state/layout.h"

#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/state/run_owner.h"
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

TEST(PrepareLayout, NotesWhoseRunItIs) {
  ScratchDirectory scratch;
  const Layout first{.data = scratch.path() + "/first", .run = scratch.path() + "/run"};
  ASSERT_TRUE(PrepareLayout(first));
  EXPECT_EQ(OtherRunOwner(first), std::nullopt);
  const Layout second{.data = scratch.path() + "/second", .run = first.run};
  ASSERT_TRUE(PrepareLayout(second));
  EXPECT_EQ(OtherRunOwner(second), first.data);
  EXPECT_EQ(OtherRunOwner(first), std::nullopt);
  // Nobody's any more.
  ASSERT_TRUE(RemoveTree(first.data));
  EXPECT_EQ(OtherRunOwner(second), std::nullopt);
}

// Another user may make it first where everybody may write, with all that is looked for in it.
TEST(PrepareLayout, TrustsOnlyWhatIsOurs) {
  ScratchDirectory scratch;
  const Layout layout{.data = scratch.path() + "/d", .run = scratch.path() + "/r"};
  ASSERT_TRUE(PrepareLayout(layout));
  auto refusal = [&]() -> std::string {
    auto prepared = PrepareLayout(layout);
    if (prepared) return "none";
    EXPECT_EQ(prepared.error().kind, ErrorKind::kPermission);
    EXPECT_FALSE(prepared.error().hint.empty());
    return prepared.error().message;
  };
  EXPECT_EQ(refusal(), "none");
  ASSERT_EQ(chmod(layout.run.c_str(), 0770), 0);
  EXPECT_EQ(refusal(), fmt::format("other users may write to '{}'", layout.run));
  ASSERT_EQ(chmod(layout.run.c_str(), 0755), 0);
  EXPECT_EQ(refusal(), "none");

  const std::string elsewhere = scratch.path() + "/elsewhere";
  ASSERT_EQ(rename(layout.run.c_str(), elsewhere.c_str()), 0);
  ASSERT_EQ(symlink(elsewhere.c_str(), layout.run.c_str()), 0);
  EXPECT_EQ(refusal(), "none") << "we made the link ourselves";
  if (geteuid() == 0) {
    ASSERT_EQ(lchown(layout.run.c_str(), 4711, 4711), 0);
    EXPECT_EQ(refusal(),
              fmt::format("'{}' belongs to user 4711, and hoy runs as user 0", layout.run));
  }
  ASSERT_EQ(unlink(layout.run.c_str()), 0);
  ASSERT_EQ(rename(elsewhere.c_str(), layout.run.c_str()), 0);

  ASSERT_EQ(unlink(layout.Version().c_str()), 0);
  ASSERT_EQ(chmod(layout.data.c_str(), 0777), 0);
  EXPECT_EQ(refusal(), fmt::format("other users may write to '{}'", layout.data));
}

TEST(PrepareLayout, RefusesWhatANewerHoyWrote) {
  ScratchDirectory scratch;
  const Layout layout{.data = scratch.path() + "/d", .run = scratch.path() + "/r"};
  ASSERT_TRUE(PrepareLayout(layout));
  ASSERT_TRUE(WriteFileAtomically(layout.Version(), "1\n", Durability::kVolatile));
  ASSERT_TRUE(PrepareLayout(layout));
  EXPECT_EQ(ReadFile(layout.Version()).value(), "2\n") << "an older one's is taken over";
  ASSERT_TRUE(WriteFileAtomically(layout.Version(), "3\n", Durability::kVolatile));
  auto prepared = PrepareLayout(layout);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace hoy::core
