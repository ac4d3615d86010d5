// docker-registry's own token authentication: it believes the signed tokens of a token server
// (distribution docs, spec/auth/jwt.md), which here signs with openssl.

#include <sys/stat.h>

#include <algorithm>
#include <ctime>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

class JwtAuth : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    env["REGISTRY_AUTH_FILE"] = Path("auth.json");
    WriteFile(Path("auth.json"), "{}");
    OpenSsl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens",
             "-keyout", "key.pem", "-out", "cert.pem"});
    pull_ = Token(R"(["pull"])");
    push_ = Token(R"(["pull","push"])");
    tokens_.emplace([this](const FaultRequest& request) { return Answer(request); });
    ::mkdir(Path("storage").c_str(), 0755);
    {
      Registry open({.storage = Path("storage")});
      ImageBuilder builder;
      builder.Layer(Tar().File("word", "hello"));
      open.Push("team/app", "1", builder.Build());
    }
    registry_.emplace(RegistryOptions{
        .storage = Path("storage"),
        .more_yaml = "auth:\n  token:\n    realm: " + tokens_->Url("/token") +
                     "\n    service: test\n    issuer: tokens\n    rootcertbundle: " +
                     Path("cert.pem") + "\n"});
  }

  std::string OpenSsl(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), "openssl");
    Output output = RunCommand({.argv = arguments, .input = input, .directory = directory()});
    EXPECT_EQ(output.code, 0) << output;
    return output.out;
  }
  // RFC 4648 section 5, without padding.
  std::string Base64Url(const std::string& bytes) const {
    std::string text = OpenSsl({"base64", "-A"}, bytes);
    std::erase(text, '=');
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
  }
  // RFC 7519, with the certificate in the header (x5c).
  std::string Token(const std::string& actions) const {
    std::string certificate = OpenSsl({"x509", "-in", "cert.pem", "-outform", "DER"});
    Json header = {
        {"alg", "RS256"}, {"typ", "JWT"}, {"x5c", {OpenSsl({"base64", "-A"}, certificate)}}};
    const int64_t now = std::time(nullptr);
    Json claims = {
        {"iss", "tokens"},
        {"sub", "user"},
        {"aud", "test"},
        {"iat", now - 60},
        {"nbf", now - 60},
        {"exp", now + 3600},
        {"jti", "1"},
        {"access",
         {{{"type", "repository"}, {"name", "team/app"}, {"actions", Json::parse(actions)}}}}};
    const std::string text = Base64Url(header.dump()) + "." + Base64Url(claims.dump());
    return text + "." + Base64Url(OpenSsl({"dgst", "-sha256", "-sign", "key.pem"}, text));
  }
  FaultReply Answer(const FaultRequest& request) const {
    const std::string who = request.Header("authorization");
    if (who.empty()) return {.body = R"({"token":"none"})"};
    if (who != "Basic dXNlcjpzZWNyZXQ=") {  // user:secret
      return {.status = 401, .body = R"({"details":"incorrect username or password"})"};
    }
    bool pushes = request.target.find("push") != std::string::npos;
    return {.body = R"({"token":")" + (pushes ? push_ : pull_) + "\"}"};
  }

  std::string pull_, push_;
  std::optional<FaultServer> tokens_;
  std::optional<Registry> registry_;
};

TEST_F(JwtAuth, PullAndPushGetTheTokensTheyNeed) {
  const std::string name = registry_->Reference("team/app", "1");
  Output output = Run({"pull", name});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("hoy login " + registry_->address()), std::string::npos) << output;
  output = Run({"login", "-u", "user", "--password-stdin", registry_->address()}, "wrong\n");
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("incorrect username or password"), std::string::npos) << output;

  RunOk({"login", "-u", "user", "--password-stdin", registry_->address()}, "secret\n");
  RunOk({"pull", "-q", name});
  RunOk({"tag", name, registry_->Reference("team/app", "2")});
  RunOk({"push", "-q", registry_->Reference("team/app", "2")});
  bool scoped = false;
  for (const FaultRequest& request : tokens_->requests()) {
    scoped = scoped || request.target.find("repository%3Ateam%2Fapp%3Apull") != std::string::npos ||
             request.target.find("repository:team/app:pull") != std::string::npos;
  }
  EXPECT_TRUE(scoped);
  // The token is good, and does not open this.
  output = Run({"pull", registry_->Reference("team/other", "1")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("team/other"), std::string::npos) << output;
}

}  // namespace
}  // namespace hoy::test
