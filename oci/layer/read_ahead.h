#pragma once
// Decompresses and hashes a layer in a thread of its own while another unpacks it: two processors
// for one layer, with eight buffers of 256 KiB between them.

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

class ReadAhead {
 public:
  // `layer`, compressed or not, is used by the thread until it ends. `plain_digest` is its digest
  // where somebody else makes sure of that: if it is not compressed, it is not hashed again.
  explicit ReadAhead(ByteSource& layer, std::optional<Digest> plain_digest = std::nullopt);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  // Stops the thread; waits for a Read of `layer` that is under way.
  ~ReadAhead();

  // The next uncompressed bytes, valid until the next call; empty at the end.
  Result<std::span<const std::byte>> Next();

  // After Next has returned the end: of all the uncompressed bytes.
  const Digest& diff_id() const { return diff_id_; }
  uint64_t total_bytes() const { return total_bytes_; }

 private:
  static constexpr size_t kSlots = 8;
  static constexpr size_t kSlotBytes = 256 << 10;

  void Produce();
  Result<> ProduceAll();
  // Waits for a free slot; nullopt when the reader has gone.
  std::optional<std::span<std::byte>> FreeSlot();

  ByteSource& layer_;
  const std::optional<Digest> plain_digest_;
  std::unique_ptr<std::byte[]> memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<size_t, kSlots> sizes_{};  // bytes in each slot
  size_t produced_ = 0;                 // slots ever filled
  size_t consumed_ = 0;                 // slots ever given back
  bool holding_ = false;                // the reader has slot `consumed_`
  bool finished_ = false;
  bool abandoned_ = false;
  std::optional<Error> error_;
  Digest diff_id_;
  uint64_t total_bytes_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

// The diff ID of a layer that is not to be unpacked.
Result<Digest> DiffIdOf(ByteSource& layer, std::optional<Digest> plain_digest = std::nullopt);

}  // namespace hoy::oci
