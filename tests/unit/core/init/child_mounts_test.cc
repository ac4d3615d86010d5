#include "core/init/child_mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/core/rootfs/scratch_root.h"

namespace hoy::core {
namespace {

// In a mount namespace beside the one that we ask, changed into a root of our own.
TEST(OpenTreeIn, ComesBackToItsOwnRootAndWorkingDirectory) {
  ScratchLayer place;
  place.File("root/mark", "");
  place.File("root/here/note", "");
  place.Directory("root/proc");
  pid_t child = fork();
  if (child == 0) {
    int other = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    std::string root = place.At("root");
    std::string proc = root + "/proc";
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_PRIVATE | MS_REC, nullptr) != 0 ||
        mount("/proc", proc.c_str(), "", MS_BIND | MS_REC, nullptr) != 0 ||
        chroot(root.c_str()) != 0 || chdir("/here") != 0) {
      _exit(9);
    }
    int tree = OpenTreeIn(other, "/", 0);
    if (tree < 0 || faccessat(tree, place.path().c_str() + 1, F_OK, 0) != 0) _exit(1);
    if (OpenTreeIn(other, "/no/such", 0) >= 0 || errno != ENOENT) _exit(2);
    if (access("/mark", F_OK) != 0) _exit(3);
    _exit(access("note", F_OK) == 0 ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0)
      << "1: the tree; 2: errno; 3: the root; 4: the directory; 9: set-up";
}

}  // namespace
}  // namespace hoy::core
