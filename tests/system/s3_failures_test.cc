// S3 volumes whose sync is killed, whose server breaks off and whose bucket is not there.

#include <fcntl.h>
#include <fmt/core.h>

#include <atomic>
#include <filesystem>

#include "tests/support/must_run.h"
#include "tests/support/tar.h"
#include "tests/system/fault_server.h"
#include "tests/system/s3_volume.h"

namespace hoy::test {
namespace {

TEST_F(S3Volume, AnObjectIsOldOrNewWhereverItsWriterWasKilled) {
  const std::string old = Noise(20 << 20);  // of three parts
  server.Put("large", old);
  server.Put("gone", "x");
  MakeVolume("vol");
  RunOk({"volume", "sync", "--fetch", "vol"});
  const std::string changed = old.substr(1) + "!";
  WriteFile(Path("tar"), Tar().File("large", changed).Finish());
  RunOk({"volume", "import", "vol", Path("tar")});
  std::filesystem::remove(Files("vol") + "/gone");
  server.Put("theirs", "never seen here");

  auto is_there = [&](const std::string& large, bool has_gone) {
    EXPECT_TRUE(server.Object("large") == large);
    EXPECT_EQ(server.Has("gone"), has_gone);
    EXPECT_EQ(server.Object("theirs"), "never seen here");
  };
  for (int i = 0; i < 2; ++i) {
    Dying("s3-part", {"volume", "sync", "vol"});
    is_there(old, true);
    EXPECT_EQ(StatusOf("vol", "Pending"), "true");
  }
  Dying("s3-uploaded", {"volume", "sync", "vol"});
  is_there(changed, true);
  EXPECT_EQ(StatusOf("vol", "Pending"), "true");
  const Output last = Run({"volume", "sync", "vol"});
  EXPECT_EQ(last.code, 0) << last;
  EXPECT_EQ(last.err, "") << "nobody else has changed anything";
  is_there(changed, false);
  EXPECT_EQ(StatusOf("vol", "Pending"), "false");

  // Where there is nothing but deletions.
  std::filesystem::remove(Files("vol") + "/large");
  Dying("s3-uploaded", {"volume", "sync", "vol"});
  is_there(changed, false);
  RunOk({"volume", "sync", "vol"});
  EXPECT_EQ(server.Keys(), std::vector<std::string>{"theirs"});
  RunOk({"volume", "sync", "--fetch", "vol"});
  EXPECT_EQ(ReadFile(Files("vol") + "/theirs"), "never seen here");
}

TEST_F(S3Volume, HalfAnObjectIsNoFile) {
  const std::string bytes = Noise(1000);
  const std::string listing =
      "<ListBucketResult><Contents><Key>half</Key><Size>1000</Size><ETag>\"of-nothing\"</ETag>"
      "</Contents><IsTruncated>false</IsTruncated></ListBucketResult>";
  enum Way { kBreaks, kStalls, kWhole };
  std::atomic<Way> way = kBreaks;
  FaultServer faulty([&](const FaultRequest& request) -> FaultReply {
    if (Has(request.target, "list-type=2")) return {.body = listing};
    FaultReply reply{.headers = {{"ETag", "\"of-nothing\""}}, .body = bytes};
    if (way == kBreaks) reply.break_after = 500;
    if (way == kStalls) reply.stall_after = 500;
    return reply;
  });
  RunOk({"volume", "create", "-o", "type=s3", "-o", "bucket=box", "-o",
         "endpoint=http://" + faulty.address(), "vol"});
  auto fails = [&](const Output& output) {
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "") << output;
    EXPECT_TRUE(Has(output.err, "fetch volume 'vol': read 'half': ")) << output;
    EXPECT_TRUE(ListNames(Files("vol")).empty());
  };
  fails(RunShell("ls /data", {"-v", "vol:/data"}));
  EXPECT_GT(faulty.Requests("GET", "/box/half").size(), 1u) << "it was tried again";
  env["HOY_STALL_TIMEOUT"] = "1";
  way = kStalls;
  fails(Run({"volume", "sync", "--fetch", "--once", "vol"}));
  way = kWhole;
  EXPECT_EQ(Shell("sha256sum </data/half", {"-v", "vol:/data"}), Sha256Hex(bytes) + "  -");
  EXPECT_TRUE(ListNames(data() + "/volumes/vol/s3/temp").empty());
}

TEST_F(S3Volume, ThatIsMountedLeavesNothingWhereItsBucketIsMissing) {
  if (!Fd(open("/dev/fuse", O_RDWR | O_CLOEXEC))) SKIP_BECAUSE("/dev/fuse cannot be opened");
  RunOk({"create", "--name", "kept",
         fmt::format("--mount=type=s3,src=vol,bucket=nowhere,mode=fuse,endpoint={},dst=/data",
                     server.endpoint()),
         Busybox(), "true"});
  for (int i = 0; i < 2; ++i) {
    const Output start = Run({"start", "kept"});
    EXPECT_EQ(start.code, 125) << start;
    EXPECT_EQ(start.out, "") << start;
    EXPECT_TRUE(Has(start.err, "NoSuchBucket")) << start;
    EXPECT_TRUE(Eventually([&] { return S3fsOf("vol") == 0; }));
    EXPECT_EQ(Status("kept"), "failed");
  }
  RunOk({"rm", "kept"});
  RunOk({"volume", "rm", "vol"});
}

}  // namespace
}  // namespace hoy::test
