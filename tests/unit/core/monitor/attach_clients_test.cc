#include "core/monitor/attach_clients.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/fd.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

struct Packet {
  AttachHeader header;
  size_t length;
};

class AttachClientsTest : public testing::Test {
 protected:
  // The client's end.
  Fd Join(uint8_t traits) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    clients_->Add(ends[0], traits);
    return Fd(ends[1]);
  }
  static std::optional<Packet> Receive(const Fd& client) {
    std::vector<char> buffer(sizeof(AttachHeader) + kMaxAttachPayload);
    ssize_t count = recv(client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < static_cast<ssize_t>(sizeof(AttachHeader))) return std::nullopt;
    Packet packet{};
    memcpy(&packet.header, buffer.data(), sizeof packet.header);
    packet.length = static_cast<size_t>(count) - sizeof packet.header;
    return packet;
  }
  static std::vector<Packet> ReceiveAll(const Fd& client) {
    std::vector<Packet> packets;
    while (auto packet = Receive(client)) packets.push_back(*packet);
    return packets;
  }
  bool Send(uint64_t place) {
    return clients_->Send({AttachKind::kStdout, place}, bytes_.data(),
                          static_cast<uint32_t>(bytes_.size()));
  }

  std::unique_ptr<AttachClients> clients_ = std::make_unique<AttachClients>();
  const std::string bytes_ = std::string(60'000, 'x');
};

TEST_F(AttachClientsTest, EachIsSentEverything) {
  Fd first = Join(0);
  Fd second = Join(0);
  EXPECT_TRUE(Send(0));
  for (const Fd* client : {&first, &second}) {
    auto packet = Receive(*client);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.kind, AttachKind::kStdout);
    EXPECT_EQ(packet->length, bytes_.size());
  }
}

// Who waits at a listener keeps it readable.
TEST_F(AttachClientsTest, OneForWhomNoDescriptorIsLeftIsSentAway) {
  ScratchDirectory scratch;
  auto connect = [&] { return Fd(ConnectInDirectory(scratch.path().c_str(), kAttachSocket)); };
  Fd listener(ListenInDirectory(scratch.path().c_str(), kAttachSocket));
  Fd first = connect();
  clients_->Accept(listener.get(), 7);
  ASSERT_EQ(clients_->count(), 1);
  ASSERT_EQ(Receive(first)->header.kind, AttachKind::kAttached);
  Fd second = connect();
  Fd third = connect();
  Fd lowest_free(dup(listener.get()));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit full{static_cast<rlim_t>(lowest_free.get()), before.rlim_max};
  lowest_free.reset();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
  clients_->Accept(listener.get(), 7);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const Fd* client : {&second, &third}) {
    auto packet = Receive(*client);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.kind, AttachKind::kBusy);
  }
  EXPECT_EQ(clients_->count(), 1);
  Fd fourth = connect();
  clients_->Accept(listener.get(), 7);
  EXPECT_EQ(clients_->count(), 2) << "there is room again";
}

TEST_F(AttachClientsTest, OneThatLagsIsToldWhereTheLogIs) {
  Fd slow = Join(0);
  Fd quick = Join(0);
  for (uint64_t place = 0; place < 40; ++place) {
    ASSERT_TRUE(Send(place));
    ASSERT_TRUE(Receive(quick)) << "nobody else waits for it";
  }
  ASSERT_TRUE(clients_->at(0).lags);
  size_t had = ReceiveAll(slow).size();
  EXPECT_GT(had, 0u);
  EXPECT_LT(had, 40u);
  EXPECT_TRUE(Send(40));
  EXPECT_FALSE(Receive(slow)) << "what it has missed comes first";
  clients_->CatchUp(0, 41);
  auto packets = ReceiveAll(slow);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.kind, AttachKind::kLogged);
  EXPECT_EQ(packets[0].header.number, 41u);
  EXPECT_TRUE(Send(41));
  EXPECT_EQ(ReceiveAll(slow).size(), 1u);
}

TEST_F(AttachClientsTest, WhatIsInNoLogIsCounted) {
  Fd slow = Join(kPatient);
  Fd other = Join(0);
  size_t sent = 40;
  for (size_t i = 0; i < sent; ++i) {
    ASSERT_TRUE(Send(kNotLogged)) << "patience is for one that is alone";
    ReceiveAll(other);
  }
  size_t had = ReceiveAll(slow).size();
  clients_->CatchUp(0, 0);
  auto packets = ReceiveAll(slow);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[0].header.kind, AttachKind::kSkipped);
  EXPECT_EQ(packets[0].header.number, (sent - had) * bytes_.size());
}

TEST_F(AttachClientsTest, APatientOneThatIsAloneIsWaitedFor) {
  Fd client = Join(kPatient);
  uint64_t place = 0;
  while (place < 100 && Send(place)) ++place;
  ASSERT_LT(place, 100u);
  EXPECT_FALSE(clients_->at(0).lags);
  EXPECT_EQ(ReceiveAll(client).size(), place);
  EXPECT_TRUE(Send(place)) << "the same again";
  // Until somebody else comes.
  ReceiveAll(client);
  while (Send(place)) ++place;
  clients_->LetLag({AttachKind::kStdout, place}, static_cast<uint32_t>(bytes_.size()));
  EXPECT_TRUE(clients_->at(0).lags);
}

TEST_F(AttachClientsTest, OneThatIsGoneIsNoTrouble) {
  Fd client = Join(kPatient);
  client.reset();
  EXPECT_TRUE(Send(0));
  EXPECT_FALSE(clients_->at(0).listens);
  clients_->Drop(0);
  EXPECT_EQ(clients_->count(), 0);
  EXPECT_EQ(clients_->used(), 0);
}

TEST_F(AttachClientsTest, OneTooManyIsToldSo) {
  std::vector<Fd> ends;
  for (int i = 0; i < AttachClients::kMost; ++i) ends.push_back(Join(0));
  Fd late = Join(0);
  auto packet = Receive(late);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header.kind, AttachKind::kBusy);
  EXPECT_EQ(clients_->count(), AttachClients::kMost);
  clients_->Drop(7);
  Fd next = Join(0);
  EXPECT_FALSE(Receive(next)) << "there is room again";
  for (int i = 0; i < AttachClients::kMost; ++i) clients_->Drop(i);
}

TEST_F(AttachClientsTest, TheLastWordWaitsOnlyForTheOneThatCleansUp) {
  Fd cleaner = Join(kPatient | kCleansUp);
  Fd stopped = Join(0);
  for (uint64_t place = 0; place < 20; ++place) ASSERT_TRUE(Send(place));
  std::vector<Packet> seen;
  std::thread client([&] {
    std::vector<char> buffer(sizeof(AttachHeader) + kMaxAttachPayload);
    while (seen.empty() || seen.back().header.kind != AttachKind::kExit) {
      ssize_t count = recv(cleaner.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      Packet packet{};
      memcpy(&packet.header, buffer.data(), sizeof packet.header);
      seen.push_back(packet);
    }
    char done = static_cast<char>(AttachKind::kDone);
    (void)!send(cleaner.get(), &done, 1, 0);
  });
  EXPECT_TRUE(clients_->Finish(5, 20));
  client.join();
  ASSERT_GE(seen.size(), 2u);
  EXPECT_EQ(seen.back().header.number, 5u);
  EXPECT_EQ(seen[seen.size() - 2].header.kind, AttachKind::kLogged);
  EXPECT_EQ(seen[seen.size() - 2].header.number, 20u);
}

TEST_F(AttachClientsTest, WithoutACleanerTheyAreToldThatTheMonitorIsIt) {
  Fd client = Join(0);
  EXPECT_FALSE(clients_->Finish(7, 0));
  auto packet = Receive(client);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header.number, kMonitorCleans | 7u);
}

}  // namespace
}  // namespace hoy::core
