#include <fcntl.h>

#include <cstdlib>

#include "cli/ops/archives.h"
#include "cli/ops/heavy/admission.h"
#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/open_source.h"
#include "core/state/event_log.h"
#include "oci/transfer/list_import.h"

namespace hoy::cli {
namespace {

Result<std::unique_ptr<oci::ImageSource>> OpenInput(const Context& context,
                                                    const LoadOptions& options,
                                                    const oci::CancelToken& cancel) {
  if (!options.input.empty() && options.input != "-") {
    return OpenSource(context.layout, options.input, cancel);
  }
  if (context.terminal.stdin_is_terminal) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "an archive is not read from a terminal")
                    .WithHint("use --input FILE, or a pipe"));
  }
  Fd input(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!input) return FailErrno("open", "stdin");
  return OpenSource(context.layout, std::move(input), "stdin", cancel);
}

Result<> Load(Context& context, const LoadOptions& options) {
  TRY(core::PrepareLayout(context.layout));
  oci::ImportOptions import;
  const char* variable = std::getenv("DOCKER_DEFAULT_PLATFORM");
  TRY(import.platform, oci::ChoosePlatform(options.platform, variable != nullptr ? variable : ""));
  import.platform_asked = !options.platform.empty();
  import.warn = [&](std::string_view text) { context.Warn(text); };
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  import.cancel = &cancel;
  TRY(std::unique_ptr<oci::ImageSource> source, OpenInput(context, options, cancel));
  const bool from_stdin = options.input.empty() || options.input == "-";
  TRY(import.admit,
      MakeAdmission(options.signature_policy, *source, from_stdin ? "" : options.input));
  TRY(std::vector<oci::OfferedImage> images, source->Images());
  for (const oci::OfferedImage& image : images) {
    auto imported = options.all_platforms
                        ? oci::ImportList(context.layout, *source, image, {}, import)
                        : oci::ImportImage(context.layout, *source, image, import);
    if (!imported) {
      std::string name =
          image.names.empty() ? image.target.digest.Short() : image.names.front().Familiar();
      return Fail(std::move(imported).error().InContext(fmt::format("image '{}'", name)));
    }
    std::string id = imported->id.ToString();
    core::RecordImageEvent(context.layout, "load", id,
                           imported->names.empty() ? id : imported->names.front());
    if (imported->names.empty()) {
      context.out.Print("Loaded image ID: {}\n", imported->id.ToString());
    }
    for (const std::string& name : imported->names) context.out.Print("Loaded image: {}\n", name);
  }
  return {};
}

}  // namespace

Result<> RunLoad(Context& context, const LoadOptions& options) {
  bool from_stdin = options.input.empty() || options.input == "-";
  TRY_CONTEXT(Load(context, options), "load '{}'", from_stdin ? "stdin" : options.input);
  return {};
}

}  // namespace hoy::cli
