#include "core/rootfs/users.h"

#include <gtest/gtest.h>
#include <limits.h>

#include "tests/unit/core/rootfs/scratch_root.h"

namespace hoy::core {
namespace {

class Users : public testing::Test {
 protected:
  void SetUp() override {
    layer.File("etc/passwd",
               "root:x:0:0:root:/root:/bin/sh\n"
               "# a comment\n"
               "broken line\n"
               "bad:x:not:a:number:/:\n"
               "app:x:1000:1001:App:/srv/app:/bin/sh\r\n"
               "homeless:x:1002:1002:::\n");
    layer.File("etc/group",
               "root:x:0:\n"
               "audio:x:29:root,app\n"
               "video:x:44:app\n"
               "app:x:1001:\n"
               "dup:x:29:app\n"
               "1234:x:77:\n");
  }
  Result<ResolvedUser> Resolve(const std::string& user,
                               const std::vector<std::string>& groups = {}) {
    auto root = OpenRoot({layer.path()});
    return ResolveUser(root, user, groups);
  }
  ScratchLayer layer;
};

TEST_F(Users, FollowsDockersRules) {
  using Groups = std::vector<gid_t>;
  EXPECT_EQ(*Resolve(""), (ResolvedUser{0, 0, {0, 29}, "root", "/root"}));
  EXPECT_EQ(*Resolve("app"), (ResolvedUser{1000, 1001, {1001, 29, 44}, "app", "/srv/app"}));
  EXPECT_EQ(*Resolve("1000"), *Resolve("app"));
  EXPECT_EQ(*Resolve("app:video"), (ResolvedUser{1000, 44, {44}, "app", "/srv/app"}));
  EXPECT_EQ(*Resolve("app:5"), (ResolvedUser{1000, 5, {5}, "app", "/srv/app"}));
  EXPECT_EQ(*Resolve("4711"), (ResolvedUser{4711, 0, {0}, "", "/"}));
  EXPECT_EQ(*Resolve("4711:4712"), (ResolvedUser{4711, 4712, {4712}, "", "/"}));
  EXPECT_EQ(Resolve(":video")->gid, 44U);
  EXPECT_EQ(Resolve("app:1234")->gid, 77U);  // a group may be named by digits
  EXPECT_EQ(Resolve("homeless")->home, "/");
  EXPECT_EQ(Resolve("4711", {"video", "5", "5"})->groups, (Groups{0, 44, 5}));
}

TEST_F(Users, TakesAsManyGroupsAsTheKernelAndSaysWhenThereAreMore) {
  std::string groups;
  for (int gid = 1; gid <= 70'000; ++gid) {
    groups += fmt::format("g:x:{}:{}\n", gid, gid < NGROUPS_MAX ? "root,app" : "app");
  }
  layer.File("etc/group", groups);
  EXPECT_EQ(Resolve("")->groups.size(), static_cast<size_t>(NGROUPS_MAX));
  auto app = Resolve("app");
  ASSERT_FALSE(app);
  EXPECT_EQ(app.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(
      app.error().message,
      "user 'app' is in 70000 groups of the image's /etc/group: the kernel takes 65536 at most");
}

TEST_F(Users, NamesWhatIsUnknown) {
  auto user = Resolve("nobody");
  ASSERT_FALSE(user.has_value());
  EXPECT_EQ(user.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(user.error().stage, "user");
  EXPECT_EQ(user.error().message, "unknown user 'nobody' in the image");
  EXPECT_EQ(Resolve("app:staff").error().message, "unknown group 'staff' in the image");
  EXPECT_EQ(Resolve("app", {"staff"}).error().message, "unknown group 'staff' in the image");
  EXPECT_EQ(Resolve("bad").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Resolve("-1").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Resolve("2147483648").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Resolve("99999999999999999999").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(Users, WorksWithoutTheFiles) {
  ScratchLayer empty;
  auto root = OpenRoot({empty.path()});
  EXPECT_EQ(*ResolveUser(root, "", {}), (ResolvedUser{0, 0, {0}, "", "/"}));
  EXPECT_EQ(ResolveUser(root, "root", {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(Users, IsNotFooledByHostileFiles) {
  ScratchLayer hostile;
  hostile.Directory("etc");
  ASSERT_EQ(mkfifo(hostile.At("etc/passwd").c_str(), 0666), 0);
  hostile.Link("etc/group", "/etc/group");
  auto root = OpenRoot({hostile.path()});
  EXPECT_EQ(ResolveUser(root, "5", {})->uid, 5U);

  ScratchLayer huge;
  huge.File("etc/passwd", "x");
  ASSERT_EQ(truncate(huge.At("etc/passwd").c_str(), 1L << 40), 0);
  auto huge_root = OpenRoot({huge.path()});
  EXPECT_EQ(ResolveUser(huge_root, "app", {}).error().kind, ErrorKind::kCorrupt);

  ScratchLayer line;
  line.File("etc/passwd", std::string(1 << 20, ':') + "\napp:x:7:7::/:\n");
  auto line_root = OpenRoot({line.path()});
  EXPECT_EQ(ResolveUser(line_root, "app", {})->uid, 7U);
}

}  // namespace
}  // namespace hoy::core
