#include "core/state/layout.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "core/base/text.h"
#include "core/state/run_owner.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr int kFormatVersion = 2;  // 1: links had the digits of ids (id_link.h)

std::string Environment(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

Result<std::string> FirstPath(std::string_view flag, const char* variable, std::string fallback) {
  std::string path = !flag.empty() ? std::string(flag) : Environment(variable);
  if (path.empty()) path = std::move(fallback);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (!path.starts_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not an absolute path", path);
  }
  return path;
}

// Others could put their own in place of what is in there: in /tmp whoever makes it first has it.
Result<> MustBeOurs(const std::string& directory, const char* flag) {
  struct stat status{};
  if (lstat(directory.c_str(), &status) != 0) return FailErrno("stat", directory);
  if (S_ISLNK(status.st_mode) && status.st_uid == geteuid() &&
      stat(directory.c_str(), &status) != 0) {
    return FailErrno("stat", directory);
  }
  auto refuse = [&](std::string message, std::string hint) {
    return Fail(MakeError(ErrorKind::kPermission, std::move(message)).WithHint(std::move(hint)));
  };
  std::string elsewhere = fmt::format("name another place with {}", flag);
  if (status.st_uid != geteuid()) {
    return refuse(fmt::format("'{}' belongs to user {}, and hoy runs as user {}", directory,
                              status.st_uid, geteuid()),
                  fmt::format("remove it, or {}", elsewhere));
  }
  if (!S_ISDIR(status.st_mode)) {
    return refuse(fmt::format("'{}' is not a directory", directory),
                  fmt::format("remove it, or {}", elsewhere));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse(fmt::format("other users may write to '{}'", directory),
                  fmt::format("chmod go-w '{}', or {}", directory, elsewhere));
  }
  return {};
}

// What somebody tidied away is empty, not an error.
Result<> MakeMissing(const Layout& layout) {
  const std::array directories = {layout.ImageRefs(), layout.ImageRecords(), layout.Blobs(),
                                  layout.Ingest(),    layout.Leases(),       layout.Layers(),
                                  layout.Names(),     layout.Containers()};
  for (const std::string& directory : directories) {
    if (!Exists(directory)) TRY(MakeDirectories(directory, 0700));
  }
  return {};
}

}  // namespace

Result<Layout> ChooseLayout(std::string_view root_flag, std::string_view run_flag) {
  std::string data = "/var/lib/hoy";
  std::string run = "/run/hoy";
  if (geteuid() != 0) {
    std::string base = Environment("XDG_DATA_HOME");
    data = (base.empty() ? Environment("HOME") + "/.local/share" : base) + "/hoy";
    std::string runtime = Environment("XDG_RUNTIME_DIR");
    run = runtime.empty() ? fmt::format("/tmp/hoy-{}", geteuid()) : runtime + "/hoy";
  }
  Layout layout;
  TRY(layout.data, FirstPath(root_flag, "HOY_ROOT", std::move(data)));
  TRY(layout.run, FirstPath(run_flag, "HOY_RUN", std::move(run)));
  return layout;
}

Result<> PrepareLayout(const Layout& layout) {
  // RUN is lost at each boot.
  if (!Exists(layout.RunContainers()) || !Exists(layout.RootMountPoint())) {
    TRY(MakeDirectories(layout.run, 0700));
    TRY(MustBeOurs(layout.run, "--run-root"));
    TRY(MakeDirectories(layout.RootMountPoint(), 0700));
    TRY(NoteRunOwner(layout));
    TRY(MakeDirectories(layout.RunContainers(), 0700));
  } else {
    TRY(MustBeOurs(layout.run, "--run-root"));
  }
  auto version = ReadFile(layout.Version(), 64);
  if (version) {
    auto number = ParseInteger<int>(Trim(*version));
    if (number == kFormatVersion) return MakeMissing(layout);
    if (number.value_or(0) > kFormatVersion) {
      return Fail(ErrorKind::kUnsupported, "'{}' was written by a newer hoy (format {})",
                  layout.data, Trim(*version));
    }
  }
  TRY(MakeDirectories(layout.data, 0700));
  TRY(MustBeOurs(layout.data, "--root"));
  TRY(MakeMissing(layout));
  return WriteFileAtomically(layout.Version(), fmt::format("{}\n", kFormatVersion),
                             Durability::kDurable, 0644);
}

}  // namespace hoy::core
