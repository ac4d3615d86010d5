#include "cli/ops/archives.h"
#include "cli/ops/heavy/output_file.h"
#include "oci/archive/formats.h"
#include "oci/transfer/store_export.h"

namespace hoy::cli {
namespace {

struct ImageToSave {
  oci::ImageRecord record;
  std::vector<oci::Reference> names;
};

// All are looked up before a byte is written.
Result<std::vector<ImageToSave>> FindImages(const Context& context,
                                            const std::vector<std::string>& images) {
  oci::ImageStore store(context.layout);
  std::vector<ImageToSave> found;
  for (const std::string& image : images) {
    TRY(oci::ResolvedImage resolved, store.Resolve(image));
    ImageToSave item{.record = std::move(resolved.record), .names = {}};
    auto name = oci::Reference::Parse(resolved.reference);
    if (name && !name->tag().empty()) item.names.push_back(*std::move(name));
    found.push_back(std::move(item));
  }
  return found;
}

Result<> Export(const Context& context, const std::vector<ImageToSave>& images,
                oci::ImageTarget& target) {
  for (const ImageToSave& image : images) {
    TRY(oci::ExportImage(context.layout, image.record, image.names, target));
  }
  return target.Finish();
}

Result<> Save(Context& context, const SaveOptions& options) {
  TRY(std::vector<ImageToSave> images, FindImages(context, options.images));
  bool is_directory =
      options.format == SaveFormat::kOciDirectory || options.format == SaveFormat::kDockerDirectory;
  if (is_directory) {
    if (options.output.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "a directory needs a name: use --output DIR");
    }
    bool is_oci = options.format == SaveFormat::kOciDirectory;
    if (!is_oci && images.size() > 1) {
      return Fail(ErrorKind::kInvalidArgument, "the format docker-dir holds one image only");
    }
    TRY(auto target,
        is_oci ? oci::MakeOciLayout(options.output) : oci::MakeDirImage(options.output));
    return Export(context, images, *target);
  }
  TRY(OutputFile output, OutputFile::Open(context, options.output));
  oci::FdSink sink(output.fd(), output.subject());
  auto target = options.format == SaveFormat::kOciArchive ? oci::MakeOciArchive(sink)
                                                          : oci::MakeDockerArchive(sink);
  TRY(Export(context, images, *target));
  TRY(sink.Flush());
  return output.Commit();
}

}  // namespace

Result<> RunSave(Context& context, const SaveOptions& options) {
  TRY_CONTEXT(Save(context, options), "save");
  return {};
}

}  // namespace hoy::cli
