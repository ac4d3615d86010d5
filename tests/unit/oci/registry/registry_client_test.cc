#include "oci/registry/registry_client.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <thread>

#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "oci/registry/base64.h"
#include "tests/system/fault_server.h"

namespace hoy::oci {
namespace {

using test::FakeRegistryContent;
using test::FaultReply;
using test::FaultRequest;
using test::FaultServer;

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
const std::string kManifest = R"({"schemaVersion":2})";

std::string DigestText(std::string_view bytes) {
  return Sha256Of(bytes).ToString();
}

class Collected : public BlobReceiver {
 public:
  Result<> Begin(uint64_t offset, std::optional<uint64_t>) override {
    begun_at = offset;
    return {};
  }
  Result<> Data(std::span<const std::byte> data) override {
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }
  uint64_t begun_at = 77;
  std::string bytes;
};

class RegistryClientTest : public testing::Test {
 protected:
  RegistryClientTest() {
    content.AddManifest("1", kManifest, kManifestType, DigestText(kManifest));
    content.AddManifest(DigestText(kManifest), kManifest, kManifestType, DigestText(kManifest));
    retry.base = std::chrono::milliseconds(1);
    // No credentials of whoever runs the tests.
    ::setenv("REGISTRY_AUTH_FILE", "/dev/null", 1);
  }
  ~RegistryClientTest() override { ::unsetenv("REGISTRY_AUTH_FILE"); }

  RegistryClient& Client(const FaultServer& server) {
    http.emplace(http_options, cancel);
    auto name = Reference::Parse(server.address() + "/team/app");
    EXPECT_TRUE(name);
    client.emplace(*http, *name, credentials, retry,
                   [this](const Error& error, auto) { retries.push_back(error.stage); });
    return *client;
  }
  // Fails the first `times` requests with `reply`.
  FaultServer::Handler FirstThen(int times, FaultReply reply) {
    auto left = std::make_shared<std::atomic<int>>(times);
    return [this, left, reply](const FaultRequest& request) {
      return (*left)-- > 0 ? reply : content.Answer(request);
    };
  }

  FakeRegistryContent content;
  HttpOptions http_options;
  CredentialOptions credentials;
  RetryPolicy retry;
  CancelToken cancel;
  std::vector<std::string> retries;
  std::optional<HttpClient> http;
  std::optional<RegistryClient> client;
};

TEST_F(RegistryClientTest, GetsAManifestAndItsDigest) {
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  auto answer = Client(server).GetManifest("1");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->bytes, kManifest);
  EXPECT_EQ(answer->media_type, kManifestType);
  EXPECT_EQ(answer->digest.ToString(), DigestText(kManifest));
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].target, "/v2/team/app/manifests/1");
  for (auto type : {"oci.image.index.v1", "oci.image.manifest.v1",
                    "docker.distribution.manifest.v2", "docker.distribution.manifest.list.v2"}) {
    EXPECT_NE(requests[0].Header("accept").find(type), std::string::npos) << type;
  }
}

TEST_F(RegistryClientTest, AsksForTheDigestByHead) {
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  auto digest = Client(server).HeadManifest("1");
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(digest->ToString(), DigestText(kManifest));
  EXPECT_EQ(server.requests().at(0).method, "HEAD");
}

TEST_F(RegistryClientTest, KeepsTheConnection) {
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  RegistryClient& client_ = Client(server);
  ASSERT_TRUE(client_.GetManifest("1"));
  ASSERT_TRUE(client_.HeadManifest("1"));
  ASSERT_TRUE(client_.GetManifest("1"));
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(RegistryClientTest, RefusesAManifestThatIsNotItsDigest) {
  std::string digest = DigestText("other");
  content.AddManifest(digest, kManifest, kManifestType, digest);
  content.AddManifest("lies", kManifest, kManifestType, digest);
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  for (const std::string& reference : {digest, std::string("lies")}) {
    auto answer = Client(server).GetManifest(reference);
    ASSERT_FALSE(answer) << reference;
    EXPECT_EQ(answer.error().kind, ErrorKind::kCorrupt);
  }
}

TEST_F(RegistryClientTest, RetriesServerErrors) {
  FaultServer server(FirstThen(2, {.status = 503}));
  auto answer = Client(server).GetManifest("1");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(retries, (std::vector<std::string>{"server", "server"}));
}

TEST_F(RegistryClientTest, WaitsOutAShortRateLimit) {
  FaultServer server(FirstThen(1, {.status = 429, .headers = {{"Retry-After", "0"}}}));
  ASSERT_TRUE(Client(server).GetManifest("1"));
  EXPECT_EQ(retries, std::vector<std::string>{"rate-limit"});
}

TEST_F(RegistryClientTest, ReportsALongRateLimitAtOnce) {
  FaultServer server(FirstThen(9, {.status = 429, .headers = {{"Retry-After", "3600"}}}));
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().stage, "rate-limit");
  EXPECT_NE(answer.error().hint.find("about an hour"), std::string::npos) << answer.error().hint;
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(RegistryClientTest, DoesNotRetryWhatStaysWrong) {
  for (int status : {400, 401, 403, 404}) {
    FaultServer server([=](const FaultRequest&) { return FaultReply{.status = status}; });
    auto answer = Client(server).GetManifest("1");
    ASSERT_FALSE(answer);
    EXPECT_EQ(server.requests().size(), 1u) << status;
  }
}

TEST_F(RegistryClientTest, GivesUpOnAServerThatStaysBroken) {
  retry.attempts = 3;
  FaultServer server([](const FaultRequest&) { return FaultReply{.status = 500}; });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().stage, "server");
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(RegistryClientTest, SaysThatNobodyListens) {
  std::string address;
  {
    FaultServer gone([](const FaultRequest&) { return FaultReply{}; });
    address = gone.address();
  }
  http.emplace(http_options, cancel);
  client.emplace(*http, *Reference::Parse(address + "/app"), credentials, retry, nullptr);
  auto answer = client->GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kNetwork);
  EXPECT_EQ(answer.error().stage, "connect");
  EXPECT_FALSE(answer.error().hint.empty());
}

TEST_F(RegistryClientTest, TimesOutOnAStall) {
  http_options.stall_timeout = std::chrono::seconds(1);
  retry.attempts = 1;
  FaultServer server([this](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    reply.stall_after = 3;
    return reply;
  });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kTimeout) << answer.error().message;
}

TEST_F(RegistryClientTest, ACancelEndsAStalledTransferAtOnce) {
  FaultServer server([this](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    reply.stall_after = 3;
    return reply;
  });
  std::thread canceller([&] {
    server.WaitForStall();
    cancel.Cancel();
  });
  auto answer = Client(server).GetManifest("1");
  canceller.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
}

TEST_F(RegistryClientTest, ACancelEndsTheWaitBetweenTries) {
  retry.base = std::chrono::hours(1);
  retry.cap = std::chrono::hours(1);
  FaultServer server([this](const FaultRequest&) {
    cancel.Cancel();
    return FaultReply{.status = 503};
  });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
}

TEST_F(RegistryClientTest, SendsBasicCredentialsOnlyWhenAsked) {
  std::string expected = "Basic " + Base64Encode("user:pa:ss");
  FaultServer server([&](const FaultRequest& request) -> FaultReply {
    if (request.Header("authorization") == expected) return content.Answer(request);
    return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
  });
  credentials.creds = "user:pa:ss";
  RegistryClient& client_ = Client(server);
  ASSERT_TRUE(client_.GetManifest("1"));
  ASSERT_TRUE(client_.GetManifest("1"));
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].Header("authorization"), "");
  EXPECT_EQ(requests[2].Header("authorization"), expected);  // without being asked again

  credentials.creds = "user:wrong";
  auto refused = Client(server).GetManifest("1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnauthorized);
  EXPECT_NE(refused.error().message.find("refused the credentials"), std::string::npos)
      << refused.error().message;
}

// A registry that wants a token from /token.
class TokenAuth : public RegistryClientTest {
 protected:
  FaultReply Answer(const FaultRequest& request) {
    if (request.target.starts_with("/token")) {
      std::string token = "t" + std::to_string(++tokens);
      return {.body = R"({"token":")" + token + R"(","expires_in":)" + lifetime + "}"};
    }
    if (request.Header("authorization") == accepted.value_or("Bearer t" + std::to_string(tokens)) &&
        tokens > 0) {
      return content.Answer(request);
    }
    return {
        .status = 401,
        .headers = {{"WWW-Authenticate",
                     "Bearer realm=\"http://" + request.Header("host") +
                         "/token\",service=\"the service\",scope=\"repository:team/app:pull\""}}};
  }
  std::atomic<int> tokens = 0;
  std::string lifetime = "300";
  std::optional<std::string> accepted;
};

TEST_F(TokenAuth, GetsOneTokenForAllRequests) {
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  RegistryClient& client_ = Client(server);
  ASSERT_TRUE(client_.GetManifest("1"));
  ASSERT_TRUE(client_.GetManifest("1"));
  auto requests = server.Requests("GET", "/token");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].target,
            "/token?service=the%20service&scope=repository%3Ateam%2Fapp%3Apull");
  EXPECT_EQ(requests[0].Header("authorization"), "");
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST_F(TokenAuth, ShowsTheTokenServerTheCredentials) {
  credentials.creds = "user:pass";
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  ASSERT_TRUE(Client(server).GetManifest("1"));
  auto request = server.Requests("GET", "/token").at(0);
  EXPECT_EQ(request.Header("authorization"), "Basic " + Base64Encode("user:pass"));
  EXPECT_NE(request.target.find("account=user"), std::string::npos);
}

TEST_F(TokenAuth, TurnsAnIdentityTokenIntoAnAccessToken) {
  credentials.creds = "<token>:re+fresh";
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  ASSERT_TRUE(Client(server).GetManifest("1"));
  auto request = server.Requests("POST", "/token").at(0);
  EXPECT_EQ(request.body,
            "grant_type=refresh_token&client_id=hoy&service=the%20service&scope=repository%3Ateam%"
            "2Fapp%3Apull&refresh_token=re%2Bfresh");
  EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(TokenAuth, RenewsATokenThatTheRegistryNoLongerTakes) {
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  RegistryClient& client_ = Client(server);
  ASSERT_TRUE(client_.GetManifest("1"));
  accepted = "Bearer t2";
  ASSERT_TRUE(client_.GetManifest("1"));
  EXPECT_EQ(tokens, 2);
}

TEST_F(TokenAuth, EndsWhenNoTokenIsGoodEnough) {
  accepted = "Bearer never";
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnauthorized);
  EXPECT_LE(server.requests().size(), 6u);
}

TEST_F(TokenAuth, NamesTheSourceOfRefusedCredentials) {
  credentials.creds = "user:wrong";
  FaultServer server([this](const FaultRequest& request) -> FaultReply {
    if (request.target.starts_with("/token")) {
      return {.status = 401, .body = R"({"details":"incorrect username or password"})"};
    }
    return Answer(request);
  });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnauthorized);
  EXPECT_NE(answer.error().message.find("incorrect username"), std::string::npos);
  EXPECT_NE(answer.error().hint.find("--creds"), std::string::npos) << answer.error().hint;
}

TEST_F(TokenAuth, RefusesATokenThatWouldBreakTheHeader) {
  EXPECT_FALSE(ParseTokenAnswer(R"({"token":"a\r\nX-Evil: 1"})"));
  EXPECT_FALSE(ParseTokenAnswer(R"({"token":""})"));
  EXPECT_FALSE(ParseTokenAnswer("[]"));
  EXPECT_EQ(ParseTokenAnswer(R"({"token":"","access_token":"b","expires_in":5})")->token, "b");
  EXPECT_EQ(ParseTokenAnswer(R"({"token":"a"})")->lifetime, std::chrono::seconds(60));
}

TEST_F(RegistryClientTest, KeepsCredentialsFromTheHostItIsRedirectedTo) {
  std::string blob = "the blob";
  FaultServer storage([&](const FaultRequest&) { return FaultReply{.body = blob}; });
  FaultServer server([&](const FaultRequest& request) -> FaultReply {
    if (request.Header("authorization").empty()) {
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    return {.status = 307, .headers = {{"Location", storage.Url("/bucket/x?signature=1")}}};
  });
  credentials.creds = "user:pass";
  Collected receiver;
  Attempt attempt;
  auto got = Client(server).GetBlob(Sha256Of(blob), 0, receiver, attempt);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(receiver.bytes, blob);
  ASSERT_EQ(storage.requests().size(), 1u);
  EXPECT_EQ(storage.requests()[0].target, "/bucket/x?signature=1");
  EXPECT_EQ(storage.requests()[0].Header("authorization"), "");
  EXPECT_NE(server.requests().back().Header("authorization"), "");
}

TEST_F(TokenAuth, SendsAnIdentityTokenToNoOtherOrigin) {
  credentials.creds = "<token>:refresh";
  FaultServer other([](const FaultRequest&) { return FaultReply{.body = R"({"token":"t"})"}; });
  for (int status : {307, 308}) {
    FaultServer server([&](const FaultRequest& request) -> FaultReply {
      if (!request.target.starts_with("/token")) return Answer(request);
      return {.status = status, .headers = {{"Location", other.Url("/token")}}};
    });
    auto answer = Client(server).GetManifest("1");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().stage, "redirect") << answer.error().message;
  }
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(RegistryClientTest, SendsNoCredentialsInClearToAHostThatPosesAsLocal) {
  credentials.creds = "user:pass";
  http.emplace(http_options, cancel);
  for (std::string realm : {"http://localhost:x@token.invalid/", "http://127.0.0.1@token.invalid/",
                            "http://localhost:token.invalid/", "http://token.invalid/"}) {
    Authorizer authorizer(*http, "registry.invalid", "app", credentials, {});
    HttpResponse refusal{.status = 401, .url = "https://registry.invalid/v2/"};
    refusal.headers = {{"www-authenticate", "Bearer realm=\"" + realm + "\""}};
    auto answer = authorizer.Answer(refusal, "");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().stage, "unauthorized") << answer.error().message;
  }
}

TEST_F(RegistryClientTest, KeepsTheRangeAcrossARedirect) {
  std::string blob = "0123456789";
  content.AddBlob(DigestText(blob), blob);
  FaultServer storage([this](const FaultRequest& request) { return content.Answer(request); });
  FaultServer server([&](const FaultRequest& request) -> FaultReply {
    return {.status = 302, .headers = {{"Location", storage.Url(request.target)}}};
  });
  Collected receiver;
  Attempt attempt;
  ASSERT_TRUE(Client(server).GetBlob(Sha256Of(blob), 4, receiver, attempt));
  EXPECT_EQ(receiver.begun_at, 4u);
  EXPECT_EQ(receiver.bytes, "456789");
}

TEST_F(RegistryClientTest, EndsARedirectLoop) {
  FaultServer server([](const FaultRequest& request) -> FaultReply {
    return {.status = 302, .headers = {{"Location", request.target}}};
  });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().stage, "redirect");
  EXPECT_EQ(server.requests().size(), 11u);
}

TEST_F(RegistryClientTest, FollowsNoRedirectToAFile) {
  FaultServer server([](const FaultRequest&) -> FaultReply {
    return {.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
  });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().stage, "redirect");
}

TEST_F(RegistryClientTest, ReadsNoManifestWithoutEnd) {
  FaultServer server([](const FaultRequest&) -> FaultReply {
    return {.body = std::string(HttpClient::kBodyLimit + 1, ' ')};
  });
  auto answer = Client(server).GetManifest("1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kCorrupt);
}

TEST(LoopbackHost, IsLocalhostAndTheLoopbackNetworks) {
  for (auto host : {"localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000", "::1",
                    "LOCALHOST"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (auto host : {"localhost.example", "128.0.0.1", "127.0.0.1.example", "127.0.0", "", "::2",
                    "localhost:x@example", "localhost:", "[::1]x", "[::1"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace hoy::oci
