#include "cli/ops/passed_fds.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "core/init/plan.h"

namespace hoy::cli {
namespace {

constexpr int kFirst = 3;

std::string_view Variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

// What hoy has opened itself closes on exec; what it was given does not.
bool WasGiven(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

Result<std::vector<int>> Given(std::string_view what, int64_t count) {
  std::vector<int> fds;
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    if (!WasGiven(fd)) {
      return Fail(MakeError(ErrorKind::kInvalidArgument,
                            fmt::format("{} {}: descriptor {} is not open", what, count, fd))
                      .WithHint(fmt::format("open it for hoy: {}<FILE", fd)));
    }
    fds.push_back(fd);
  }
  return fds;
}

}  // namespace

Result<PassedFds> ChoosePassedFds(Context& context, const std::string& flag) {
  PassedFds passed;
  bool for_us = Variable("LISTEN_PID") == std::to_string(getpid());
  std::string_view listen = for_us ? Variable("LISTEN_FDS") : "";
  if (!flag.empty()) {
    TRY(int64_t count, ParseNumberFlag("--preserve-fds", flag, 0, core::kMaxPassedFds));
    if (!listen.empty() && count > 0) context.Warn("LISTEN_FDS has no effect with --preserve-fds");
    TRY(passed.fds, Given("--preserve-fds", count));
    if (count > 0) return passed;
  }
  if (listen.empty()) return passed;
  TRY(int64_t count, ParseNumberFlag("LISTEN_FDS", std::string(listen), 0, core::kMaxPassedFds));
  TRY(passed.fds, Given("LISTEN_FDS", count));
  passed.listening = count > 0;
  passed.names = Variable("LISTEN_FDNAMES");
  return passed;
}

std::vector<std::string> ListenVariables(const PassedFds& passed,
                                         const core::ContainerRecord& record) {
  if (!passed.listening) return {};
  std::vector<std::string> variables = {fmt::format("LISTEN_FDS={}", passed.fds.size())};
  if (!passed.names.empty()) variables.push_back("LISTEN_FDNAMES=" + passed.names);
  if (record.config.namespaces.pid == core::NamespaceMode::kPrivate) {
    variables.emplace_back(record.config.init ? "LISTEN_PID=2" : "LISTEN_PID=1");
  }
  return variables;
}

void ClosePassedFds(PassedFds& passed) {
  for (int fd : passed.fds) close(fd);
  passed.fds.clear();
}

}  // namespace hoy::cli
