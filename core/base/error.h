#pragma once
// What went wrong, as data. Callers branch on kind, errno and stage; only cli/ prints text.

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

namespace hoy {

enum class ErrorKind {
  kSystem,           // a system call failed; see `system_errno`
  kInvalidArgument,  // what the user asked for makes no sense (usage)
  kNotFound,         // no such container, image, file, user ...
  kAlreadyExists,    // the name or object is taken
  kConflict,         // the object is in a state that forbids this (running, in use)
  kPermission,       // not allowed
  kUnsupported,      // this kernel, host or image cannot do it
  kCorrupt,          // bytes are not what they claim to be (digest, size, JSON, tar)
  kNetwork,          // a peer could not be reached or broke off
  kUnauthorized,     // a registry refused the credentials, or wants some
  kTimeout,          // a deadline passed
  kCancelled,        // the user interrupted
  kStart,            // the container's process could not be started; see `stage`
};

// The wire name of a kind, as `--error-format json` prints it ("not-found").
std::string_view ToString(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kSystem;
  int system_errno = 0;  // 0 when no system call is to blame
  std::string stage;  // the step that failed: "mount", "exec", "fetch-blob" ... (stable, for code)
  std::string subject;  // what it was done to: a path, a reference, a name
  std::string message;  // the sentence, outermost context first, lower case, no full stop
  std::string hint;     // what to do about it, or empty

  // "start 'web'" + "mount '/proc': ..." -> "start 'web': mount '/proc': ...".
  Error&& InContext(std::string_view context) &&;
  Error&& WithHint(std::string text) &&;
  Error&& WithKind(ErrorKind value) &&;
};

// "<stage> '<subject>': <strerror>". Reads errno when `system_errno` is not given, so call it first
// thing after the failing call.
Error SystemError(std::string_view stage, std::string_view subject, int system_errno = errno);

Error MakeError(ErrorKind kind, std::string message);

// strerror without the locale and without the static buffer ("No such file or directory").
std::string_view ErrnoText(int system_errno);

}  // namespace hoy
