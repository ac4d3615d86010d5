// Volumes whose files are in a bucket of a real server.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/must_run.h"
#include "tests/support/s3_server.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class S3Volume : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    env["AWS_ACCESS_KEY_ID"] = S3Server::kKey;
    env["AWS_SECRET_ACCESS_KEY"] = S3Server::kKey;
    for (const char* name : {"AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "http_proxy"}) {
      env[name] = std::nullopt;
    }
  }

  std::string Mount(const std::string& more = "") const {
    return fmt::format("--mount=type=s3,bucket={},prefix=p,endpoint={},dst=/data{}",
                       S3Server::kBucket, server.endpoint(), more);
  }
  // `hoy run --rm` with the bucket on /data.
  Output RunOnBucket(const std::string& script) const {
    return RunShell("cd /data && " + script, {Mount()});
  }
  void MakeVolume(const std::string& name, const std::string& more = "") const {
    RunOk({"volume", "create", "--opt", "type=s3", "--opt",
           fmt::format("o=bucket={},endpoint={}{}", S3Server::kBucket, server.endpoint(), more),
           name});
  }
  std::string VolumeName() const { return RunOk({"volume", "ls", "-q"}); }
  std::string StatusOf(const std::string& volume, const std::string& field) const {
    return RunOk({"volume", "inspect", "-f", "{{.Status." + field + "}}", volume});
  }
  bool WaitUntilWrittenBack(const std::string& volume) const {
    return Eventually([&] { return StatusOf(volume, "Pending") == "false"; });
  }

  S3Server server;
};

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
  RunOk({"start", id});
  RunOk({"exec", id, "sh", "-c", "echo three > /data/three"});
  const std::string state = ReadFile(run() + "/containers/" + id + "/state.json");
  const std::string name = "\"monitor_pid\":";
  const pid_t monitor = std::atoi(state.c_str() + state.find(name) + name.size());
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(WaitUntilWrittenBack(volume));
  EXPECT_EQ(server.Object("p/three"), "three\n");
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
  auto dying = [&](const std::string& point, std::vector<std::string> arguments) {
    Command command = Hoy(arguments);
    command.env["HOY_FAIL_POINT"] = point;
    const Output output = RunCommand(command);
    EXPECT_EQ(output.code, 137) << point << output;
  };
  dying("s3-part", {"volume", "sync", "vol"});
  EXPECT_FALSE(server.Has("large")) << "there is no half object";
  dying("s3-uploaded", {"volume", "sync", "vol"});
  EXPECT_EQ(server.Object("large"), large);
  const Output third = Run({"volume", "sync", "vol"});
  EXPECT_EQ(third.code, 0) << third;
  EXPECT_EQ(third.err, "") << "what was there already was our own";

  RunOk({"volume", "rm", "vol"});
  MakeVolume("vol");
  dying("s3-fetched", {"volume", "sync", "--fetch", "vol"});
  EXPECT_TRUE(ListNames(files).empty());
  dying("s3-placed", {"volume", "sync", "--fetch", "vol"});
  EXPECT_EQ(ListNames(files), std::vector<std::string>{"large"});
  RunOk({"volume", "sync", "--fetch", "vol"});
  EXPECT_EQ(ReadFile(files + "/large"), large);
  EXPECT_EQ(ReadFile(files + "/small"), "small");
  EXPECT_TRUE(ListNames(data() + "/volumes/vol/s3/temp").empty());
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
  fails("bucket=box,mode=fuse", "mode=fuse is not supported");
  fails("bucket=box,prefix=../x", "prefix='../x'");
  fails("bucket=box,size=1", "'size' is no option of an S3 volume");
  fails("prefix=x", "bucket= is missing");
  fails("bucket=box,access-key-id=x", "belong together");
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
  RunOk({"volume", "create", "plain"});
  EXPECT_TRUE(Has(Run({"volume", "sync", "plain"}).err, "it is no S3 volume"));
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
