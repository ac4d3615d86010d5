#include "core/monitor/pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/init/plan_builder.h"
#include "core/monitor/attach_protocol.h"
#include "core/sys/fd_packet.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

// A pump whose one client is the test, with a container that reads its input as slowly as we like.
class PumpWithClient : public testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    client_.reset(pair[0]);
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    ASSERT_EQ(pipe2(input.data(), O_CLOEXEC | O_NONBLOCK), 0);
    ASSERT_EQ(pipe2(output.data(), O_CLOEXEC | O_NONBLOCK), 0);
    ASSERT_GE(fcntl(input[1], F_SETPIPE_SZ, 4096), 4096);
    stdin_.reset(input[0]);
    stdout_.reset(output[1]);
    listener_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = Address();
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ASSERT_EQ(listen(listener_.get(), 9), 0);
    path_ = top_ / "log";
    ASSERT_EQ(log_.Open({.driver = LogDriver::kNone, .path = path_.c_str()}, true), 0);
    pump_.emplace(
        Pump::Descriptors{
            .out = {output[0], -1}, .in = input[1], .client = pair[1], .listener = listener_.get()},
        log_, wiring_);
  }

  void Say(AttachKind kind, const std::string& bytes = "") const {
    const std::string packet = static_cast<char>(kind) + bytes;
    ASSERT_EQ(send(client_.get(), packet.data(), packet.size(), 0),
              static_cast<ssize_t>(packet.size()));
  }
  sockaddr_un Address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (top_ / kAttachSocket).copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  // Somebody else, who has been welcomed.
  Fd Join() {
    Fd other(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = Address();
    EXPECT_EQ(connect(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(Turn());
    EXPECT_EQ(Hear(other), AttachKind::kAttached);
    return other;
  }
  static std::optional<AttachKind> Hear(const Fd& client) {
    AttachHeader header{};
    if (recv(client.get(), &header, sizeof header, MSG_DONTWAIT) <= 0) return std::nullopt;
    return header.kind;
  }
  // One turn of the monitor's loop. False: nothing was ready.
  bool Turn() {
    pollfd slots[Pump::kMaxPollSlots];
    const int count = pump_->Prepare(slots);
    if (poll(slots, static_cast<nfds_t>(count), 0) <= 0) return false;
    pump_->Handle(slots);
    return true;
  }
  // What the container has read when its input ends, or nothing comes any more.
  std::string ReadInput() {
    std::string all;
    std::array<char, 1024> bytes{};
    for (int idle = 0; idle < 3;) {
      const bool moved = Turn();
      const ssize_t count = read(stdin_.get(), bytes.data(), bytes.size());
      if (count == 0) return all + "<end>";
      if (count > 0) all.append(bytes.data(), static_cast<size_t>(count));
      idle = moved || count > 0 ? 0 : idle + 1;
    }
    return all;
  }

  ScratchDirectory top_;
  std::string path_;
  Fd client_;
  Fd stdin_;   // the container's end
  Fd stdout_;  // the container's end
  Fd listener_;
  LogWriter log_;
  Wiring wiring_;
  std::optional<Pump> pump_;
};

// A socket of one who closes it with something unread answers ECONNRESET first, and then goes on
// with what he had sent (unix(7)).
TEST_F(PumpWithClient, WhatItSaidArrivesWhenItLeavesWithoutHavingHeardAll) {
  ASSERT_EQ(write(stdout_.get(), "output\n", 7), 7);
  ASSERT_TRUE(Turn());
  const std::string first(2000, 'a');
  const std::string second(2000, 'b');
  Say(AttachKind::kStdin, first);
  Say(AttachKind::kStdin, second);
  client_.reset();
  EXPECT_EQ(ReadInput(), first + second + "<end>");
}

// It holds the container's output up, its input waits, and it goes: in one turn there is room for
// its input again.
TEST_F(PumpWithClient, WhatItSaidArrivesWhenItLeavesInTheMiddle) {
  const std::string output(4096, 'o');
  while (true) {
    const ssize_t count = write(stdout_.get(), output.data(), output.size());
    if (count < 0 && !Turn()) break;  // its socket is full
    if (count < 0) continue;
    while (Turn()) {
    }
    pollfd room{stdout_.get(), POLLOUT, 0};
    if (poll(&room, 1, 0) == 0) break;
  }
  const std::string first(8000, 'a');
  const std::string second(3000, 'b');
  Say(AttachKind::kStdin, first);
  while (Turn()) {
  }
  Say(AttachKind::kStdin, second);
  client_.reset();
  std::string begin(4096, '\0');
  ASSERT_EQ(read(stdin_.get(), begin.data(), begin.size()), 4096);
  EXPECT_EQ(begin + ReadInput(), first + second + "<end>");
}

// What comes with it is held until something else takes its place.
TEST_F(PumpWithClient, TakesWhatHoldsPortsOfTheContainer) {
  const std::string bytes = PlanBuilder().Serialize();
  const PlanView plan(bytes.data());
  wiring_.Start(plan, {}, nullptr);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const Fd watched(ends[0]);
  Fd held(ends[1]);
  const auto give = [&](uint32_t parts, int fd) {
    const std::array<char, 2> packet = {static_cast<char>(AttachKind::kNetwork),
                                        static_cast<char>(parts)};
    ASSERT_EQ(SendPacket(client_.get(), packet.data(), packet.size(), fd), 2);
    ASSERT_TRUE(Turn());
    AttachHeader answer{};
    ASSERT_EQ(recv(client_.get(), &answer, sizeof answer, MSG_DONTWAIT),
              static_cast<ssize_t>(sizeof answer));
    EXPECT_EQ(answer.kind, AttachKind::kTaken);
  };
  char none = 0;
  give(kHeldPorts | kReplacesPorts, held.get());
  held.reset();
  EXPECT_EQ(read(watched.get(), &none, 1), -1) << "it is open";
  give(kReplacesPorts, -1);
  EXPECT_EQ(read(watched.get(), &none, 1), 0) << "it is closed";
}

// While the container does not read its input; and nothing is asked for again and again.
TEST_F(PumpWithClient, OthersAreHeardWhileInputWaits) {
  const std::string first(8000, 'a');
  const std::string second(3000, 'b');
  Say(AttachKind::kStdin, first);
  Say(AttachKind::kStdin, second);
  const Fd typist = Join();
  const std::string third = static_cast<char>(AttachKind::kStdin) + std::string("c");
  ASSERT_EQ(send(typist.get(), third.data(), third.size(), 0), 2);
  {
    const Fd brief = Join();
  }
  const Fd other = Join();
  while (Turn()) {
  }
  const std::array<char, 2> packet = {static_cast<char>(AttachKind::kNetwork), 0};
  ASSERT_EQ(send(other.get(), packet.data(), packet.size(), 0), 2);
  EXPECT_TRUE(Turn());
  EXPECT_EQ(Hear(other), AttachKind::kTaken);
  EXPECT_FALSE(Turn());
  client_.reset();
  const std::string input = ReadInput();
  EXPECT_EQ(input.substr(0, first.size()), first);
  EXPECT_NE(input.find(second), std::string::npos);
  EXPECT_TRUE(input.ends_with("<end>"));
}

}  // namespace
}  // namespace hoy::core
