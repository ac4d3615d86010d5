// NOTIFY_SOCKET: a service manager is told when the container is up.

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Notify : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = Path("notify");
    ASSERT_LT(path.size(), sizeof address.sun_path);
    memcpy(address.sun_path, path.data(), path.size());
    manager_ = Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(bind(manager_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    env["NOTIFY_SOCKET"] = path;
  }
  // The next message; "" when there is none and none is awaited.
  std::string Heard(bool wait) const {
    pollfd slot{manager_.get(), POLLIN, 0};
    poll(&slot, 1, wait ? static_cast<int>(milliseconds(kDeadline).count()) : 0);
    char text[256];
    const ssize_t count = recv(manager_.get(), text, sizeof text, 0);
    return count > 0 ? std::string(text, static_cast<size_t>(count)) : "";
  }

 private:
  Fd manager_;
};

TEST_F(Notify, SaysWhoStandsForTheContainerWhenItIsUp) {
  const std::string id = StartSleeper({"--name", "one"});
  const std::string detached = Heard(true);
  EXPECT_TRUE(detached.ends_with("\nREADY=1\n")) << detached;
  const long monitor =
      Json::parse(std::ifstream(run() + "/containers/" + id + "/state.json"), nullptr, false, true)
          .value("monitor_pid", 0L);
  EXPECT_TRUE(detached.starts_with(fmt::format("MAINPID={}\n", monitor))) << detached;

  Background foreground(Hoy({"run", "--rm", "-i", Busybox(), "cat"}));
  EXPECT_EQ(Heard(true), fmt::format("MAINPID={}\nREADY=1\n", foreground.pid()));
  EXPECT_EQ(foreground.Finish().code, 0);
  // The container itself hears nothing of it.
  EXPECT_EQ(RunShell("echo socket:$NOTIFY_SOCKET").out, "socket:\n");
  EXPECT_NE(Heard(false), "");
}

// It gets the very socket, and hoy leaves the word to it.
TEST_F(Notify, TheContainerItselfMayTell) {
  struct stat socket{};
  ASSERT_EQ(stat(env["NOTIFY_SOCKET"]->c_str(), &socket), 0);
  const std::string wanted = fmt::format("socket:{}\n", socket.st_ino);
  const std::string script = "test -S $NOTIFY_SOCKET && echo socket:$(stat -c %i $NOTIFY_SOCKET)";
  EXPECT_EQ(RunShell(script, {"--sdnotify", "container"}).out, wanted);
  const std::string told = Heard(true);
  EXPECT_TRUE(told.starts_with("MAINPID=")) << told;
  EXPECT_EQ(told.find("READY"), std::string::npos) << told;

  RunOk({"create", "--name", "one", "--sdnotify", "container", "-u", "app", "--read-only",
         Busybox(), "sh", "-c", script});
  EXPECT_EQ(RunOk({"start", "-a", "one"}) + "\n", wanted);
  EXPECT_EQ(Heard(true).find("READY"), std::string::npos);
  RunOk({"create", "--name", "two", Busybox(), "true"});
  RunOk({"start", "two"});
  EXPECT_TRUE(Heard(true).ends_with("\nREADY=1\n"));

  env["NOTIFY_SOCKET"] = "@hoy-test";
  const Output abstract = RunShell("true", {"--sdnotify", "container"});
  EXPECT_EQ(abstract.code, 125) << abstract;
  EXPECT_EQ(RunShell("echo $NOTIFY_SOCKET", {"--sdnotify", "container", "--network", "host"}).out,
            "@hoy-test\n");
  env["NOTIFY_SOCKET"] = std::nullopt;
  EXPECT_EQ(RunShell("echo socket:$NOTIFY_SOCKET", {"--sdnotify", "container"}).out, "socket:\n");
}

TEST_F(Notify, IsSilentWhenAskedToBeAndAfterAFailure) {
  RunShell("true", {"--sdnotify", "ignore"});
  EXPECT_EQ(Run({"run", "--rm", Busybox(), "/no/such/program"}).code, 127);
  EXPECT_EQ(Heard(false), "");
  EXPECT_EQ(Run({"run", "--sdnotify", "anybody", Busybox(), "true"}).code, 125);
  // A manager that is not there does not keep the container from running.
  env["NOTIFY_SOCKET"] = Path("nobody");
  const Output output = RunShell("echo runs");
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "runs\n");
  EXPECT_NE(output.err.find("warning: "), std::string::npos) << output;
}

}  // namespace
}  // namespace hoy::test
