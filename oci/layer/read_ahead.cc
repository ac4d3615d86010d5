#include "oci/layer/read_ahead.h"

#include "oci/layer/decompress.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {

ReadAhead::ReadAhead(ByteSource& layer, std::optional<Digest> plain_digest)
    : layer_(layer),
      plain_digest_(std::move(plain_digest)),
      memory_(std::make_unique_for_overwrite<std::byte[]>(kSlots * kSlotBytes)),
      thread_([this] { Produce(); }) {}

ReadAhead::~ReadAhead() {
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<std::span<const std::byte>> ReadAhead::Next() {
  std::unique_lock lock(mutex_);
  if (holding_) {
    ++consumed_;
    holding_ = false;
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return produced_ > consumed_ || finished_; });
  if (produced_ > consumed_) {
    holding_ = true;
    size_t slot = consumed_ % kSlots;
    return std::span<const std::byte>(memory_.get() + slot * kSlotBytes, sizes_[slot]);
  }
  if (error_) return Fail(*error_);
  return std::span<const std::byte>();
}

std::optional<std::span<std::byte>> ReadAhead::FreeSlot() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return abandoned_ || produced_ - consumed_ < kSlots; });
  if (abandoned_) return std::nullopt;
  return std::span(memory_.get() + produced_ % kSlots * kSlotBytes, kSlotBytes);
}

Result<> ReadAhead::ProduceAll() {
  Compression compression = Compression::kNone;
  TRY(std::unique_ptr<ByteSource> tar, Decompress(layer_, &compression));
  const bool is_known = plain_digest_ && compression == Compression::kNone;
  Sha256 hash;
  bool more = true;
  while (more) {
    auto slot = FreeSlot();
    if (!slot) return {};
    size_t size = 0;
    while (more && size < slot->size()) {
      TRY(size_t count, tar->Read(slot->subspan(size)));
      size += count;
      more = count > 0;
    }
    if (!is_known) hash.Update(slot->first(size));
    total_bytes_ += size;
    if (size == 0) break;
    std::lock_guard lock(mutex_);
    sizes_[produced_ % kSlots] = size;
    ++produced_;
    changed_.notify_all();
  }
  diff_id_ = is_known ? *plain_digest_ : hash.Finish();
  return {};
}

void ReadAhead::Produce() {
  auto result = ProduceAll();
  std::lock_guard lock(mutex_);
  if (!result) error_ = std::move(result).error();
  finished_ = true;
  changed_.notify_all();
}

Result<Digest> DiffIdOf(ByteSource& layer, std::optional<Digest> plain_digest) {
  ReadAhead tar(layer, std::move(plain_digest));
  while (true) {
    TRY(auto bytes, tar.Next());
    if (bytes.empty()) return tar.diff_id();
  }
}

}  // namespace hoy::oci
