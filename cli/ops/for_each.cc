#include "cli/ops/for_each.h"

#include <algorithm>
#include <vector>

#include "cli/ui/exit_code.h"
#include "core/base/text.h"

namespace hoy::cli {

Result<int> InspectEach(Context& context, std::span<const std::string> names,
                        std::string_view format,
                        const std::function<Result<Json>(const std::string&)>& find) {
  std::vector<Json> objects;
  int exit_code = 0;
  for (const std::string& name : names) {
    auto object = find(name);
    if (object) {
      objects.push_back(*std::move(object));
      continue;
    }
    context.Report(object.error());
    exit_code = std::max(exit_code, ExitCodeOf(object.error(), false));
  }
  // As docker does: an empty array rather than nothing, so that a script's parser is content.
  TRY(std::string text, FormatInspect(format, objects));
  PrintData(context, text);
  return exit_code;
}

int PruneEach(Context& context, std::span<const std::string> names, const PruneStyle& style,
              const std::function<Result<std::optional<int64_t>>(const std::string&)>& prune) {
  int exit_code = 0;
  bool is_first = true;
  int64_t reclaimed = 0;
  for (const std::string& name : names) {
    auto bytes = prune(name);
    if (!bytes) {
      context.Report(bytes.error());
      exit_code = kExitFailed;
      continue;
    }
    if (!*bytes) continue;
    if (is_first && style.dry_run) context.out.Print("{} that would be deleted:\n", style.what);
    if (is_first && !style.dry_run) context.out.Print("Deleted {}:\n", style.what);
    is_first = false;
    context.out.Print("{}\n", name);
    reclaimed += **bytes;
  }
  if (!style.tells_space) return exit_code;
  if (!is_first) context.out.Write("\n");
  context.out.Print("Total reclaim{} space: {}\n", style.dry_run ? "able" : "ed",
                    FormatByteSize(static_cast<uint64_t>(reclaimed), 4));
  return exit_code;
}

}  // namespace hoy::cli
