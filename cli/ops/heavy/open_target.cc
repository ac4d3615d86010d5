#include "cli/ops/heavy/open_target.h"

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/output_file.h"
#include "oci/archive/formats.h"
#include "oci/layer/byte_sink.h"

namespace hoy::cli {
namespace {

Result<oci::Digest> Export(const core::Layout& layout, const std::vector<ImageToExport>& images,
                           oci::ImageTarget& target) {
  oci::Descriptor last;
  for (const ImageToExport& image : images) {
    if (image.list) {
      TRY(last, oci::ExportList(layout, *image.list, image.names, target, image.entries));
    } else {
      TRY(last, oci::ExportImage(layout, image.image, image.names, target));
    }
  }
  TRY(target.Finish());
  return last.digest;
}

}  // namespace

Result<oci::Digest> ExportTo(Context& context, Transport transport, const std::string& path,
                             const std::vector<ImageToExport>& images,
                             std::optional<oci::ManifestFormat> dir_format) {
  if (transport == Transport::kOci || transport == Transport::kDir) {
    bool is_oci = transport == Transport::kOci;
    oci::CancelToken cancel;
    CancelOnSignal handler(cancel);
    TRY(auto target,
        is_oci ? oci::MakeOciLayout(path, &cancel) : oci::MakeDirImage(path, dir_format, &cancel));
    return Export(context.layout, images, *target);
  }
  TRY(OutputFile output, OutputFile::Open(context, path));
  oci::FdSink sink(output.fd(), output.subject());
  auto target = transport == Transport::kOciArchive ? oci::MakeOciArchive(sink)
                                                    : oci::MakeDockerArchive(sink);
  TRY(oci::Digest digest, Export(context.layout, images, *target));
  TRY(sink.Flush());
  TRY(output.Commit());
  return digest;
}

}  // namespace hoy::cli
