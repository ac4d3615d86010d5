// Volumes whose files are in a bucket of a real server.

#include "tests/system/s3_volume.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "tests/support/must_run.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

TEST_F(S3Volume, IsFetchedBeforeTheStartAndWrittenBackAtTheEnd) {
  server.Put("p/theirs", "from there");
  const Output first = RunOnBucket(
      "cat theirs && echo mine > 'a b+%é' && chmod 640 'a b+%é' && mkdir -p d/empty && "
      "chmod 700 d/empty && ln -s /etc/passwd link && echo x > d/x");
  EXPECT_EQ(first.code, 0) << first;
  EXPECT_EQ(first.out, "from there");
  EXPECT_EQ(first.err, "");
  // In the format of s3fs, whole by the time that the run has ended.
  EXPECT_EQ(server.Object("p/a b+%é"), "mine\n");
  EXPECT_EQ(server.Metadata("p/a b+%é", "mode"), std::to_string(S_IFREG | 0640));
  EXPECT_EQ(server.Metadata("p/d/empty/", "mode"), std::to_string(S_IFDIR | 0700));
  EXPECT_EQ(server.Metadata("p/link", "mode"), std::to_string(S_IFLNK | 0777));
  EXPECT_EQ(server.Object("p/link"), "/etc/passwd");
  EXPECT_EQ(StatusOf(VolumeName(), "Pending"), "false");

  // Another machine: nothing of the copy is here.
  RunOk({"volume", "rm", VolumeName()});
  const Output second = RunOnBucket(
      "stat -c '%a %F' 'a b+%é' d/empty link && readlink link && rm -r d theirs && echo more >> "
      "'a b+%é'");
  EXPECT_EQ(second.code, 0) << second;
  EXPECT_EQ(second.out, "640 regular file\n700 directory\n777 symbolic link\n/etc/passwd\n");
  EXPECT_EQ(server.Keys(), (std::vector<std::string>{"p/a b+%é", "p/link"}));
  EXPECT_EQ(server.Object("p/a b+%é"), "mine\nmore\n");

  // As tar and rsync leave the times of what they write.
  for (const char* text : {"old", "new"}) {
    RunOnBucket(fmt::format("echo {} > dated && touch -d '2001-01-01 00:00' dated", text));
    EXPECT_EQ(server.Object("p/dated"), std::string(text) + "\n");
  }
  EXPECT_EQ(RunOnBucket("ln dated name && rm name").code, 0) << "nobody wrote to it";
  EXPECT_EQ(server.Object("p/dated"), "new\n");
  server.Remove("p/dated");

  // What somebody else changed comes here with the next start.
  server.Put("p/link2", "new");
  server.Remove("p/link");
  EXPECT_EQ(RunOnBucket("echo *").out, "a b+%é link2\n");
}

TEST_F(S3Volume, IsWrittenBackWhenADetachedContainerEnds) {
  const std::string id = StartSleeper({Mount()});
  const std::string volume = VolumeName();
  RunOk({"exec", id, "sh", "-c", "echo one > /data/one"});
  EXPECT_EQ(RunOk({"volume", "sync", volume}), volume);
  EXPECT_EQ(server.Object("p/one"), "one\n") << "also while the container runs";
  EXPECT_EQ(StatusOf(volume, "Pending"), "true") << "which may go on writing";
  RunOk({"exec", id, "sh", "-c", "echo two > /data/two"});
  RunOk({"stop", "-t", "0", id});
  EXPECT_TRUE(WaitUntilWrittenBack(volume));
  EXPECT_EQ(server.Object("p/two"), "two\n");
  EXPECT_TRUE(Has(RunOk({"events", "--stream=false", "-f", "event=sync", "--format", "json"}),
                  "write-back"));
  RunOk({"cp", id + ":/data/two", Path("two")});
  EXPECT_EQ(StatusOf(volume, "Pending"), "false") << "who only reads changes nothing";

  // Nobody is left to do it when the monitor is killed as well: the next command does.
  ASSERT_TRUE(Eventually([&] { return S3fsOf("vol") == 0; })) << "those of cp have ended";
  RunOk({"start", id});
  RunOk({"exec", id, "sh", "-c", "echo three > /data/three"});
  const pid_t monitor = MonitorOf(id);
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(WaitUntilWrittenBack(volume));
  EXPECT_EQ(server.Object("p/three"), "three\n");
}

TEST_F(S3Volume, IsWrittenBackWhileItsContainerRuns) {
  const std::string id = StartSleeper({Mount(), "--sync-interval=1s"});
  const std::string volume = VolumeName();
  EXPECT_EQ(RunOk({"inspect", "-f", "{{.Config.SyncInterval}}", id}), "1000000000");
  auto arrives = [&](const std::string& word) {
    RunOk({"exec", id, "sh", "-c", fmt::format("echo {0} > /data/{0}", word)});
    return Eventually([&] { return server.Object("p/" + word) == word + "\n"; });
  };
  EXPECT_TRUE(arrives("once"));
  EXPECT_EQ(StatusOf(volume, "Pending"), "true");

  // Of a volume, for all that do not say it themselves.
  MakeVolume("often", ",prefix=often,sync-interval=90s");
  auto interval = [&](std::vector<std::string> options) {
    options.insert(options.begin(), "create");
    options.insert(options.end(), {Busybox(), "true"});
    return Inspect(RunOk(options))["Config"].value("SyncInterval", int64_t{0});
  };
  EXPECT_EQ(interval({"-v", "often:/x"}), 90'000'000'000);
  EXPECT_EQ(interval({"-v", "often:/x", "--sync-interval=2m"}), 120'000'000'000);
  EXPECT_EQ(interval({"-v", "often:/x", "--sync-interval=0"}), 0);
  EXPECT_EQ(interval({fmt::format("--mount=type=s3,src=often,bucket={},prefix=often,endpoint={},"
                                  "dst=/x,sync-interval=5m",
                                  S3Server::kBucket, server.endpoint())}),
            300'000'000'000);

  // One that fails is told of, and the next goes on.
  const std::string keys = data() + "/volumes/" + volume + "/s3/credentials";
  WriteFile(keys, "access-key-id=a\n", 0600);
  EXPECT_TRUE(Eventually([&] { return Has(StatusOf(volume, "Error"), "only one is there"); }));
  std::filesystem::remove(keys);
  EXPECT_TRUE(arrives("after"));

  const pid_t monitor = MonitorOf(id);
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps"});  // which starts another
    return MonitorOf(id) != monitor;
  }));
  EXPECT_TRUE(arrives("adopted"));

  RunOk({"exec", id, "sh", "-c", "echo last > /data/last"});
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(WaitUntilWrittenBack(volume));
  EXPECT_EQ(server.Object("p/last"), "last\n");
}

TEST_F(S3Volume, KeepsChangesThatCouldNotBeWrittenBack) {
  RunOk({"volume", "create", "--opt", "type=s3", "--opt",
         fmt::format("o=bucket={},prefix=p,endpoint={},access-key-id={},secret-access-key={}",
                     S3Server::kBucket, server.endpoint(), S3Server::kKey, S3Server::kKey),
         "vol"});
  env["AWS_ACCESS_KEY_ID"] = std::nullopt;
  // The keys are for root alone, and shown nowhere.
  EXPECT_FALSE(Has(RunOk({"volume", "inspect", "vol"}), S3Server::kKey));
  struct stat status{};
  ASSERT_EQ(stat((data() + "/volumes/vol").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(stat((data() + "/volumes/vol/s3/credentials").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  const std::string id = StartSleeper({"-v", "vol:/data"});
  RunOk({"exec", id, "sh", "-c", "echo kept > /data/kept"});
  EXPECT_FALSE(Has(RunOk({"inspect", id}), S3Server::kKey));
  WriteFile(data() + "/volumes/vol/s3/credentials", "access-key-id=nobody\nsecret-access-key=x\n",
            0600);
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(Eventually([&] { return Has(StatusOf("vol", "Error"), "InvalidAccessKeyId"); }));
  EXPECT_EQ(StatusOf("vol", "Pending"), "true");
  const Output refused = Run({"volume", "rm", "vol"});
  EXPECT_NE(refused.code, 0) << refused;
  EXPECT_TRUE(Has(refused.err, "not in S3 yet")) << refused;
  EXPECT_EQ(RunOk({"volume", "prune", "-af"}), "Total reclaimed space: 0B");
  const Output again = Run({"volume", "sync", "vol"});
  EXPECT_NE(again.code, 0) << again;
  EXPECT_TRUE(Has(again.err, "write back volume 'vol'")) << again;

  WriteFile(data() + "/volumes/vol/s3/credentials",
            fmt::format("access-key-id={0}\nsecret-access-key={0}\n", S3Server::kKey), 0600);
  RunOk({"volume", "sync", "vol"});
  EXPECT_EQ(server.Object("p/kept"), "kept\n");
  RunOk({"volume", "rm", "vol"});
}

TEST_F(S3Volume, TellsOfWritingBackThatFailed) {
  MakeVolume("vol", ",prefix=p");
  const std::string state = data() + "/volumes/vol/s3";
  // Its keys go bad while the container runs.
  const std::string script = "echo more > /data/more && echo access-key-id=a > /s3/credentials";
  const Output output = RunShell(script, {"-v", "vol:/data", "-v", state + ":/s3"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "write back volume 'vol'")) << output;
  EXPECT_EQ(StatusOf("vol", "Pending"), "true");
  EXPECT_TRUE(Has(StatusOf("vol", "Error"), "only one is there")) << "also before it has begun";

  // Who asks for another place has no say about the keys.
  const Output other =
      RunShell("echo ran", {fmt::format("--mount=type=s3,src=vol,bucket={},endpoint={},dst=/data,"
                                        "access-key-id=x,secret-access-key=y",
                                        S3Server::kBucket, server.endpoint())});
  EXPECT_EQ(other.code, 125) << other;
  EXPECT_TRUE(Has(other.err, "exists with other options")) << other;
  EXPECT_EQ(ReadFile(state + "/credentials"), "access-key-id=a\n");

  const std::string nameless = data() + "/volumes/vol/_data/\xff";
  WriteFile(nameless, "");
  std::filesystem::remove(state + "/credentials");
  RunOk({"volume", "sync", "vol"});
  EXPECT_EQ(server.Object("p/more"), "more\n");
  EXPECT_EQ(StatusOf("vol", "Pending"), "true") << "not all of it is there";
  std::filesystem::remove(nameless);
  RunOk({"volume", "sync", "vol"});
  EXPECT_EQ(StatusOf("vol", "Pending"), "false");
}

TEST_F(S3Volume, OfAContainerThatIsKeptUpMayBeStale) {
  MakeVolume("vol");
  const std::string id =
      RunOk({"run", "-d", "--restart=always", "-v", "vol:/data", Busybox(), "sh", "-c",
             "[ ! -e /data/again ] || exec sleep 3600; touch /data/again; "
             "until [ -e /data/end ]; do sleep 0.1; done"});
  WriteFile(data() + "/volumes/vol/s3/credentials", "access-key-id=a\n", 0600);
  RunOk({"exec", id, "touch", "/data/end"});
  EXPECT_TRUE(Eventually([&] {
    return RunOk({"inspect", "-f", "{{.RestartCount}} {{.State.Status}}", id}) == "1 running";
  }));
  std::filesystem::remove(data() + "/volumes/vol/s3/credentials");
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(WaitUntilWrittenBack("vol"));
}

TEST_F(S3Volume, IsSyncedWithItsOwnVariables) {
  MakeVolume("va");
  MakeVolume("vb");
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) env[name] = std::nullopt;
  RunOk({"version"});
  std::filesystem::create_directories(run() + "/s3");
  WriteFile(run() + "/s3/va",
            fmt::format("AWS_ACCESS_KEY_ID={0}\nAWS_SECRET_ACCESS_KEY={0}\n", S3Server::kKey));
  WriteFile(run() + "/s3/vb", "AWS_PROFILE=nowhere\n");
  WriteFile(data() + "/volumes/va/_data/file", "of a");
  const Output output = Run({"volume", "sync", "va", "vb"});
  EXPECT_EQ(server.Object("file"), "of a");
  EXPECT_TRUE(Has(output.err, "profile 'nowhere'")) << output;
  EXPECT_EQ(StatusOf("va", "Pending"), "false");
  RunOk({"volume", "export", "-o", Path("tar"), "va"});
  RunOk({"volume", "import", "va", Path("tar")});
  EXPECT_EQ(StatusOf("va", "Pending"), "true") << "what is unpacked there is a change";
  // A person who starts something brings his own.
  EXPECT_FALSE(Has(Run({"volume", "sync", "--fetch", "vb"}).err, "profile 'nowhere'"));
}

TEST_F(S3Volume, GoesOnWhereItWasKilled) {
  MakeVolume("vol");
  const std::string files = data() + "/volumes/vol/_data";
  const std::string large = Noise(20 << 20);
  WriteFile(files + "/large", large);
  WriteFile(files + "/small", "small");
  Dying("s3-part", {"volume", "sync", "vol"});
  EXPECT_FALSE(server.Has("large")) << "there is no half object";
  Dying("s3-uploaded", {"volume", "sync", "vol"});
  EXPECT_EQ(server.Object("large"), large);
  const Output third = Run({"volume", "sync", "vol"});
  EXPECT_EQ(third.code, 0) << third;
  EXPECT_EQ(third.err, "") << "what was there already was our own";

  RunOk({"volume", "rm", "vol"});
  MakeVolume("vol");
  Dying("s3-fetched", {"volume", "sync", "--fetch", "vol"});
  EXPECT_TRUE(ListNames(files).empty());
  Dying("s3-placed", {"volume", "sync", "--fetch", "vol"});
  EXPECT_EQ(ListNames(files), std::vector<std::string>{"large"});
  RunOk({"volume", "sync", "--fetch", "vol"});
  EXPECT_EQ(ReadFile(files + "/large"), large);
  EXPECT_EQ(ReadFile(files + "/small"), "small");
  EXPECT_TRUE(ListNames(data() + "/volumes/vol/s3/temp").empty());
}

TEST_F(S3Volume, SaysWhatItWaitsForWhereTheServerIsSilent) {
  FaultServer silent([tries = std::make_shared<std::atomic<int>>(0)](const FaultRequest&) {
    return (*tries)++ == 0 ? FaultReply{.silent = true} : FaultReply{.status = 403};
  });
  FaultServer mute([](const FaultRequest&) { return FaultReply{.silent = true}; });
  const std::vector<std::string> mount = {"--mount=type=s3,dst=/data,bucket=box,endpoint=http://" +
                                          silent.address()};
  env["HOY_STALL_TIMEOUT"] = "1";
  const Output output = RunShell("echo ran", mount);
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "next try in")) << output;
  EXPECT_TRUE(Has(output.err, "status 403")) << output;

  // As a restart by policy does it: once, and not where somebody is at it.
  RunOk({"volume", "create", "-o", "type=s3", "-o", "bucket=box", "-o",
         "endpoint=http://" + mute.address(), "mute"});
  const Output once = Run({"volume", "sync", "--fetch", "--once", "mute"});
  EXPECT_NE(once.code, 0) << once;
  EXPECT_FALSE(Has(once.err, "next try in")) << once;
  Fd lock(open((data() + "/volumes/mute/s3/lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(RunOk({"volume", "sync", "--fetch", "--once", "mute"}), "mute");
  lock.reset();
  env["HOY_STALL_TIMEOUT"] = "soon";
  EXPECT_TRUE(Has(RunShell("echo ran", mount).err, "HOY_STALL_TIMEOUT is 'soon'"));
}

TEST_F(S3Volume, SaysThatItWaitsForAnotherSync) {
  MakeVolume("vol");
  RunOk({"volume", "sync", "vol"});
  Fd lock(::open((data() + "/volumes/vol/s3/lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  Background sync(Hoy({"volume", "sync", "vol"}));
  EXPECT_TRUE(sync.WaitForErr("'vol': another sync of it is at work"));
  lock.reset();
  EXPECT_EQ(sync.Finish().code, 0);
}

TEST_F(S3Volume, SaysWhatIsWrongWithABucket) {
  auto fails = [&](const std::string& mount, const std::string& text) {
    const Output output = RunShell("echo ran", {"--mount=type=s3,dst=/data," + mount});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "") << output;
    EXPECT_TRUE(Has(output.err, text)) << output;
  };
  fails("bucket=nowhere,endpoint=" + server.endpoint(), "NoSuchBucket");
  fails("bucket=box,endpoint=http://127.0.0.1:1", "Connection refused");
  EXPECT_EQ(RunOk({"volume", "ls", "-q"}), "") << "nothing was fetched into them";
  fails("bucket=nowhere,mode=fuse,endpoint=" + server.endpoint(), "NoSuchBucket");
  fails("bucket=box,mode=nfs", "there are sync and fuse");
  fails("bucket=box,prefix=../x", "prefix='../x'");
  fails("bucket=box,size=1", "'size' is no option of an S3 volume");
  fails("prefix=x", "bucket= is missing");
  fails("bucket=box,access-key-id=x", "belong together");
  fails("bucket=box,sync-interval=5ms", "sync-interval '5ms': at least 1s");
  const Output aimless = RunShell("echo ran", {"--sync-interval=1m"});
  EXPECT_EQ(aimless.code, 125) << aimless;
  EXPECT_TRUE(Has(aimless.err, "--sync-interval: the container has no S3 volume")) << aimless;
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
  RunOk({"volume", "create", "plain"});
  EXPECT_TRUE(Has(Run({"volume", "sync", "plain"}).err, "it is no S3 volume"));
}

TEST_F(S3Volume, IsMountedByS3fs) {
  if (!Fd(open("/dev/fuse", O_RDWR | O_CLOEXEC))) SKIP_BECAUSE("/dev/fuse cannot be opened");
  server.Put("p/theirs", "from there");
  const std::string fuse = Mount(",mode=fuse");
  const Output first = RunShell(
      "cd /data && cat theirs && mkdir d && echo mine > d/x && chmod 640 d/x && cat "
      "/proc/self/mountinfo",
      {fuse});
  EXPECT_EQ(first.code, 0) << first;
  EXPECT_EQ(first.out.substr(0, 10), "from there");
  EXPECT_TRUE(Has(first.out, " - fuse.s3fs s3fs ")) << first;
  EXPECT_EQ(server.Object("p/d/x"), "mine\n");
  EXPECT_EQ(server.Metadata("p/d/x", "mode"), std::to_string(S_IFREG | 0640));
  RunOk({"volume", "prune", "-af"});

  // What a killed program had not closed is there, too; and so is what comes after a lost monitor.
  MakeVolume("vol", ",prefix=p,mode=fuse");
  const std::string id = StartSleeper({"-v", "vol:/data", "-v", "vol:/again:ro"});
  EXPECT_EQ(RunOk({"exec", id, "cat", "/again/d/x"}), "mine");
  EXPECT_TRUE(Has(Run({"exec", id, "touch", "/again/y"}).err, "Read-only"));
  RunOk(
      {"exec", "-d", id, "sh", "-c", "exec 3>/data/open; echo open >&3; touch /up; exec sleep 99"});
  EXPECT_TRUE(Eventually([&] { return Run({"exec", id, "ls", "/up"}).code == 0; }));
  const pid_t s3fs = S3fsOf("vol");
  ASSERT_GT(s3fs, 1);
  EXPECT_FALSE(Has(ReadFile(fmt::format("/proc/{}/cmdline", s3fs)), S3Server::kKey));
  const pid_t monitor = MonitorOf(id);
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  RunOk({"exec", id, "sh", "-c", "echo after > /data/after"});
  RunOk({"kill", id});
  RunOk({"wait", id});
  EXPECT_EQ(server.Object("p/open"), "open\n");
  EXPECT_EQ(server.Object("p/after"), "after\n");
  EXPECT_TRUE(Eventually([&] { return S3fsOf("vol") == 0; })) << "it ends with the container";

  // Also for who looks into one that does not run.
  RunOk({"cp", id + ":/data/after", Path("after")});
  EXPECT_EQ(ReadFile(Path("after")), "after\n");
  RunOk({"cp", Path("after"), id + ":/data/copied"});
  EXPECT_EQ(server.Object("p/copied"), "after\n");

  ASSERT_TRUE(Eventually([&] { return S3fsOf("vol") == 0; })) << "those of cp have ended";
  RunOk({"start", id});
  EXPECT_EQ(RunOk({"exec", id, "cat", "/data/after"}), "after");
  EXPECT_TRUE(Eventually([&] { return S3fsOf("vol") > 1; }));
  ASSERT_EQ(kill(S3fsOf("vol"), SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] {
    return Has(Run({"exec", id, "cat", "/data/after"}).err, "Transport endpoint is not connected");
  }));
  RunOk({"restart", "-t", "0", id});
  EXPECT_EQ(RunOk({"exec", id, "cat", "/data/after"}), "after");
  EXPECT_EQ(StatusOf("vol", "Pending"), "false");
  EXPECT_TRUE(Has(Run({"volume", "sync", "vol"}).err, "mode=fuse needs no sync"));
  EXPECT_TRUE(Has(Run({"volume", "export", "vol"}).err, "for each container"));
  EXPECT_TRUE(Has(RunShell("", {"-v", "vol:/d", "--sync-interval=1m"}).err, "with mode=sync"));
  RunOk({"rm", "-f", id});

  // It lives in a copy of the host's mounts, and keeps none of them busy.
  EXPECT_TRUE(Eventually([&] { return S3fsOf("vol") == 0; }));
  std::filesystem::create_directory(Path("shared"));
  const Output copy = HostShell(fmt::format(
      "export DIR HOY; unshare -m sh -ec '"
      "mount -t tmpfs t $DIR/shared; mount --make-shared $DIR/shared; "
      "mkdir $DIR/shared/usb; mount -t tmpfs t $DIR/shared/usb; "
      "$HOY run -d --name copy -v vol:/data {} sleep 99 >/dev/null; "
      "for s3fs in /proc/[0-9]*; do if grep -qx s3fs $s3fs/comm && grep -qa $DIR/d/ $s3fs/cmdline; "
      "then break; fi; done 2>/dev/null; "
      "grep -c $DIR/shared/usb $s3fs/mountinfo; umount $DIR/shared/usb; "
      "grep -c $DIR/shared/usb $s3fs/mountinfo || true; "
      "grep -c s3fs /proc/self/mountinfo || true; $HOY rm -f copy >/dev/null'",
      Busybox()));
  EXPECT_EQ(copy.out, "1\n0\n0\n") << copy;

  std::filesystem::create_directory(Path("empty"));
  env["PATH"] = Path("empty");
  const Output missing = RunShell("echo ran", {fuse});
  EXPECT_EQ(missing.code, 125) << missing;
  EXPECT_TRUE(Has(missing.err, "needs the program s3fs")) << missing;
}

// The independent reader and writer of the same objects. Where the kernel has no FUSE, there is
// only the metadata that the first test looks at.
TEST_F(S3Volume, IsWhatS3fsReadsAndWrites) {
  if (!Fd(open("/dev/fuse", O_RDWR | O_CLOEXEC))) SKIP_BECAUSE("/dev/fuse cannot be opened");
  EXPECT_EQ(RunOnBucket("mkdir d && echo hoy > d/f && chmod 604 d/f && ln -s d/f l").code, 0);
  WriteFile(Path("keys"), fmt::format("{0}:{0}", S3Server::kKey), 0600);
  // In a mount namespace of its own, with which it ends.
  const std::string script = fmt::format(
      "mkdir $DIR/m && unshare -m sh -ec '"
      "s3fs {}:/p $DIR/m -o url={},use_path_request_style,passwd_file=$DIR/keys; "
      "stat -c %a $DIR/m/d/f; cat $DIR/m/l; echo s3fs > $DIR/m/d/g; chmod 751 $DIR/m/d/g; "
      "umount $DIR/m'",
      S3Server::kBucket, server.endpoint());
  const Output output = HostShell("export DIR; " + script);
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "604\nhoy\n") << output;
  EXPECT_EQ(RunOnBucket("stat -c %a d/g && cat d/g").out, "751\ns3fs\n");
}

}  // namespace
}  // namespace hoy::test
