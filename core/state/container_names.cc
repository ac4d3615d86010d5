#include "core/state/container_names.h"

#include <optional>

#include "core/state/abandoned.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/state/id_link.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// Names are taken away from others only under this lock: what a name was found to be must still
// be so when it is unlinked.
Result<Fd> LockNames(const Layout& layout) {
  TRY(Fd names, OpenDirectory(layout.Names()));
  TRY(LockFile(names, LockMode::kExclusive, layout.Names()));
  return names;
}

// A name that leads to no container was left by a creator that died, unless that one still works on
// it: then its .new- directory is locked.
Result<bool> IsOfNobody(const Layout& layout, const std::string& id) {
  if (id.empty() || Exists(layout.Container(id))) return false;
  auto creating = OpenDirectory(layout.Containers() + "/" + std::string(kNewPrefix) + id);
  if (creating) {
    TRY(bool free, TryLockFile(*creating, LockMode::kExclusive));
    if (!free) return false;
  } else if (creating.error().system_errno != ENOENT) {
    return Fail(std::move(creating).error());
  }
  // The creator may have published between the two looks.
  return !Exists(layout.Container(id));
}

// Under the lock of names. "": the name is free.
Result<std::string> FreeAbandonedName(const Layout& layout, std::string_view name) {
  TRY(std::string id, ReadIdLink(layout.Name(name)));
  TRY(bool of_nobody, IsOfNobody(layout, id));
  if (!of_nobody) return id;
  TRY(Unlink(layout.Name(name)));
  return std::string();
}

// A rename that was killed half-way leaves its container a second name. It is one for as long as
// this lock is held.
std::optional<ContainerLock> LockIfSecondName(const Layout& layout, const std::string& name,
                                              const std::string& owner) {
  auto lock = ContainerLock::TryAcquire(layout, owner);
  if (!lock || !*lock) return std::nullopt;  // a rename may be in progress
  auto summary = ReadSummary(layout, owner);
  bool is_second = summary && !summary->name.empty() && summary->name != name;
  return is_second ? std::move(*lock) : std::nullopt;
}

}  // namespace

Result<std::string> OwnerOfName(const Layout& layout, std::string_view name) {
  TRY(std::string id, ReadIdLink(layout.Name(name)));
  if (!id.empty() && !Exists(layout.Container(id))) id.clear();
  return id;
}

Result<> ReserveName(const Layout& layout, const std::string& name, const std::string& id) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    TRY_CONTEXT_SET(bool reserved, MakeIdLink(layout.Name(name), id), "name '{}'", name);
    if (reserved) return {};
    TRY(Fd lock, LockNames(layout));
    TRY(std::string owner, FreeAbandonedName(layout, name));
    if (owner == id) return {};
    if (owner.empty()) continue;
    auto second = LockIfSecondName(layout, name, owner);
    if (second && Unlink(layout.Name(name))) continue;
    return Fail(
        MakeError(ErrorKind::kAlreadyExists,
                  fmt::format("the name '{}' is in use by container {}", name, ShortId(owner)))
            .WithHint(fmt::format("hoy rm {}, or choose another name", name)));
  }
  return Fail(ErrorKind::kConflict, "the name '{}' keeps changing hands", name);
}

Result<std::vector<FaultyName>> FindFaultyNames(const Layout& layout) {
  std::vector<FaultyName> faulty;
  TRY(std::vector<std::string> names, ListDirectory(layout.Names()));
  for (const std::string& name : names) {
    TRY(std::string id, ReadIdLink(layout.Name(name)));
    if (id.empty()) continue;  // let go of meanwhile
    TRY(bool of_nobody, IsOfNobody(layout, id));
    if (of_nobody || LockIfSecondName(layout, name, id)) faulty.push_back({name, id, of_nobody});
  }
  return faulty;
}

void FreeAbandonedNames(const Layout& layout) {
  auto names = ListDirectory(layout.Names());
  auto lock = LockNames(layout);
  if (!names || !lock) return;
  for (const std::string& name : *names) (void)FreeAbandonedName(layout, name);
}

Result<bool> DropFaultyName(const Layout& layout, const FaultyName& faulty) {
  TRY(Fd lock, LockNames(layout));
  if (faulty.of_nobody) {
    TRY(std::string owner, FreeAbandonedName(layout, faulty.name));
    return owner.empty();
  }
  TRY(std::string owner, ReadIdLink(layout.Name(faulty.name)));
  auto second = LockIfSecondName(layout, faulty.name, owner);
  if (owner != faulty.id || !second) return false;
  TRY(Unlink(layout.Name(faulty.name)));
  return true;
}

}  // namespace hoy::core
