#pragma once
// Result<T> is what every fallible function returns; TRY unwraps it or returns the error.
//
//   TRY(Mount(plan));                        // returns the error
//   TRY(auto fd, OpenFile(path));            // binds the value
//   TRY_CONTEXT(Mount(plan), "start '{}'", name);
//   TRY_CONTEXT_SET(auto fd, OpenFile(path), "read the log of '{}'", name);
//
// Each is a whole statement. The context is formatted only on failure.

#include <fmt/core.h>

#include <expected>
#include <type_traits>
#include <utility>

#include "core/base/error.h"

namespace hoy {

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

template <typename... Args>
std::unexpected<Error> Fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return Fail(MakeError(kind, fmt::format(format, std::forward<Args>(args)...)));
}

inline std::unexpected<Error> FailErrno(std::string_view stage, std::string_view subject,
                                        int system_errno = errno) {
  return Fail(SystemError(stage, subject, system_errno));
}

}  // namespace hoy

#define HOY_CONCAT_INNER(a, b) a##b
#define HOY_CONCAT(a, b) HOY_CONCAT_INNER(a, b)
#define HOY_TRY_PICK(_1, _2, name, ...) name

#define HOY_TRY_VOID(expression)                                   \
  do {                                                             \
    if (auto try_result = (expression); !try_result.has_value()) { \
      return ::std::unexpected(::std::move(try_result).error());   \
    }                                                              \
  } while (false)

#define HOY_TRY_BIND_AS(temporary, declaration, expression)                             \
  auto temporary = (expression);                                                        \
  if (!temporary.has_value()) return ::std::unexpected(::std::move(temporary).error()); \
  declaration = *::std::move(temporary)

#define HOY_TRY_BIND(declaration, expression) \
  HOY_TRY_BIND_AS(HOY_CONCAT(try_result_, __COUNTER__), declaration, expression)

#define TRY(...) HOY_TRY_PICK(__VA_ARGS__, HOY_TRY_BIND, HOY_TRY_VOID)(__VA_ARGS__)

#define TRY_CONTEXT(expression, ...)                                              \
  do {                                                                            \
    if (auto try_result = (expression); !try_result.has_value()) {                \
      return ::std::unexpected(                                                   \
          ::std::move(try_result).error().InContext(::fmt::format(__VA_ARGS__))); \
    }                                                                             \
  } while (false)

#define HOY_TRY_CONTEXT_SET_AS(temporary, declaration, expression, ...)        \
  auto temporary = (expression);                                               \
  if (!temporary.has_value()) {                                                \
    return ::std::unexpected(                                                  \
        ::std::move(temporary).error().InContext(::fmt::format(__VA_ARGS__))); \
  }                                                                            \
  declaration = *::std::move(temporary)

#define TRY_CONTEXT_SET(declaration, expression, ...) \
  HOY_TRY_CONTEXT_SET_AS(HOY_CONCAT(try_result_, __COUNTER__), declaration, expression, __VA_ARGS__)
