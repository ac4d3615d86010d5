// hoy import, export and commit: what a container changed, and all that it has, as tars and images.

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/compare_images.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

// Changes of every kind, to files of the image's layers and to new ones.
constexpr const char* kChanges = R"(
set -e
cd /
echo new > /etc/new
rm /bin/vi
rm -r /home && mkdir /home && echo again > /home/again
rm /etc/group && mkdir /etc/group && echo in > /etc/group/in
mkdir -p /deep/a/b && echo x > /deep/a/b/x
ln /etc/new /etc/new2
ln -s ../gone /deep/link
mkfifo -m 640 /deep/pipe
chmod 4755 /etc/new
chown 1000:3000000 /deep/a
chmod 1777 /deep
touch -d '2001-02-03 04:05:06' /deep/a/b/x
echo bytes > $(printf '/deep/\377\376')
)";

bool HasOpen(pid_t pid, const std::string& path) {
  std::error_code gone;
  for (const auto& fd : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), gone)) {
    if (fs::read_symlink(fd.path(), gone) == path) return true;
  }
  return false;
}

class CommitExport : public ImageSandbox {
 protected:
  std::string Inspected(const std::string& image, const std::string& path) const {
    return RunOk({"inspect", "--type", "image", "--format", "{{json " + path + "}}", image});
  }
  // A container that has made kChanges, stopped.
  void MakeChanged(const std::string& name) const {
    const Output output = Run({"run", "--name", name, Busybox(), "sh", "-c", kChanges});
    ASSERT_EQ(output.code, 0) << output;
  }
  std::map<std::string, std::string> Exported(const std::string& container) const {
    RunOk({"export", "-o", Path(container + ".tar"), container});
    ExtractTar(Path(container + ".tar"), Path(container + ".root"));
    return DescribeTree(Path(container + ".root"));
  }
};

TEST_F(CommitExport, AnInterruptedCommitLeavesNothing) {
  StartSleeper({"--name", "box"});
  // A hole takes no room, and its time to pack.
  RunOk({"exec", "box", "sh", "-c", "printf x | dd of=/hole bs=1 seek=1000000000 2>/dev/null"});
  const auto layers = ListNames(data() + "/layers");
  const auto blobs = ListNames(data() + "/images/blobs/sha256");
  const std::string images = RunOk({"images", "-aq", "--no-trunc"});
  for (int signal : {SIGINT, SIGTERM}) {
    // One that was done before the signal came is undone, and tried again.
    Output output;
    for (int attempt = 0; attempt < 10; ++attempt) {
      Background commit(Hoy({"commit", "box", "made"}));
      ASSERT_TRUE(Eventually(
          [&] { return !commit.Running() || !ListNames(data() + "/images/ingest").empty(); }));
      commit.Signal(signal);
      output = commit.Finish();
      if (output.code != 0) break;
      RunOk({"rmi", "made"});
    }
    EXPECT_EQ(output.code, 130) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
    EXPECT_EQ(ListNames(data() + "/layers"), layers);
    EXPECT_EQ(ListNames(data() + "/images/blobs/sha256"), blobs);
    EXPECT_EQ(RunOk({"images", "-aq", "--no-trunc"}), images);
    EXPECT_EQ(Status("box"), "running") << "it goes on";
  }
}

TEST_F(CommitExport, AnExportIsTheWholeContainer) {
  MakeChanged("box");
  // No tar holds sockets: as docker does, they are left out.
  const std::string id = RunOk({"inspect", "--format", "{{.Id}}", "box"});
  ASSERT_EQ(mknod((data() + "/containers/" + id + "/upper/deep/socket").c_str(), S_IFSOCK, 0), 0);
  const auto tree = Exported("box");
  EXPECT_FALSE(tree.contains("deep/socket"));
  EXPECT_TRUE(tree.contains("deep/\377\376"));  // names are bytes
  EXPECT_TRUE(tree.contains("bin/busybox"));
  EXPECT_FALSE(tree.contains("hidden"));
  EXPECT_FALSE(tree.contains("home/app"));
  EXPECT_TRUE(tree.contains("home/again"));
  EXPECT_TRUE(tree.contains("etc/group/in"));
  const std::string root = Path("box.root");
  EXPECT_EQ(fs::hard_link_count(root + "/etc/new"), 2u);
  EXPECT_EQ(fs::read_symlink(root + "/deep/link"), "../gone");
  struct stat status{};
  ASSERT_EQ(stat((root + "/deep/a").c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, 3'000'000u);
  ASSERT_EQ(stat((root + "/deep/a/b/x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 981'173'106);
  // To stdout as well, and the same bytes again.
  EXPECT_EQ(Run({"export", "box"}).out, ReadFile(Path("box.tar")));
}

TEST_F(CommitExport, ACommittedImageHasWhatTheContainerHad) {
  MakeChanged("box");
  const std::string id = RunOk(
      {"commit", "-a", "A. Uthor", "-m", "changed", "--iidfile", Path("id"), "box", "changed:1"});
  EXPECT_TRUE(id.starts_with("sha256:")) << id;
  EXPECT_EQ(ReadFile(Path("id")), id);
  const Json sizes = Json::parse(RunOk({"inspect", "--size", "box"}))[0];
  EXPECT_GT(sizes["SizeRw"], 0);
  EXPECT_GT(sizes["SizeRootFs"], sizes["SizeRw"]);
  RunOk({"create", "--name", "again", "changed:1"});
  EXPECT_EQ(DiffTrees(Exported("box"), Exported("again")), "");
  EXPECT_EQ(Inspected(id, ".Author"), "\"A. Uthor\"");
  EXPECT_EQ(Inspected(id, ".Comment"), "\"changed\"");
  EXPECT_EQ(Json::parse(Inspected(id, ".RootFS.Layers")).size(), 3u);
  EXPECT_TRUE(Has(RunOk({"history", "--no-trunc", "changed:1"}), "changed"));
  const Output output = Run({"run", "--rm", "changed:1", "sh", "-c",
                             "cat /etc/new2; test ! -e /hidden; ls /home /etc/group"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "new\n/etc/group:\nin\n\n/home:\nagain\n");
  // What was only made to be mounted over is not there.
  EXPECT_FALSE(Has(Inspected(id, ".Config.Env"), "HOSTNAME"));
}

TEST_F(CommitExport, CommitsAgainGiveTheSameLayer) {
  MakeChanged("box");
  const std::string one = RunOk({"commit", "box"});
  const std::string two = RunOk({"commit", "box"});
  EXPECT_NE(one, two);  // the time of the commit
  EXPECT_EQ(Inspected(one, ".RootFS.Layers"), Inspected(two, ".RootFS.Layers"));
}

TEST_F(CommitExport, ACommitKeepsTheConfigurationAndTakesChanges) {
  RunOk({"create", "--name", "box", "-e", "EXTRA=1", "-l", "made=here", "-w", "/tmp", Configured(),
         "echo", "hello"});
  const std::string id = RunOk(
      {"commit", "--change", "ENV ADDED=\"2 3\"", "-c", "EXPOSE 99", "--format=docker", "box"});
  const Json before = Json::parse(Inspected(Configured(), ".Config"));
  const Json after = Json::parse(Inspected(id, ".Config"));
  EXPECT_EQ(after["Entrypoint"], before["Entrypoint"]);
  EXPECT_EQ(after["Cmd"], (Json{"echo", "hello"}));
  EXPECT_EQ(after["User"], before["User"]);
  EXPECT_EQ(after["Volumes"], before["Volumes"]);
  EXPECT_EQ(after["WorkingDir"], "/tmp");
  EXPECT_EQ(after["Labels"]["made"], "here");
  EXPECT_TRUE(after["ExposedPorts"].contains("99/tcp"));
  const std::string variables = after["Env"].dump();
  EXPECT_TRUE(Has(variables, "EXTRA=1") && Has(variables, "ADDED=2 3")) << variables;
  const Output bad = Run({"commit", "-c", "RUN x", "box"});
  EXPECT_EQ(bad.code, 125);
  EXPECT_TRUE(Has(bad.err, "instructions are CMD")) << bad;
}

TEST_F(CommitExport, ARunningContainerIsCommittedAndGoesOn) {
  const std::string id = StartSleeper({"--name", "box"});
  RunOk({"exec", "box", "sh", "-c", "echo live > /live"});
  RunOk({"commit", "box", "live:1"});
  EXPECT_EQ(RunOk({"run", "--rm", "live:1", "cat", "/live"}), "live");
  EXPECT_EQ(RunOk({"exec", "box", "cat", "/live"}), "live");
  RunOk({"commit", "--pause=false", "box", "live:2"});
  const auto tree = Exported("box");
  EXPECT_TRUE(tree.contains("live"));
  EXPECT_FALSE(tree.contains("proc/self"));
  EXPECT_FALSE(tree.contains("dev/null"));
}

// hoy is killed while it holds the container still: the next command lets it go on.
TEST_F(CommitExport, AKilledCommitLeavesNoContainerFrozen) {
  const std::string id = StartSleeper({"--name", "box"});
  // More than a pipe takes, so that the copying is not at its end.
  RunOk({"exec", "box", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=4"});
  const std::string run_directory = run() + "/containers/" + id;
  Json start = Json::parse(ReadFile(run_directory + "/start.json"));
  std::string state_file;
  for (const Json& directory : start["cgroup"]["directories"]) {
    const std::string path = directory[1];
    for (const std::string& name : {path + "/freezer.state", path + "/cgroup.events"}) {
      if (fs::exists(name)) state_file = name;
    }
  }
  if (state_file.empty()) SKIP_BECAUSE("there is no freezer");
  auto frozen = [&] {
    const std::string text = ReadFile(state_file);
    return Has(text, "FROZEN") || Has(text, "frozen 1");
  };
  {
    // It wants this lock when the container is frozen, and before the image is made.
    Fd images(open((data() + "/images").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(flock(images.get(), LOCK_EX), 0);
    Background commit(Hoy({"commit", "box"}));
    ASSERT_TRUE(Eventually(frozen));
    commit.Signal(SIGKILL);
    EXPECT_EQ(commit.Finish().code, 137);
  }
  EXPECT_TRUE(frozen());
  EXPECT_EQ(RunOk({"exec", "box", "echo", "alive"}), "alive");
  EXPECT_FALSE(frozen());
  EXPECT_FALSE(fs::exists(run_directory + "/freezer"));
  RunOk({"commit", "box"});
  EXPECT_EQ(RunOk({"exec", "box", "echo", "alive"}), "alive");
}

TEST_F(CommitExport, NothingLeadsOutOfTheTree) {
  WriteFile(Path("secret"), "not for the container");
  const Output output = Run({"run", "--name", "box", Busybox(), "sh", "-c",
                             fmt::format("rm -r /home && ln -s {} /home && ln -s {}/secret /file",
                                         directory(), directory())});
  ASSERT_EQ(output.code, 0) << output;
  const auto tree = Exported("box");
  EXPECT_TRUE(Has(tree.at("home"), "-> " + directory())) << tree.at("home");
  EXPECT_FALSE(Has(ReadFile(Path("box.tar")), "not for the container"));
  RunOk({"commit", "box"});
}

TEST_F(CommitExport, ImportMakesAnImageOfAnExport) {
  MakeChanged("box");
  const auto tree = Exported("box");
  const std::string id = RunOk({"import", "-m", "by hand", "-c", "CMD [\"cat\", \"/etc/new\"]",
                                "--change", "ENV PATH=/bin", Path("box.tar"), "flat:1"});
  EXPECT_EQ(RunOk({"run", "--rm", "flat:1"}), "new");
  EXPECT_EQ(Json::parse(Inspected(id, ".RootFS.Layers")).size(), 1u);
  EXPECT_EQ(Inspected("flat:1", ".Comment"), "\"by hand\"");
  RunOk({"create", "--name", "flat", "flat:1"});
  EXPECT_EQ(DiffTrees(tree, Exported("flat")), "");
}

TEST_F(CommitExport, LargeHolesStayHolesAndSmallOnesAreZeros) {
  RunOk({"run", "--name", "box", Busybox(), "sh", "-c",
         "truncate -s 1024G /lastlog && printf end >> /lastlog && truncate -s 1M /small"});
  RunOk({"commit", "box", "sparse:1"});
  RunOk({"export", "-o", Path("box.tar"), "box"});
  EXPECT_LT(fs::file_size(Path("box.tar")), 64u << 20);
  RunOk({"import", Path("box.tar"), "sparse:2"});
  for (const char* image : {"sparse:1", "sparse:2"}) {
    const std::string told = RunOk(
        {"run", "--rm", image, "sh", "-c", "stat -c '%s %b' /lastlog /small; tail -c 3 /lastlog"});
    long long size = 0;
    long long blocks = 0;
    long long small_blocks = 0;
    ASSERT_EQ(sscanf(told.c_str(), "%lld %lld\n1048576 %lld", &size, &blocks, &small_blocks), 3)
        << told;
    EXPECT_EQ(size, (1LL << 40) + 3);
    EXPECT_LT(blocks, 1000);
    EXPECT_GE(small_blocks, 2048);
    EXPECT_TRUE(told.ends_with("end")) << told;
  }
}

// What was read of it by then is not all that it had.
TEST_F(CommitExport, AContainerThatIsRemovedMeanwhileIsNeitherExportedNorCommitted) {
  const std::string id = RunOk({"create", "--name", "box", Busybox()});
  const std::string upper = data() + "/containers/" + id + "/upper";
  // More than pipes take, so that both are in the middle of it.
  const std::string bytes(4 << 20, 'x');
  WriteFile(upper + "/big", bytes);
  WriteFile(upper + "/later", bytes);

  const std::string fifo = Path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Fd reader(open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Background exported(Hoy({"export", "-o", fifo, "box"}));
  int waiting = 0;
  ASSERT_TRUE(Eventually([&] {
    return ioctl(reader.get(), FIONREAD, &waiting) == 0 && waiting > 0;
  })) << exported.Finish();

  // It wants this lock before it reads the changes, which are made ready meanwhile.
  Fd images(open((data() + "/images").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(images.get(), LOCK_EX), 0);
  Background committed(Hoy({"commit", "box", "made"}));
  ASSERT_TRUE(Eventually([&] { return HasOpen(committed.pid(), upper); })) << committed.Finish();

  RunOk({"rm", "box"});
  images.reset();
  const Output commit = committed.Finish();
  EXPECT_EQ(commit.code, 1) << commit;
  EXPECT_TRUE(Has(commit.err, "the container was removed meanwhile")) << commit;
  EXPECT_EQ(Run({"image", "inspect", "made"}).code, 1);

  char buffer[64 << 10];
  while (exported.Running()) {
    pollfd ready{.fd = reader.get(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, 100);
    if (read(reader.get(), buffer, sizeof buffer) == 0) break;
  }
  const Output output = exported.Finish();
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_TRUE(Has(output.err, "the container was removed meanwhile")) << output;
}

// In a layer they would be whiteouts: lost themselves, and others with them.
TEST_F(CommitExport, FilesThatAreNamedAsWhiteoutsAreRefused) {
  for (const char* name : {".wh.passwd", ".wh..wh..opq"}) {
    const std::string path = std::string("etc/") + name;
    const Output made = Run({"run", "--name", "box", Busybox(), "touch", "/" + path});
    ASSERT_EQ(made.code, 0) << made;
    const std::string sentence = fmt::format("'{}': a layer cannot hold a file of that name", path);
    const Output commit = Run({"commit", "box", "made"});
    EXPECT_EQ(commit.code, 125) << commit;
    EXPECT_TRUE(Has(commit.err, sentence)) << commit;
    RunOk({"export", "-o", Path("box.tar"), "box"});
    const Output import = Run({"import", Path("box.tar"), "made"});
    EXPECT_EQ(import.code, 125) << import;
    EXPECT_TRUE(Has(import.err, sentence)) << import;
    EXPECT_EQ(Run({"image", "inspect", "made"}).code, 1);
    RunOk({"rm", "box"});
  }
}

TEST_F(CommitExport, ImportTakesPackedTarsFromAPipe) {
  const std::string tar = Tar().Directory("bin").File("bin/x", "x", 0755).Finish();
  const std::string plain = RunOk({"import", "--platform", "linux/arm64", "-"}, tar);
  EXPECT_EQ(Inspected(plain, ".Architecture"), "\"arm64\"");
  const std::string packed = RunOk({"image", "import", "-"}, Gzip(tar));
  EXPECT_EQ(Inspected(plain, ".RootFS.Layers"), Inspected(packed, ".RootFS.Layers"));
  // Both can be saved.
  RunOk({"save", "-o", Path("a.tar"), plain, packed});
  const Output cut = Run({"import", "-"}, tar.substr(0, 600));
  EXPECT_EQ(cut.code, 125) << cut;
  EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
  const Output url = Run({"import", "https://example.com/x.tar"});
  EXPECT_EQ(url.code, 125);
  EXPECT_TRUE(Has(url.err, "curl")) << url;
  EXPECT_EQ(Run({"import", Path("missing.tar")}).code, 125);
}

TEST_F(CommitExport, NoSuchContainer) {
  EXPECT_EQ(Run({"export", "none"}).code, 1);
  EXPECT_EQ(Run({"commit", "none"}).code, 1);
  RunOk({"create", "--name", "box", Busybox()});
  const Output output = Run({"commit", "box", "UPPER"});
  EXPECT_EQ(output.code, 125) << output;
  Pty terminal(Hoy({"export", "box"}));
  EXPECT_TRUE(terminal.Expect("is not written to a terminal"));
  EXPECT_EQ(terminal.Finish(), 125);
}

}  // namespace
}  // namespace hoy::test
