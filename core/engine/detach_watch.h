#pragma once
// Watches typed bytes for the detach sequence. What may be its beginning is held back until the
// next byte tells, so that the program never sees it; and for so long only that a key which stands
// alone (ctrl-p in a shell) still arrives.

#include <string>
#include <string_view>
#include <vector>

namespace hoy::core {

class DetachWatch {
 public:
  explicit DetachWatch(const std::vector<char>& keys) : keys_(keys) {}

  // What to pass on; `detached` when the sequence is complete.
  std::string Feed(std::string_view bytes, bool* detached) {
    *detached = false;
    if (keys_.empty()) return std::string(bytes);
    std::string pass;
    for (char byte : bytes) {
      if (byte == keys_[matched_]) {
        if (++matched_ < keys_.size()) continue;
        *detached = true;
        return pass;
      }
      pass += LetGo();
      matched_ = passed_ = 0;
      if (byte == keys_[0]) {
        matched_ = 1;
      } else {
        pass += byte;
      }
    }
    return pass;
  }

  bool Holds() const { return passed_ < matched_; }

  // What was held back long enough. The sequence may still be completed.
  std::string LetGo() {
    std::string held(keys_.begin() + static_cast<ptrdiff_t>(passed_),
                     keys_.begin() + static_cast<ptrdiff_t>(matched_));
    passed_ = matched_;
    return held;
  }

 private:
  const std::vector<char>& keys_;
  size_t matched_ = 0;  // of the sequence, so far
  size_t passed_ = 0;   // of these
};

}  // namespace hoy::core
