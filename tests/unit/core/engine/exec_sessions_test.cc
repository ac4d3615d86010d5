#include "core/engine/exec_sessions.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

ExecSession Example() {
  return {.id = std::string(64, 'a'),
          .process = {4711, 123456789, "boot"},
          .started_at = 1'700'000'000'123'456'789,
          .command = {"sh", "-c", "echo \"x\"\n"},
          .user = "app:staff",
          .terminal = true,
          .stdin_open = false,
          .privileged = true};
}

TEST(ExecSessions, ARecordSaysAllThatWasPutIn) {
  auto read = DecodeExecSession(EncodeExecSession(Example()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, Example().id);
  EXPECT_EQ(read->process, Example().process);
  EXPECT_EQ(read->started_at, Example().started_at);
  EXPECT_EQ(read->command, Example().command);
  EXPECT_EQ(read->user, "app:staff");
  EXPECT_TRUE(read->terminal);
  EXPECT_FALSE(read->stdin_open);
  EXPECT_TRUE(read->privileged);
}

TEST(ExecSessions, AnArgumentMayBeAnyBytes) {
  ExecSession session = Example();
  session.command = {"\xff\xfe"};
  auto read = DecodeExecSession(EncodeExecSession(session));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->command.size(), 1u);
}

TEST(ExecSessions, ADamagedRecordIsNone) {
  for (const char* text : {"", "{", "[]", "null", "{\"version\":1}", "{\"id\":3}"}) {
    auto read = DecodeExecSession(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(ExecSessions, ListsTheLivingAndHealsTheDead) {
  std::string scratch = testing::TempDir() + "hoy-exec-XXXXXX";
  ASSERT_NE(mkdtemp(scratch.data()), nullptr);
  const Layout layout{scratch + "/d", scratch + "/r"};
  ASSERT_TRUE(MakeDirectories(layout.RunContainer("c") + "/exec"));
  pid_t dead = fork();
  if (dead == 0) _exit(0);
  waitpid(dead, nullptr, 0);
  auto record = [&](char id, pid_t guard, const std::string& text) {
    auto written = WriteFileAtomically(
        fmt::format("{}/exec/{}.{}", layout.RunContainer("c"), std::string(64, id), guard), text,
        Durability::kVolatile);
    EXPECT_TRUE(written);
  };
  ExecSession living = Example();
  living.process = *IdentityOf(getpid());
  ExecSession ended = Example();
  ended.process.pid = dead;
  record('a', getpid(), EncodeExecSession(living));
  record('b', getpid(), "");                        // about to begin
  record('c', dead, EncodeExecSession(living));     // lost its guard
  record('d', dead, EncodeExecSession(ended));      // left over
  record('e', dead, "");                            // left over
  record('f', getpid(), EncodeExecSession(ended));  // its guard is at it
  auto listed = ListExecSessions(layout, "c");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 2u);
  HealExecSessions(layout, "c", {});
  std::string left;
  auto names = ListDirectory(layout.RunContainer("c") + "/exec");
  ASSERT_TRUE(names);
  for (const std::string& name : *names) left.push_back(name[0]);
  EXPECT_EQ(left, "abcf");
  EXPECT_TRUE(ListExecSessions(layout, "none")->empty());
  EXPECT_TRUE(RemoveTree(scratch));
}

}  // namespace
}  // namespace hoy::core
