#include "cli/ui/complete_names.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/state/id_link.h"
#include "core/state/volume.h"
#include "core/sys/files.h"
#include "core/sys/signals.h"

namespace hoy::cli {
namespace {

constexpr size_t kShortId = 12;

void Offer(std::vector<Candidate>& candidates, std::string_view prefix, std::string text,
           std::string description = "") {
  if (text.starts_with(prefix)) candidates.push_back({std::move(text), std::move(description)});
}

// A running container has a state file in RUN; whether its process still lives is not asked.
bool SeemsRunning(const core::Layout& layout, std::string_view id) {
  return core::Exists(layout.RunContainer(id) + "/state.json");
}

bool Wanted(Completes what, const core::Layout& layout, std::string_view id) {
  if (what == Completes::kRunningContainer) return SeemsRunning(layout, id);
  if (what == Completes::kStoppedContainer) return !SeemsRunning(layout, id);
  return true;
}

void OfferContainers(std::vector<Candidate>& candidates, Completes what, std::string_view prefix,
                     const core::Layout& layout) {
  auto names = core::ListDirectory(layout.Names()).value_or(std::vector<std::string>());
  for (std::string& name : names) {
    if (!name.starts_with(prefix)) continue;
    std::string id = core::ReadIdLink(layout.Name(name)).value_or("");
    if (!id.empty() && Wanted(what, layout, id)) {
      Offer(candidates, prefix, std::move(name), id.substr(0, kShortId));
    }
  }
  if (prefix.empty() || !candidates.empty() || !IsHex(prefix)) return;
  auto ids = core::ListDirectory(layout.Containers()).value_or(std::vector<std::string>());
  for (const std::string& id : ids) {
    if (id.starts_with(prefix) && Wanted(what, layout, id)) {
      candidates.push_back({id.substr(0, std::max(kShortId, prefix.size())), "container"});
    }
  }
}

// The default one is made at its first use, and may be named before.
void OfferNetworks(std::vector<Candidate>& candidates, std::string_view prefix,
                   const core::Layout& layout) {
  constexpr std::string_view kRecord = ".json";
  std::vector<std::string> names =
      core::ListDirectory(layout.Networks()).value_or(std::vector<std::string>());
  std::erase_if(names, [&](const std::string& name) {
    return name.starts_with('.') || !name.ends_with(kRecord);
  });
  for (std::string& name : names) name.resize(name.size() - kRecord.size());
  for (const char* word : {"bridge", "host", "none"}) {
    if (std::ranges::find(names, word) == names.end()) names.emplace_back(word);
  }
  std::ranges::sort(names);
  for (std::string& name : names) Offer(candidates, prefix, std::move(name));
}

// Of those that run: in others there is nothing to join.
void OfferModes(std::vector<Candidate>& candidates, std::string_view prefix,
                std::initializer_list<std::string_view> words, const core::Layout& layout) {
  constexpr std::string_view kContainer = "container:";
  for (std::string_view word : words) Offer(candidates, prefix, std::string(word));
  if (!prefix.starts_with(kContainer)) {
    Offer(candidates, prefix, std::string(kContainer));
    return;
  }
  OfferContainers(candidates, Completes::kRunningContainer, prefix.substr(kContainer.size()),
                  layout);
  for (Candidate& candidate : candidates) candidate.text.insert(0, kContainer);
}

// The file "docker.io+library+busybox:1" (oci/image/image_record.h) is offered as "busybox:1".
// Very long names end in a hash instead of themselves; they are not offered.
void OfferImages(std::vector<Candidate>& candidates, std::string_view prefix,
                 const core::Layout& layout) {
  constexpr size_t kMaybeHashed = 200;
  auto files = core::ListDirectory(layout.ImageRefs()).value_or(std::vector<std::string>());
  for (std::string& name : files) {
    if (name.starts_with('.') || name.size() >= kMaybeHashed) continue;
    std::ranges::replace(name, '+', '/');
    std::string_view text = name;
    for (std::string_view implied : {"docker.io/", "library/"}) {
      if (text.starts_with(implied)) text.remove_prefix(implied.size());
    }
    std::string shown(text);
    if (!shown.starts_with(prefix) && name.starts_with(prefix)) shown = name;
    Offer(candidates, prefix, std::move(shown), "image");
  }
}

void OfferSignals(std::vector<Candidate>& candidates, std::string_view prefix) {
  for (int signal = 1; signal < 32; ++signal) {
    std::string name = core::SignalName(signal);
    Offer(candidates, prefix, name);
    if (name.starts_with("SIG") && !prefix.empty()) Offer(candidates, prefix, name.substr(3));
  }
}

void OfferCapabilities(std::vector<Candidate>& candidates, std::string_view prefix) {
  // linux/capability.h, in its order, up to CAP_CHECKPOINT_RESTORE.
  constexpr std::array<std::string_view, CAP_LAST_CAP + 1> kNames = {"CHOWN",
                                                                     "DAC_OVERRIDE",
                                                                     "DAC_READ_SEARCH",
                                                                     "FOWNER",
                                                                     "FSETID",
                                                                     "KILL",
                                                                     "SETGID",
                                                                     "SETUID",
                                                                     "SETPCAP",
                                                                     "LINUX_IMMUTABLE",
                                                                     "NET_BIND_SERVICE",
                                                                     "NET_BROADCAST",
                                                                     "NET_ADMIN",
                                                                     "NET_RAW",
                                                                     "IPC_LOCK",
                                                                     "IPC_OWNER",
                                                                     "SYS_MODULE",
                                                                     "SYS_RAWIO",
                                                                     "SYS_CHROOT",
                                                                     "SYS_PTRACE",
                                                                     "SYS_PACCT",
                                                                     "SYS_ADMIN",
                                                                     "SYS_BOOT",
                                                                     "SYS_NICE",
                                                                     "SYS_RESOURCE",
                                                                     "SYS_TIME",
                                                                     "SYS_TTY_CONFIG",
                                                                     "MKNOD",
                                                                     "LEASE",
                                                                     "AUDIT_WRITE",
                                                                     "AUDIT_CONTROL",
                                                                     "SETFCAP",
                                                                     "MAC_OVERRIDE",
                                                                     "MAC_ADMIN",
                                                                     "SYSLOG",
                                                                     "WAKE_ALARM",
                                                                     "BLOCK_SUSPEND",
                                                                     "AUDIT_READ",
                                                                     "PERFMON",
                                                                     "BPF",
                                                                     "CHECKPOINT_RESTORE"};
  Offer(candidates, prefix, "ALL");
  for (std::string_view name : kNames) {
    Offer(candidates, prefix, std::string(name));
    if (prefix.starts_with("CAP_")) Offer(candidates, prefix, "CAP_" + std::string(name));
  }
}

void OfferVolumes(std::vector<Candidate>& candidates, std::string_view prefix,
                  const core::Layout& layout) {
  for (std::string& name : core::ListVolumes(layout).value_or(std::vector<std::string>())) {
    Offer(candidates, prefix, std::move(name), "volume");
  }
}

void OfferVerbs(std::vector<Candidate>& candidates, std::string_view prefix) {
  for (const Registration* entry : AllCommands()) {
    const CommandInfo& info = entry->info();
    if (info.hidden || info.name.find(' ') != std::string_view::npos) continue;
    Offer(candidates, prefix, std::string(info.name), std::string(info.summary));
  }
}

}  // namespace

std::vector<Candidate> NamesFor(Completes what, std::string_view prefix,
                                const core::Layout& layout) {
  std::vector<Candidate> candidates;
  switch (what) {
    case Completes::kContainer:
    case Completes::kRunningContainer:
    case Completes::kStoppedContainer: OfferContainers(candidates, what, prefix, layout); break;
    case Completes::kImage: OfferImages(candidates, prefix, layout); break;
    case Completes::kContainerOrImage:
      OfferContainers(candidates, what, prefix, layout);
      OfferImages(candidates, prefix, layout);
      break;
    case Completes::kObject:
      OfferContainers(candidates, what, prefix, layout);
      OfferImages(candidates, prefix, layout);
      OfferNetworks(candidates, prefix, layout);
      OfferVolumes(candidates, prefix, layout);
      break;
    case Completes::kVolume:
    case Completes::kVolumeOrFile: OfferVolumes(candidates, prefix, layout); break;
    case Completes::kContainerPath:
      OfferContainers(candidates, Completes::kContainer, prefix, layout);
      for (Candidate& candidate : candidates) candidate.text += ':';
      break;
    case Completes::kNetwork: OfferNetworks(candidates, prefix, layout); break;
    case Completes::kNetworkMode:
      OfferModes(candidates, prefix, {}, layout);
      OfferNetworks(candidates, prefix, layout);
      break;
    case Completes::kNamespaceMode:
      OfferModes(candidates, prefix, {"host", "private"}, layout);
      break;
    case Completes::kIpcMode:
      OfferModes(candidates, prefix, {"host", "none", "private", "shareable"}, layout);
      break;
    case Completes::kSignal: OfferSignals(candidates, prefix); break;
    case Completes::kCapability: OfferCapabilities(candidates, prefix); break;
    case Completes::kVerb: OfferVerbs(candidates, prefix); break;
    case Completes::kPlatform:
      for (std::string_view platform : {"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386",
                                        "linux/riscv64", "linux/ppc64le", "linux/s390x"}) {
        Offer(candidates, prefix, std::string(platform));
      }
      break;
    case Completes::kRestartPolicy:
      for (std::string_view policy :
           {"always", "no", "on-failure", "on-failure:", "unless-stopped"}) {
        Offer(candidates, prefix, std::string(policy));
      }
      break;
    case Completes::kLogOption:
      for (std::string_view option :
           {"compress=true", "env=", "env-regex=", "labels=", "labels-regex=", "max-file=",
            "max-size=", "mode=blocking", "tag="}) {
        Offer(candidates, prefix, std::string(option));
      }
      break;
    case Completes::kShell:
      for (std::string_view shell : {"bash", "fish", "zsh"}) {
        Offer(candidates, prefix, std::string(shell));
      }
      break;
    case Completes::kNothing:
    case Completes::kFile:
    case Completes::kDirectory: break;
  }
  return candidates;
}

}  // namespace hoy::cli
