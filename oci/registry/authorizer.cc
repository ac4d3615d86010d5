#include "oci/registry/authorizer.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/text.h"
#include "oci/image/codec.h"
#include "oci/registry/base64.h"
#include "oci/registry/curl_url.h"
#include "oci/registry/status_error.h"

namespace hoy::oci {
namespace {

std::string BasicValue(const Credential& credential) {
  return "Basic " + Base64Encode(credential.username + ":" + credential.password);
}

std::string SchemeOf(std::string_view url) {
  return ToLower(url.substr(0, url.find(':')));
}

// As libcurl will take it: a URL may have a user's name before the host. "": it is no URL.
std::string HostOf(const std::string& text) {
  CurlUrl url;
  return url.Set(text) ? OriginOf(url).host : "";
}

Error Unauthorized(std::string message) {
  Error error = MakeError(ErrorKind::kUnauthorized, std::move(message));
  error.stage = "unauthorized";
  return error;
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (unsigned char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

Result<TokenAnswer> ParseTokenAnswer(std::string_view text) {
  constexpr size_t kLongest = 1 << 20;
  auto document = ParseOrDiscard(text, kLongest);
  if (!document.is_object()) return Fail(ErrorKind::kCorrupt, "the token is not a JSON object");
  TokenAnswer answer;
  for (const char* name : {"token", "access_token"}) {
    auto found = document.find(name);
    if (found != document.end() && found->is_string()) answer.token = found->get<std::string>();
    if (!answer.token.empty()) break;
  }
  // It becomes a header's value: no line may end inside it.
  if (answer.token.empty() || std::any_of(answer.token.begin(), answer.token.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
      })) {
    return Fail(ErrorKind::kCorrupt, "the token server's answer holds no token");
  }
  auto expires = document.find("expires_in");
  if (expires != document.end() && expires->is_number_integer() && expires->get<int64_t>() > 0) {
    answer.lifetime = std::chrono::seconds(std::min<int64_t>(expires->get<int64_t>(), 86'400));
  }
  return answer;
}

Authorizer::Authorizer(HttpClient& http, std::string registry, std::string path,
                       CredentialOptions options, CredentialEnvironment environment,
                       std::string actions)
    : http_(http),
      registry_(std::move(registry)),
      path_(std::move(path)),
      options_(std::move(options)),
      environment_(std::move(environment)),
      actions_(std::move(actions)) {}

Result<std::string> Authorizer::Current() {
  std::lock_guard lock(mutex_);
  if (std::chrono::steady_clock::now() >= expiry_) TRY(FetchToken());
  return value_;
}

Result<std::string> Authorizer::Answer(const HttpResponse& refusal, const std::string& used) {
  std::lock_guard lock(mutex_);
  if (used != value_) return value_;  // another thread has answered meanwhile
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : refusal.headers) {
    if (name != "www-authenticate") continue;
    for (Challenge& challenge : ParseChallenges(value)) challenges.push_back(std::move(challenge));
  }
  auto with_scheme = [&](std::string_view scheme) {
    return std::find_if(challenges.begin(), challenges.end(),
                        [&](const Challenge& challenge) { return challenge.scheme == scheme; });
  };
  TRY(LoadCredential());
  const auto& credential = lookup_->credential;
  registry_scheme_ = SchemeOf(refusal.url);

  if (credential && !credential->registry_token.empty() && used.empty()) {
    value_ = "Bearer " + credential->registry_token;
    return value_;
  }
  if (auto bearer = with_scheme("bearer"); bearer != challenges.end()) {
    challenge_ = *bearer;
    TRY(FetchToken());
    return value_;
  }
  RequestSubject subject{.registry = registry_,
                         .what = fmt::format("'{}'", Name()),
                         .credentials_sent = !used.empty()};
  bool basic = with_scheme("basic") != challenges.end();
  if (!basic || !credential || credential->username.empty() || !used.empty()) {
    return Fail(StatusError(refusal, subject));
  }
  value_ = BasicValue(*credential);
  return value_;
}

bool Authorizer::has_credentials() {
  std::lock_guard lock(mutex_);
  return lookup_ && lookup_->credential;
}

std::string Authorizer::warning() {
  std::lock_guard lock(mutex_);
  return lookup_ ? lookup_->warning : "";
}

std::string Authorizer::Name() const {
  return path_.empty() ? registry_ : registry_ + "/" + path_;
}

Result<> Authorizer::LoadCredential() {
  if (lookup_) return {};
  TRY(lookup_, FindCredential(options_, registry_, path_, environment_));
  return {};
}

Result<> Authorizer::FetchToken() {
  auto started = std::chrono::steady_clock::now();
  TRY(Token token, RequestToken());
  value_ = "Bearer " + token.text;
  // Renewed early, so that it does not run out on its way.
  auto margin = std::min<std::chrono::seconds>(std::chrono::seconds(10), token.lifetime / 4);
  expiry_ = started + token.lifetime - margin;
  return {};
}

Result<Authorizer::Token> Authorizer::RequestToken() {
  std::string realm = challenge_.Parameter("realm");
  std::string host = HostOf(realm);
  std::string scheme = SchemeOf(realm);
  if (host.empty() || (scheme != "https" && scheme != "http")) {
    return Fail(Unauthorized(
        fmt::format("registry '{}' names '{}' as its token server", registry_, realm)));
  }
  TRY(LoadCredential());
  const auto& credential = lookup_->credential;
  if (credential && scheme == "http" && registry_scheme_ == "https" && !http_.IsInsecure(host)) {
    return Fail(Unauthorized(fmt::format(
        "registry '{}' wants the credentials sent to '{}' in clear", registry_, realm)));
  }
  std::string scope = challenge_.Parameter("scope");
  // Several scopes may come in one parameter, separated by spaces.
  for (std::string_view one : Split(scope, ' ')) {
    if (!one.empty() && one != fmt::format("repository:{}:pull", path_)) scopes_.emplace(one);
  }
  if (!path_.empty()) scopes_.insert(fmt::format("repository:{}:{}", path_, actions_));
  std::string service = challenge_.Parameter("service");

  HttpRequest request{.url = realm};
  if (credential && !credential->identity_token.empty()) {
    request.method = "POST";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    std::string all;
    for (const std::string& one : scopes_) all += (all.empty() ? "" : " ") + one;
    request.body = fmt::format(
        "grant_type=refresh_token&client_id=hoy&service={}&scope={}&refresh_token={}",
        PercentEncode(service), PercentEncode(all), PercentEncode(credential->identity_token));
  } else {
    request.url += realm.find('?') == std::string::npos ? '?' : '&';
    request.url += fmt::format("service={}", PercentEncode(service));
    for (const std::string& one : scopes_) {
      request.url += fmt::format("&scope={}", PercentEncode(one));
    }
    if (credential && !credential->username.empty()) {
      request.url += fmt::format("&account={}", PercentEncode(credential->username));
      request.authorization = BasicValue(*credential);
    }
  }
  TRY_CONTEXT_SET(HttpResponse response, http_.Send(request), "get a token for '{}'", registry_);
  if (response.status < 200 || response.status > 299) {
    RequestSubject subject{.registry = registry_,
                           .what = fmt::format("token for '{}'", Name()),
                           .credentials_sent = credential.has_value()};
    Error error = StatusError(response, subject);
    if ((response.status == 401 || response.status == 403) && credential) {
      error.hint = fmt::format("the credentials come from {}; renew them: hoy login {}",
                               lookup_->origin, registry_);
    }
    return Fail(std::move(error));
  }
  TRY_CONTEXT_SET(TokenAnswer answer, ParseTokenAnswer(response.body), "token server '{}'", host);
  return Token{.text = std::move(answer.token), .lifetime = answer.lifetime};
}

}  // namespace hoy::oci
