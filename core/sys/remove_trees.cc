#include "core/sys/remove_trees.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr size_t kMostThreads = 8;   // more wait for the disk than there are processors
constexpr size_t kMostShared = 128;  // directories that are open for all threads
constexpr size_t kListBytes = 32 << 10;

// A directory that is being emptied.
struct Directory {
  Directory* above = nullptr;  // null: `name` is a path
  std::string name;
  Fd fd;
  std::atomic<size_t> unfinished = 1;  // its own listing, and directories in it
};

class Removal {
 public:
  Result<> Run(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) Remove(nullptr, path, DT_UNKNOWN);
    Unshare();
    Work();
    // Nothing is shared any more, so nobody makes another thread.
    for (std::thread& thread : threads_) thread.join();
    if (failure_) return Fail(std::move(*failure_));
    return {};
  }

 private:
  static BorrowedFd FdOf(const Directory* directory) {
    return directory == nullptr ? kCwd : BorrowedFd(directory->fd);
  }

  void Note(Result<> outcome) {
    if (outcome) return;
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(outcome).error();
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return !ready_.empty() || shared_ == 0; });
      if (ready_.empty()) return;
      // The last one shared: depth first keeps few open.
      Directory* directory = ready_.back();
      ready_.pop_back();
      lock.unlock();
      Empty(*directory);
      Finish(directory);
      lock.lock();
    }
  }

  // getdents64(2): the kinds of the entries come with their names, which spares asking for them.
  void Empty(Directory& directory) {
    alignas(dirent64) std::array<char, kListBytes> list;
    while (true) {
      long count = syscall(SYS_getdents64, directory.fd.get(), list.data(), list.size());
      if (count < 0) Note(FailErrno("list", directory.name));
      if (count <= 0) return;
      for (long at = 0; at < count;) {
        const auto* entry = reinterpret_cast<const dirent64*>(list.data() + at);
        at += entry->d_reclen;
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") Remove(&directory, entry->d_name, entry->d_type);
      }
    }
  }

  void Remove(Directory* above, const std::string& name, unsigned char kind) {
    if (kind != DT_DIR) {
      if (unlinkat(FdOf(above).get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
      if (errno != EISDIR && errno != EPERM) return Note(FailErrno("remove", name));
    }
    if (!Share(above, name)) Note(RemoveTreeAt(FdOf(above), name));
  }

  // False: there are enough of them, or it cannot be opened.
  bool Share(Directory* above, const std::string& name) {
    {
      std::lock_guard lock(mutex_);
      if (shared_ >= kMostShared) return false;
      ++shared_;
    }
    auto directory = std::make_unique<Directory>();
    directory->above = above;
    directory->name = name;
    auto fd = OpenAt(FdOf(above), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd) directory->fd = *std::move(fd);
    std::lock_guard lock(mutex_);
    if (!directory->fd) {
      --shared_;
      return false;
    }
    if (above != nullptr) ++above->unfinished;
    // One that waits with nobody free for it is worth a thread. The caller's is the first.
    if (!ready_.empty() && threads_.size() + 1 < kMostThreads) StartThread();
    ready_.push_back(directory.release());
    changed_.notify_one();
    return true;
  }

  // One thing less to do in `directory`; with the last, it goes, and so on upwards.
  void Finish(Directory* directory) {
    while (directory != nullptr && --directory->unfinished == 0) {
      const std::unique_ptr<Directory> done(directory);
      directory = done->above;
      done->fd.reset();
      BorrowedFd above = FdOf(directory);
      // What the listing missed, or what could not be removed before.
      if (unlinkat(above.get(), done->name.c_str(), AT_REMOVEDIR) != 0) {
        Note(RemoveTreeAt(above, done->name));
      }
      Unshare();
    }
  }

  void Unshare() {
    std::lock_guard lock(mutex_);
    if (--shared_ == 0) changed_.notify_all();
  }

  // Without one (a limit on processes, say) the others do its work.
  void StartThread() {
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Directory*> ready_;     // nobody works on them yet
  size_t shared_ = 1;                 // Directory objects, and one while Run adds some
  std::vector<std::thread> threads_;  // without the caller's
  std::optional<Error> failure_;
};

}  // namespace

Result<> RemoveTrees(const std::vector<std::string>& paths) {
  return Removal().Run(paths);
}

}  // namespace hoy::core
