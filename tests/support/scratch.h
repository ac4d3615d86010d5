#pragma once
// Temporary directories and plain file access for tests. Everything throws std::runtime_error on
// failure: a test that cannot prepare its ground has failed.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace hoy::test {

// A fresh directory under `base`, else under HOY_TEST_TMP (else /tmp, whatever TMPDIR says: socket
// paths below it must stay under sun_path's 108 bytes), removed with all it holds when it goes.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& base = "");
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void WriteFile(const std::string& path, std::string_view content, mode_t mode = 0644);
std::string ReadFile(const std::string& path);
std::string ReadFileIfThere(const std::string& path);              // "" when it cannot be read
std::vector<std::string> ListNames(const std::string& directory);  // sorted; missing: empty

// Bytes that do not compress, the same each time.
std::string Noise(size_t size);

// Copies a tree, with hard links for regular files where the file system allows it.
void CloneTree(const std::string& from, const std::string& to);

}  // namespace hoy::test
