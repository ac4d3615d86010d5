#pragma once
// Where layers live, by chain ID (OCI image-spec config.md "Layer ChainID").
//
//   layers/<chain id hex>/fs/       a complete layer; published by rename, with its layer.json
//   layers/.staging-<pid>-<n>/fs/   one being made; flocked by its maker
//   layers/.removed-<pid>-<n>/      one being deleted; flocked too
// A dot directory whose flock is free belongs to the dead and is deleted by the next writer.
//
//   auto writer = store.Begin(chain_id);              any order, any thread, any process
//   auto applied = writer->Apply(source, options);    compare applied.diff_id with the config's
//   writer->Finish(lower_directories);                bottom first: the ones below are finished
//   store.Commit(writers);                            bottom first; one syncfs for all of them

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"
#include "oci/layer/byte_source.h"
#include "oci/layer/layer_applier.h"

namespace hoy::oci {

// chain(0) = diff(0); chain(n) = sha256(chain(n-1) + " " + diff(n)). Bottom first.
std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids);

// A layer in the making. Not committed: deleted with the object.
class LayerWriter {
 public:
  virtual ~LayerWriter() = default;
  virtual const Digest& chain_id() const = 0;
  virtual Result<AppliedLayer> Apply(ByteSource& layer, const ApplyOptions& options) = 0;
  // For a layer that was begun under an empty chain ID, since what it holds was not known yet.
  virtual void Place(const Digest& chain_id) = 0;
  // Topmost first; committed or staged ones.
  virtual Result<> Finish(const std::vector<std::string>& lower_directories) = 0;
  // Its lower directory for the layers above, before and after Commit.
  virtual std::string directory() const = 0;
};

// The seam: unpacked directories now; another store may keep file system images.
class LayerStore {
 public:
  virtual ~LayerStore() = default;
  virtual bool Has(const Digest& chain_id) const = 0;
  virtual std::string Directory(const Digest& chain_id) const = 0;
  virtual Result<std::unique_ptr<LayerWriter>> Begin(const Digest& chain_id) = 0;
  // Makes the layers durable and visible. One that another process published meanwhile is success.
  virtual Result<> Commit(std::span<const std::unique_ptr<LayerWriter>> writers) = 0;
};

std::unique_ptr<LayerStore> OpenDirectoryLayerStore(const core::Layout& layout);

}  // namespace hoy::oci
