#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ops/container_path.h"
#include "cli/ui/format.h"
#include "core/engine/container_files.h"
#include "core/sys/clock.h"
#include "core/sys/in_root.h"

namespace hoy::cli {
namespace {

// Go's os.FileMode, which docker's X-Docker-Container-Path-Stat has (pkg.go.dev/io/fs#FileMode).
uint32_t GoMode(mode_t mode) {
  uint32_t result = mode & 0777;
  constexpr uint32_t kDir = 1U << 31;
  constexpr uint32_t kSymlink = 1U << 27;
  constexpr uint32_t kDevice = 1U << 26;
  constexpr uint32_t kNamedPipe = 1U << 25;
  constexpr uint32_t kSocket = 1U << 24;
  constexpr uint32_t kSetuid = 1U << 23;
  constexpr uint32_t kSetgid = 1U << 22;
  constexpr uint32_t kCharDevice = 1U << 21;
  constexpr uint32_t kSticky = 1U << 20;
  switch (mode & S_IFMT) {
    case S_IFDIR: result |= kDir; break;
    case S_IFLNK: result |= kSymlink; break;
    case S_IFCHR: result |= kDevice | kCharDevice; break;
    case S_IFBLK: result |= kDevice; break;
    case S_IFIFO: result |= kNamedPipe; break;
    case S_IFSOCK: result |= kSocket; break;
    default: break;
  }
  if ((mode & S_ISUID) != 0) result |= kSetuid;
  if ((mode & S_ISGID) != 0) result |= kSetgid;
  if ((mode & S_ISVTX) != 0) result |= kSticky;
  return result;
}

class StatCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "stat",
                                        .aliases = "container stat",
                                        .summary = "Show what a path in a container is",
                                        .section = Section::kContainers};
  StatCommand() : Command(kInfo) {
    Argument("CONTAINER:PATH", &path_, Completes::kContainerPath);
    Option("--format", &format_, "FORMAT", "json, or a template");
    Flag("-L,--follow-link", &follow_link_, "show what a symlink leads to");
  }

  Result<int> Run(Context& context) override {
    auto named = ParseContainerPath(path_);
    if (!named) return Fail(UsageError("a path is wanted as CONTAINER:PATH"));
    TRY(std::string id, core::FindContainer(context.layout, named->container));
    TRY_CONTEXT_SET(Json object, Describe(context, id, named->path), "stat '{}'", path_);
    if (format_.empty()) {
      context.out.Print("Name:        {}\nSize:        {}\nMode:        {:04o}\nModified:    {}\n",
                        object["name"].get<std::string>(), object["size"].get<int64_t>(),
                        permissions_, object["mtime"].get<std::string>());
      context.out.Print("Type:        {}\n", Type(type_));
      if (S_ISLNK(type_)) {
        context.out.Print("Link target: {}\n", object["linkTarget"].get<std::string>());
      }
      return 0;
    }
    TRY(std::string text, FormatObject(format_, object));
    context.out.Write(text);
    return 0;
  }

 private:
  Result<Json> Describe(const Context& context, const std::string& id, const std::string& path) {
    TRY(core::ContainerFiles files,
        core::ContainerFiles::Open(context.layout, id, core::FilesAccess::kRead));
    auto place = core::FindPlaceInRoot(files.root(), path.empty() ? "/" : path, follow_link_);
    if (place ? !place->exists : place.error().system_errno == ENOENT) {
      return Fail(ErrorKind::kNotFound, "no such file or directory");
    }
    if (!place) return Fail(std::move(place).error());
    std::string target;
    if (S_ISLNK(place->status.st_mode)) {
      char text[PATH_MAX];
      ssize_t length = readlinkat(place->parent.get(), place->name.c_str(), text, sizeof text);
      if (length > 0) target.assign(text, static_cast<size_t>(length));
    }
    type_ = place->status.st_mode & S_IFMT;
    permissions_ = place->status.st_mode & 07777;
    const timespec& changed = place->status.st_mtim;
    return Json{{"name", place->name == "." ? "/" : place->name},
                {"size", place->status.st_size},
                {"mode", GoMode(place->status.st_mode)},
                {"mtime", core::FormatRfc3339(changed.tv_sec * core::kSecond + changed.tv_nsec)},
                {"linkTarget", target}};
  }

  static std::string_view Type(mode_t type) {
    switch (type) {
      case S_IFDIR: return "directory";
      case S_IFLNK: return "symlink";
      case S_IFCHR: return "character device";
      case S_IFBLK: return "block device";
      case S_IFIFO: return "FIFO";
      case S_IFSOCK: return "socket";
      default: return "file";
    }
  }

  std::string path_;
  std::string format_;
  bool follow_link_ = false;
  mode_t type_ = 0;
  mode_t permissions_ = 0;
};
HOY_REGISTER_COMMAND(StatCommand);

}  // namespace
}  // namespace hoy::cli
