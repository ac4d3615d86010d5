#include "oci/registry/status_error.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>

#include "core/base/text.h"
#include "oci/image/codec.h"

namespace hoy::oci {
namespace {

// "100;w=21600" -> {100, 21600 s}.
struct RateLimit {
  uint64_t count = 0;
  std::chrono::seconds window{0};
};
std::optional<RateLimit> ParseRateLimit(std::string_view text) {
  auto fields = Split(text, ';');
  if (fields.empty()) return std::nullopt;
  auto count = ParseInteger<uint64_t>(Trim(fields[0]));
  if (!count) return std::nullopt;
  RateLimit limit{.count = *count};
  for (size_t i = 1; i < fields.size(); ++i) {
    std::string_view field = Trim(fields[i]);
    if (!field.starts_with("w=")) continue;
    limit.window = std::chrono::seconds(ParseInteger<uint32_t>(field.substr(2)).value_or(0));
  }
  return limit;
}

std::string InWords(std::chrono::seconds duration) {
  return ToLower(core::HumanDuration(duration.count() * core::kSecond));
}

std::string RateLimitHint(const HttpResponse& response, const RequestSubject& subject,
                          core::Timestamp now) {
  std::string hint;
  if (auto limit = ParseRateLimit(response.Header("ratelimit-limit")); limit && limit->count) {
    hint = fmt::format("the limit is {} requests", limit->count);
    if (limit->window.count() > 0) hint += " in " + InWords(limit->window);
  }
  if (auto wait = RetryAfter(response, now)) {
    hint += fmt::format("{}try again in {}", hint.empty() ? "" : "; ", InWords(*wait));
  }
  if (!subject.credentials_sent) {
    hint += fmt::format("{}a login may raise it: hoy login {}", hint.empty() ? "" : "; ",
                        subject.registry);
  }
  return hint.empty() ? "try again later" : hint;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 416: return "Range Not Satisfiable";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "";
  }
}

// One line of printable text from bytes a server chose.
std::string OneLine(std::string_view text, size_t limit = 300) {
  std::string line;
  for (char c : text.substr(0, limit)) {
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return std::string(Trim(line));
}

}  // namespace

std::optional<std::chrono::seconds> RetryAfter(const HttpResponse& response, core::Timestamp now) {
  std::string header(Trim(response.Header("retry-after")));
  if (header.empty()) header = Trim(response.Header("ratelimit-reset"));
  if (header.empty()) return std::nullopt;
  if (auto seconds = ParseInteger<uint32_t>(header)) return std::chrono::seconds(*seconds);
  tm date{};
  const char* end = ::strptime(header.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (!end || *end) return std::nullopt;
  int64_t seconds = ::timegm(&date) - now / core::kSecond;
  constexpr int64_t kYear = 365 * 86'400;  // nobody waits longer, and nothing overflows
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kYear));
}

bool IsWebPage(const HttpResponse& response) {
  return Trim(std::string_view(response.body).substr(0, 1024)).starts_with('<');
}

Error WebPageError(const std::string& what) {
  Error error = MakeError(ErrorKind::kCorrupt, fmt::format("{}: the answer is a web page", what));
  error.subject = what;
  error.hint = "this may not be a registry, or a proxy answered in its place";
  return error;
}

std::string ErrorDetail(std::string_view body) {
  constexpr size_t kLongest = 64 << 10;  // it is to become one line
  auto document = ParseOrDiscard(body, kLongest);
  if (!document.is_object()) return "";
  auto errors = document.find("errors");
  if (errors == document.end()) {
    // Token servers answer {"details": ...} or {"error_description": ...}.
    for (const char* name : {"details", "error_description", "message", "error"}) {
      auto found = document.find(name);
      if (found != document.end() && found->is_string()) return OneLine(found->get<std::string>());
    }
    return "";
  }
  if (!errors->is_array() || errors->empty() || !errors->front().is_object()) return "";
  auto text = [&](const char* name) {
    auto found = errors->front().find(name);
    return found != errors->front().end() && found->is_string() ? found->get<std::string>() : "";
  };
  std::string code = ToLower(text("code"));
  std::replace(code.begin(), code.end(), '_', ' ');
  std::string message = text("message");
  return OneLine(message.empty() ? code : message);
}

Error StatusError(const HttpResponse& response, const RequestSubject& subject,
                  core::Timestamp now) {
  std::string detail = ErrorDetail(response.body);
  auto sentence = [&](std::string text) {
    return detail.empty() ? text : fmt::format("{}: {}", text, detail);
  };
  Error error = MakeError(ErrorKind::kNetwork, "");
  error.subject = subject.what;
  std::string login = "hoy login " + subject.registry;
  switch (response.status) {
    case 401:
      error.kind = ErrorKind::kUnauthorized;
      error.stage = "unauthorized";
      if (subject.credentials_sent) {
        error.message = sentence(fmt::format("{}: registry '{}' refused the credentials",
                                             subject.what, subject.registry));
        error.hint = "renew them: " + login;
      } else {
        error.message = sentence(
            fmt::format("{}: registry '{}' wants a login", subject.what, subject.registry));
        error.hint = "check the name; if it is private: " + login;
      }
      return error;
    case 403:
      error.kind = ErrorKind::kUnauthorized;
      error.stage = "denied";
      error.message = sentence(fmt::format("{}: access denied", subject.what));
      error.hint = subject.credentials_sent
                       ? fmt::format("the account may lack the right to {} this repository",
                                     subject.push ? "push to" : "pull from")
                   : subject.push ? "a push may need a login: " + login
                                  : "check the name; if it is private: " + login;
      return error;
    case 404:
    case 410:
      error.kind = ErrorKind::kNotFound;
      error.stage = "not-found";
      error.message = sentence(fmt::format("{}: not found", subject.what));
      error.hint = subject.credentials_sent ? "check the name and the tag"
                                            : "check the name and the tag; private repositories "
                                              "may need a login: " +
                                                  login;
      return error;
    case 405:
      if (!subject.push) break;
      error.kind = ErrorKind::kUnsupported;
      error.stage = "read-only";
      error.message = sentence(
          fmt::format("{}: registry '{}' takes no pushes", subject.what, subject.registry));
      error.hint = "it is read-only: push to the registry that it mirrors, or ask whoever keeps it";
      return error;
    case 413:
      error.stage = "too-large";
      error.message = sentence(fmt::format("{}: too large for registry '{}' or a proxy before it",
                                           subject.what, subject.registry));
      error.hint = "try smaller pieces: hoy push --chunk-size 16m";
      return error;
    case 429:
      error.stage = "rate-limit";
      error.message = sentence(fmt::format("{}: registry '{}' limits the rate of {}", subject.what,
                                           subject.registry, subject.push ? "requests" : "pulls"));
      error.hint = RateLimitHint(response, subject, now);
      return error;
    default: break;
  }
  std::string status = fmt::format("{}", response.status);
  if (std::string_view reason = ReasonPhrase(response.status); !reason.empty()) {
    status += fmt::format(" {}", reason);
  }
  bool server = response.status >= 500 || response.status == 408;
  error.stage = server ? "server" : response.status == 416 ? "range" : "status";
  error.message = sentence(
      fmt::format("{}: registry '{}' answered {}", subject.what, subject.registry, status));
  auto wait = RetryAfter(response, now);
  error.hint =
      server && wait
          ? fmt::format("the registry has a problem; it asks to try again in {}", InWords(*wait))
      : response.status == 507 ? "the registry has no room left: ask whoever keeps it"
      : server                 ? "the registry has a problem; try again later"
                               : "this may not be a registry, or not one of the v2 protocol";
  return error;
}

}  // namespace hoy::oci
