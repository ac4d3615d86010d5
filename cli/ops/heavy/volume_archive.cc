#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ops/archives.h"
#include "cli/ops/container_tree.h"
#include "cli/ops/heavy/output_file.h"
#include "core/state/s3_volume.h"
#include "core/state/volume.h"
#include "core/sys/files.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/layer_applier.h"
#include "oci/layer/tree_archive.h"

namespace hoy::cli {
namespace {

struct OpenedVolume {
  core::VolumeLock lock;  // nobody removes it, or puts what an image has in its place
  Fd directory;           // where its files are on this machine
};

Result<OpenedVolume> OpenVolume(const Context& context, const std::string& name) {
  TRY(core::VolumeLock lock,
      core::VolumeLock::Acquire(context.layout, name, core::LockMode::kShared));
  TRY(core::VolumeRecord record, core::ReadVolume(context.layout, name));
  core::Mount mount;
  TRY(core::ApplyVolumeOptions(record.options, core::VolumeData(context.layout, name), mount));
  if (mount.kind == core::MountKind::kFilesystem) {
    return Fail(MakeError(ErrorKind::kUnsupported, "it is mounted for each container alone")
                    .WithHint("run a container with it that runs tar"));
  }
  if (mount.kind != core::MountKind::kBind) {
    return Fail(ErrorKind::kUnsupported, "it is in the memory of each container that has it");
  }
  TRY(Fd directory, core::OpenDirectory(mount.source));
  return OpenedVolume{std::move(lock), std::move(directory)};
}

// Whether the directory that was opened is still the volume's.
Result<> CheckStillThere(const Context& context, const std::string& name, BorrowedFd directory) {
  TRY(OpenedVolume now, OpenVolume(context, name));
  struct stat read{};
  struct stat named{};
  if (fstat(directory.get(), &read) != 0 || fstat(now.directory.get(), &named) != 0) {
    return FailErrno("stat", name);
  }
  if (read.st_ino == named.st_ino && read.st_dev == named.st_dev) return {};
  return Fail(ErrorKind::kConflict, "it was replaced while it was read");
}

Result<> Export(Context& context, const VolumeArchiveOptions& options) {
  Fd directory;
  {
    // Whoever reads the archive may take his time: nobody is to wait for him.
    TRY(OpenedVolume volume, OpenVolume(context, options.volume));
    directory = std::move(volume.directory);
  }
  TRY(OutputFile output, OutputFile::Open(context, options.file));
  RaiseDescriptorLimit();
  oci::FdSink sink(output.fd(), output.subject());
  oci::TarWriter tar(sink);
  TRY(oci::ArchivedTree archived,
      oci::ArchiveTree({fmt::format("/proc/self/fd/{}", directory.get())}, {}, tar));
  TRY(CheckStillThere(context, options.volume, directory));
  TRY(tar.Finish());
  TRY(sink.Flush());
  TRY(output.Commit());
  return CheckNotTorn(context, archived.torn);
}

Result<> Import(Context& context, const VolumeArchiveOptions& options) {
  TRY(OpenedVolume volume, OpenVolume(context, options.volume));
  Fd file;
  if (options.file != "-") {
    TRY(file, core::OpenAt(core::kCwd, options.file, O_RDONLY));
  } else if (context.terminal.stdin_is_terminal) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "an archive is not read from a terminal")
                    .WithHint("name a file, or use a pipe"));
  }
  TRY(core::VolumeRecord record, core::ReadVolume(context.layout, options.volume));
  if (core::IsS3Volume(record.options)) TRY(core::MarkS3Pending(context.layout, options.volume));
  RaiseDescriptorLimit();
  oci::FdSource source(file ? BorrowedFd(file) : BorrowedFd(STDIN_FILENO), options.file);
  TRY(oci::ExtractTar(source, volume.directory));
  return {};
}

}  // namespace

Result<> RunVolumeExport(Context& context, const VolumeArchiveOptions& options) {
  TRY_CONTEXT(Export(context, options), "export volume '{}'", options.volume);
  return {};
}

Result<> RunVolumeImport(Context& context, const VolumeArchiveOptions& options) {
  TRY_CONTEXT(Import(context, options), "import into volume '{}'", options.volume);
  return {};
}

}  // namespace hoy::cli
