#include "cli/ops/heavy/open_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cli/ops/heavy/admission.h"
#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/archive/archive_codec.h"
#include "oci/archive/formats.h"
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

Result<std::unique_ptr<oci::FileSet>> OpenFiles(const core::Layout& layout,
                                                const std::string& path) {
  TRY(Fd file, core::OpenAt(core::kCwd, path, O_RDONLY));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return FailErrno("stat", path);
  if (S_ISDIR(status.st_mode)) return oci::OpenDirectoryFiles(path);
  return oci::OpenTarFiles(layout, std::move(file), path);
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

Result<SourcePointer> OpenSource(const core::Layout& layout, const std::string& path) {
  TRY(auto files, OpenFiles(layout, path));
  return oci::OpenAnyFormat(std::move(files), TitleOf(path));
}

Result<SourcePointer> OpenSource(const core::Layout& layout, Fd file, const std::string& subject) {
  TRY(auto files, oci::OpenTarFiles(layout, std::move(file), subject));
  return oci::OpenAnyFormat(std::move(files), "");
}

Result<ChosenSource> OpenTransport(const core::Layout& layout,
                                   const TransportReference& reference) {
  if (reference.path.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "the path of the image is missing");
  }
  ChosenSource chosen;
  TRY(auto files, OpenFiles(layout, reference.path));
  TRY(chosen.source, OpenFormat(std::move(files), reference));
  TRY(chosen.images, chosen.source->Images());
  if (reference.reference.empty()) return chosen;
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

Result<std::vector<std::string>> PullFromTransport(const core::Layout& layout,
                                                   const TransportReference& reference,
                                                   const std::string& platform,
                                                   const std::string& signature_policy) {
  TRY(core::PrepareLayout(layout));
  const char* variable = std::getenv("DOCKER_DEFAULT_PLATFORM");
  std::string from_environment = variable != nullptr ? variable : "";
  oci::ImportOptions options;
  TRY(options.platform, oci::ChoosePlatform(platform, from_environment));
  options.platform_asked = !platform.empty() || !from_environment.empty();
  TRY(ChosenSource chosen, OpenTransport(layout, reference));
  TRY(options.admit, MakeAdmission(signature_policy, *chosen.source, reference.path));
  std::vector<std::string> names;
  for (const oci::OfferedImage& image : chosen.images) {
    TRY(oci::ImportedImage imported, oci::ImportImage(layout, *chosen.source, image, options));
    names.push_back(image.names.empty() ? imported.id.ToString() : image.names.front().ToString());
  }
  return names;
}

}  // namespace hoy::cli
