#include "oci/s3/plan.h"

#include <gtest/gtest.h>

namespace hoy::oci {
namespace {

using Paths = std::vector<std::string>;

LocalEntry File(uint64_t size, int64_t time = 1) {
  return {.size = size, .mtime_ns = time, .mode = 0644};
}
LocalEntry Directory(uint32_t mode = 0755) {
  return {.kind = S3Kind::kDirectory, .mode = mode};
}
RemoteEntry Object(std::string key, std::string etag, uint64_t size = 1) {
  return {.directory = key.ends_with('/'), .size = size, .etag = std::move(etag)};
}

// Three trees in one: what a path is like here, there, and was when they were the same.
struct Case {
  LocalTree local;
  RemoteTree remote;
  S3Manifest manifest;

  void There(const std::string& path, RemoteEntry entry) {
    entry.key = "p/" + path + (entry.directory ? "/" : "");
    remote.entries[path] = std::move(entry);
  }
  FetchPlan Fetch() const { return PlanFetch(local, remote, manifest); }
  WriteBackPlan WriteBack() const { return PlanWriteBack(local, remote, manifest); }
};

TEST(S3Plan, DoesNothingWhereNothingChanged) {
  Case c;
  c.local["a"] = File(1);
  c.There("a", Object("a", "one"));
  c.manifest["a"] = {File(1), "one", ""};
  const FetchPlan fetch = c.Fetch();
  EXPECT_TRUE(fetch.downloads.empty() && fetch.removals.empty() && fetch.kept.empty());
  EXPECT_TRUE(c.WriteBack().empty());
  EXPECT_FALSE(HasLocalChanges(c.local, c.manifest));
}

TEST(S3Plan, ComparesAFileWhoseTimeMayHaveBeenPutBack) {
  Case c;
  c.local["a"] = File(1);
  c.local["a"].ctime_ns = 2;
  c.There("a", Object("a", "one"));
  c.manifest["a"] = {File(1), "one", ""};
  EXPECT_TRUE(c.WriteBack().empty()) << "an older hoy did not note it";
  c.manifest["a"].local.ctime_ns = 1;
  EXPECT_EQ(c.WriteBack().compare, Paths{"a"});
  EXPECT_TRUE(HasLocalChanges(c.local, c.manifest));
  c.remote.entries.clear();
  EXPECT_EQ(c.WriteBack().uploads, Paths{"a"});
}

TEST(S3Plan, FetchesWhatIsNewOrChangedThere) {
  Case c;
  c.There("new", Object("new", "x"));
  c.local["changed"] = File(1);
  c.There("changed", Object("changed", "two"));
  c.manifest["changed"] = {File(1), "one", ""};
  EXPECT_EQ(c.Fetch().downloads, (Paths{"changed", "new"}));
  EXPECT_TRUE(c.WriteBack().empty()) << "neither was changed here";
}

TEST(S3Plan, FetchesAnObjectOfTheSameBytesThatIsNewer) {
  Case c;
  c.local["a"] = File(1);
  c.There("a", Object("a", "one"));
  c.remote.entries["a"].modified = "tuesday";
  c.manifest["a"] = {File(1), "one", "monday"};
  EXPECT_EQ(c.Fetch().downloads, Paths{"a"}) << "its mode may be another";
  c.manifest["a"].modified = "";
  EXPECT_TRUE(c.Fetch().downloads.empty()) << "it was uploaded from here";
  EXPECT_EQ(c.Fetch().dated, Paths{"a"});
}

TEST(S3Plan, TakesAwayWhatIsGoneThereDeepestFirst) {
  Case c;
  for (const char* path : {"d/a", "d/b"}) {
    c.local[path] = File(1);
    c.manifest[path] = {File(1), "one", ""};
  }
  c.local["d"] = Directory();
  c.manifest["d"] = {Directory(), "", ""};
  EXPECT_EQ(c.Fetch().removals, (Paths{"d/b", "d/a", "d"}));
}

TEST(S3Plan, KeepsAChangeThatIsNotWrittenBackYet) {
  Case c;
  c.local["both"] = File(2);
  c.There("both", Object("both", "two"));
  c.manifest["both"] = {File(1), "one", ""};
  c.local["gone-there"] = File(2);
  c.manifest["gone-there"] = {File(1), "one", ""};
  c.local["mine"] = File(5);
  const FetchPlan fetch = c.Fetch();
  EXPECT_EQ(fetch.kept, (Paths{"both", "gone-there"}));
  EXPECT_TRUE(fetch.downloads.empty() && fetch.removals.empty());
  const WriteBackPlan back = c.WriteBack();
  EXPECT_EQ(back.uploads, (Paths{"both", "gone-there", "mine"}));
}

TEST(S3Plan, OverwritesWhatBothChangedAndSaysSo) {
  Case c;
  c.local["a"] = File(2);
  c.There("a", Object("a", "two", 9));
  c.manifest["a"] = {File(1), "one", ""};
  EXPECT_EQ(c.WriteBack().uploads, Paths{"a"});
  EXPECT_EQ(c.WriteBack().overwritten, Paths{"a"});
}

TEST(S3Plan, ComparesWhatASyncThatWasKilledMayHaveDone) {
  Case c;
  c.local["a"] = File(1);
  c.There("a", Object("a", "one", 1));
  EXPECT_EQ(c.Fetch().compare, Paths{"a"});
  EXPECT_EQ(c.WriteBack().compare, Paths{"a"});
  c.remote.entries["a"].size = 2;
  EXPECT_EQ(c.Fetch().kept, Paths{"a"});
  EXPECT_EQ(c.WriteBack().overwritten, Paths{"a"});
}

TEST(S3Plan, DeletesWhatIsGoneHereUnlessItChangedThere) {
  Case c;
  c.There("a", Object("a", "one"));
  c.There("b", Object("b", "two"));
  c.There("d", Object("d/", "e"));
  c.There("d/x", Object("d/x", "one"));
  c.manifest["a"] = {File(1), "one", ""};
  c.manifest["b"] = {File(1), "one", ""};
  c.manifest["d"] = {Directory(), "e", ""};
  c.manifest["d/x"] = {File(1), "one", ""};
  const WriteBackPlan back = c.WriteBack();
  EXPECT_EQ(back.deletions, (Paths{"d/x", "d", "a"}));
  EXPECT_EQ(back.forgotten, Paths{"b"});
  EXPECT_EQ(c.Fetch().downloads, Paths{"b"}) << "and it comes back with the next fetch";
}

TEST(S3Plan, DeletesNothingThatItNeverSaw) {
  Case c;
  c.There("theirs", Object("theirs", "one"));
  EXPECT_TRUE(c.WriteBack().empty());
}

TEST(S3Plan, DeletesNothingWhereTheCopyHasWhatItCannotName) {
  Case c;
  for (const char* path : {"a", "d/b/c", "d/bx"}) {
    c.There(path, Object(path, "one"));
    c.manifest[path] = {File(1), "one", ""};
  }
  const WriteBackPlan back = PlanWriteBack(c.local, c.remote, c.manifest, {"a", "d/b"});
  EXPECT_EQ(back.deletions, Paths{"d/bx"});
  EXPECT_TRUE(back.forgotten.empty());
}

TEST(S3Plan, WritesANewModeBack) {
  Case c;
  c.local["d"] = Directory(0700);
  c.There("d", Object("d/", "e"));
  c.manifest["d"] = {Directory(0755), "e", ""};
  EXPECT_EQ(c.WriteBack().uploads, Paths{"d"});
  EXPECT_TRUE(c.WriteBack().overwritten.empty());
}

TEST(S3Plan, PutsADirectoryInThePlaceOfAFile) {
  Case here;
  here.local["a"] = Directory();
  here.local["a/b"] = File(1);
  here.There("a", Object("a", "one"));
  here.manifest["a"] = {File(1), "one", ""};
  EXPECT_EQ(here.WriteBack().uploads, (Paths{"a", "a/b"}));
  EXPECT_EQ(here.WriteBack().deletions, Paths{"a"}) << "the object without the slash";

  Case there;
  there.local["a"] = File(1);
  there.There("a", Object("a/", "e"));
  there.manifest["a"] = {File(1), "one", ""};
  EXPECT_EQ(there.Fetch().removals, Paths{"a"});
  EXPECT_EQ(there.Fetch().downloads, Paths{"a"});
}

TEST(S3Tree, TakesNoKeyThatIsNoPathBelowADirectory) {
  std::vector<S3Object> objects;
  for (const char* key : {"p/../x", "p//x", "p/a/../../x", "p/./x", "p/", "other", "p/ok", "p/a//",
                          "p/sp ace+%2F\xc3\xa9"}) {
    objects.push_back({.key = key, .size = 1, .etag = "e", .modified = ""});
  }
  objects.push_back({.key = "p/" + std::string(300, 'n')});
  objects.push_back({.key = std::string("p/a\0b", 5)});
  objects.push_back({.key = "p/\xff"});
  std::string deep = "p";
  while (deep.size() < kLongestKey) deep += "/" + std::string(100, 'd');
  objects.push_back({.key = deep.substr(0, kLongestKey)});  // no directory could have its place
  const RemoteTree tree = MakeRemoteTree(objects, "p/");
  Paths paths;
  for (const auto& [path, entry] : tree.entries) paths.push_back(path);
  EXPECT_EQ(paths, (Paths{"ok", "sp ace+%2F\xc3\xa9"}));
  EXPECT_EQ(tree.impossible.size(), 10u);
}

TEST(S3Tree, ADirectoryWinsOverAFileOfItsName) {
  const std::vector<S3Object> objects = {
      {.key = "a"}, {.key = "a/b/c"}, {.key = "d"}, {.key = "d/"}};
  const RemoteTree tree = MakeRemoteTree(objects, "");
  EXPECT_TRUE(tree.entries.at("a").directory);
  EXPECT_EQ(tree.entries.at("a").key, "") << "only what is in it tells of it";
  EXPECT_TRUE(tree.entries.at("a/b").directory);
  EXPECT_EQ(tree.entries.at("d").key, "d/");
  EXPECT_EQ(tree.impossible.size(), 2u);
}

}  // namespace
}  // namespace hoy::oci
