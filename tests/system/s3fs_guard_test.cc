// An s3fs whose mount nobody has yet: it goes with whoever waits for it.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <memory>

#include "tests/support/must_run.h"
#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

class S3fsGuard : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    env["AWS_ACCESS_KEY_ID"] = env["AWS_SECRET_ACCESS_KEY"] = "key";
    for (const char* name : {"AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "http_proxy"}) {
      env[name] = std::nullopt;
    }
  }
  bool HasS3fs(const std::string& volume) const {
    for (const std::string& name : ListNames("/proc")) {
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string words = ReadFileIfThere("/proc/" + name + "/cmdline");
      if (words.starts_with("s3fs") && Has(words, data() + "/volumes/" + volume + "/_data")) {
        return true;
      }
    }
    return false;
  }
};

// Neither who is killed nor who is interrupted while he waits for a server that says nothing, and
// asks the mount itself whether it is there.
TEST_F(S3fsGuard, NoS3fsOutlivesWhoWaitsForItsMount) {
  if (!Fd(open("/dev/fuse", O_RDWR | O_CLOEXEC))) SKIP_BECAUSE("/dev/fuse cannot be opened");
  const auto tries = std::make_shared<std::atomic<int>>(0);
  FaultServer silent([tries](const FaultRequest&) {
    return (*tries)++ == 0 ? FaultReply{.body =
                                            "<ListBucketResult><IsTruncated>false</IsTruncated>"
                                            "</ListBucketResult>"}
                           : FaultReply{.silent = true};
  });
  for (const int signal : {SIGKILL, SIGINT}) {
    SCOPED_TRACE(signal);
    const std::string volume = fmt::format("vol{}", signal);
    *tries = 0;
    Background start(Hoy({"run", "--rm",
                          fmt::format("--mount=type=s3,mode=fuse,src={},dst=/d,bucket=box,"
                                      "endpoint=http://{}",
                                      volume, silent.address()),
                          Busybox(), "echo", "ran"}));
    ASSERT_TRUE(Eventually([&] { return *tries > 1 && HasS3fs(volume); }));
    const int image =
        std::atoi(ReadFile(fmt::format("/proc/{0}/task/{0}/children", start.pid())).c_str());
    ASSERT_GT(image, 0);
    ASSERT_EQ(kill(image, signal), 0);
    EXPECT_TRUE(Eventually([&] { return !HasS3fs(volume); }));
    const Output output = start.Finish();
    EXPECT_NE(output.code, 0) << output;
    EXPECT_EQ(output.out, "");
  }
}

}  // namespace
}  // namespace hoy::test
