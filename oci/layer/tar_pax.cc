#include "oci/layer/tar_pax.h"

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";

std::unexpected<Error> Malformed() {
  return Fail(ErrorKind::kCorrupt, "tar: an extended header is malformed");
}

Result<int64_t> Decimal(std::string_view text) {
  auto value = ParseInteger<int64_t>(text);
  if (!value) return Malformed();
  return *value;
}

Result<int64_t> Size(std::string_view text) {
  TRY(int64_t value, Decimal(text));
  if (value < 0) return Malformed();
  return value;
}

// "1350244992.023960108", "-1.5": the fraction counts away from zero.
Result<timespec> Time(std::string_view text) {
  auto [whole, fraction] = CutAt(text, '.');
  TRY(int64_t seconds, Decimal(whole));
  int64_t nanoseconds = 0;
  if (fraction) {
    int64_t unit = 100'000'000;
    for (char c : *fraction) {
      if (c < '0' || c > '9') return Malformed();
      nanoseconds += (c - '0') * unit;
      unit /= 10;
    }
  }
  if (whole.starts_with('-') && nanoseconds > 0 && seconds > INT64_MIN) {
    --seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  return timespec{.tv_sec = seconds, .tv_nsec = nanoseconds};
}

Result<std::string> Name(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return Malformed();
  return std::string(text);
}

Result<> AddExtentPart(PaxRecords& records, bool is_offset, std::string_view value) {
  TRY(int64_t number, Size(value));
  if (is_offset) {
    if (records.sparse_map.size() == kMaxSparseExtents) return Malformed();
    records.has_sparse_map = true;
    records.sparse_map.push_back({.offset = number, .length = 0});
  } else {
    if (records.sparse_map.empty()) return Malformed();
    records.sparse_map.back().length = number;
  }
  return {};
}

Result<> ParseSparseRecord(std::string_view key, std::string_view value, PaxRecords& records) {
  if (key == "name") {
    TRY(records.sparse_name, Name(value));
  } else if (key == "size" || key == "realsize") {
    TRY(records.sparse_size, Size(value));
  } else if (key == "major") {
    records.sparse_map_in_data = value == "1";
  } else if (key == "offset" || key == "numbytes") {
    return AddExtentPart(records, key == "offset", value);
  } else if (key == "map") {
    records.sparse_map.clear();
    bool is_offset = true;
    for (std::string_view number : Split(value, ',')) {
      TRY(AddExtentPart(records, is_offset, number));
      is_offset = !is_offset;
    }
    if (!is_offset) return Malformed();
    records.has_sparse_map = true;
  }
  return {};
}

Result<> ParseRecord(std::string_view key, std::string_view value, PaxRecords& records) {
  constexpr std::string_view kSparsePrefix = "GNU.sparse.";
  if (key.starts_with(kXattrPrefix)) {
    std::string_view name = key.substr(kXattrPrefix.size());
    if (name.empty() || name.find('\0') != std::string_view::npos) return Malformed();
    records.xattrs.emplace_back(name, value);
    return {};
  }
  if (value.empty()) return {};  // the header's own value counts
  if (key == "path") {
    TRY(records.path, Name(value));
  } else if (key == "linkpath") {
    TRY(records.link_path, Name(value));
  } else if (key == "uid") {
    TRY(records.uid, Decimal(value));
  } else if (key == "gid") {
    TRY(records.gid, Decimal(value));
  } else if (key == "size") {
    TRY(records.size, Size(value));
  } else if (key == "mtime") {
    TRY(records.mtime, Time(value));
  } else if (key.starts_with(kSparsePrefix)) {
    return ParseSparseRecord(key.substr(kSparsePrefix.size()), value, records);
  }
  return {};
}

}  // namespace

Result<> ParsePaxRecords(std::string_view text, PaxRecords& records) {
  while (!text.empty()) {
    // "<length> <key>=<value>\n", the length in decimal and of the whole record.
    size_t space = text.find(' ');
    if (space == std::string_view::npos) return Malformed();
    auto length = ParseInteger<size_t>(text.substr(0, space));
    if (!length || *length > text.size() || *length < space + 3) return Malformed();
    std::string_view record = text.substr(space + 1, *length - space - 1);
    if (record.back() != '\n') return Malformed();
    record.remove_suffix(1);
    text.remove_prefix(*length);
    auto [key, value] = CutAt(record, '=');
    if (!value || key.empty()) return Malformed();
    TRY(ParseRecord(key, *value, records));
  }
  return {};
}

Result<> CheckSparseMap(const SparseMap& map, int64_t size, int64_t data_size) {
  int64_t end = 0;
  int64_t sum = 0;
  for (const SparseExtent& extent : map) {
    if (extent.offset < end || extent.length > size - extent.offset || extent.offset > size) {
      return Fail(ErrorKind::kCorrupt, "tar: a sparse file's map is damaged");
    }
    end = extent.offset + extent.length;
    sum += extent.length;
  }
  if (sum != data_size) return Fail(ErrorKind::kCorrupt, "tar: a sparse file's map is damaged");
  return {};
}

}  // namespace hoy::oci
