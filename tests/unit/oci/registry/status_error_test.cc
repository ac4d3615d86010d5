#include "oci/registry/status_error.h"

#include <gtest/gtest.h>

#include "oci/registry/retry.h"

namespace hoy::oci {
namespace {

HttpResponse Response(int status, std::string body = "",
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

const RequestSubject kSubject{.registry = "reg.example", .what = "manifest of 'reg.example/a:1'"};

TEST(StatusError, KindAndStageFollowTheStatus) {
  struct Row {
    int status;
    ErrorKind kind;
    std::string_view stage;
    bool transient;
  };
  for (const Row& row : std::initializer_list<Row>{
           {400, ErrorKind::kNetwork, "status", false},
           {401, ErrorKind::kUnauthorized, "unauthorized", false},
           {403, ErrorKind::kUnauthorized, "denied", false},
           {404, ErrorKind::kNotFound, "not-found", false},
           {405, ErrorKind::kNetwork, "status", false},
           {408, ErrorKind::kNetwork, "server", true},
           {410, ErrorKind::kNotFound, "not-found", false},
           {416, ErrorKind::kNetwork, "range", false},
           {429, ErrorKind::kNetwork, "rate-limit", true},
           {500, ErrorKind::kNetwork, "server", true},
           {503, ErrorKind::kNetwork, "server", true},
       }) {
    Error error = StatusError(Response(row.status), kSubject);
    EXPECT_EQ(error.kind, row.kind) << row.status;
    EXPECT_EQ(error.stage, row.stage) << row.status;
    EXPECT_EQ(IsTransient(error), row.transient) << row.status;
    EXPECT_FALSE(error.message.empty()) << row.status;
    EXPECT_FALSE(error.hint.empty()) << row.status;
  }
}

TEST(StatusError, ARegistryThatTakesNoPushesIsNoPassingTrouble) {
  RequestSubject push = kSubject;
  push.push = true;
  Error error = StatusError(Response(405), push);
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(error.stage, "read-only");
  EXPECT_FALSE(IsTransient(error));
  EXPECT_NE(error.message.find("registry 'reg.example' takes no pushes"), std::string::npos);
}

TEST(StatusError, SaysWhatTheRegistrySaid) {
  Error error = StatusError(
      Response(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"),
      kSubject);
  EXPECT_EQ(error.message, "manifest of 'reg.example/a:1': not found: manifest unknown");
}

TEST(StatusError, TellsMissingCredentialsFromWrongOnes) {
  Error missing = StatusError(Response(401), kSubject);
  EXPECT_NE(missing.message.find("wants a login"), std::string::npos) << missing.message;
  EXPECT_NE(missing.hint.find("hoy login reg.example"), std::string::npos) << missing.hint;
  RequestSubject sent = kSubject;
  sent.credentials_sent = true;
  Error wrong = StatusError(Response(401), sent);
  EXPECT_NE(wrong.message.find("refused the credentials"), std::string::npos) << wrong.message;
}

TEST(StatusError, SaysWhenARateLimitResets) {
  Error error = StatusError(
      Response(429, "", {{"ratelimit-limit", "100;w=21600"}, {"retry-after", "7200"}}), kSubject);
  EXPECT_EQ(error.hint,
            "the limit is 100 requests in 6 hours; try again in 2 hours; a login may raise it: hoy "
            "login reg.example");
}

TEST(StatusError, KeepsControlBytesOfTheServerOffTheTerminal) {
  EXPECT_EQ(ErrorDetail("{\"errors\":[{\"message\":\"a\\u001b[31m\\nb\"}]}"), "a [31m b");
}

TEST(ErrorDetail, ReadsWhatRegistriesAndTokenServersSend) {
  EXPECT_EQ(ErrorDetail(R"({"errors":[{"code":"NAME_UNKNOWN"}]})"), "name unknown");
  EXPECT_EQ(ErrorDetail(R"({"details":"incorrect username or password"})"),
            "incorrect username or password");
  EXPECT_EQ(ErrorDetail("<html>"), "");
  EXPECT_EQ(ErrorDetail(R"({"errors":[]})"), "");
  EXPECT_EQ(ErrorDetail(R"({"errors":"x"})"), "");
}

TEST(RetryAfter, IsSecondsOrADate) {
  core::Timestamp now = *core::ParseRfc3339("2026-01-01T00:00:00Z");
  auto after = [&](std::string name, std::string value) {
    return RetryAfter(Response(429, "", {{std::move(name), std::move(value)}}), now);
  };
  EXPECT_EQ(after("retry-after", "30"), std::chrono::seconds(30));
  EXPECT_EQ(after("retry-after", "Thu, 01 Jan 2026 00:01:00 GMT"), std::chrono::seconds(60));
  EXPECT_EQ(after("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT"), std::chrono::seconds(0));
  EXPECT_EQ(after("ratelimit-reset", "12"), std::chrono::seconds(12));
  EXPECT_EQ(after("retry-after", "soon"), std::nullopt);
  EXPECT_EQ(after("server", "x"), std::nullopt);
}

TEST(Retry, BacksOffExponentiallyWithJitterUpToTheCap) {
  RetryPolicy policy{.base = std::chrono::milliseconds(100), .cap = std::chrono::milliseconds(500)};
  EXPECT_EQ(BackOff(policy, 1, 0.0).count(), 50);
  EXPECT_EQ(BackOff(policy, 1, 1.0).count(), 100);
  EXPECT_EQ(BackOff(policy, 2, 1.0).count(), 200);
  EXPECT_EQ(BackOff(policy, 3, 0.5).count(), 300);
  EXPECT_EQ(BackOff(policy, 30, 1.0).count(), 500);
}

TEST(Retry, GivesUpWhereItIsNotWorthIt) {
  RetryPolicy policy{.attempts = 5, .connect_attempts = 2};
  Error broken = MakeError(ErrorKind::kNetwork, "x");
  broken.stage = "transfer";
  Error refused = broken;
  refused.stage = "connect";
  Error certificate = broken;
  certificate.stage = "tls";
  EXPECT_TRUE(NextWait(policy, {.number = 4}, broken, 0));
  EXPECT_FALSE(NextWait(policy, {.number = 5}, broken, 0));
  EXPECT_TRUE(NextWait(policy, {.number = 1}, refused, 0));
  EXPECT_FALSE(NextWait(policy, {.number = 2}, refused, 0));
  EXPECT_FALSE(NextWait(policy, {.number = 1}, certificate, 0));
  EXPECT_FALSE(NextWait(policy, {.number = 1}, MakeError(ErrorKind::kCorrupt, "x"), 0));
}

TEST(Retry, WaitsAsLongAsTheServerAsksButNotForHours) {
  RetryPolicy policy{.longest_wait = std::chrono::seconds(60)};
  Error limited = MakeError(ErrorKind::kNetwork, "x");
  limited.stage = "rate-limit";
  EXPECT_EQ(NextWait(policy, {.retry_after = std::chrono::seconds(45)}, limited, 0),
            std::chrono::seconds(45));
  EXPECT_EQ(NextWait(policy, {.retry_after = std::chrono::seconds(61)}, limited, 0), std::nullopt);
}

}  // namespace
}  // namespace hoy::oci
