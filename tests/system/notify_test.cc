// NOTIFY_SOCKET: a service manager is told when the container is up.

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
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

TEST_F(Notify, IsSilentWhenAskedToBeAndAfterAFailure) {
  RunShell("true", {"--sdnotify", "ignore"});
  EXPECT_EQ(Run({"run", "--rm", Busybox(), "/no/such/program"}).code, 127);
  EXPECT_EQ(Heard(false), "");
  EXPECT_EQ(Run({"run", "--sdnotify", "container", Busybox(), "true"}).code, 125);
  // A manager that is not there does not keep the container from running.
  env["NOTIFY_SOCKET"] = Path("nobody");
  const Output output = RunShell("echo runs");
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "runs\n");
  EXPECT_NE(output.err.find("warning: "), std::string::npos) << output;
}

}  // namespace
}  // namespace hoy::test
