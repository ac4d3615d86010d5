#pragma once
// The local copy of an S3 volume: a directory that containers change while we look, and whose new
// files come from a bucket that anybody may fill. Nothing outside of it is opened or changed: paths
// are walked by descriptors, one component after the other, and no symlink is followed.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/s3/tree.h"

namespace hoy::oci {

class LocalCopy {
 public:
  // `files` is the directory itself; `temp` one on the same file system that nobody else uses.
  static Result<LocalCopy> Open(const std::string& files, const std::string& temp);

  struct Scan {
    LocalTree tree;
    std::vector<std::string> unfit;  // sockets, devices, FIFOs, and names that no key can have
    size_t nameless = 0;             // those of the second sort
  };
  // `longest` is the most bytes that a path may have.
  Result<Scan> Look(size_t longest) const;
  // Which directory it is, also after a reboot, that may give its device another number.
  struct Identity {
    uint64_t inode = 0;
    int64_t born_ns = 0;  // 0: its file system does not know

    bool operator==(const Identity&) const = default;
  };
  Result<Identity> Identify() const;
  // kNotFound: it is gone.
  Result<LocalEntry> Stat(const std::string& path) const;

  Result<Fd> OpenFile(const std::string& path) const;  // kConflict: it is no regular file any more
  Result<std::string> ReadLink(const std::string& path) const;

  BorrowedFd temp() const { return temp_; }
  // Gives the temp file its owner, mode and time, and puts it in the place of what is `expected`
  // there (nullptr: of nothing), as one step; where something else is, that stays: EEXIST, ENOENT
  // or ENOTEMPTY. Parents that are missing are made. Returns how it is now. A symlink's target is
  // the bytes of the temp file, which goes.
  Result<LocalEntry> Publish(const std::string& temp, const std::string& path,
                             const LocalEntry& entry, const LocalEntry* expected) const;
  // Makes the directory, or gives the one that is there its owner and mode.
  Result<LocalEntry> MakeDirectory(const std::string& path, const LocalEntry* entry) const;
  // What is gone already, and a directory with something in it, are left: false.
  Result<bool> Remove(const std::string& path, const LocalEntry& expected) const;

  Result<> Sync() const;  // all of it to the disk

 private:
  LocalCopy(Fd files, Fd temp) : files_(std::move(files)), temp_(std::move(temp)) {}
  struct Place {
    Fd parent;
    std::string name;
  };
  Result<Place> Find(const std::string& path, bool make_parents) const;
  Result<> MakeLink(const std::string& temp, const Place& place) const;
  Result<> PutInPlace(const std::string& temp, const Place& place, const std::string& path,
                      const LocalEntry* expected) const;

  Fd files_;
  Fd temp_;
};

}  // namespace hoy::oci
