#include "oci/registry/credential_helper.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/process.h"
#include "oci/image/codec.h"
#include "oci/image/manifest.h"
#include "oci/registry/credentials.h"

extern char** environ;

namespace hoy::oci {
namespace {

constexpr std::chrono::seconds kDeadline{60};
constexpr size_t kAnswerLimit = 1 << 20;
constexpr size_t kInputLimit = 48 << 10;  // fits into a pipe of 64 KiB

// A helper's name becomes part of a program's name, so it must not be a path.
bool IsHelperName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

struct Pipe {
  Fd read, write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return FailErrno("pipe", "");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<core::ChildProcess> Spawn(const std::string& program, const char* verb, BorrowedFd in,
                                 BorrowedFd out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  char* arguments[] = {const_cast<char*>(program.c_str()), const_cast<char*>(verb), nullptr};
  pid_t pid = 0;
  int code = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code == ENOENT) {
    return Fail(MakeError(ErrorKind::kNotFound,
                          fmt::format("credential helper '{}' is not installed", program)));
  }
  if (code != 0) return FailErrno("spawn", program, code);
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return core::ChildProcess(pid, std::move(pidfd));
}

// Everything up to the end of file, with a deadline that a cancel cuts short.
Result<std::string> ReadAnswer(BorrowedFd fd, const std::string& program,
                               const CancelToken& cancel) {
  auto deadline = std::chrono::steady_clock::now() + kDeadline;
  std::string answer;
  while (true) {
    TRY(cancel.Check());
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Fail(ErrorKind::kTimeout, "credential helper '{}' gave no answer in {} seconds",
                  program, kDeadline.count());
    }
    pollfd waits[] = {{.fd = fd.get(), .events = POLLIN, .revents = 0},
                      {.fd = cancel.fd().get(), .events = POLLIN, .revents = 0}};
    int ready = ::poll(waits, 2, static_cast<int>(std::min<int64_t>(left.count(), 1000)));
    if (ready < 0 && errno != EINTR) return FailErrno("poll", program);
    if (ready <= 0 || waits[0].revents == 0) continue;
    char buffer[4096];
    ssize_t count = ::read(fd.get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", program);
    if (count == 0) return answer;
    answer.append(buffer, static_cast<size_t>(count));
    if (answer.size() > kAnswerLimit) {
      return Fail(ErrorKind::kCorrupt, "credential helper '{}' talks without end", program);
    }
  }
}

}  // namespace

Result<std::string> RunCredentialHelper(const std::string& helper, const char* verb,
                                        const std::string& input, const CancelToken& cancel) {
  if (!IsHelperName(helper)) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not a credential helper's name", helper);
  }
  std::string program = "docker-credential-" + helper;
  if (input.size() > kInputLimit) {
    return Fail(ErrorKind::kInvalidArgument, "too long for credential helper '{}'", program);
  }
  TRY(Pipe to, MakePipe());
  TRY(Pipe from, MakePipe());
  // Fits into the pipe, so this cannot block, and while both ends are ours it raises no SIGPIPE.
  TRY(core::WriteAll(to.write, input + "\n", program));
  TRY(core::ChildProcess child, Spawn(program, verb, to.read, from.write));
  to = {};
  from.write.reset();
  TRY(std::string answer, ReadAnswer(from.read, program, cancel));
  TRY(core::ExitStatus status, child.Wait());
  if (status.code == 0) return answer;
  std::string_view text = Trim(answer);
  Error error = MakeError(
      ErrorKind::kUnauthorized,
      fmt::format("credential helper '{}' failed: {}", program,
                  text.empty() ? fmt::format("exit code {}", status.code) : std::string(text)));
  if (text.find("credentials not found") != std::string_view::npos) error.stage = "no-credentials";
  return Fail(std::move(error));
}

std::string HelperStoreInput(std::string_view server, const Credential& credential) {
  const bool token = !credential.identity_token.empty();
  const nlohmann::ordered_json input = {
      {"ServerURL", server},
      {"Username", token ? "<token>" : credential.username},
      {"Secret", token ? credential.identity_token : credential.password}};
  return input.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<std::vector<std::string>> ParseHelperList(std::string_view json) {
  auto document = ParseOrDiscard(json, kMaxDocumentBytes);
  if (!document.is_object()) {
    return Fail(ErrorKind::kCorrupt, "the helper's list is not a JSON object");
  }
  std::vector<std::string> servers;
  for (const auto& [server, user] : document.items()) servers.push_back(server);
  return servers;
}

Result<std::optional<Credential>> AskCredentialHelper(const std::string& helper,
                                                      const std::string& server,
                                                      const CancelToken& cancel) {
  auto answer = RunCredentialHelper(helper, "get", server, cancel);
  if (!answer && answer.error().stage == "no-credentials") return std::nullopt;
  if (!answer) return Fail(std::move(answer).error());
  TRY_CONTEXT_SET(Credential credential, ParseHelperAnswer(*answer),
                  "credential helper 'docker-credential-{}'", helper);
  return credential;
}

}  // namespace hoy::oci
