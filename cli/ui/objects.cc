#include "cli/ui/objects.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "cli/ui/exit_code.h"

namespace hoy::cli {
namespace {

// Its exit code.
int Try(Context& context, const std::string& name,
        const std::function<Result<>(const std::string& name)>& act) {
  Result<> done = act(name);
  if (done) return 0;
  context.Report(done.error());
  return ExitCodeOf(done.error(), context.runs_command);
}

int CodeOf(Context& context, const std::string& name, pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno == EINTR) continue;
    context.Report(SystemError("wait for", name));
    return kExitFailed;
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  context.Report(MakeError(
      ErrorKind::kSystem, fmt::format("'{}': the process of hoy that was at it was killed", name)));
  return kExitFailed;
}

}  // namespace

int ForEachObject(Context& context, std::span<const std::string> names,
                  const std::function<Result<>(const std::string& name)>& act, bool print_names) {
  int exit_code = 0;
  for (const std::string& name : names) {
    Result<> done = act(name);
    if (done) {
      if (print_names) context.out.Print("{}\n", name);
      (void)context.out.Flush();  // a slow next one must not hold this one's line back
      continue;
    }
    context.Report(done.error());
    exit_code = std::max(exit_code, ExitCodeOf(done.error(), context.runs_command));
    if (done.error().kind == ErrorKind::kCancelled) break;
  }
  return exit_code;
}

int ForEachObjectAtOnce(Context& context, std::span<const std::string> names,
                        const std::function<Result<>(const std::string& name)>& act) {
  constexpr size_t kMostAtOnce = 64;
  if (names.size() == 1) return ForEachObject(context, names, act);
  (void)context.out.Flush();  // it must not be printed by each of them
  pid_t parent = getpid();
  auto start = [&](const std::string& name) {
    pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kExitFailed);
    _exit(Try(context, name, act));
  };
  std::vector<pid_t> children;
  int exit_code = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    while (children.size() < std::min(names.size(), i + kMostAtOnce)) {
      children.push_back(start(names[children.size()]));
    }
    // Without a process more it is done here, after those before it.
    int code =
        children[i] < 0 ? Try(context, names[i], act) : CodeOf(context, names[i], children[i]);
    if (code == 0) context.out.Print("{}\n", names[i]);
    (void)context.out.Flush();
    exit_code = std::max(exit_code, code);
  }
  return exit_code;
}

}  // namespace hoy::cli
