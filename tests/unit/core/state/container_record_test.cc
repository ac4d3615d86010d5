#include "core/state/container_record.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/state/abandoned.h"
#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

namespace fs = std::filesystem;

class Containers : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(PrepareLayout(layout_).has_value()); }

  static std::string Id(const std::string& start) {
    return start + std::string(64 - start.size(), '0');
  }
  ContainerRecord Record(const std::string& id_start, const std::string& name) {
    ContainerRecord record;
    record.id = Id(id_start);
    record.name = name;
    record.created = 42;
    record.config.process.args = {"sh", "-c", "exit"};
    record.config.image.reference = "busybox";
    record.config.labels = {{"k", "v"}};
    return record;
  }
  void Create(const std::string& id_start, const std::string& name) {
    auto created = CreateContainer(layout_, Record(id_start, name));
    ASSERT_TRUE(created.has_value()) << created.error().message;
  }
  std::string Find(const std::string& typed) {
    auto found = FindContainer(layout_, typed);
    return found ? *found : "!" + found.error().message;
  }
  std::vector<std::string> OnDisk() { return *ListDirectory(layout_.Containers()); }

  ScratchDirectory top_;
  Layout layout_{top_ / "d", top_ / "r"};
};

TEST_F(Containers, AreReadAsTheyWereCreated) {
  for (bool auto_remove : {false, true}) {
    ContainerRecord record = Record(auto_remove ? "b" : "a", auto_remove ? "two" : "one");
    record.config.auto_remove = auto_remove;
    ASSERT_TRUE(CreateContainer(layout_, record).has_value());
    auto read = ReadContainer(layout_, record.id);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->config, record.config);
    EXPECT_EQ(read->name, record.name);
    EXPECT_EQ(read->created, 42);
    auto summary = ReadSummary(layout_, record.id);
    ASSERT_TRUE(summary.has_value());
    EXPECT_EQ(summary->command, record.config.process.args);
    EXPECT_EQ(summary->labels, record.config.labels);
    EXPECT_EQ(summary->auto_remove, auto_remove);
    for (const char* name : {"upper", "work"}) {
      EXPECT_TRUE(fs::is_directory(layout_.Container(record.id) + "/" + name)) << name;
    }
  }
  EXPECT_EQ(ReadContainer(layout_, Id("c")).error().kind, ErrorKind::kNotFound);
}

TEST_F(Containers, AreFoundByNameIdAndPrefix) {
  Create("abc1", "web");
  Create("abd2", "db");
  EXPECT_EQ(Find("web"), Id("abc1"));
  EXPECT_EQ(Find(Id("abd2")), Id("abd2"));
  EXPECT_EQ(Find("abc"), Id("abc1"));
  EXPECT_EQ(FindContainer(layout_, "ab").error().kind, ErrorKind::kConflict);
  for (const char* typed : {"", "x", "ABC", "abe", "../containers", ".new-x", "a/b", "web "}) {
    auto found = FindContainer(layout_, typed);
    ASSERT_FALSE(found.has_value()) << typed;
    EXPECT_EQ(found.error().kind, ErrorKind::kNotFound) << typed;
  }
  EXPECT_EQ(FindContainer(layout_, Id("abc1") + "0").error().kind, ErrorKind::kNotFound);
}

TEST_F(Containers, ANameBeatsAPrefix) {
  Create("abc1", "web");
  Create("fff", "abc");
  EXPECT_EQ(Find("abc"), Id("fff"));
  EXPECT_EQ(Find("abc1"), Id("abc1"));
}

TEST_F(Containers, NearNamesAreSuggested) {
  Create("a", "webserver");
  EXPECT_EQ(FindContainer(layout_, "webservr").error().hint, "did you mean 'webserver'?");
  EXPECT_EQ(FindContainer(layout_, "database").error().hint, "");
}

TEST_F(Containers, ANameIsTakenOnce) {
  Create("a", "one");
  auto second = CreateContainer(layout_, Record("b", "one"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(OnDisk(), std::vector<std::string>{Id("a")}) << "the loser leaves nothing";
  {
    auto lock = ContainerLock::Acquire(layout_, Id("a"));
    ASSERT_TRUE(lock.has_value());
    ASSERT_TRUE(RemoveContainer(layout_, Id("a"), "one").has_value());
  }
  Create("b", "one");
  EXPECT_EQ(Find("one"), Id("b"));
}

TEST_F(Containers, ManyCreatorsOfOneNameGiveOneContainer) {
  std::atomic<int> made = 0;
  std::vector<std::thread> creators;
  for (int i = 0; i < 8; ++i) {
    creators.emplace_back([&, i] {
      if (CreateContainer(layout_, Record(std::string(1, static_cast<char>('0' + i)), "one")))
        ++made;
    });
  }
  for (std::thread& creator : creators) creator.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(OnDisk().size(), 1u);
}

// It looks abandoned before its creator has locked it.
TEST_F(Containers, AreNotTakenAwayWhileTheyAreMade) {
  std::atomic<bool> done = false;
  std::vector<std::thread> cleaners;
  for (int i = 0; i < 2; ++i) {
    cleaners.emplace_back([&, i] {
      while (!done) i == 0 ? RemoveAbandoned(layout_) : (void)ListAbandoned(layout_.Containers());
    });
  }
  for (int i = 100; i < 400; ++i) {
    ContainerRecord record = Record(std::to_string(i), fmt::format("c{}", i));
    record.config.auto_remove = true;
    auto created = CreateContainer(layout_, record);
    EXPECT_TRUE(created.has_value()) << created.error().message;
  }
  done = true;
  for (std::thread& cleaner : cleaners) cleaner.join();
  EXPECT_EQ(OnDisk().size(), 300u);
}

TEST_F(Containers, ANameOfADeadCreatorIsFree) {
  fs::create_symlink(Id("dead"), layout_.Name("one"));
  EXPECT_EQ(FindContainer(layout_, "one").error().kind, ErrorKind::kNotFound);
  fs::create_symlink(Id("dead"), layout_.Name("two"));
  Create("a", "two");
  EXPECT_EQ(Find("two"), Id("a"));
}

TEST_F(Containers, ANameOfALivingCreatorIsTaken) {
  fs::create_directory(layout_.Containers() + "/.new-" + Id("busy"));
  Fd creating = *OpenDirectory(layout_.Containers() + "/.new-" + Id("busy"));
  ASSERT_TRUE(*TryLockFile(creating, LockMode::kExclusive));
  fs::create_symlink(Id("busy"), layout_.Name("one"));
  EXPECT_EQ(CreateContainer(layout_, Record("a", "one")).error().kind, ErrorKind::kAlreadyExists);
  creating.reset();
  Create("a", "one");
}

TEST_F(Containers, WhatTheDeadLeftIsRemovedAndWhatTheLivingDoIsNot) {
  for (const char* name : {"/.new-dead", "/.gone-dead", "/.new-busy"}) {
    fs::create_directories(layout_.Containers() + name + "/upper");
  }
  Create("a", "one");
  Fd busy = *OpenDirectory(layout_.Containers() + "/.new-busy");
  ASSERT_TRUE(*TryLockFile(busy, LockMode::kExclusive));
  RemoveAbandoned(layout_);
  EXPECT_EQ(OnDisk(), (std::vector<std::string>{".new-busy", Id("a")}));
  EXPECT_EQ(*ListContainerIds(layout_), std::vector<std::string>{Id("a")});
}

TEST_F(Containers, RemovalTakesNameAndFiles) {
  Create("a", "one");
  PutFile(layout_.Container(Id("a")) + "/upper/file", "x");
  auto lock = ContainerLock::Acquire(layout_, Id("a"));
  ASSERT_TRUE(lock.has_value());
  ASSERT_TRUE(RemoveContainer(layout_, Id("a"), "one").has_value());
  EXPECT_TRUE(OnDisk().empty());
  EXPECT_TRUE(ListDirectory(layout_.Names())->empty());
  EXPECT_EQ(ContainerLock::Acquire(layout_, Id("a")).error().kind, ErrorKind::kNotFound);
}

TEST_F(Containers, ALockThatWasWaitedForDuringTheRemovalIsNotFound) {
  Create("a", "one");
  auto lock = std::make_unique<ContainerLock>(*ContainerLock::Acquire(layout_, Id("a")));
  std::optional<ErrorKind> answer;
  std::thread waiter([&] {
    auto second = ContainerLock::Acquire(layout_, Id("a"));
    if (!second) answer = second.error().kind;
  });
  ASSERT_TRUE(RemoveContainer(layout_, Id("a"), "one").has_value());
  lock.reset();
  waiter.join();
  EXPECT_EQ(answer, ErrorKind::kNotFound);
}

TEST_F(Containers, ARenameKeepsTheRest) {
  Create("a", "one");
  Create("b", "two");
  auto rename = [&](const std::string& name) {
    auto record = ReadContainer(layout_, Id("a"));
    return RenameContainer(layout_, *std::move(record), name);
  };
  auto taken = rename("two");
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Find("one"), Id("a"));
  ASSERT_TRUE(rename("three").has_value());
  EXPECT_EQ(Find("three"), Id("a"));
  EXPECT_EQ(Find("one").substr(0, 1), "!");
  EXPECT_EQ(ReadContainer(layout_, Id("a"))->config, Record("a", "one").config);
  EXPECT_EQ(*ListDirectory(layout_.Names()), (std::vector<std::string>{"three", "two"}));
}

// A rename that was killed before, or after, it wrote the record.
TEST_F(Containers, TheSecondNameOfAKilledRenameIsFree) {
  for (const char* left : {"new", "old"}) {
    Create("a", "one");
    fs::create_symlink(Id("a"), layout_.Name(left));
    EXPECT_EQ(Find(left), Id("a"));
    {
      // Unless the rename is still at work.
      auto lock = ContainerLock::Acquire(layout_, Id("a"));
      EXPECT_FALSE(CreateContainer(layout_, Record("b", left)).has_value());
    }
    Create("b", left);
    EXPECT_EQ(Find(left), Id("b"));
    EXPECT_EQ(Find("one"), Id("a"));
    ASSERT_TRUE(RemoveContainer(layout_, Id("a"), "one").has_value());
    ASSERT_TRUE(RemoveContainer(layout_, Id("b"), left).has_value());
  }
  // The same rename again finishes it.
  Create("a", "one");
  fs::create_symlink(Id("a"), layout_.Name("two"));
  ASSERT_TRUE(RenameContainer(layout_, Record("a", "one"), "two").has_value());
  EXPECT_EQ(*ListDirectory(layout_.Names()), std::vector<std::string>{"two"});
}

TEST_F(Containers, AnAmbiguousPrefixListsTheCandidates) {
  Create("ab1", "one");
  Create("ab2", "two");
  auto found = FindContainer(layout_, "ab");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(found.error().hint, "it may be ab1000000000 (one), ab2000000000 (two)");
  for (int i = 0; i < 9; ++i) {
    Create("ab3" + std::to_string(i), "more" + std::to_string(i));
  }
  EXPECT_TRUE(FindContainer(layout_, "ab").error().hint.ends_with(", and 3 more"))
      << FindContainer(layout_, "ab").error().hint;
}

TEST_F(Containers, ThePolicyIsInTheSummary) {
  ContainerRecord record = Record("a", "one");
  record.config.restart = {RestartMode::kOnFailure, 5};
  ASSERT_TRUE(CreateContainer(layout_, record).has_value());
  EXPECT_EQ(ReadSummary(layout_, record.id)->restart, record.config.restart);
  EXPECT_EQ(ReadContainer(layout_, record.id)->config.restart, record.config.restart);
}

TEST_F(Containers, ADamagedRecordIsCorrupt) {
  Create("a", "one");
  for (const char* text : {"", "{}", "nonsense\n{}", "{\"id\":3}\n{}", "{}\nnonsense"}) {
    PutFile(layout_.Container(Id("a")) + "/record.json", text);
    auto read = ReadContainer(layout_, Id("a"));
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace hoy::core
