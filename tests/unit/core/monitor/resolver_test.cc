#include "core/monitor/resolver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "core/base/fd.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using std::chrono::steady_clock;

// A container that asks as fast as it can has a share of the host's time, and not more; and whoever
// asks in the next second is answered.
TEST(Resolver, WhatIsAskedCostsATenthOfTheTime) {
  const std::string hosts = testing::TempDir() + "hoy-resolver-" + std::to_string(getpid());
  std::string lines;
  while (lines.size() < kMostHostsBytes - 100) lines += "10.0.0.1 somebody else entirely\n";
  ASSERT_TRUE(WriteFileAtomically(hosts, lines + "10.0.0.2 web\n", Durability::kVolatile));

  Fd asked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Fd asker(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(asked.get(), plain, size), 0);
  ASSERT_EQ(getsockname(asked.get(), plain, &size), 0);
  ASSERT_EQ(connect(asker.get(), plain, size), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  auto resolver = std::make_unique<Resolver>();
  // Both are its own from here on.
  resolver->Start(asked.release(), listener.release(), hosts.c_str(), hosts.c_str());

  // What is the address of web, with recursion, under the id 7.
  const std::string query("\0\7\1\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1", 21);
  char answer[512];
  const auto hear = [&] { return recv(asker.get(), answer, sizeof answer, MSG_DONTWAIT); };
  const auto patience = steady_clock::now() + std::chrono::seconds(100);
  int heard = 0;
  while (resolver->fd() >= 0 && steady_clock::now() < patience) {
    (void)send(asker.get(), query.data(), query.size(), MSG_DONTWAIT);
    resolver->Handle();
    while (hear() > 0) ++heard;
  }
  ASSERT_EQ(resolver->fd(), -1) << "it answers for ever";
  EXPECT_GT(heard, 0);
  EXPECT_EQ(answer[1], 7);
  const int64_t due = resolver->due();
  EXPECT_NE(due, INT64_MAX);

  // Until then nobody is heard; then they are.
  (void)send(asker.get(), query.data(), query.size(), MSG_DONTWAIT);
  ssize_t count = -1;
  while (count <= 0 && steady_clock::now() < patience) {
    resolver->Handle();
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    count = hear();
    if (now.tv_sec * 1'000'000'000 + now.tv_nsec < due) {
      ASSERT_LE(count, 0);
    }
  }
  EXPECT_GT(count, 0);
  unlink(hosts.c_str());
}

}  // namespace
}  // namespace hoy::core
