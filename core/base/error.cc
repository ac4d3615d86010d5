#include "core/base/error.h"

#include <cstring>

namespace hoy {

std::string_view ToString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kSystem: return "system";
    case ErrorKind::kInvalidArgument: return "invalid-argument";
    case ErrorKind::kNotFound: return "not-found";
    case ErrorKind::kAlreadyExists: return "already-exists";
    case ErrorKind::kConflict: return "conflict";
    case ErrorKind::kPermission: return "permission";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kCorrupt: return "corrupt";
    case ErrorKind::kNetwork: return "network";
    case ErrorKind::kUnauthorized: return "unauthorized";
    case ErrorKind::kTimeout: return "timeout";
    case ErrorKind::kCancelled: return "cancelled";
    case ErrorKind::kStart: return "start";
  }
  return "unknown";
}

std::string_view ErrnoText(int system_errno) {
  const char* text = strerrordesc_np(system_errno);
  return text != nullptr ? text : "unknown error";
}

Error&& Error::InContext(std::string_view context) && {
  message = std::string(context) + ": " + message;
  return std::move(*this);
}

Error&& Error::WithHint(std::string text) && {
  hint = std::move(text);
  return std::move(*this);
}

Error&& Error::WithKind(ErrorKind value) && {
  kind = value;
  return std::move(*this);
}

Error SystemError(std::string_view stage, std::string_view subject, int system_errno) {
  ErrorKind kind = ErrorKind::kSystem;
  if (system_errno == ENOENT) kind = ErrorKind::kNotFound;
  if (system_errno == EEXIST) kind = ErrorKind::kAlreadyExists;
  if (system_errno == EACCES || system_errno == EPERM || system_errno == EROFS) {
    kind = ErrorKind::kPermission;
  }
  std::string message(stage);
  if (!subject.empty()) message.append(" '").append(subject).append("'");
  message.append(": ").append(ErrnoText(system_errno));
  return Error{.kind = kind,
               .system_errno = system_errno,
               .stage = std::string(stage),
               .subject = std::string(subject),
               .message = std::move(message),
               .hint = {}};
}

Error MakeError(ErrorKind kind, std::string message) {
  return Error{.kind = kind,
               .system_errno = 0,
               .stage = {},
               .subject = {},
               .message = std::move(message),
               .hint = {}};
}

}  // namespace hoy
