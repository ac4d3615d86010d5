#include "core/cgroup/cgroup.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/cgroup/driver.h"
#include "core/cgroup/join.h"
#include "core/cgroup/tree.h"
#include "core/sys/files.h"

namespace hoy::core {

constexpr std::string_view kEventsFile = "/cgroup.events";  // of v2
namespace {

std::unique_ptr<CgroupDriver> DriverOf(CgroupVersion version) {
  switch (version) {
    case CgroupVersion::kV1: return MakeCgroupV1Driver();
    case CgroupVersion::kV2: return MakeCgroupV2Driver();
    case CgroupVersion::kNone: break;
  }
  return nullptr;
}

std::unexpected<Error> NoCgroup(std::string_view what) {
  return Fail(
      MakeError(ErrorKind::kUnsupported, fmt::format("{}: the container has no cgroup", what))
          .WithHint("cgroups cannot be written where the container was created"));
}

}  // namespace

std::string_view ToString(CgroupVersion version) {
  switch (version) {
    case CgroupVersion::kV1: return "v1";
    case CgroupVersion::kV2: return "v2";
    case CgroupVersion::kNone: break;
  }
  return "none";
}

CgroupVersion ParseCgroupVersion(std::string_view text) {
  if (text == "v1") return CgroupVersion::kV1;
  if (text == "v2") return CgroupVersion::kV2;
  return CgroupVersion::kNone;
}

std::string CgroupLocation::Directory(std::string_view controller) const {
  if (version == CgroupVersion::kV2 && !directories.empty()) return directories.front().second;
  for (const auto& [name, directory] : directories) {
    if (std::ranges::any_of(Split(name, ','),
                            [&](std::string_view each) { return each == controller; })) {
      return directory;
    }
  }
  return "";
}

std::vector<std::string> CgroupLocation::SelfJoinFiles() const {
  std::vector<std::string> files;
  for (const auto& [name, directory] : directories) {
    // A hybrid's v2 tree has no name, and no tasks.
    files.push_back(directory + (name.empty() ? "/cgroup.procs" : "/tasks"));
  }
  return files;
}

std::vector<std::string> CgroupLocation::HelperJoinFiles() const {
  std::vector<std::string> files = SelfJoinFiles();
  if (version == CgroupVersion::kV1) std::erase(files, Directory("freezer") + "/tasks");
  return files;
}

std::vector<std::string> CgroupLocation::ProcsFiles() const {
  std::vector<std::string> files;
  for (const auto& [name, directory] : directories) files.push_back(directory + "/cgroup.procs");
  return files;
}

std::string CgroupLocation::OomFile() const {
  std::string directory = Directory("memory");
  if (directory.empty()) return "";
  return directory + (version == CgroupVersion::kV2 ? "/memory.events" : "/memory.oom_control");
}

std::string CgroupLocation::ThawFile() const {
  std::string directory = version == CgroupVersion::kV1 ? Directory("freezer") : "";
  return directory.empty() ? "" : directory + "/freezer.state";
}

std::string CgroupLocation::FreezerFile() const {
  if (version != CgroupVersion::kV2) return ThawFile();
  return directories.front().second + std::string(kEventsFile);
}

bool IsFrozenBy(const std::string& freezer_file) {
  if (freezer_file.empty()) return false;
  auto text = ReadKernelFile(freezer_file);
  if (!text) return false;
  if (!freezer_file.ends_with(kEventsFile)) return Trim(*text) != "THAWED";
  if (FlatKeyed(*text, "frozen") == 1) return true;
  std::string directory = freezer_file.substr(0, freezer_file.size() - kEventsFile.size());
  return ReadCgroupNumber(directory + "/cgroup.freeze").value_or(0) == 1;
}

Cgroup::Cgroup(CgroupLocation location)
    : location_(std::move(location)), driver_(DriverOf(location_.version)) {}
Cgroup::Cgroup(Cgroup&&) noexcept = default;
Cgroup& Cgroup::operator=(Cgroup&&) noexcept = default;
Cgroup::~Cgroup() = default;

Cgroup Cgroup::Open(CgroupLocation location) {
  if (location.directories.empty()) location.version = CgroupVersion::kNone;
  return Cgroup(std::move(location));
}

Result<Cgroup> Cgroup::Create(const CgroupRequest& request) {
  return Create(DetectCgroupHost(), request);
}

Result<Cgroup> Cgroup::Create(const CgroupHost& host, const CgroupRequest& request) {
  auto driver = DriverOf(host.version);
  if (driver == nullptr) {
    TRY(auto limits, PlanLimitsV2(request.limits));
    if (std::ranges::any_of(limits, &LimitWrite::required)) {
      return Fail(MakeError(ErrorKind::kUnsupported,
                            "resource limits were asked for, and no cgroup file "
                            "system is mounted here")
                      .WithHint("leave out the limits, or mount -t cgroup2 none /sys/fs/cgroup"));
    }
    Cgroup none(CgroupLocation{});
    none.none_reason_ = "no cgroup file system is mounted";
    return none;
  }
  TRY_CONTEXT_SET(MadeCgroup made, driver->Create(host, request), "create the cgroup");
  Cgroup cgroup(std::move(made.location));
  cgroup.none_reason_ = std::move(made.none_reason);
  cgroup.devices_enforced_ = made.devices_enforced;
  cgroup.directory_ = std::move(made.directory);
  return cgroup;
}

Result<> Cgroup::Join(pid_t pid) const {
  std::vector<std::string> files = location_.ProcsFiles();
  std::vector<const char*> paths;
  paths.reserve(files.size());
  for (const std::string& file : files) paths.push_back(file.c_str());
  size_t failed = 0;
  if (int code = JoinCgroups(paths.data(), paths.size(), pid, &failed); code != 0) {
    return FailErrno("join cgroup", files[failed], code);
  }
  return {};
}

Result<> Cgroup::Update(const ResourceLimits& before, const ResourceLimits& after) const {
  if (driver_ == nullptr) return NoCgroup("update limits");
  return driver_->Update(location_, before, after);
}

bool Cgroup::LacksCpuset() const {
  return location_.version == CgroupVersion::kV1 && location_.Directory("cpuset").empty();
}

Result<> Cgroup::AddCpuset(std::string_view id) {
  if (driver_ == nullptr) return NoCgroup("update limits");
  return driver_->AddCpuset(location_, id);
}

Result<> Cgroup::FillCpuset() const {
  if (driver_ == nullptr) return NoCgroup("update limits");
  return driver_->FillCpuset(location_);
}

Result<> Cgroup::DropCpuset() {
  if (driver_ == nullptr) return {};
  return driver_->DropCpuset(location_);
}

Result<> Cgroup::Freeze() const {
  if (driver_ == nullptr) return NoCgroup("pause");
  return driver_->Freeze(location_);
}

Result<> Cgroup::Thaw() const {
  if (driver_ == nullptr) return NoCgroup("unpause");
  return driver_->Thaw(location_);
}

bool Cgroup::IsFrozen() const {
  return driver_ != nullptr && IsFrozenBy(location_.FreezerFile());
}

Result<> Cgroup::Kill() const {
  if (driver_ == nullptr) return {};
  return driver_->Kill(location_);
}

Result<> Cgroup::Remove(int patience_ms) const {
  if (driver_ == nullptr) return {};
  return driver_->Remove(location_, patience_ms);
}

Result<std::vector<pid_t>> Cgroup::Processes() const {
  if (driver_ == nullptr) return std::vector<pid_t>{};
  return driver_->Processes(location_);
}

Result<bool> Cgroup::IsEmpty() const {
  TRY(auto pids, Processes());
  return pids.empty();
}

uint64_t Cgroup::OomKills() const {
  return ReadOomKills(location_.OomFile().c_str());
}

}  // namespace hoy::core
