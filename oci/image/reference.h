#pragma once
// Image references, in the grammar of github.com/distribution/reference:
//
//   reference  := name [":" tag] ["@" digest]
//   name       := [domain "/"] path          at most 255 characters
//   domain     := host [":" port]            has a "." or ":", is "localhost", or has an upper-case
//   path       := component *("/" component)   letter; otherwise the first part belongs to the path
//   component  := [a-z0-9]+ ((one "." | one or two "_" | any "-") [a-z0-9]+)*
//   tag        := [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
//
// Short names mean Docker Hub: "busybox" is docker.io/library/busybox, and index.docker.io is
// docker.io.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/image/digest.h"

namespace hoy::oci {

// "sha256:" and hex digits, or 64 of them alone: an image by its id, never a repository, as docker
// has it for the whole ones.
bool ReadsAsImageId(std::string_view text);

class Reference {
 public:
  // As written: no tag is added when there is none. kInvalidArgument, with the reason in words, for
  // everything outside the grammar (an upper-case repository, a scheme, an image id, ...).
  static Result<Reference> Parse(std::string_view text);
  // Parse, then ":latest" when there is neither tag nor digest.
  static Result<Reference> ParseWithDefaultTag(std::string_view text);
  // A name to give to an image: as above, and kInvalidArgument for one with a digest, and for
  // "sha256:...", which would be taken for an id.
  static Result<Reference> ParseAsName(std::string_view text);

  const std::string& domain() const { return domain_; }  // "docker.io", "localhost:5000"
  const std::string& path() const { return path_; }      // "library/busybox"
  const std::string& tag() const { return tag_; }        // empty: none
  const Digest& digest() const { return digest_; }       // empty: none

  std::string Name() const { return domain_ + "/" + path_; }
  // The canonical text: "docker.io/library/busybox:1.36@sha256:...".
  std::string ToString() const;
  // Short as docker prints it: "busybox", "grafana/grafana", "localhost:5000/app".
  std::string FamiliarName() const;
  std::string Familiar() const;  // the same with tag and digest

  // What a registry's /v2/<name>/manifests/ wants: the digest if there is one, else the tag.
  std::string TagOrDigest() const { return digest_.empty() ? tag_ : digest_.ToString(); }

  Reference WithTag(std::string_view tag) const;     // `tag` must be valid; drops the digest
  Reference WithDigest(const Digest& digest) const;  // drops the tag

  bool operator==(const Reference&) const = default;

 private:
  std::string domain_;
  std::string path_;
  std::string tag_;
  Digest digest_;
};

}  // namespace hoy::oci
