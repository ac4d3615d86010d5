#include "core/monitor/resolver_streams.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

class Streams : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteFileAtomically(hosts_, "10.0.0.2 web\n", Durability::kVolatile));
    // A connection to everybody is refused by the kernel itself.
    ASSERT_TRUE(
        WriteFileAtomically(servers_, "255.255.255.255\n255.255.255.255\n", Durability::kVolatile));
    files_->hosts = hosts_.c_str();
    files_->servers = servers_.c_str();
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* plain = reinterpret_cast<sockaddr*>(&address_);
    socklen_t size = sizeof address_;
    ASSERT_EQ(bind(listener_.get(), plain, size), 0);
    ASSERT_EQ(listen(listener_.get(), 64), 0);
    ASSERT_EQ(getsockname(listener_.get(), plain, &size), 0);
    streams_->Start(epoll_.get(), listener_.get(), files_.get());
  }
  void TearDown() override {
    unlink(hosts_.c_str());
    unlink(servers_.c_str());
  }

  // It waits for the connection to be accepted.
  Fd Connect() {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_), 0);
    Turn();
    return fd;
  }
  // All that is ready, at least one event.
  void Turn() {
    epoll_event events[16];
    int count = epoll_wait(epoll_.get(), events, 16, 60'000);
    ASSERT_GT(count, 0);
    for (int i = 0; i < count; ++i) {
      auto kind = static_cast<ResolverEvent>(events[i].data.u64 >> 32);
      auto place = static_cast<size_t>(events[i].data.u64 & 0xffffffff);
      if (kind == ResolverEvent::kListener) {
        streams_->Accept();
      } else {
        streams_->Handle(kind, place, events[i].events);
      }
    }
  }
  static void Ask(const Fd& fd, const std::string& name) {
    std::string query("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
    query += static_cast<char>(name.size()) + name + std::string("\0\0\1\0\1", 5);
    query.insert(0, std::string(1, '\0') + static_cast<char>(query.size()));
    ASSERT_EQ(send(fd.get(), query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
  }
  // The code of the answer; -1: the connection has been closed.
  static int Code(const Fd& fd) {
    uint8_t bytes[512];
    if (recv(fd.get(), bytes, 2, MSG_WAITALL) != 2) return -1;
    const size_t size = DnsId(bytes);
    if (size > sizeof bytes) return -1;
    if (recv(fd.get(), bytes, size, MSG_WAITALL) != static_cast<ssize_t>(size)) return -1;
    return static_cast<int>(DnsCodeOf(bytes));
  }

  std::string hosts_ = testing::TempDir() + "hoy-streams-hosts-" + std::to_string(getpid());
  std::string servers_ = testing::TempDir() + "hoy-streams-servers-" + std::to_string(getpid());
  Fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  Fd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_in address_{};
  std::unique_ptr<ResolverFiles> files_ = std::make_unique<ResolverFiles>();
  std::unique_ptr<ResolverStreams> streams_ = std::make_unique<ResolverStreams>();
};

TEST_F(Streams, WhereNoServerAnswersTheAskerHearsSo) {
  const Fd asker = Connect();
  for (const uint8_t preferred : {0, 1, 7}) {
    files_->preferred = preferred;
    Ask(asker, "far");
    Turn();
    EXPECT_EQ(Code(asker), static_cast<int>(DnsCode::kServer));
  }
  Ask(asker, "web");
  Turn();
  EXPECT_EQ(Code(asker), static_cast<int>(DnsCode::kOk));
  streams_->EndOverdue(INT64_MAX);
  EXPECT_EQ(Code(asker), -1);
}

TEST_F(Streams, WhoSaysNothingMakesRoomForWhoAsks) {
  std::vector<Fd> silent;
  for (int i = 0; i < 12; ++i) silent.push_back(Connect());
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(Code(silent[i]), -1) << i;
  const Fd asker = Connect();
  EXPECT_EQ(Code(silent[4]), -1);
  Ask(asker, "web");
  Turn();
  EXPECT_EQ(Code(asker), static_cast<int>(DnsCode::kOk));
  char none = 0;
  EXPECT_EQ(recv(silent[5].get(), &none, 1, MSG_DONTWAIT), -1) << "it is there still";
}

}  // namespace
}  // namespace hoy::core
