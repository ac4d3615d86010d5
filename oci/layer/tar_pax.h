#pragma once
// Extended headers ('x' entries): POSIX.1-2017 pax "pax Extended Header", GNU tar's sparse keys
// (its manual, "Storing Sparse Files"), and star's SCHILY.xattr.

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace hoy::oci {

// Bytes of a file at an offset; what lies between is a hole.
struct SparseExtent {
  int64_t offset = 0;
  int64_t length = 0;
};
using SparseMap = std::vector<SparseExtent>;
inline constexpr size_t kMaxSparseExtents = 1 << 18;

struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link_path;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<int64_t> size;
  std::optional<timespec> mtime;
  std::vector<std::pair<std::string, std::string>> xattrs;

  // GNU sparse 0.0 and 0.1 bring the map along; 1.0 puts it before the data.
  std::optional<std::string> sparse_name;
  std::optional<int64_t> sparse_size;
  bool has_sparse_map = false;
  SparseMap sparse_map;
  bool sparse_map_in_data = false;
};

// Adds the records of one extended header; a later one of the same key wins. kCorrupt.
Result<> ParsePaxRecords(std::string_view text, PaxRecords& records);

// In order, without overlap, inside `size`, and as long as the data together. kCorrupt otherwise.
Result<> CheckSparseMap(const SparseMap& map, int64_t size, int64_t data_size);

}  // namespace hoy::oci
