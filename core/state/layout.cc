#include "core/state/layout.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr int kFormatVersion = 1;

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
    TRY(MakeDirectories(layout.RootMountPoint(), 0700));
    TRY(MakeDirectories(layout.RunContainers(), 0700));
    struct stat status{};
    if (stat(layout.run.c_str(), &status) != 0) return FailErrno("stat", layout.run);
    if (status.st_uid != geteuid()) {
      return Fail(ErrorKind::kPermission, "'{}' belongs to another user", layout.run);
    }
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
  TRY(MakeDirectories(layout.data, 0711));
  TRY(MakeMissing(layout));
  return WriteFileAtomically(layout.Version(), fmt::format("{}\n", kFormatVersion),
                             Durability::kDurable, 0644);
}

}  // namespace hoy::core
