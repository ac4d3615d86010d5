#include "cli/ops/archives.h"
#include "cli/ops/heavy/open_target.h"
#include "core/state/event_log.h"

namespace hoy::cli {
namespace {

Result<ImageToExport> FindImage(const oci::ImageStore& store, const std::string& name,
                                const SaveOptions& options) {
  ImageToExport item{.image = {}, .list = std::nullopt, .names = {}};
  std::string reference;
  bool one_only = !options.platform.empty() || options.format == SaveFormat::kDockerArchive;
  if (!one_only) {
    TRY(item.list, store.FindList(name));
  }
  if (item.list) {
    reference = item.list->reference;
  } else if (!options.platform.empty()) {
    TRY(oci::Platform platform, oci::ParsePlatform(options.platform, oci::HostPlatform()));
    TRY(oci::ResolvedImage resolved, store.ResolveForPlatform(name, platform));
    item.image = std::move(resolved.record);
    reference = std::move(resolved.reference);
  } else {
    TRY(oci::ResolvedImage resolved, store.Resolve(name));
    item.image = std::move(resolved.record);
    reference = std::move(resolved.reference);
  }
  auto known = oci::Reference::Parse(reference);
  if (known && !known->tag().empty()) item.names.names.push_back(*std::move(known));
  return item;
}

Transport TransportOf(SaveFormat format) {
  switch (format) {
    case SaveFormat::kOciArchive: return Transport::kOciArchive;
    case SaveFormat::kOciDirectory: return Transport::kOci;
    case SaveFormat::kDockerDirectory: return Transport::kDir;
    case SaveFormat::kDockerArchive: break;
  }
  return Transport::kDockerArchive;
}

Result<> Save(Context& context, const SaveOptions& options) {
  oci::ImageStore store(context.layout);
  std::vector<ImageToExport> images;
  // All are looked up before a byte is written.
  for (const std::string& name : options.images) {
    TRY(ImageToExport image, FindImage(store, name, options));
    images.push_back(std::move(image));
  }
  bool is_directory =
      options.format == SaveFormat::kOciDirectory || options.format == SaveFormat::kDockerDirectory;
  if (is_directory && options.output.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "a directory needs a name: use --output DIR");
  }
  if (options.format == SaveFormat::kDockerDirectory && images.size() > 1) {
    return Fail(ErrorKind::kInvalidArgument, "the format docker-dir holds one image only");
  }
  TRY(ExportTo(context, TransportOf(options.format), options.output, images,
               oci::ManifestFormat::kDocker));
  for (const std::string& name : options.images) {
    core::RecordImageEvent(context.layout, "save", name, name);
  }
  return {};
}

}  // namespace

Result<> RunSave(Context& context, const SaveOptions& options) {
  TRY_CONTEXT(Save(context, options), "save");
  return {};
}

}  // namespace hoy::cli
