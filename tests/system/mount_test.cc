// The files a container gets: volumes, tmpfs, read-only roots, resource limits of the process.

#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Mounts : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directories(Path("src/sub/deep"));
    WriteFile(Path("src/file"), "of the host\n");
    WriteFile(Path("src/sub/inner"), "inner\n");
  }
  // Runs, expects 125, no output of the command, and `text` in the message.
  void Refuses(const std::vector<std::string>& options, const std::string& text) const {
    const Output output = RunShell("echo never", options);
    EXPECT_EQ(output.code, 125) << options.back() << "\n" << output;
    EXPECT_EQ(output.out, "");
    EXPECT_TRUE(Has(output.err, text)) << output;
  }
};

// What hoy mounts over is in a layer below the image: no start copies anything up.
TEST_F(Mounts, MountPointsOfHoyDoNotShowInTheUpperDirectory) {
  const std::string id = StartSleeper({});
  EXPECT_EQ(RunOk({"exec", id, "sh", "-c", "cat /etc/hostname; test -e /run/.containerenv"}),
            id.substr(0, 12));
  EXPECT_TRUE(fs::is_empty(data() + "/containers/" + id + "/upper"));
}

// overlayfs syncs the whole file system of the upper directory when a container ends, unless told
// that nobody will want what is in it.
TEST_F(Mounts, OnlyAContainerThatIsRemovedIsVolatile) {
  const std::string options = "awk '$2 == \"/\" { print $4 }' /proc/mounts";
  EXPECT_TRUE(Has(Shell(options, {"--rm"}), "volatile"));
  const std::string id = RunOk({"create", Busybox(), "sh", "-c", options});
  EXPECT_FALSE(Has(RunOk({"start", "-a", id}), "volatile"));
}

TEST_F(Mounts, AVolatileContainerWhoseStartWasKilledCanBeStartedAgain) {
  const std::string id = RunOk({"create", "--rm", Busybox(), "echo", "here"});
  fs::create_directories(data() + "/containers/" + id + "/work/work/incompat/volatile");
  EXPECT_EQ(RunOk({"start", "-a", id}), "here");
}

TEST_F(Mounts, MoreThanThereIsRoomForAreRefused) {
  std::vector<std::string> options;
  for (int i = 0; i < 520; ++i) {
    options.insert(options.end(), {"-v", fmt::format("{}:/many/{}", Path("src"), i)});
    if (i == 199) {
      EXPECT_EQ(Shell("ls -d /many/*/file | wc -l", options), "200");
    }
  }
  Refuses(options, "a container has room for about 500 volumes and binds");
}

TEST_F(Mounts, BindsADirectoryBothWays) {
  EXPECT_EQ(Shell("cat /data/file; echo back >/data/new", {"-v", Path("src") + ":/data"}),
            "of the host");
  EXPECT_EQ(ReadFile(Path("src/new")), "back\n");
}

TEST_F(Mounts, BindsReadOnlyAllTheWayDown) {
  const std::vector<std::string> options = {"-v", Path("src") + ":/data:ro"};
  EXPECT_EQ(Shell("cat /data/file", options), "of the host");
  const Output output = RunShell("echo x >/data/file", options);
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(Has(output.err, "Read-only file system")) << output;
  EXPECT_EQ(ReadFile(Path("src/file")), "of the host\n");
}

// In a mount namespace of its own: a shared tmpfs with another below it, given to a container as
// /d and /d/sub.
class Propagation : public Mounts {
 protected:
  Output RunShared(const std::string& options, const std::string& script) const {
    Command command = Hoy({});
    command.argv = {"unshare",
                    "-m",
                    "--propagation",
                    "private",
                    "bash",
                    "-ec",
                    fmt::format("mount -t tmpfs t {0}; mount --make-shared {0}; mkdir {0}/sub;"
                                "mount -t tmpfs s {0}/sub; echo x >{0}/sub/file;"
                                "{1} run --rm {2} {3} sh -c \"$SCRIPT\";"
                                "awk '{{ print $5, $7 }}' /proc/self/mountinfo | grep '^{0}'",
                                Path("src"), HoyProgram(), options, Busybox())};
    command.env["SCRIPT"] = script;
    return RunCommand(command);
  }
  // The optional field of mountinfo (proc(5)) of a mount point: "shared:1", "master:1", "-".
  static std::string FieldOf(const Output& output, const std::string& point) {
    std::istringstream lines(output.out);
    for (std::string where, field; lines >> where >> field;) {
      if (where == point) return field;
    }
    return "(missing)";
  }
};

TEST_F(Propagation, IsWhatTheVolumeAsksFor) {
  struct Case {
    const char* word;
    const char* top;  // "private", "slave" of the host's, or "peer" of it
    const char* below;
  };
  for (const Case& expected :
       {Case{"rw", "private", "private"}, Case{"rprivate", "private", "private"},
        Case{"private", "private", "slave"}, Case{"rslave", "slave", "slave"},
        Case{"slave", "slave", "slave"}, Case{"rshared", "peer", "peer"},
        Case{"shared", "peer", "peer"}}) {
    const Output output = RunShared(fmt::format("-v {}:/d:{}", Path("src"), expected.word),
                                    "awk '{ print $5, $7 }' /proc/self/mountinfo | grep '^/d'");
    ASSERT_EQ(output.code, 0) << output;
    for (const std::string below : {"", "/sub"}) {
      const std::string host = FieldOf(output, Path("src") + below);
      ASSERT_TRUE(host.starts_with("shared:")) << output;
      const std::string field = FieldOf(output, "/d" + below);
      const std::string kind = field == "-"                          ? "private"
                               : field == host                       ? "peer"
                               : field == "master:" + host.substr(7) ? "slave"
                                                                     : field;
      EXPECT_EQ(kind, below.empty() ? expected.top : expected.below)
          << expected.word << " /d" << below << "\n"
          << output;
    }
  }
}

// The kernel would silently make less of it, and nothing would ever propagate.
TEST_F(Propagation, OfASourceThatHasNoneToGiveIsRefused) {
  const auto run = [&](const std::string& make, const std::string& verb) {
    Command command = Hoy({});
    command.argv = {
        "unshare",
        "-m",
        "--propagation",
        "private",
        "bash",
        "-ec",
        fmt::format("mount -t tmpfs t {0}; mkdir {0}/in; {1}; {2}", Path("src"), make, verb)};
    return RunCommand(command);
  };
  const auto bind = [&](const char* word) {
    return fmt::format("{} run --rm -v {}/in:/d:{} {} echo ran", HoyProgram(), Path("src"), word,
                       Busybox());
  };
  for (const char* word : {"shared", "rshared", "slave", "rslave"}) {
    const Output output = run("true", bind(word));
    EXPECT_EQ(output.code, 125) << word << output;
    EXPECT_EQ(output.out, "");
    const std::string kind = Has(word, "slave") ? "shared or slave" : "shared";
    EXPECT_TRUE(Has(output.err, fmt::format("path '{0}/in' is mounted on '{0}' but it is not a {1} "
                                            "mount\n",
                                            Path("src"), kind)))
        << output;
    EXPECT_EQ(run("mount --make-shared " + Path("src"), bind(word)).out, "ran\n") << word;
  }
  // It may have become private since the container was made.
  const Output later = run(
      "mount --make-shared " + Path("src"),
      fmt::format("{0} create --name one -v {1}/in:/d:rshared {2} echo ran; mount --make-private "
                  "{1}; {0} start -a one",
                  HoyProgram(), Path("src"), Busybox()));
  EXPECT_TRUE(Has(later.err, "is not a shared mount")) << later;
}

TEST_F(Propagation, ReadOnlyReachesTheMountsBelowUnlessTheyAreToStayWritable) {
  const std::string script = "for f in /d/new /d/sub/new; do touch $f && echo $f; done; true";
  const auto written = [&](const std::string& options) {
    const Output output = RunShared(options, script);
    EXPECT_EQ(output.code, 0) << output;
    return fmt::format("{}{}", Has(output.out, "/d/new") ? "top" : "",
                       Has(output.out, "/d/sub/new") ? "below" : "");
  };
  const std::string bind = fmt::format("--mount type=bind,src={},dst=/d,", Path("src"));
  EXPECT_EQ(written(fmt::format("-v {}:/d", Path("src"))), "topbelow");
  EXPECT_EQ(written(fmt::format("-v {}:/d:ro", Path("src"))), "");
  EXPECT_EQ(written(bind + "ro"), "");
  EXPECT_EQ(written(bind + "ro,bind-recursive=writable"), "below");
}

TEST_F(Mounts, BindsASingleFile) {
  const std::string volume = Path("src/file") + ":/etc/passwd:ro";
  EXPECT_EQ(Shell("cat /etc/passwd", {"-v", volume}), "of the host");
  EXPECT_EQ(Shell("cat /new/place", {"-v", Path("src/file") + ":/new/place"}), "of the host");
}

// Where SELinux is not used, there is no label to set.
TEST_F(Mounts, LabelsAreNoHindranceWhereThereAreNone) {
  for (const char* word : {"z", "Z", "ro,Z"}) {
    EXPECT_EQ(Shell("cat /d/file", {"-v", Path("src") + ":/d:" + word}), "of the host") << word;
  }
  Shell("echo written >/d/labelled", {"-v", Path("src") + ":/d:Z"});
  EXPECT_EQ(ReadFile(Path("src/labelled")), "written\n");
}

TEST_F(Mounts, ASourceThatCannotBeIsSaidSo) {
  Refuses({"-v", Path("src/file/below") + ":/d"},
          fmt::format("bind source '{}': Not a directory", Path("src/file/below")));
  fs::create_symlink(Path("nowhere"), Path("link"));
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"-v", Path("link") + ":/d"},
        {"--mount", fmt::format("type=bind,src={},dst=/d", Path("link"))}}) {
    Refuses(options,
            fmt::format("bind source '{}': it is a symlink to what is not there", Path("link")));
  }
  EXPECT_FALSE(fs::exists(Path("nowhere")));
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

TEST_F(Mounts, ASourceThatIsGoneWhenTheContainerStartsIsSaidSo) {
  fs::create_directories(Path("gone"));
  RunOk({"create", "--name", "one", "--mount", fmt::format("type=bind,src={},dst=/d", Path("gone")),
         Busybox(), "ls", "/d"});
  fs::remove(Path("gone"));
  const Output start = Run({"start", "-a", "one"});
  EXPECT_EQ(start.code, 125) << start;
  EXPECT_EQ(start.out, "");
  EXPECT_TRUE(Has(start.err,
                  fmt::format("open mount source '{}': No such file or directory", Path("gone"))))
      << start;
  EXPECT_TRUE(Has(start.err, "the source was removed after the container was created")) << start;
  EXPECT_EQ(Status("one"), "failed");
  fs::create_directories(Path("gone/again"));
  EXPECT_EQ(RunOk({"start", "-a", "one"}), "again");
}

TEST_F(Mounts, NestsInAnyOrder) {
  fs::create_directories(Path("other"));
  WriteFile(Path("other/o"), "other\n");
  EXPECT_EQ(Shell("cat /data/sub/o /data/file",
                  {"-v", Path("other") + ":/data/sub", "-v", Path("src") + ":/data"}),
            "other\nof the host");
  EXPECT_EQ(
      Shell("ls /data/sub; cat /data/file", {"--tmpfs", "/data/sub", "-v", Path("src") + ":/data"}),
      "of the host");
}

TEST_F(Mounts, MakesMountPointsInTheContainerOnly) {
  Shell("true", {"-v", Path("src") + ":/brand/new/place"});
  EXPECT_EQ(RunShell("ls /brand").code, 1);
}

TEST_F(Mounts, TakesRelativePathsOfTheCaller) {
  Command command = Hoy({"run", "--rm", "-v", "./src:/data", Busybox(), "cat", "/data/file"});
  command.directory = directory();
  EXPECT_EQ(RunCommand(command).out, "of the host\n");
}

TEST_F(Mounts, MountFlagBindsAndMakesTmpfs) {
  EXPECT_EQ(Shell("cat /d/file", {"--mount", fmt::format("type=bind,src={},dst=/d", Path("src"))}),
            "of the host");
  EXPECT_NE(RunShell("touch /d/x", {"--mount", fmt::format("type=bind,source={},target=/d,readonly",
                                                           Path("src"))})
                .code,
            0);
  EXPECT_EQ(Shell("df -k /t | awk 'NR==2 {print $2}'; stat -c %a /t",
                  {"--mount", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1700"}),
            "1024\n1700");
}

TEST_F(Mounts, TmpfsIsEmptySizedAndUnexecutable) {
  EXPECT_EQ(Shell("ls -A /home | wc -l; df -k /home | awk 'NR==2 {print $2}'",
                  {"--tmpfs", "/home:size=64k"}),
            "0\n64");
  const Output output = RunShell("cp /bin/busybox /t/true; /t/true", {"--tmpfs", "/t"});
  EXPECT_EQ(output.code, 126) << output;
  EXPECT_EQ(Shell("cp /bin/busybox /t/true; /t/true; echo ran", {"--tmpfs", "/t:exec"}), "ran");
}

TEST_F(Mounts, SizesSharedMemory) {
  EXPECT_EQ(Shell("df -k /dev/shm | awk 'NR==2 {print $2}'", {"--shm-size", "1m"}), "1024");
}

TEST_F(Mounts, AReadOnlyRootStillHasItsTmpfs) {
  const Output output = RunShell("touch /x", {"--read-only"});
  EXPECT_NE(RunShell("echo 6.6.6.6 evil >>/etc/hosts", {"--read-only"}).code, 0);
  EXPECT_EQ(Shell("grep -c '/etc/hosts .*nosuid,nodev,noexec' /proc/mounts"), "1");
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(Has(output.err, "Read-only file system")) << output;
  EXPECT_EQ(Shell("touch /dev/shm/x && [ -e /run/.containerenv ] && cat /etc/hostname",
                  {"--read-only", "-h", "ship"}),
            "ship");
  EXPECT_EQ(
      Shell("touch /tmp/x /run/x /var/tmp/x && echo written", {"--read-only", "--read-only-tmpfs"}),
      "written");
  EXPECT_EQ(
      Shell("echo x >/data/new && echo written", {"--read-only", "-v", Path("src") + ":/data"}),
      "written");
}

TEST_F(Mounts, DoesNotFollowALinkOfTheImageOutOfTheContainer) {
  // A container's own link at the mount point must be read inside it.
  const std::string id =
      RunOk({"create", "-v", Path("src") + ":/trap/inside", Busybox(), "ls", "/trap/inside"});
  const std::string upper = data() + "/containers/" + id + "/upper";
  fs::create_directories(Path("outside"));
  ASSERT_TRUE(fs::exists(data() + "/containers/" + id));
  fs::create_directories(upper);
  fs::create_directory_symlink(Path("outside"), upper + "/trap");
  Run({"start", "-a", id});
  EXPECT_TRUE(fs::is_empty(Path("outside")));
}

TEST_F(Mounts, RefusesWhatCannotBeMeant) {
  Refuses({"--mount", fmt::format("type=bind,src={},dst=/data", Path("no-such"))}, "no-such");
  Refuses({"-v", Path("no-such") + ":/data:O"}, "no-such");
  Refuses({"-v", Path("src/file") + ":/data:O"}, "needs a directory");
  Refuses({"--mount", fmt::format("type=glob,src={}/none*", Path("src"))}, "nothing is like");
  Refuses({"-v", Path("src") + ":relative"}, "absolute");
  Refuses({"-v", Path("src") + ":/"}, "'/'");
  Refuses({"-v", Path("src") + ":/data:frozen"}, "frozen");
  Refuses({"-v", Path("src") + ":/data:ro,rw"}, "ro and rw");
  Refuses({"-v", "not@name:/data"}, "'not@name' is not the name of a volume");
  Refuses({"-v", Path("src") + ":/d", "--tmpfs", "/d"}, "already");
  Refuses({"--mount", "type=nfs,dst=/d"}, "nfs");
  Refuses({"--mount", fmt::format("type=bind,src={}", Path("src"))}, "dst");
  Refuses({"--mount", "type=tmpfs,dst=/d,tmpfs-size=big"}, "big");
  Refuses({"--tmpfs", "/t:colour=red"}, "colour");
  Refuses({"--shm-size", "lots"}, "lots");
}

TEST_F(Mounts, ADirectoryDoesNotFitOverAFile) {
  Refuses({"-v", Path("src") + ":/etc/passwd"}, "/etc/passwd");
  Refuses({"-v", Path("src/file") + ":/etc"}, "/etc");
}

class Ulimits : public Mounts {
 protected:
  static rlim_t HardLimit(__rlimit_resource resource) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    return limit.rlim_max;
  }
};

TEST_F(Ulimits, AreSet) {
  EXPECT_EQ(Shell("ulimit -Sn; ulimit -Hn", {"--ulimit", "nofile=100:200"}), "100\n200");
  EXPECT_EQ(Shell("ulimit -n", {"--ulimit", "nofile=300"}), "300");
  EXPECT_EQ(Shell("ulimit -c", {"--ulimit", "core=0"}), "0");
}

TEST_F(Ulimits, AreClampedToWhatTheHostAllowsWithOneWarning) {
  const rlim_t hard = HardLimit(RLIMIT_NOFILE);
  if (hard == RLIM_INFINITY || hard >= 1'000'000) SKIP_BECAUSE("this host allows more than asked");
  const Output output = RunShell("ulimit -Hn", {"--ulimit", "nofile=1000000:1000000"});
  const std::string status = ReadFile("/proc/self/status");
  const size_t at = status.find("CapEff:\t") + 8;
  const uint64_t capabilities = std::stoull(status.substr(at, 16), nullptr, 16);
  EXPECT_EQ(output.code, 0) << output;
  if ((capabilities >> 24 & 1) != 0) {  // CAP_SYS_RESOURCE
    EXPECT_EQ(output.out, "1000000\n");
    return;
  }
  EXPECT_EQ(output.out, std::to_string(hard) + "\n");
  EXPECT_TRUE(Has(output.err, "nofile")) << output;
  EXPECT_EQ(std::ranges::count(output.err, '\n'), 1) << output;
}

TEST_F(Ulimits, NonsenseIsRefused) {
  for (const char* bad : {"nofile", "nofile=", "nofile=200:100", "wishes=3", "nofile=x"}) {
    Refuses({"--ulimit", bad}, "--ulimit");
  }
}

}  // namespace
}  // namespace hoy::test
