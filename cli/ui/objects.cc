#include "cli/ui/objects.h"

#include <algorithm>

#include "cli/ui/exit_code.h"

namespace hoy::cli {

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

}  // namespace hoy::cli
