#include <fcntl.h>

#include "cli/ops/archives.h"
#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/image_changes.h"
#include "core/state/event_log.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"
#include "oci/transfer/make_image.h"
#include "oci/transfer/stoppable_source.h"
#include "oci/trust/gate.h"

namespace hoy::cli {
namespace {

Result<Fd> OpenInput(const Context& context, const std::string& input) {
  if (input != "-") return core::OpenAt(core::kCwd, input, O_RDONLY);
  if (context.terminal.stdin_is_terminal) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "an archive is not read from a terminal")
                    .WithHint("name a file, or use a pipe"));
  }
  Fd file(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!file) return FailErrno("open", "stdin");
  return file;
}

// The transport has no scopes, and its archives have no signatures.
Result<> CheckPolicy(const std::string& signature_policy) {
  TRY(oci::Policy policy, oci::LoadPolicy(signature_policy));
  oci::ImageIdentity image{.transport = "tarball", .scopes = {}, .reference = {}};
  oci::NoSignatures none;
  return oci::CheckImage(policy, image, oci::Digest(), none);
}

Result<oci::Digest> Import(const Context& context, const ImportImageOptions& options) {
  if (options.input.starts_with("http://") || options.input.starts_with("https://")) {
    return Fail(MakeError(ErrorKind::kUnsupported, "hoy does not fetch archives")
                    .WithHint(fmt::format("curl -L '{}' | hoy import -", options.input)));
  }
  oci::NewImage image;
  image.step.platform = oci::HostPlatform();
  if (!options.platform.empty()) {
    TRY(image.step.platform, oci::ParsePlatform(options.platform, oci::HostPlatform()));
  }
  image.step.created = core::Now();
  image.step.comment = options.message.empty() ? "Imported from " + options.input : options.message;
  TRY(ApplyChanges(image.step.config, options.changes));
  if (!options.reference.empty()) {
    TRY(oci::Reference name, oci::Reference::ParseAsName(options.reference));
    image.names.push_back(std::move(name));
  }
  TRY(CheckPolicy(options.signature_policy));
  TRY(Fd file, OpenInput(context, options.input));
  TRY(core::PrepareLayout(context.layout));
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  oci::StoppableFdSource source(file, options.input, cancel);
  return oci::MakeImage(context.layout, source, std::move(image));
}

}  // namespace

Result<> RunImport(Context& context, const ImportImageOptions& options) {
  TRY_CONTEXT_SET(oci::Digest id, Import(context, options), "import '{}'", options.input);
  core::RecordImageEvent(context.layout, "import", id.ToString(),
                         options.reference.empty() ? id.ToString() : options.reference);
  context.out.Print("{}\n", id.ToString());
  return {};
}

}  // namespace hoy::cli
