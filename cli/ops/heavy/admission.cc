#include "cli/ops/heavy/admission.h"

#include <sys/stat.h>

#include <cstdlib>
#include <memory>

#include "oci/archive/archive_codec.h"
#include "oci/trust/gate.h"
#include "oci/trust/policy.h"

namespace hoy::cli {
namespace {

class KeptBeside final : public oci::SignatureSource {
 public:
  explicit KeptBeside(oci::ImageSource& source) : source_(source) {}

  Result<std::vector<oci::UntrustedSignature>> Find(const oci::Digest& manifest,
                                                    oci::UntrustedSignature::Kind kind) override {
    TRY(std::vector<oci::UntrustedSignature> signatures, source_.Signatures(manifest));
    std::erase_if(signatures, [&](const auto& signature) { return signature.kind != kind; });
    return signatures;
  }

 private:
  oci::ImageSource& source_;
};

// As policies name it: absolute, without symlinks. What comes through a pipe is nowhere, also where
// the pipe has a name ("/dev/stdin", a shell's "<(...)"): as on standard input.
Result<std::string> RealPath(const std::string& path) {
  if (path.empty()) return "";
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return FailErrno("find", path);
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return "";
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return FailErrno("find", path);
  return std::string(real.get());
}

}  // namespace

Result<Admission> MakeAdmission(const std::string& signature_policy, oci::ImageSource& source,
                                const std::string& path) {
  TRY(oci::Policy policy, oci::LoadPolicy(signature_policy));
  TRY(std::string real, RealPath(path));
  return [policy = std::move(policy), real, &source](const oci::OfferedImage& image,
                                                     const oci::Digest& manifest) -> Result<> {
    auto name = image.target.annotations.find(oci::kRefNameAnnotation);
    auto identity = oci::PathIdentity(std::string(source.transport()), real,
                                      name == image.target.annotations.end() ? "" : name->second);
    KeptBeside signatures(source);
    return oci::CheckImage(policy, identity, manifest, signatures);
  };
}

}  // namespace hoy::cli
