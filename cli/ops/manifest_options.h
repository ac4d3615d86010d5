#pragma once
// The options that several verbs of `hoy manifest` have, said once:
//
//   class ManifestAddCommand final : public ManifestVerb { ...

#include "cli/ops/manifest_verbs.h"
#include "cli/ops/registry_options.h"

namespace hoy::cli {

class ManifestVerb : public RegistryVerb<Command> {
 protected:
  using RegistryVerb::RegistryVerb;

  void AddAccessOptions(RegistryAccess& access) {
    AddRegistryOptions(access);
    AddRetryOptions(access);
  }
  void AddInsecureOption() {
    Flag("--insecure", &insecure_, "docker's word for --tls-verify=false");
  }
  void MindInsecure(RegistryAccess& access) const {
    if (insecure_) access.tls_verify = false;
  }

  // What is said of an entry.
  void AddEditOptions(ManifestEdit& edit) {
    Option("--arch", &edit.architecture, "ARCH", "the entry's architecture");
    Option("--os", &edit.os, "OS", "the entry's operating system");
    Option("--os-version", &edit.os_version, "VERSION", "the version that it needs");
    Option("--os-features", &edit.os_features, "FEATURE", "a feature that it needs of the system");
    Option("--features", &edit.features, "FEATURE", "a feature that it needs of the processor");
    Option("--variant", &edit.variant, "VARIANT", "of the architecture, like v7");
    Option("--annotation", &edit.annotations, "KEY=VALUE", "an annotation of the entry");
  }

 private:
  bool insecure_ = false;
};

}  // namespace hoy::cli
