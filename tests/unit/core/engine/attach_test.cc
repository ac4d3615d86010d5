#include "core/engine/attach.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <string>
#include <thread>

#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

// Its welcome tells; it would never answer.
TEST(GiveNetwork, AMonitorOfAnOlderHoyIsNotWaitedFor) {
  const ScratchDirectory top;
  const Layout layout{.data = top / "d", .run = top / "r"};
  const std::string directory = layout.RunContainer("0123456789ab");
  std::filesystem::create_directories(directory);
  const Fd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory + "/" + kAttachSocket;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  std::thread monitor([&] {
    const Fd client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const AttachHeader welcome{AttachKind::kAttached, 0};
    send(client.get(), &welcome, sizeof welcome, MSG_NOSIGNAL);
    char end = 0;
    recv(client.get(), &end, sizeof end, 0);
  });
  const auto given = GiveNetwork(layout, "0123456789ab", {});
  monitor.join();
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(given.error().hint, "restart it: hoy restart 0123456789ab");
}

}  // namespace
}  // namespace hoy::core
