#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "cli/ops/archives.h"
#include "cli/ops/container_path.h"
#include "cli/ops/container_tree.h"
#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ui/printable.h"
#include "core/base/text.h"
#include "core/engine/container_files.h"
#include "core/state/event_log.h"
#include "core/sys/copy_tree.h"
#include "core/sys/in_root.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/layer_applier.h"
#include "oci/layer/tree_archive.h"

namespace hoy::cli {
namespace {

// One side of a copy: where paths start, and the path.
struct Side {
  std::string text;  // as typed
  std::string path;
  std::string id;  // of the container
  std::optional<core::ContainerFiles> container;
  Fd host_root;

  BorrowedFd root() const { return container ? container->root() : BorrowedFd(host_root.get()); }
};

Result<Side> OpenSide(const Context& context, const std::string& text, core::FilesAccess access) {
  Side side;
  side.text = text;
  if (auto named = ParseContainerPath(text)) {
    TRY(side.id, core::FindContainer(context.layout, named->container));
    TRY(side.container, core::ContainerFiles::Open(context.layout, side.id, access));
    side.path = named->path.empty() ? "/" : named->path;
    return side;
  }
  TRY(side.host_root, core::OpenAt(core::kCwd, "/", O_PATH | O_DIRECTORY));
  side.path = text;
  if (!text.starts_with('/')) side.path = std::filesystem::current_path().string() + "/" + text;
  return side;
}

// "a/." and the root: what is in it is meant, not the directory.
bool MeansContents(const std::string& path) {
  std::string_view rest = path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  return rest.empty() || rest == "." || rest.ends_with("/.") || rest == ".." ||
         rest.ends_with("/..");
}

std::string BaseName(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

Result<core::PlaceInRoot> FindSource(const Side& side, bool follow) {
  auto place = core::FindPlaceInRoot(side.root(), side.path, follow);
  bool missing = place ? !place->exists : place.error().system_errno == ENOENT;
  if (!missing) return place;
  return Fail(ErrorKind::kNotFound, "no such file or directory: '{}'", side.text);
}

// The directory and name that a copy of `source` gets, by docker's table (docker cp,
// "Corresponding CONTAINER and local paths").
struct Target {
  core::PlaceInRoot directory;  // an open parent
  std::string name;
};

Result<Target> ChooseTarget(const Side& from, const core::PlaceInRoot& source, const Side& to) {
  bool is_directory = S_ISDIR(source.status.st_mode);
  auto place = core::FindPlaceInRoot(to.root(), to.path, true);
  if (!place && place.error().system_errno == ENOENT) {
    return Fail(ErrorKind::kNotFound, "no such directory: '{}'", to.text);
  }
  if (!place) return Fail(std::move(place).error());
  if (!place->exists && to.path.ends_with('/') && !is_directory) {
    return Fail(ErrorKind::kNotFound, "no such directory: '{}'", to.text);
  }
  if (place->exists && !S_ISDIR(place->status.st_mode) && is_directory) {
    return Fail(ErrorKind::kConflict, "'{}' is a directory and '{}' is not", from.text, to.text);
  }
  bool into = place->exists && S_ISDIR(place->status.st_mode) &&
              !(is_directory && MeansContents(from.path));
  if (!into) {
    std::string name = place->name;
    return Target{*std::move(place), std::move(name)};
  }
  Target target{*std::move(place), BaseName(from.path)};
  TRY(target.directory.parent,
      core::OpenInRoot(target.directory.parent, target.directory.name, O_PATH | O_DIRECTORY));
  return target;
}

Result<> CheckStillThere(const Context& context, const Side& from) {
  return from.id.empty() ? Result<>{} : cli::CheckStillThere(context.layout, from.id);
}

void Say(Context& context, const CopyFilesOptions& options, const core::CopiedTree& copied) {
  for (const std::string& name : copied.left_out) {
    context.err.Print("hoy: left out {}\n", Printable(name));
  }
  if (options.quiet.value_or(!context.terminal.stderr_is_terminal)) return;
  context.err.Print("Successfully copied {} to {}\n", FormatByteSize(copied.bytes),
                    options.destination);
}

Result<> CopyToStdout(Context& context, const CopyFilesOptions& options) {
  if (context.terminal.stdout_is_terminal) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "a tar is not for a terminal")
                    .WithHint("send it to a file or a pipe: hoy cp ... - > files.tar"));
  }
  TRY(Side from, OpenSide(context, options.source, core::FilesAccess::kRead));
  TRY(core::PlaceInRoot source, FindSource(from, options.follow_link));
  oci::FdSink sink(context.out.fd(), "stdout");
  oci::TarWriter tar(sink);
  oci::ArchivedTree archived;
  const oci::TreeArchiveOptions archive{.holes_kept_from = 1};
  if (S_ISDIR(source.status.st_mode) && MeansContents(from.path)) {
    TRY(Fd directory, core::OpenInRoot(source.parent, source.name, O_RDONLY | O_DIRECTORY));
    TRY(archived,
        oci::ArchiveTree({fmt::format("/proc/self/fd/{}", directory.get())}, archive, tar));
  } else {
    TRY(archived, oci::ArchiveEntry(source.parent, source.name, BaseName(from.path), archive, tar));
  }
  TRY(CheckStillThere(context, from));
  TRY(tar.Finish());
  TRY(sink.Flush());
  return CheckNotTorn(context, archived.torn);
}

Result<Fd> OpenTargetDirectory(const Side& to) {
  auto directory = core::OpenInRoot(to.root(), to.path, O_RDONLY | O_DIRECTORY);
  if (directory) return directory;
  int error = directory.error().system_errno;
  if (error != ENOENT && error != ENOTDIR) return Fail(std::move(directory).error());
  return Fail(ErrorKind::kNotFound, "no such directory: '{}'", to.text);
}

// All of stdin, in a file without a name, at its beginning.
Result<Fd> KeepStdin(const core::Layout& layout) {
  const std::string directory = layout.Containers();
  auto file = core::OpenAt(core::kCwd, directory, O_TMPFILE | O_RDWR, 0600);
  if (!file) {
    std::string name = fmt::format("{}/.stdin-{}", directory, getpid());
    TRY(file, core::OpenAt(core::kCwd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    TRY(core::Unlink(name));
  }
  std::vector<std::byte> buffer(256 << 10);
  oci::FdSource source(STDIN_FILENO, "stdin");
  while (true) {
    TRY(size_t count, source.Read(buffer));
    if (count == 0) break;
    TRY(core::WriteAll(*file, oci::AsText(std::span(buffer).first(count)), directory));
  }
  if (lseek(file->get(), 0, SEEK_SET) != 0) return FailErrno("rewind", directory);
  return file;
}

Result<> CopyFromStdin(Context& context, const CopyFilesOptions& options) {
  TRY(Side to, OpenSide(context, options.destination, core::FilesAccess::kRead));
  TRY(Fd directory, OpenTargetDirectory(to));
  // A container that does not run is locked while it is written to, and who fills stdin may be
  // slow, or wait for that container: we wait for him before.
  Fd kept;
  if (!to.container->is_living()) {
    struct stat status{};
    bool is_file = fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode);
    if (!is_file) {
      TRY(kept, KeepStdin(context.layout));
    }
    directory.reset();
    to.container.reset();
    TRY(to, OpenSide(context, options.destination, core::FilesAccess::kWrite));
    TRY(directory, OpenTargetDirectory(to));
  }
  oci::FdSource source(kept ? kept.get() : STDIN_FILENO, "stdin");
  TRY(oci::AppliedLayer unpacked, oci::ExtractTar(source, directory));
  Say(context, options, {.bytes = unpacked.file_bytes, .left_out = {}});
  return {};
}

// The upper directory of a container that has one; otherwise an empty descriptor.
Result<Fd> OpenStorage(const Context& context, const std::string& destination) {
  auto named = ParseContainerPath(destination);
  if (!named) return Fd();
  TRY(std::string id, core::FindContainer(context.layout, named->container));
  TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
  if (!record.config.HasUpper()) return Fd();
  return core::OpenAt(core::kCwd, UpperDirectory(context.layout, record), O_PATH | O_DIRECTORY);
}

// Empty: a path of the host.
Result<std::string> IdOf(const Context& context, const std::string& text) {
  auto named = ParseContainerPath(text);
  return named ? core::FindContainer(context.layout, named->container) : std::string();
}

Result<> CopyPaths(Context& context, const CopyFilesOptions& options) {
  // A container that both are in is opened once: a copy into itself must show as one.
  TRY(std::string from_id, IdOf(context, options.source));
  TRY(std::string to_id, IdOf(context, options.destination));
  bool same = !from_id.empty() && from_id == to_id;
  TRY(Side from, OpenSide(context, options.source,
                          same ? core::FilesAccess::kWrite : core::FilesAccess::kRead));
  Side to;
  if (same) {
    to.text = options.destination;
    to.path = "/" + ParseContainerPath(options.destination)->path;
    TRY(to.host_root, core::OpenInRoot(from.root(), "/", O_PATH | O_DIRECTORY));
  } else {
    TRY(to, OpenSide(context, options.destination, core::FilesAccess::kWrite));
  }
  TRY(core::PlaceInRoot source, FindSource(from, options.follow_link));
  TRY(Target target, ChooseTarget(from, source, to));
  oci::CancelToken cancel;
  CancelOnSignal cancel_on_signal(cancel);
  core::CopyOptions copy;
  copy.archive = options.archive;
  // A node that a container made would open the host's device to whoever may read it.
  copy.devices = options.archive || ParseContainerPath(options.destination).has_value();
  TRY(Fd storage, OpenStorage(context, options.destination));
  copy.storage = storage;
  copy.source_type = source.status.st_mode & S_IFMT;
  copy.cancelled = [&] { return cancel.cancelled(); };
  TRY(core::CopiedTree copied,
      core::CopyTree(source.parent, source.name, target.directory.parent, target.name, copy));
  TRY(CheckStillThere(context, from));
  Say(context, options, copied);
  return CheckNotTorn(context, copied.torn);
}

// An event of each container that took part, once.
void RecordCopy(const Context& context, const CopyFilesOptions& options) {
  std::string last;
  for (const std::string* text : {&options.source, &options.destination}) {
    auto id = IdOf(context, *text);
    if (!id || id->empty() || *id == last) continue;
    last = *id;
    auto summary = core::ReadSummary(context.layout, *id);
    if (summary) core::RecordContainerEvent(context.layout, *summary, "copy");
  }
}

Result<> CopyFiles(Context& context, const CopyFilesOptions& options) {
  for (const std::string* text : {&options.source, &options.destination}) {
    if (text->empty()) return Fail(ErrorKind::kInvalidArgument, "an empty path");
  }
  if (!ParseContainerPath(options.source) && !ParseContainerPath(options.destination)) {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument, "one of source and target must be in a container")
            .WithHint("write it as CONTAINER:PATH"));
  }
  RaiseDescriptorLimit();
  if (options.destination == "-") {
    TRY(CopyToStdout(context, options));
  } else if (options.source == "-") {
    TRY(CopyFromStdin(context, options));
  } else {
    TRY(CopyPaths(context, options));
  }
  RecordCopy(context, options);
  return {};
}

}  // namespace

Result<> RunCopyFiles(Context& context, const CopyFilesOptions& options) {
  TRY_CONTEXT(CopyFiles(context, options), "copy '{}' to '{}'", options.source,
              options.destination);
  return {};
}

}  // namespace hoy::cli
