// hoy exec on its way into a container that interferes: what is looked up in there hangs, and who
// may trace the process has what that has open.

#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/init/plan.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class ExecStart : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    if (HasFatalFailure()) return;
    // A file system that never answers: nobody reads from its descriptor.
    id_ =
        RunOk({"run", "-d", "--name", "one", "--device", "/dev/fuse", "--cap-add", "SYS_ADMIN",
               Busybox(), "sh", "-c",
               "mkdir /hang && exec 3<>/dev/fuse && mount -i -t fuse -o "
               "fd=3,rootmode=40000,user_id=0,group_id=0 none /hang && echo up; exec sleep 3600"});
    ASSERT_TRUE(Eventually([&] { return RunOk({"logs", "one"}) == "up"; }));
  }

  // Of a start that hangs: the process that is on its way, or that has been forked in there.
  enum class Who { kHelper, kForked };
  int Find(Who who) const {
    int found = 0;
    EXPECT_TRUE(Eventually([&] { return (found = Look(who)) != 0; }));
    return found;
  }
  int Look(Who who) const {
    for (int pid : ProcessesOf(Traces())) {
      const std::string process = fmt::format("/proc/{}", pid);
      const std::string status = ReadFileIfThere(process + "/status");
      const size_t numbers = status.find("NSpid:\t");
      if (numbers == std::string::npos) continue;
      const std::string line = status.substr(numbers + 7, status.find('\n', numbers) - numbers - 7);
      const bool is_inside = line.find('\t') != std::string::npos;
      if (is_inside != (who == Who::kForked)) continue;
      if (Has(ReadFileIfThere(process + "/cgroup"), id_.substr(0, 12)) &&
          Has(ReadFileIfThere(process + "/cmdline"), "hoy-monitor")) {
        return pid;
      }
    }
    return 0;
  }
  // As a tracer in there could have it.
  static Fd StatusSocketOf(int pid) {
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    for (const std::string& name : ListNames(fmt::format("/proc/{}/fd", pid))) {
      const int number = std::stoi(name);
      Fd fd(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
      int type = 0;
      socklen_t size = sizeof type;
      if (fd && getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
          type == SOCK_SEQPACKET) {
        return fd;
      }
    }
    return {};
  }
  bool NothingIsLeft() const {
    return Eventually([&] {
      return ListNames(fmt::format("{}/containers/{}/exec", run(), id_)).empty() &&
             Look(Who::kHelper) == 0 && Look(Who::kForked) == 0;
    });
  }

  std::string id_;
};

TEST_F(ExecStart, EndsWhenItsTimeRunsOut) {
  for (const std::vector<std::string>& words : std::initializer_list<std::vector<std::string>>{
           {"-w", "/hang", "one", "true"}, {"one", "/hang/program"}}) {
    std::vector<std::string> exec = {"exec", "--timeout", "700ms"};
    exec.insert(exec.end(), words.begin(), words.end());
    const Output output = Run(exec);
    EXPECT_EQ(output.code, 124) << output;
    EXPECT_EQ(output.err, "");
    EXPECT_TRUE(NothingIsLeft());
  }
}

// What is frozen does not die.
TEST_F(ExecStart, EndsWhenItsTimeRunsOutInAPausedContainer) {
  Background exec(Hoy({"exec", "--timeout", "2s", "-w", "/hang", "one", "true"}));
  ASSERT_NE(Find(Who::kHelper), 0);
  RunOk({"pause", "one"});
  EXPECT_EQ(exec.Finish().code, 124);
  RunOk({"unpause", "one"});
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(ExecStart, EndsThoughSomebodyElseKeepsItsSocket) {
  Background exec(Hoy({"exec", "--timeout", "2s", "one", "/hang/program"}));
  const int process = Find(Who::kForked);
  ASSERT_NE(process, 0);
  const Fd socket = StatusSocketOf(process);
  ASSERT_TRUE(socket);
  const Output output = exec.Finish();
  EXPECT_EQ(output.code, 124) << output;
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(ExecStart, IsToldWhichProcessItIsByItsGuardAlone) {
  Background exec(Hoy({"exec", "-w", "/hang", "one", "true"}));
  const int process = Find(Who::kHelper);
  ASSERT_NE(process, 0);
  const Fd socket = StatusSocketOf(process);
  ASSERT_TRUE(socket);
  // With ourselves as the process that it is to be.
  core::StartMessage message{core::StartMessageKind::kForked, 0, getpid(), 0};
  const Fd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  iovec part{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = self.get();
  memcpy(CMSG_DATA(item), &passed, sizeof passed);
  ASSERT_EQ(sendmsg(socket.get(), &header, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof message));
  const Output output = exec.Finish();
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(NothingIsLeft());
}

}  // namespace
}  // namespace hoy::test
