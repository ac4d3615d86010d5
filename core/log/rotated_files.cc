#include "core/log/rotated_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {
constexpr std::string_view kGzip = ".gz";
}

RotatedFiles::RotatedFiles(std::string path) : path_(std::move(path)) {
  size_t slash = path_.rfind('/');
  directory_ = slash == std::string::npos ? "." : path_.substr(0, slash);
  prefix_ = path_.substr(slash == std::string::npos ? 0 : slash + 1) + ".";
}

Result<std::vector<uint64_t>> RotatedFiles::Numbers() const {
  TRY(std::vector<std::string> names, ListDirectory(directory_));
  std::vector<uint64_t> numbers;
  for (std::string_view name : names) {
    if (!name.starts_with(prefix_)) continue;
    name.remove_prefix(prefix_.size());
    if (name.ends_with(kGzip)) name.remove_suffix(kGzip.size());
    if (auto number = ParseInteger<uint64_t>(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  auto doubled = std::ranges::unique(numbers);
  numbers.erase(doubled.begin(), doubled.end());
  return numbers;
}

Result<std::optional<OpenedFile>> RotatedFiles::OpenRotated(uint64_t number) const {
  auto plain = OpenAt(kCwd, Path(number), O_RDONLY);
  if (plain) return OpenedFile{*std::move(plain), number, true, false};
  if (plain.error().kind != ErrorKind::kNotFound) return Fail(std::move(plain).error());
  auto packed = OpenAt(kCwd, Path(number) + std::string(kGzip), O_RDONLY);
  if (!packed) {
    if (packed.error().kind == ErrorKind::kNotFound) return std::nullopt;
    return Fail(std::move(packed).error());
  }
  return OpenedFile{*std::move(packed), number, true, true};
}

Result<OpenedFile> RotatedFiles::OpenCurrent() const {
  auto next_number = [&]() -> Result<uint64_t> {
    TRY(std::vector<uint64_t> numbers, Numbers());
    return numbers.empty() ? 1 : numbers.back() + 1;
  };
  TRY(uint64_t number, next_number());
  while (true) {
    TRY(Fd fd, OpenAt(kCwd, path_, O_RDONLY));
    // Unless a rotation came between: then it has that number, or is not the current one any more.
    TRY(uint64_t now, next_number());
    if (now == number) return OpenedFile{std::move(fd), number, false, false};
    number = now;
  }
}

Result<std::optional<OpenedFile>> RotatedFiles::OpenAfter(uint64_t number) const {
  while (true) {
    // First the current one: it comes next if none that was rotated does even after that.
    auto current = OpenAt(kCwd, path_, O_RDONLY);
    if (!current && current.error().kind != ErrorKind::kNotFound) {
      return Fail(std::move(current).error());
    }
    TRY(std::vector<uint64_t> numbers, Numbers());
    auto next = std::ranges::upper_bound(numbers, number);
    if (next == numbers.end()) {
      if (!current) return std::nullopt;
      return OpenedFile{*std::move(current), number + 1, false, false};
    }
    TRY(std::optional<OpenedFile> opened, OpenRotated(*next));
    if (opened) return opened;
  }
}

Result<std::optional<OpenedFile>> RotatedFiles::OpenBefore(uint64_t number) const {
  while (true) {
    TRY(std::vector<uint64_t> numbers, Numbers());
    auto from = std::ranges::lower_bound(numbers, number);
    if (from == numbers.begin()) return std::nullopt;
    TRY(std::optional<OpenedFile> opened, OpenRotated(*--from));
    if (opened) return opened;
  }
}

Result<> RotatedFiles::Prune(size_t keep) const {
  TRY(std::vector<uint64_t> numbers, Numbers());
  for (size_t i = 0; i + keep < numbers.size(); ++i) {
    TRY(Unlink(Path(numbers[i])));
    TRY(Unlink(Path(numbers[i]) + std::string(kGzip)));
  }
  return {};
}

}  // namespace hoy::core
