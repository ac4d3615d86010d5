#include "core/log/gzip.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <vector>

#include "core/base/fail_point.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr size_t kChunk = 256 * 1024;
constexpr int kGzipOf32K = 15 + 16;  // zlib.h, inflateInit2: the window's bits, and gzip's header
constexpr int kLevel = 3;  // text shrinks nearly as well as with 6, in a third of the time

Result<size_t> ReadSome(BorrowedFd fd, std::vector<unsigned char>& buffer) {
  while (true) {
    ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return FailErrno("read", "log");
  }
}

std::string_view Bytes(const std::vector<unsigned char>& buffer, size_t count) {
  return {reinterpret_cast<const char*>(buffer.data()), count};
}

Result<Fd> NamelessFile() {
  const char* directory = getenv("TMPDIR");
  auto file = OpenAt(kCwd, directory != nullptr && *directory == '/' ? directory : "/tmp",
                     O_TMPFILE | O_RDWR, 0600);
  if (file) return file;
  Fd memory(memfd_create("hoy-log", MFD_CLOEXEC));
  if (!memory) return FailErrno("make", "temporary file");
  return memory;
}

Error NotGzip() {
  return MakeError(ErrorKind::kCorrupt, "a compressed log file is damaged");
}

Result<> Pack(BorrowedFd from, BorrowedFd to) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipOf32K, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Fail(ErrorKind::kSystem, "no memory to compress a log file");
  }
  std::vector<unsigned char> in(kChunk);
  std::vector<unsigned char> out(kChunk);
  Result<> result;
  int state = Z_OK;
  while (result && state != Z_STREAM_END) {
    auto count = ReadSome(from, in);
    if (!count) {
      result = Fail(std::move(count).error());
      break;
    }
    stream.next_in = in.data();
    stream.avail_in = static_cast<uInt>(*count);
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<uInt>(out.size());
      state = deflate(&stream, *count == 0 ? Z_FINISH : Z_NO_FLUSH);
      result = WriteAll(to, Bytes(out, out.size() - stream.avail_out), "log");
    } while (result && stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return result;
}

// A file without a name can leave none behind. Where there are none (open(2), O_TMPFILE), one that
// its dead writer left is written over.
Result<> PackTo(const std::string& path, BorrowedFd from, const std::string& packed) {
  std::string directory = path.substr(0, path.rfind('/'));
  auto nameless = OpenAt(kCwd, directory, O_TMPFILE | O_WRONLY, 0600);
  if (nameless) {
    TRY(Pack(from, *nameless));
    if (fdatasync(nameless->get()) != 0) return FailErrno("sync", packed);
    std::string link = fmt::format("/proc/self/fd/{}", nameless->get());
    if (linkat(AT_FDCWD, link.c_str(), AT_FDCWD, packed.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
        errno != EEXIST) {
      return FailErrno("make", packed);
    }
    return {};
  }
  std::string temp = path + ".packing";
  TRY(Fd fd, OpenAt(kCwd, temp, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  auto written = Pack(from, fd);
  if (written && fdatasync(fd.get()) != 0) written = FailErrno("sync", temp);
  if (written && rename(temp.c_str(), packed.c_str()) != 0) written = FailErrno("rename", temp);
  if (!written) (void)Unlink(temp);
  return written;
}

}  // namespace

Result<Fd> UnpackGzip(BorrowedFd packed) {
  TRY(Fd file, NamelessFile());
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOf32K) != Z_OK) {
    return Fail(ErrorKind::kSystem, "no memory to read a compressed log file");
  }
  std::vector<unsigned char> in(kChunk);
  std::vector<unsigned char> out(kChunk);
  Result<> result;
  int state = Z_OK;
  while (result && state != Z_STREAM_END) {
    auto count = ReadSome(packed, in);
    if (!count) {
      result = Fail(std::move(count).error());
    } else if (*count == 0) {
      result = Fail(NotGzip());
    } else {
      stream.next_in = in.data();
      stream.avail_in = static_cast<uInt>(*count);
    }
    while (result && state != Z_STREAM_END && stream.avail_in > 0) {
      stream.next_out = out.data();
      stream.avail_out = static_cast<uInt>(out.size());
      state = inflate(&stream, Z_NO_FLUSH);
      if (state != Z_OK && state != Z_STREAM_END) {
        result = Fail(NotGzip());
      } else {
        result = WriteAll(file, Bytes(out, out.size() - stream.avail_out), "temporary file");
      }
    }
  }
  inflateEnd(&stream);
  if (!result) return Fail(std::move(result).error());
  return file;
}

Result<> PackFile(const std::string& path) {
  auto from = OpenAt(kCwd, path, O_RDONLY);
  if (!from) {
    if (from.error().kind == ErrorKind::kNotFound) return {};
    return Fail(std::move(from).error());
  }
  // One at a time; whoever comes second finds nothing left to do.
  TRY(bool ours, TryLockFile(*from, LockMode::kExclusive));
  struct stat status{};
  if (fstat(from->get(), &status) != 0) return FailErrno("stat", path);
  if (!ours || status.st_nlink == 0) return {};
  std::string packed = path + ".gz";
  // One that is there is whole.
  if (!Exists(packed)) TRY(PackTo(path, *from, packed));
  FailPoint("log-packed");
  if (unlink(path.c_str()) == 0) return {};
  if (errno != ENOENT) return FailErrno("remove", path);
  return Unlink(packed);  // it was pruned meanwhile
}

}  // namespace hoy::core
