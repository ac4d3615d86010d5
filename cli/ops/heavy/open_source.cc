#include "cli/ops/heavy/open_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "cli/ops/heavy/admission.h"
#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/pull.h"
#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/archive/archive_codec.h"
#include "oci/archive/formats.h"
#include "oci/transfer/list_import.h"
#include "oci/transfer/store_import.h"

namespace hoy::cli {
namespace {

using SourcePointer = std::unique_ptr<oci::ImageSource>;

// "/tmp/My App.tar.gz" -> "my-app": what an image is called whose own name is only a tag.
std::string TitleOf(const std::string& path) {
  std::string name =
      ToLower(std::filesystem::absolute(path).lexically_normal().filename().string());
  if (name.empty()) {
    name = ToLower(
        std::filesystem::absolute(path).lexically_normal().parent_path().filename().string());
  }
  name = name.substr(0, name.find(".tar"));
  std::string title;
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      title += c;
    } else if (!title.empty() && title.back() != '-') {
      title += '-';
    }
  }
  while (title.ends_with('-')) title.pop_back();
  return title.substr(0, 128);
}

Result<std::unique_ptr<oci::FileSet>> OpenFiles(const core::Layout& layout, const std::string& path,
                                                const oci::CancelToken& cancel) {
  TRY(Fd file, core::OpenAt(core::kCwd, path, O_RDONLY));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return FailErrno("stat", path);
  if (S_ISDIR(status.st_mode)) return oci::OpenDirectoryFiles(path);
  return oci::OpenTarFiles(layout, std::move(file), path, cancel);
}

Result<SourcePointer> OpenFormat(std::unique_ptr<oci::FileSet> files,
                                 const TransportReference& reference) {
  switch (reference.transport) {
    case Transport::kDockerArchive: return oci::OpenDockerArchive(std::move(files));
    case Transport::kDir: return oci::OpenDirImage(std::move(files));
    case Transport::kOci:
    case Transport::kOciArchive: break;
  }
  return oci::OpenOciLayout(std::move(files), TitleOf(reference.path));
}

bool IsMeant(const oci::OfferedImage& image, const std::string& wanted) {
  auto annotation = image.target.annotations.find(oci::kRefNameAnnotation);
  if (annotation != image.target.annotations.end() && annotation->second == wanted) return true;
  auto reference = oci::Reference::ParseWithDefaultTag(wanted);
  return std::ranges::any_of(image.names, [&](const oci::Reference& name) {
    return name.tag() == wanted || (reference && name == *reference);
  });
}

// "@1": the second one of the archive, as containers-transports(5) has it.
Result<ChosenSource> ChooseByIndex(ChosenSource chosen, const TransportReference& reference) {
  auto index = ParseInteger<size_t>(std::string_view(reference.reference).substr(1));
  if (!index) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not the number of an image",
                reference.reference);
  }
  if (*index >= chosen.images.size()) {
    return Fail(ErrorKind::kNotFound, "no image '{}' in '{}', which holds {}", reference.reference,
                reference.path, chosen.images.size());
  }
  chosen.images = {chosen.images[*index]};
  return chosen;
}

std::string NamesIn(const std::vector<oci::OfferedImage>& images) {
  std::string names;
  for (const oci::OfferedImage& image : images) {
    for (const oci::Reference& name : image.names) {
      if (names.size() > 512) return names + ", ...";
      names += (names.empty() ? "" : ", ") + name.Familiar();
    }
  }
  return names;
}

}  // namespace

Result<SourcePointer> OpenSource(const core::Layout& layout, const std::string& path,
                                 const oci::CancelToken& cancel) {
  TRY(auto files, OpenFiles(layout, path, cancel));
  // "/dev/fd/63" says nothing about what comes through it.
  std::error_code unknown;
  auto type = std::filesystem::status(path, unknown).type();
  bool named =
      type == std::filesystem::file_type::regular || type == std::filesystem::file_type::directory;
  return oci::OpenAnyFormat(std::move(files), named ? TitleOf(path) : "");
}

Result<SourcePointer> OpenSource(const core::Layout& layout, Fd file, const std::string& subject,
                                 const oci::CancelToken& cancel) {
  TRY(auto files, oci::OpenTarFiles(layout, std::move(file), subject, cancel));
  return oci::OpenAnyFormat(std::move(files), "");
}

Result<ChosenSource> OpenTransport(const core::Layout& layout, const TransportReference& reference,
                                   const oci::CancelToken& cancel) {
  if (reference.path.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "the path of the image is missing");
  }
  ChosenSource chosen;
  TRY(auto files, OpenFiles(layout, reference.path, cancel));
  TRY(chosen.source, OpenFormat(std::move(files), reference));
  TRY(chosen.images, chosen.source->Images());
  if (reference.reference.empty()) return chosen;
  if (reference.transport == Transport::kDockerArchive && reference.reference.starts_with('@')) {
    return ChooseByIndex(std::move(chosen), reference);
  }
  std::string known = NamesIn(chosen.images);
  std::erase_if(chosen.images, [&](const oci::OfferedImage& image) {
    return !IsMeant(image, reference.reference);
  });
  if (!chosen.images.empty()) return chosen;
  Error error = MakeError(ErrorKind::kNotFound, fmt::format("no image '{}' in '{}'",
                                                            reference.reference, reference.path));
  if (!known.empty()) error.hint = "it holds " + known;
  return Fail(std::move(error));
}

namespace {

// What an import tells of its layers, as the progress of a pull. Where all is here already, as it
// is whenever `run` is given the same archive again, nothing is said.
class ImportProgress {
 public:
  ImportProgress(const TransportReference& from, const oci::OfferedImage& image,
                 oci::ProgressSink& sink)
      : sink_(sink) {
    header_.tag = image.names.empty() ? image.target.digest.Short() : image.names.front().tag();
    header_.reference =
        image.names.empty() ? image.target.digest.ToString() : image.names.front().Familiar();
    header_.repository = from.path;
    header_.digest = image.target.digest.ToString();
  }

  void Watch(oci::ImportOptions& options) {
    options.warn = [this](std::string_view text) { sink_.OnWarning(text); };
    options.on_layers = [this](const std::vector<oci::Descriptor>& layers,
                               const std::vector<bool>& here) {
      if (std::ranges::all_of(here, std::identity())) return;
      header_.layers.clear();
      for (size_t i = 0; i < layers.size(); ++i) {
        header_.layers.push_back(
            {.index = i,
             .id = layers[i].digest.Short(),
             .state = here[i] ? oci::LayerState::kExists : oci::LayerState::kUnpacking,
             .total = static_cast<uint64_t>(layers[i].size)});
      }
      started_ = true;
      sink_.OnStart(header_);
    };
    options.on_layer_done = [this](size_t layer) {
      oci::LayerProgress& progress = header_.layers[layer];
      progress.state = oci::LayerState::kDone;
      progress.downloaded = progress.total;
      sink_.OnLayer(progress);
    };
  }

  void End(const oci::ImportedImage& image) {
    if (!started_) return;
    sink_.OnEnd({.reference = header_.reference,
                 .canonical = header_.reference,
                 .id = image.id.ToString(),
                 .digest = image.manifest.ToString(),
                 .changed = true});
  }
  void Fail() {
    if (started_) sink_.OnFailure();
  }

 private:
  oci::ProgressSink& sink_;
  oci::PullHeader header_;
  bool started_ = false;
};

}  // namespace

Result<std::vector<std::string>> PullFromTransport(const core::Layout& layout,
                                                   const TransportReference& reference,
                                                   const PullOptions& options,
                                                   oci::ProgressSink& sink) {
  TRY(core::PrepareLayout(layout));
  const char* variable = std::getenv("DOCKER_DEFAULT_PLATFORM");
  std::string from_environment = variable != nullptr ? variable : "";
  oci::ImportOptions import;
  TRY(import.platform, oci::ChoosePlatform(options.platform, from_environment));
  import.platform_asked = !options.platform.empty() || !from_environment.empty();
  TRY(std::vector<oci::Platform> platforms, ParsePlatforms(options.platforms));
  bool several = options.all_platforms || !platforms.empty();
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel, options.handle_signals);
  import.cancel = &cancel;
  TRY(ChosenSource chosen, OpenTransport(layout, reference, cancel));
  TRY(import.admit, MakeAdmission(options.signature_policy, *chosen.source, reference.path));
  std::vector<std::string> names;
  for (const oci::OfferedImage& image : chosen.images) {
    ImportProgress progress(reference, image, sink);
    progress.Watch(import);
    auto imported = several ? oci::ImportList(layout, *chosen.source, image, platforms, import)
                            : oci::ImportImage(layout, *chosen.source, image, import);
    if (!imported) {
      progress.Fail();
      return hoy::Fail(std::move(imported).error());
    }
    progress.End(*imported);
    names.push_back(image.names.empty() ? imported->id.ToString() : image.names.front().ToString());
  }
  return names;
}

}  // namespace hoy::cli
