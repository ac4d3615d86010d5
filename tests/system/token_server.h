#pragma once
// A registry that wants bearer tokens, and the server that gives them out (distribution spec,
// "Token Authentication", and "OAuth2 Token Authentication" for identity tokens).

#include <string>

#include "tests/system/fault_server.h"

namespace hoy::test {

// Answers what the registry behind it would, once the token is right. `user:secret` and the
// identity token "identity" are known.
class TokenRegistry {
 public:
  explicit TokenRegistry(FaultServer::Handler content)
      : content_(std::move(content)),
        server_([this](const FaultRequest& request) { return Answer(request); }) {}

  std::string address() const { return server_.address(); }
  std::vector<FaultRequest> requests() const { return server_.requests(); }

 private:
  FaultReply Answer(const FaultRequest& request) {
    if (request.target.starts_with("/token")) return Token(request);
    if (request.Header("authorization") == "Bearer good") return content_(request);
    return {.status = 401,
            .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + server_.address() +
                                                 "/token\",service=\"test\"" + Scope(request)}},
            .body = R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})"};
  }
  static std::string Scope(const FaultRequest& request) {
    return request.target == "/v2/" ? "" : ",scope=\"repository:app:pull\"";
  }
  static FaultReply Token(const FaultRequest& request) {
    bool basic = request.Header("authorization") == "Basic dXNlcjpzZWNyZXQ=";  // user:secret
    bool refresh = request.method == "POST" &&
                   request.body.find("refresh_token=identity") != std::string::npos &&
                   request.body.find("grant_type=refresh_token") != std::string::npos;
    if (basic || refresh) return {.body = R"({"token":"good"})"};
    return {.status = 401, .body = R"({"details":"incorrect username or password"})"};
  }

  const FaultServer::Handler content_;
  FaultServer server_;
};

}  // namespace hoy::test
