#pragma once
// A real S3-protocol server, s3rver from npm, one process on a loopback port with its objects in a
// directory of its own. tools/test installs it.

#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/scratch.h"

namespace hoy::test {

class S3Server {
 public:
  S3Server();  // serves the bucket kBucket when it returns
  ~S3Server();

  static constexpr const char* kBucket = "box";
  static constexpr const char* kKey = "S3RVER";  // and its secret

  std::string endpoint() const { return "http://" + address_; }
  // The bytes of an object; "" when there is none.
  std::string Object(const std::string& key) const;
  bool Has(const std::string& key) const;
  std::string Metadata(const std::string& key, const std::string& name) const;
  void Put(const std::string& key, const std::string& bytes) const;
  void Remove(const std::string& key) const;
  std::vector<std::string> Keys() const;

 private:
  std::string PathOf(const std::string& key, const std::string& what) const;

  ScratchDirectory scratch_;
  std::string address_;
  std::optional<Background> server_;
};

}  // namespace hoy::test
