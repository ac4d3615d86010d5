#pragma once
// What hoy keeps about an image, worked out once at pull so that `run` reads two small files,
// hashes nothing and opens no blob:
//
//   images/refs/<escaped reference>   {"version":1,"reference":...,"target":...,"image":...}
//                                     and of a list: "list":[{"manifest":...,"image":...}, ...]
//   images/records/<image id hex>     {"version":1,"id":...,"manifest":..., ..., "config":{...}}
//
// Both are replaced whole (core::WriteFileAtomically, durable) and read without a lock.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/sys/clock.h"
#include "oci/image/digest.h"
#include "oci/image/image_config.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace hoy::oci {

struct ImageRecord {
  Digest id;        // the digest of the config blob, as docker and podman have it
  Digest manifest;  // of this platform's manifest
  Platform platform;
  core::Timestamp created = 0;            // as the config says
  core::Timestamp pulled = 0;             // when it came here
  int64_t size = 0;                       // bytes of all layers, unpacked (docker's SIZE)
  std::vector<Digest> chain_ids;          // bottom first
  std::vector<Digest> diff_ids;           // bottom first
  std::vector<std::string> repo_digests;  // canonical "docker.io/library/busybox@sha256:..."
  std::vector<Digest> blobs;              // blobs to keep while the image lives
  std::string author;
  ImageRunConfig config;
};

std::string EncodeImageRecord(const ImageRecord& record);
Result<ImageRecord> DecodeImageRecord(std::string_view bytes);  // kCorrupt

// An entry of a list, as this machine has it.
struct ListMember {
  Digest manifest;            // the entry's digest
  Digest image;               // the image id; empty: it is not here as an image
  std::string origin;         // where it can be had: "docker.io/library/busybox@sha256:..."
  std::vector<Digest> blobs;  // of an entry that is no image (an attestation) and is here

  bool operator==(const ListMember&) const = default;
};

// One name of an image, or of a list: an index whose entries are kept together, made by `manifest
// create` or pulled for several platforms. A list's document is the blob `target`.
struct RefRecord {
  std::string reference;  // canonical, with tag or with digest
  Digest target;          // what the registry answered for it: an index or a manifest
  // The image id. Of a list: what the name means on this machine when no platform is asked for;
  // empty: nothing, since no entry is here.
  Digest image;
  bool is_list = false;
  std::vector<ListMember> members;  // of a list, in the index's order
};

std::string EncodeRefRecord(const RefRecord& record);
Result<RefRecord> DecodeRefRecord(std::string_view bytes);  // kCorrupt

// "docker.io/library/busybox:1" -> "docker.io+library+busybox:1": one file name, readable and
// unique; names longer than a file name may be end in a hash of the rest.
std::string EscapeReference(const Reference& reference);

}  // namespace hoy::oci
