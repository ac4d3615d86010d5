#include "core/sys/fd_packet.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "core/base/fd.h"

namespace hoy::core {
namespace {

TEST(FdPacket, TakesAsManyDescriptorsAsTheKernelAndNoMore) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const Fd sender(ends[0]);
  const Fd receiver(ends[1]);
  const std::vector<int> fds(kMaxPacketFds + 1, sender.get());
  char byte = 'x';
  errno = 0;
  EXPECT_EQ(SendPacket(sender.get(), &byte, 1, fds.data(), fds.size()), -1);
  EXPECT_EQ(errno, E2BIG);
  EXPECT_EQ(SendPacket(sender.get(), &byte, 1, fds.data(), kMaxPacketFds), 1);
  PacketFds received;
  EXPECT_EQ(ReceivePacket(receiver.get(), &byte, 1, &received), 1);
  EXPECT_EQ(received.count, kMaxPacketFds);
  for (size_t i = 0; i < received.count; ++i) close(received.fds[i]);
}

}  // namespace
}  // namespace hoy::core
