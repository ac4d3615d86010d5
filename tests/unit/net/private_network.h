#pragma once
// A test in a network namespace of its own: nothing of the machine's network is touched, and what a
// test leaves goes with it. The judges are ip(8) and nft(8), which speak to the same kernel by
// libraries of their own.

#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "net/netlink/namespace.h"
#include "net/netlink/route.h"
#include "tests/support/must_run.h"

namespace hoy::net {

// What a shell command prints, errors included.
inline std::string Shell(const std::string& command) {
  std::string text;
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "re");
  if (pipe == nullptr) return "popen failed";
  std::array<char, 4096> buffer;
  while (size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), count);
  }
  pclose(pipe);
  return text;
}

class PrivateNetwork : public testing::Test {
 protected:
  void SetUp() override {
    auto made = MakeNetworkNamespace();
    if (!made) SKIP_BECAUSE("cannot make a network namespace: " << made.error().message);
    auto visit = NamespaceVisit::Enter(*made);
    ASSERT_TRUE(visit) << visit.error().message;
    visit_.emplace(*std::move(visit));
  }

  static nlohmann::json Ip(const std::string& arguments) {
    std::string text = Shell("ip -j -d " + arguments);
    return text.empty() ? nlohmann::json::array()
                        : nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  }

  static RouteSocket Rtnetlink() {
    auto socket = RouteSocket::Open();
    EXPECT_TRUE(socket) << socket.error().message;
    return *std::move(socket);
  }

 private:
  std::optional<NamespaceVisit> visit_;
};

// The value, or a failure of the test and a default one.
template <typename T>
T Get(Result<T> result) {
  EXPECT_TRUE(result) << result.error().message;
  return result ? *std::move(result) : T();
}

inline void ExpectOk(const Result<>& result) {
  EXPECT_TRUE(result) << result.error().message;
}

inline IpAddress Address(std::string_view text) {
  return IpAddress::Parse(text).value();
}

inline Subnet Net(std::string_view text) {
  return Subnet::Parse(text).value();
}

}  // namespace hoy::net
