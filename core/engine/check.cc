#include "core/engine/check.h"

#include <algorithm>

#include "core/cgroup/cgroup.h"
#include "core/cgroup/host.h"
#include "core/cgroup/leftover.h"
#include "core/engine/exec_sessions.h"
#include "core/engine/freeze.h"
#include "core/engine/lifecycle.h"
#include "core/engine/rewiring.h"
#include "core/engine/run_directory.h"
#include "core/state/abandoned.h"
#include "core/state/container_id.h"
#include "core/state/container_names.h"
#include "core/state/container_record.h"
#include "core/state/run_owner.h"
#include "core/state/volume.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

struct Ailment {
  std::string_view problem;
  std::string_view remedy;
};

Ailment AilmentOf(const Layout& layout, std::string_view id, const ContainerStatus& status) {
  if (status.IsUp()) {
    if (IsFreezeAbandoned(layout, id)) {
      return {"somebody who held it still for a moment was killed", "it goes on"};
    }
    if (IsRewiringAbandoned(layout, id)) {
      return {"somebody who changed its networks was killed", "its ports are as recorded again"};
    }
    return {"its monitor was killed", "another one watches it"};
  }
  if (status.restart) return {"who was to restart it was killed", "another one waits to"};
  if (status.run) return {"its last run was not cleaned up after", "cleaned up"};
  if (Exists(layout.RunContainer(id))) return {"a start of it was cut off", "cleaned up"};
  return {"the machine went down while it ran", "it is recorded as exited"};
}

// The object of one who has lost its record goes by its id.
std::string NameOf(const Layout& layout, std::string_view id) {
  auto summary = ReadSummary(layout, id);
  return summary ? fmt::format("container '{}'", summary->name)
                 : fmt::format("container {}", ShortId(id));
}

class ContainerCheck {
 public:
  ContainerCheck(const Layout& layout, CheckMode mode) : layout_(layout), mode_(mode) {}

  std::vector<Finding> Run() && {
    LookForAbandoned();
    LookAtNames();
    auto ids = ListContainerIds(layout_);
    if (!ids) Add("containers", "they cannot be listed").error = ids.error().message;
    for (const std::string& id : ids.value_or(std::vector<std::string>{})) LookAt(id);
    LookForRunsOfNobody();
    return std::move(findings_);
  }

 private:
  bool mends() const { return mode_ == CheckMode::kMend; }

  Finding& Add(std::string object, std::string_view problem, std::string_view remedy = "") {
    return findings_.emplace_back(
        Finding{std::move(object), std::string(problem), std::string(remedy), false, ""});
  }

  // What was done about the last finding.
  void Note(const Result<bool>& done, std::string_view otherwise) {
    Finding& finding = findings_.back();
    finding.is_mended = done.value_or(false);
    if (finding.is_mended) return;
    finding.error = done ? std::string(otherwise) : done.error().message;
  }

  void LookForAbandoned() {
    for (const std::string& name : ListAbandoned(layout_.Containers())) {
      bool half_made = name.starts_with(kNewPrefix);
      std::string_view id(name);
      id.remove_prefix(half_made ? kNewPrefix.size() : kGonePrefix.size());
      Add(fmt::format("container {}", ShortId(id)),
          half_made ? "its creation was cut off" : "its removal was cut off", "removed");
      if (!mends()) continue;
      RemoveAbandoned(layout_);
      if (!Exists(layout_.Containers() + "/" + name)) {
        Note(true, "");
      } else if (IsAbandoned(name)) {
        Note(false, "its files cannot be removed");
      } else {
        findings_.pop_back();  // somebody works on it
      }
    }
  }

  bool IsAbandoned(const std::string& name) const {
    auto names = ListAbandoned(layout_.Containers());
    return std::ranges::find(names, name) != names.end();
  }

  void LookAtNames() {
    auto faulty = FindFaultyNames(layout_);
    if (!faulty) Add("names", "they cannot be read").error = faulty.error().message;
    for (const FaultyName& one : faulty.value_or(std::vector<FaultyName>{})) {
      Add(fmt::format("name '{}'", one.name),
          one.of_nobody ? "no container has it"
                        : fmt::format("container {} has another one by now", ShortId(one.id)),
          "it is free");
      if (!mends()) continue;
      auto dropped = DropFaultyName(layout_, one);
      if (dropped && !*dropped) {
        findings_.pop_back();  // somebody works on it
      } else {
        Note(dropped, "");
      }
    }
  }

  void LookAt(const std::string& id) {
    auto record = ReadContainer(layout_, id);
    if (!record) {
      if (record.error().kind == ErrorKind::kNotFound) return LookForLostRecord(id);
      Add(NameOf(layout_, id), record.error().message).error =
          fmt::format("hoy rm -f {} removes what is left of it", ShortId(id));
      return;
    }
    std::string object = fmt::format("container '{}'", record->name);
    auto status = ObserveLocked(id);
    if (!status) {
      Add(object, "its state cannot be told").error = status.error().message;
      return;
    }
    if (!*status) return;
    LookAtOwnName(*record, object);
    if ((*status)->needs_healing) {
      Ailment ailment = AilmentOf(layout_, id, **status);
      Add(object, ailment.problem, ailment.remedy);
      if (mends()) HealIt(id);
    }
    LookAtSessions(id, object);
    LookForLeftoverCgroups(*record, object);
  }

  void LookForLostRecord(const std::string& id) {
    auto lock = ContainerLock::TryAcquire(layout_, id);
    if (!lock || !*lock) return;  // removed meanwhile, or about to be
    auto record = ReadContainer(layout_, id);
    if (record || record.error().kind != ErrorKind::kNotFound) return;
    Add(fmt::format("container {}", ShortId(id)), "its record is gone").error =
        fmt::format("hoy rm -f {} removes what is left of it", ShortId(id));
  }

  // nullopt: somebody works on it, or has removed it. What he is about looks as if cut off.
  Result<std::optional<ContainerStatus>> ObserveLocked(const std::string& id) const {
    auto lock = ContainerLock::TryAcquire(layout_, id);
    if (lock && !*lock) return std::nullopt;
    auto status = lock ? Observe(layout_, id, **lock) : Fail(std::move(lock).error());
    if (status) return *std::move(status);
    if (status.error().kind == ErrorKind::kNotFound) return std::nullopt;
    return Fail(std::move(status).error());
  }

  // The last finding.
  void HealIt(const std::string& id) {
    auto healed = HealUnlessBusy(layout_, id);
    // It was to be removed at its end.
    bool is_gone = !healed && healed.error().kind == ErrorKind::kNotFound;
    if (is_gone || (healed && !healed->needs_healing)) return Note(true, "");
    if (!healed) return Note(Fail(std::move(healed).error()), "");
    auto status = ObserveLocked(id);
    if (status && !*status) {
      findings_.pop_back();  // somebody else came first
    } else {
      Note(status && !(*status)->needs_healing, "it is as before");
    }
  }

  // A removal lets go of the name first.
  void LookAtOwnName(const ContainerRecord& record, const std::string& object) {
    auto owner = OwnerOfName(layout_, record.name);
    if (!owner || *owner == record.id) return;
    auto lock = ContainerLock::TryAcquire(layout_, record.id);
    if (!lock || !*lock) return;  // somebody renames or removes it
    owner = OwnerOfName(layout_, record.name);
    if (!owner || *owner == record.id) return;
    Add(object, fmt::format("container {} has lost its name", ShortId(record.id)),
        "it has it again");
    if (!mends()) return;
    auto reserved = ReserveName(layout_, record.name, record.id);
    Note(reserved ? Result<bool>(true) : Fail(std::move(reserved).error()), "");
  }

  void LookAtSessions(const std::string& id, const std::string& object) {
    int count = CountAbandonedSessions(layout_, id);
    if (count == 0) return;
    Add(object, fmt::format("{} of its exec sessions lost their guard", count), "cleaned up");
    if (!mends()) return;
    auto cgroup = ReadCgroupLocation(layout_, id);
    if (cgroup) (void)HealExecSessions(layout_, id, *cgroup);
    Note(CountAbandonedSessions(layout_, id) == 0, "a process of theirs goes on");
  }

  // RUN was emptied by another hand, and with it went the note of where they are. Of other ids
  // nobody can tell whose they are: another DATA may have them.
  void LookForLeftoverCgroups(const ContainerRecord& record, const std::string& object) {
    if (Exists(layout_.RunContainer(record.id))) return;
    CgroupLocation left = FindLeftoverCgroups(host_, record.id, record.config.cgroup_parent);
    if (left.version == CgroupVersion::kNone) return;
    auto lock = ContainerLock::TryAcquire(layout_, record.id);
    if (!lock || !*lock || Exists(layout_.RunContainer(record.id))) return;  // it is started
    Cgroup cgroup = Cgroup::Open(left);
    auto processes = cgroup.Processes();
    if (!processes || !processes->empty()) {
      Add(object, "it does not run, and processes are in its cgroup").error =
          fmt::format("it may run with another --run-root; if not, end those of {}/cgroup.procs",
                      left.directories.front().second);
      return;
    }
    Add(object, "the cgroup of its last run is left", "removed");
    if (!mends()) return;
    auto removed = cgroup.Remove();
    Note(removed ? Result<bool>(true) : Fail(std::move(removed).error()), "");
  }

  std::vector<std::string> RunsWithoutRecord() const {
    auto ids = ListDirectory(layout_.RunContainers()).value_or(std::vector<std::string>{});
    std::erase_if(ids, [&](const std::string& id) {
      if (!IsContainerId(id) || Exists(layout_.Container(id))) return true;
      return !Exists(layout_.RunContainer(id));  // both were removed meanwhile
    });
    return ids;
  }

  // Whose directory in DATA is gone, by another hand than ours.
  void LookForRunsOfNobody() {
    std::vector<std::string> ids = RunsWithoutRecord();
    if (ids.empty()) {
      if (mends()) (void)NoteRunOwner(layout_);  // an older hoy noted nothing
      return;
    }
    if (auto other = OtherRunOwner(layout_)) {
      Add(fmt::format("'{}'", layout_.run),
          fmt::format("it is of the data in '{}': runs and leases of nobody cannot be told",
                      *other))
          .error = "name another place with --run-root";
      return;
    }
    for (const std::string& id : ids) {
      Add(fmt::format("container {}", ShortId(id)), "it has run, and has no record",
          "its traces are removed");
      auto run = ReadRunState(layout_, id);
      if (run && *run && IsAlive((*run)->init).value_or(true)) {
        Note(false, fmt::format("it runs still: end process {} first", (*run)->init.pid));
        continue;
      }
      if (!mends()) continue;
      auto removed = DismantleRun(layout_, id, "");
      Note(removed ? Result<bool>(true) : Fail(std::move(removed).error()), "");
    }
  }

  const Layout& layout_;
  const CheckMode mode_;
  const CgroupHost host_ = FullCgroupHost();
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CheckContainers(const Layout& layout, CheckMode mode) {
  return ContainerCheck(layout, mode).Run();
}

std::vector<Finding> CheckVolumes(const Layout& layout, CheckMode mode) {
  std::vector<Finding> findings;
  std::string parent = VolumesDirectory(layout);
  for (const std::string& name : ListAbandoned(parent)) {
    bool half_made = name.starts_with(kNewPrefix);
    findings.push_back({"a volume",
                        half_made ? "its creation was cut off" : "its removal was cut off",
                        "removed", false, ""});
    if (mode == CheckMode::kLook) continue;
    RemoveAbandonedVolumes(layout);
    findings.back().is_mended = !Exists(parent + "/" + name);
    if (!findings.back().is_mended) findings.back().error = "its files cannot be removed";
  }
  auto names = ListVolumes(layout);
  for (const std::string& name : names.value_or(std::vector<std::string>{})) {
    auto record = ReadVolume(layout, name);
    if (record || record.error().kind == ErrorKind::kNotFound) continue;
    findings.push_back({fmt::format("volume '{}'", name), record.error().message, "", false,
                        fmt::format("its files are in {}", VolumeData(layout, name))});
  }
  return findings;
}

}  // namespace hoy::core
