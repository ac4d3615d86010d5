// Bad ground: a DATA that is full, small or read-only. A small tmpfs stands in for the disk.

#include <fmt/core.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

#include "core/base/text.h"
#include "tests/support/registry.h"
#include "tests/support/s3_server.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class SmallDisk : public ImageSandbox {
 protected:
  void SetUp() override {
    fs::create_directories(data());
    mounted_ = ::mount("small", data().c_str(), "tmpfs", 0, "size=12m,mode=755") == 0;
    if (!mounted_) SKIP_BECAUSE("mounting needs root");
    ImageSandbox::SetUp();
  }

  void TearDown() override {
    if (!mounted_) return;
    ::mount(nullptr, data().c_str(), nullptr, MS_REMOUNT, "size=12m");
    fs::remove(data() + "/filler");
    std::vector<std::string> leaks;
    Eventually([&] {
      leaks = FindLeaks(Traces());
      std::erase_if(leaks, [&](const std::string& leak) {
        return leak.starts_with("mount ") && Has(leak, " " + data() + " ");
      });
      return leaks.empty();
    });
    EXPECT_TRUE(leaks.empty()) << hoy::Join(leaks, "\n");
    ::umount2(data().c_str(), MNT_DETACH);
    ImageSandbox::TearDown();
  }

  void Fill() const {
    const Output filled = RunCommand(
        {.argv = {"sh", "-c", "cat /dev/zero >\"$0\" 2>/dev/null; true", data() + "/filler"}});
    struct statvfs status{};
    ASSERT_EQ(::statvfs(data().c_str(), &status), 0);
    ASSERT_EQ(status.f_bavail, 0u) << filled;
  }
  // All but that.
  void FillBut(uintmax_t bytes) const {
    Fill();
    fs::resize_file(data() + "/filler", fs::file_size(data() + "/filler") - bytes);
  }
  void MakeReadOnly() const {
    ASSERT_EQ(::mount(nullptr, data().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  }

 private:
  bool mounted_ = false;
};

TEST_F(SmallDisk, APullThatDoesNotFit) {
  Registry registry;
  Tar tar;
  std::string noise(32 << 20, '\0');
  uint32_t state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  tar.File("big", noise);
  registry.Push("app", "latest", BusyboxImage().Layer(tar, Compression::kNone).Build());
  const Output output = Run({"pull", registry.Reference("app")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_TRUE(Has(output.err, "No space left on device")) << output;
  const Output others = RunShell("echo the others still run");
  EXPECT_EQ(others.out, "the others still run\n") << others << output;
  RemovePartialBlobs(data());
}

TEST_F(SmallDisk, ALayerOfABillionZeros) {
  // A megabyte on the wire. It must end, and whatever it took must be given back; where zeros
  // become holes it may even fit.
  Registry registry;
  constexpr size_t kBlock = 1'000'000;
  constexpr size_t kBlocks = 1000;
  const std::string zeros = Gzip(std::string(kBlock, '\0'));
  std::string header = Tar().Add({.name = "zeros"}).Finish().substr(0, 512);
  const std::string size = fmt::format("{:011o}", kBlock * kBlocks);
  std::copy(size.begin(), size.end(), header.begin() + 124);
  std::fill_n(header.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (unsigned char byte : header) sum += byte;
  const std::string checksum = fmt::format("{:06o}", sum) + '\0' + ' ';
  std::copy(checksum.begin(), checksum.end(), header.begin() + 148);
  const std::string end(512 - kBlock * kBlocks % 512 + 1024, '\0');

  std::string layer = Gzip(header);
  for (size_t i = 0; i < kBlocks; ++i) layer += zeros;
  layer += Gzip(end);
  const std::string tar_size = std::to_string(512 + kBlock * kBlocks + end.size());
  const Output sum_output =
      RunCommand({.argv = {"sh", "-c", "(cat; head -c $1 /dev/zero) | sha256sum", "sh",
                           std::to_string(kBlock * kBlocks + end.size())},
                  .input = header});
  registry.Push("app", "latest",
                BusyboxImage()
                    .RawLayer(layer, "sha256:" + sum_output.out.substr(0, 64), Compression::kGzip)
                    .Build());
  const Output output = Run({"pull", "-q", registry.Reference("app")});
  if (output.code == 0) {
    EXPECT_EQ(RunOk({"run", "--rm", registry.Reference("app"), "stat", "-c", "%s", "/zeros"}),
              "1000000000");
    return;
  }
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "No space left on device")) << output;
  const Output others = RunShell("echo the others still run");
  EXPECT_EQ(others.out, "the others still run\n") << others << output;
  RemovePartialBlobs(data());
}

TEST_F(SmallDisk, NoContainerCanBeMadeOnAFullDisk) {
  Fill();
  const Output output = RunShell("echo never");
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_TRUE(Has(output.err, "No space left on device")) << output;
  EXPECT_TRUE(ListNames(data() + "/containers").empty());
  EXPECT_TRUE(ListNames(data() + "/names").empty());
  EXPECT_EQ(Run({"ps", "-a"}).code, 0);
  EXPECT_EQ(Run({"images"}).code, 0);
}

TEST_F(SmallDisk, ARunningContainerEndsWellWhenTheDiskFillsUp) {
  fs::create_directory(Path("gate"));
  const std::string id =
      RunOk({"run", "-d", "-i", "-v", Path("gate") + ":/gate", Busybox(), "sh", "-c",
             "while ! [ -e /gate/go ]; do sleep 0.05; done; head -c 3000000 /dev/zero; exit 6"});
  Fill();
  std::ofstream(Path("gate/go"));
  EXPECT_EQ(RunOk({"wait", id}), "6");
  fs::remove(data() + "/filler");
  RunOk({"rm", id});
}

// There is no room for its exit.json: RUN keeps the exit until there is.
TEST_F(SmallDisk, AnExitThatDoesNotFitIsNotLost) {
  const std::string id = StartSleeper({"--name", "one"});
  Fill();
  RunOk({"kill", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.State.ExitCode}}", "one"}), "137");
  fs::remove(data() + "/filler");
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.State.ExitCode}}", "one"}), "137");
  EXPECT_TRUE(fs::exists(data() + "/containers/" + id + "/exit.json"));
  RunOk({"rm", "one"});
}

// The container goes on; what its log does not have is counted, and said where it is missing.
TEST_F(SmallDisk, OutputThatDoesNotFitIsCounted) {
  fs::create_directory(Path("gate"));
  auto open_gate = [&](const char* name) { std::ofstream(Path("gate/") + name); };
  const std::vector<std::string> drivers = {"file", "json-file"};
  std::vector<Background> follows;
  for (const std::string& driver : drivers) {
    RunOk({"run", "-d", "--name", driver, "--log-driver", driver, "-v", Path("gate") + ":/gate",
           Busybox(), "sh", "-c",
           "await() { while [ ! -e /gate/$1 ]; do sleep 0.02; done; }; echo before; await full;"
           "seq 1 50000; touch /gate/written-" +
               driver + "; await room; echo after; await end"});
    follows.emplace_back(Hoy({"logs", "-f", driver}));
    ASSERT_TRUE(follows.back().WaitForOut("before\n"));
  }
  Fill();
  open_gate("full");
  for (const std::string& driver : drivers) {
    EXPECT_TRUE(Eventually([&] { return fs::exists(Path("gate/written-") + driver); })) << driver;
  }
  fs::remove(data() + "/filler");
  open_gate("room");
  for (Background& follow : follows) EXPECT_TRUE(follow.WaitForOut("after\n"));
  open_gate("end");
  for (size_t i = 0; i < drivers.size(); ++i) {
    EXPECT_EQ(RunOk({"wait", drivers[i]}), "0");
    const Output output = follows[i].Finish();
    EXPECT_EQ(output.code, 0) << output.err;
    const std::regex marker("hoy: " + drivers[i] + ": ([0-9]+) bytes are missing here: .*\n");
    size_t lost = 0;
    for (std::sregex_iterator it(output.err.begin(), output.err.end(), marker), end; it != end;
         ++it) {
      lost += std::stoul((*it)[1]);
    }
    EXPECT_GT(lost, 10'000u) << drivers[i];
    EXPECT_EQ(Inspect(drivers[i])["State"]["LogLostBytes"], lost);
    // What is there and what is missing are all of it.
    constexpr size_t kNumbers = 288'894;  // bytes of seq 1 50000
    EXPECT_EQ(output.out.size() + lost, std::string("before\nafter\n").size() + kNumbers)
        << drivers[i];
    const Output again = Run({"logs", drivers[i]});
    EXPECT_EQ(again.out, output.out);
    EXPECT_EQ(again.err, output.err);
    RunOk({"rm", drivers[i]});
  }
}

TEST_F(SmallDisk, AFullDiskCanBeCleanedUp) {
  const std::string id = RunOk({"create", Busybox(), "true"});
  Fill();
  EXPECT_EQ(Run({"rm", id}).code, 0);
  EXPECT_EQ(Run({"rmi", Broken()}).code, 0);
}

TEST_F(SmallDisk, AReadOnlyDataIsSaidSo) {
  Registry registry;
  registry.Push("app", "latest", BusyboxImage().Layer(Tar().File("x", "y")).Build());
  MakeReadOnly();
  const Output run = RunShell("echo never");
  EXPECT_EQ(run.code, 125) << run;
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(Has(run.err, "Read-only file system")) << run;
  const Output pull = Run({"pull", registry.Reference("app")});
  EXPECT_EQ(pull.code, 125) << pull;
  EXPECT_TRUE(Has(pull.err, "Read-only file system")) << pull;
  const std::string archive = Path("a.tar");
  RunOk({"save", "-o", archive, Busybox()});  // it only reads
  for (const std::vector<std::string>& verb : {std::vector<std::string>{"load", "-i", archive},
                                               {"import", archive, "new"},
                                               {"tag", Busybox(), "new"},
                                               {"untag", Busybox()},
                                               {"rmi", "-f", Busybox()}}) {
    const Output output = Run(verb);
    EXPECT_EQ(output.code, 125) << verb[0] << output;
    EXPECT_TRUE(Has(output.err, "Read-only file system")) << verb[0] << output;
  }
  EXPECT_EQ(Run({"ps", "-a"}).code, 0);
  const Output images = Run({"images", "-q"});
  EXPECT_EQ(images.code, 0) << images;
  EXPECT_NE(images.out, "");
}

TEST_F(SmallDisk, ALoadOrSaveThatDoesNotFitLeavesNothing) {
  const std::string archive = Path("a.tar");
  RunOk({"save", "-o", archive, Busybox()});
  RunOk({"image", "prune", "-af"});
  Fill();
  for (const std::string& command : {"exec " + HoyProgram() + " load -i " + archive,
                                     "cat " + archive + " | " + HoyProgram() + " load"}) {
    Command load{.argv = {"bash", "-c", command}, .env = env};
    const Output output = RunCommand(load);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(Has(output.err, "No space left on device")) << output;
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
  }
  fs::remove(data() + "/filler");
  RunOk({"load", "-i", archive});
  Fill();
  const Output saved = Run({"save", "-o", data() + "/b.tar", Busybox()});
  EXPECT_EQ(saved.code, 125) << saved;
  EXPECT_FALSE(fs::exists(data() + "/b.tar"));
}

// Whatever brings files into a volume: there is room for a container, but not for them.
class SmallDiskVolume : public SmallDisk {
 protected:
  static constexpr size_t kRoom = 512 << 10;
  std::string Volume() const { return data() + "/volumes/vol"; }
  void DoesNotFit(const Output& output, const std::string& what) const {
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "") << output;
    EXPECT_TRUE(Has(output.err, what)) << output;
    EXPECT_TRUE(Has(output.err, "No space left on device")) << output;
    EXPECT_TRUE(ListNames(Volume() + "/_data").empty());
    EXPECT_TRUE(ListNames(data() + "/containers").empty());
    fs::remove(data() + "/filler");
  }
};

TEST_F(SmallDiskVolume, ThatDoesNotFitIsNotFilledInPart) {
  const std::string look = "cd /bin && ls | wc -l && sha256sum <busybox";
  const std::string whole = Shell(look);
  RunOk({"volume", "create", "vol"});
  const std::vector<std::string> before = ListNames(Volume());
  FillBut(kRoom);
  DoesNotFit(RunShell(look, {"-v", "vol:/bin"}), "volume 'vol': fill it from the image: ");
  EXPECT_EQ(ListNames(Volume()), before) << "nothing is left beside its files";
  EXPECT_EQ(Shell(look, {"-v", "vol:/bin"}), whole);
}

TEST_F(SmallDiskVolume, ThatDoesNotFitIsNotImportedInPart) {
  const std::string bytes = Noise(3 << 20);
  WriteFile(Path("tar"), Tar().File("big", bytes).Finish());
  RunOk({"volume", "create", "vol"});
  FillBut(kRoom);
  DoesNotFit(Run({"volume", "import", "vol", Path("tar")}), "import into volume 'vol': ");
  // What is there stays until there is room for what replaces it.
  WriteFile(Volume() + "/_data/big", "old");
  FillBut(kRoom);
  EXPECT_EQ(Run({"volume", "import", "vol", Path("tar")}).code, 125);
  EXPECT_EQ(ReadFile(Volume() + "/_data/big"), "old");
  fs::remove(data() + "/filler");
  RunOk({"volume", "import", "vol", Path("tar")});
  EXPECT_TRUE(ReadFile(Volume() + "/_data/big") == bytes);
}

TEST_F(SmallDiskVolume, ThatDoesNotFitIsNotFetchedInPart) {
  S3Server server;
  const std::string bytes = Noise(3 << 20);
  server.Put("big", bytes);
  env["AWS_ACCESS_KEY_ID"] = S3Server::kKey;
  env["AWS_SECRET_ACCESS_KEY"] = S3Server::kKey;
  const std::string mount = fmt::format("--mount=type=s3,src=vol,bucket={},endpoint={},dst=/data",
                                        S3Server::kBucket, server.endpoint());
  FillBut(kRoom);
  DoesNotFit(RunShell("ls /data", {mount}), "fetch volume 'vol': ");
  EXPECT_EQ(Shell("sha256sum </data/big", {mount}), Sha256Hex(bytes) + "  -");
  EXPECT_TRUE(server.Object("big") == bytes);
}

}  // namespace
}  // namespace hoy::test
