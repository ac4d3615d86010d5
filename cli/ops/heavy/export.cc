#include "cli/ops/archives.h"
#include "cli/ops/container_tree.h"
#include "cli/ops/heavy/output_file.h"
#include "core/engine/lifecycle.h"
#include "core/engine/state_rules.h"
#include "core/state/event_log.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/tree_archive.h"

namespace hoy::cli {
namespace {

Result<> Export(Context& context, const ExportOptions& options) {
  TRY(std::string id, core::FindContainer(context.layout, options.container));
  TRY(core::ContainerStatus status, core::Heal(context.layout, id));
  TRY(core::Permit(core::Verb::kExport, status.state, options.container));
  TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
  TRY(OutputFile output, OutputFile::Open(context, options.output));
  RaiseDescriptorLimit();
  oci::FdSink sink(output.fd(), output.subject());
  oci::TarWriter tar(sink);
  auto archived = oci::ArchiveTree(ContainerTrees(context.layout, record), {}, tar);
  TRY(CheckStillThere(context.layout, id));
  if (!archived) return Fail(std::move(archived).error());
  TRY(tar.Finish());
  TRY(sink.Flush());
  TRY(output.Commit());
  core::RecordContainerEvent(context.layout, record, "export");
  return CheckNotTorn(context, archived->torn);
}

}  // namespace

Result<> RunExport(Context& context, const ExportOptions& options) {
  TRY_CONTEXT(Export(context, options), "export '{}'", options.container);
  return {};
}

}  // namespace hoy::cli
