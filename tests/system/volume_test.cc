// Named and anonymous volumes: the verbs, and what containers make of them.

#include <fmt/core.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/must_run.h"
#include "tests/support/sandbox.h"
#include "tests/support/tar.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Volumes : public ImageSandbox {
 protected:
  void TearDown() override {
    std::vector<std::string> ids = ListNames(data() + "/containers");
    if (!ids.empty()) {
      ids.insert(ids.begin(), {"rm", "-f"});
      Run(ids);
    }
    RunOk({"volume", "prune", "-af"});
    EXPECT_TRUE(VolumesBecome({})) << "something was left behind";
    ImageSandbox::TearDown();
  }
  // The clean-up of a container that removes itself takes its volumes after its record.
  bool VolumesBecome(const std::vector<std::string>& names) const {
    return Eventually([&] { return ListNames(data() + "/volumes") == names; });
  }
  std::string Files(const std::string& volume) const {
    return data() + "/volumes/" + volume + "/_data";
  }
  Json InspectVolume(const std::string& volume) const {
    return Json::parse(RunOk({"volume", "inspect", volume})).at(0);
  }
};

TEST_F(Volumes, AreMadeListedInspectedAndRemoved) {
  EXPECT_EQ(RunOk({"volume", "create", "--label", "app=web", "-l", "tier", "data"}), "data");
  EXPECT_EQ(RunOk({"volume", "create", "data"}), "data");
  const Output other = Run({"volume", "create", "-l", "app=db", "data"});
  EXPECT_NE(other.code, 0);
  EXPECT_TRUE(Has(other.err, "volume 'data' exists with other options or labels")) << other;
  const std::string anonymous = RunOk({"volume", "create"});
  EXPECT_EQ(anonymous.size(), 64u);

  const Json object = InspectVolume("data");
  EXPECT_EQ(object.at("Name"), "data");
  EXPECT_EQ(object.at("Driver"), "local");
  EXPECT_EQ(object.at("Scope"), "local");
  EXPECT_EQ(object.at("Mountpoint"), Files("data"));
  EXPECT_EQ(object.at("Labels"), Json::object({{"app", "web"}, {"tier", ""}}));
  EXPECT_EQ(object.at("Options"), Json::object());
  EXPECT_TRUE(Has(object.at("CreatedAt").get<std::string>(), "T")) << object;
  EXPECT_EQ(RunOk({"volume", "inspect", "-f", "{{.Name}} {{.Labels.app}}", "data"}), "data web");

  EXPECT_EQ(RunOk({"volume", "ls", "-f", "name=^dat"}), "DRIVER    VOLUME NAME\nlocal     data");
  EXPECT_EQ(RunOk({"volume", "ls", "-q", "-f", "label=app=web"}), "data");
  EXPECT_EQ(RunOk({"volume", "ls", "-q", "-f", "label=app=x"}), "");
  EXPECT_EQ(RunOk({"volume", "ls", "-q", "-f", "driver=nfs"}), "");
  EXPECT_EQ(RunOk({"volume", "ls", "--format", "{{.Driver}}/{{.Name}}", "-f", "name=data"}),
            "local/data");
  EXPECT_NE(Run({"volume", "ls", "-f", "colour=red"}).code, 0);

  const Output removed = Run({"volume", "rm", "data", "nobody", anonymous});
  EXPECT_EQ(removed.code, 1) << removed;
  EXPECT_EQ(removed.out, "data\n" + anonymous + "\n");
  EXPECT_TRUE(Has(removed.err, "no such volume: nobody")) << removed;
  EXPECT_EQ(Run({"volume", "rm", "-f", "data"}).code, 0);
  EXPECT_EQ(Run({"volume", "inspect", "data"}).code, 1);
}

TEST_F(Volumes, HaveNamesThatAreNoPaths) {
  for (const char* name : {"..", "../x", "/etc", "a/b", ".hidden", "x", "", "-n", "a b"}) {
    EXPECT_NE(Run({"volume", "create", "--", name}).code, 0) << name;
    EXPECT_EQ(Run({"volume", "inspect", "--", name}).code, 1) << name;
    EXPECT_EQ(Run({"volume", "rm", "--", name}).code, 1) << name;
  }
  EXPECT_TRUE(fs::exists(data() + "/containers"));
  EXPECT_NE(Run({"volume", "create", "-o", "device=/", "-o", "type=proc", "v1"}).code, 0);
  EXPECT_NE(Run({"volume", "create", "-o", "colour=red", "v1"}).code, 0);
  EXPECT_EQ(Run({"volume", "create", "-d", "cloud", "v1"}).code, 125);
  EXPECT_EQ(RunShell("true", {"-v", "x:/data"}).code, 125);
}

TEST_F(Volumes, OutliveTheirContainers) {
  Shell("echo kept >/d/file", {"-v", "data:/d"});
  EXPECT_EQ(Shell("cat /e/file", {"--mount", "source=data,target=/e"}), "kept");
  EXPECT_EQ(ReadFile(Files("data") + "/file"), "kept\n");
  for (const char* mount : {"type=volume,src=data,dst=/d,readonly", "src=data,dst=/d,ro"}) {
    EXPECT_TRUE(Has(RunShell("echo x >/d/file", {"--mount", mount}).err, "Read-only")) << mount;
  }
  EXPECT_TRUE(Has(RunShell("echo x >/d/file", {"-v", "data:/d:ro"}).err, "Read-only"));
  Shell("true", {"--mount", "src=other,dst=/d,volume-label=a=b,volume-driver=local"});
  EXPECT_EQ(InspectVolume("other").at("Labels"), Json::object({{"a", "b"}}));
}

TEST_F(Volumes, InUseAreNotRemoved) {
  RunOk({"create", "--name", "user", "-v", "data:/d", "-v", "/cache", Busybox(), "true"});
  const Output removed = Run({"volume", "rm", "-f", "data"});
  EXPECT_EQ(removed.code, 125) << removed;
  EXPECT_TRUE(Has(removed.err, "volume 'data' is in use by container 'user'")) << removed;
  EXPECT_EQ(RunOk({"volume", "prune", "-af"}), "Total reclaimed space: 0B");
  EXPECT_EQ(RunOk({"volume", "ls", "-q", "-f", "dangling=true"}), "");
  EXPECT_EQ(RunOk({"ps", "-aq", "--no-trunc", "-f", "volume=data"}).size(), 64u);
  EXPECT_EQ(RunOk({"ps", "-aq", "-f", "volume=other"}), "");

  const Json mounts = Inspect("user").at("Mounts");
  ASSERT_EQ(mounts.size(), 2u) << mounts;
  EXPECT_EQ(mounts[mounts[0].at("Name") == "data" ? 0 : 1], Json({{"Type", "volume"},
                                                                  {"Name", "data"},
                                                                  {"Source", Files("data")},
                                                                  {"Destination", "/d"},
                                                                  {"Driver", "local"},
                                                                  {"Mode", ""},
                                                                  {"RW", true},
                                                                  {"Propagation", ""}}));
  RunOk({"rm", "user"});
  EXPECT_EQ(RunOk({"volume", "rm", "data"}), "data");
}

TEST_F(Volumes, WithoutANameGoWithTheirContainer) {
  Shell("echo x >/cache/file", {"-v", "/cache"});
  RunOk({"run", "--rm", "-u", "root", "--entrypoint", "", Configured(), "touch", "/data/by-root"});
  RunOk({"run", "-d", "--rm", "--name", "bg", "-v", "/cache", Busybox(), "sleep", "1000"});
  const auto count = [&] { return ListNames(data() + "/volumes").size(); };
  EXPECT_TRUE(Eventually([&] { return count() == 1; }));
  RunOk({"rm", "-f", "bg"});
  EXPECT_TRUE(VolumesBecome({}));

  RunOk({"create", "--name", "one", "-v", "/cache", "-v", "named:/n", Busybox(), "true"});
  RunOk({"rm", "-v", "one"});
  EXPECT_TRUE(VolumesBecome({"named"}));

  RunOk({"run", "--name", "two", "-v", "/cache", Busybox(), "sh", "-c",
         "head -c 1000000 /dev/zero >/cache/big"});
  RunOk({"rm", "two"});
  EXPECT_TRUE(Eventually([&] { return count() == 2; }));
  const Output dry = Run({"volume", "prune", "--dry-run"});
  EXPECT_TRUE(Has(dry.out, "Volumes that would be deleted:\n")) << dry;
  EXPECT_TRUE(Has(dry.out, "Total reclaimable space: 1MB\n")) << dry;
  EXPECT_NE(Run({"volume", "prune"}).code, 0) << "nobody can be asked";
  EXPECT_EQ(RunOk({"volume", "prune", "-f", "--filter", "label=x"}), "Total reclaimed space: 0B");
  EXPECT_TRUE(Has(RunOk({"volume", "prune", "-f"}), "Total reclaimed space: 1MB"));
  EXPECT_TRUE(VolumesBecome({"named"}));

  // A container that cannot be made leaves none.
  RunOk({"create", "--name", "taken", Busybox(), "true"});
  EXPECT_EQ(Run({"create", "--name", "taken", "-v", "/cache", Busybox(), "true"}).code, 125);
  EXPECT_NE(Run({"run", "--rm", "-v", "/cache", Busybox(), "/no/such/program"}).code, 0);
  EXPECT_TRUE(VolumesBecome({"named"}));
}

TEST_F(Volumes, BeginWithWhatTheImageHasThere) {
  const std::string look = "cd /home && stat -c '%n %u:%g %a' . app && ls /home";
  const std::string of_image = Shell(look);
  EXPECT_EQ(Shell(look, {"-v", "home:/home"}), of_image);
  EXPECT_EQ(Shell("ls -A /home | wc -l", {"-v", "empty:/home:nocopy"}), "0");
  EXPECT_EQ(Shell("ls -A /home | wc -l", {"--mount", "src=empty,dst=/home,volume-nocopy"}), "0");
  // The next one without nocopy finds it empty still.
  EXPECT_EQ(Shell(look, {"-v", "empty:/home"}), of_image);
  // What is in it is never touched.
  EXPECT_EQ(Shell("rmdir /home/app; touch /home/own; ls /home", {"-v", "home:/home"}), "own");
  EXPECT_EQ(Shell("ls /home", {"-v", "home:/home"}), "own");
  // The user is looked up in the volume, which is there before the start.
  EXPECT_EQ(Shell("id -un", {"-v", "etc:/etc", "-u", "app"}), "app");
}

TEST_F(Volumes, OfARunningContainerAreNotFilledUnderIt) {
  const std::string id = StartSleeper({"-v", "shared:/out"});
  EXPECT_EQ(Shell("ls -A /home | wc -l", {"-v", "shared:/home"}), "0");
  RunOk({"exec", id, "touch", "/out/made"});
  EXPECT_EQ(Shell("ls -A /home", {"-v", "shared:/home"}), "made");
}

TEST_F(Volumes, AreEmptyOrWholeWhereverTheirMakerWasKilled) {
  for (const std::string point :
       {"volume-written", "volume-filling", "volume-filled", "volume-published"}) {
    SCOPED_TRACE(point);
    Command command = Hoy({"run", "--rm", "-v", "etc:/etc", Busybox(), "true"});
    command.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(command).code, 137);
    const bool made = point != "volume-written";
    EXPECT_EQ(fs::exists(Files("etc")), made);
    if (made) {
      EXPECT_EQ(fs::is_empty(Files("etc")), point != "volume-published");
    }
    Shell("true", {"-v", "etc:/etc"});
    EXPECT_EQ(ReadFile(Files("etc") + "/passwd"), Shell("cat /etc/passwd") + "\n");
    RunOk({"volume", "rm", "etc"});
    EXPECT_TRUE(VolumesBecome({}));
  }
  RunOk({"volume", "create", "data"});
  Command command = Hoy({"volume", "rm", "data"});
  command.env["HOY_FAIL_POINT"] = "volume-renamed";
  EXPECT_EQ(RunCommand(command).code, 137);
  EXPECT_EQ(RunOk({"volume", "ls", "-q"}), "");
}

TEST_F(Volumes, AreMadeAndFilledOnceByManyAtOnce) {
  Command command = Hoy({});
  command.argv = {"bash", "-c",
                  fmt::format("for i in 1 2 3 4 5 6; do {} run --rm -v same:/home {} "
                              "sh -c 'ls -A /home | wc -l' & done; wait",
                              HoyProgram(), Busybox())};
  const Output output = RunCommand(command);
  const std::string count = Shell("ls -A /home | wc -l");
  std::string expected;
  for (int i = 0; i < 6; ++i) expected += count + "\n";
  EXPECT_EQ(output.out, expected) << output;
  EXPECT_TRUE(VolumesBecome({"same"}));
}

TEST_F(Volumes, ComeFromOtherContainers) {
  fs::create_directories(Path("src"));
  WriteFile(Path("src/file"), "of the host\n");
  RunOk({"create", "--name", "one", "-v", "data:/d", "-v", Path("src") + ":/s", "-v", "/cache",
         "--tmpfs", "/t", Busybox(), "true"});
  EXPECT_EQ(Shell("echo x >/d/f; echo y >/cache/f; cat /s/file", {"--volumes-from", "one"}),
            "of the host");
  EXPECT_EQ(ReadFile(Files("data") + "/f"), "x\n");
  EXPECT_TRUE(Has(RunShell("echo x >/cache/f", {"--volumes-from", "one:ro"}).err, "Read-only"));
  // The anonymous one stays as long as somebody has it.
  EXPECT_EQ(Shell("cat /cache/f; ls -A /d | wc -l", {"--volumes-from", "one", "-v", "other:/d"}),
            "y\n0");
  EXPECT_EQ(RunShell("true", {"--volumes-from", "nobody"}).code, 125);
  EXPECT_EQ(RunShell("true", {"--volumes-from", "one:rx"}).code, 125);
}

TEST_F(Volumes, GiveAPartOfThemselvesAndNothingElse) {
  Shell("mkdir -p /d/a/b; echo inner >/d/a/b/file; ln -s / /d/out; ln -s ../../../etc /d/up",
        {"-v", "data:/d"});
  EXPECT_EQ(Shell("cat /p/file", {"--mount", "src=data,dst=/p,volume-subpath=a/b"}), "inner");
  // A link out of the volume leads to the volume's own root.
  EXPECT_EQ(Shell("ls /p", {"--mount", "src=data,dst=/p,volume-subpath=out"}), "a\nout\nup");
  for (const char* part : {"up", "missing", "..", "/a"}) {
    EXPECT_EQ(
        RunShell("true", {"--mount", fmt::format("src=data,dst=/p,volume-subpath={}", part)}).code,
        125)
        << part;
  }
}

TEST_F(Volumes, GoNowhereButWhereTheyWereMeantTo) {
  const std::string id = RunOk({"create", "-v", "data:/trap", Busybox(), "true"});
  const std::string trap = data() + "/containers/" + id + "/upper/trap";
  for (const char* place : {"/", "../../..", "/proc", "/proc/self/attr", "/sys", "/dev"}) {
    fs::create_symlink(place, trap);
    const Output start = Run({"start", id});
    EXPECT_NE(start.code, 0) << place;
    EXPECT_TRUE(Has(start.err, "mount on '/trap': in the container this is a symlink to '/"))
        << start;
    fs::remove(trap);
  }
  EXPECT_TRUE(fs::is_empty(Files("data")));
  Shell("rmdir /v/dir 2>/dev/null; ln -s / /v/dir", {"-v", "links:/v"});
  // The second mount's target is a link in the first.
  const Output over = RunShell("ls /", {"-v", "links:/v", "-v", "data:/v/dir"});
  EXPECT_TRUE(Has(over.err, "mount on '/v/dir'")) << over;
  EXPECT_EQ(RunShell("true", {"-v", "data:/etc/passwd"}).code, 125);

  // Something else is where a volume should be.
  WriteFile(data() + "/volumes/afile", "");
  EXPECT_EQ(RunShell("true", {"-v", "afile:/d"}).code, 125);
  EXPECT_EQ(Run({"volume", "rm", "afile"}).code, 125);
  fs::remove(data() + "/volumes/afile");
  fs::remove(Files("data"));
  WriteFile(Files("data"), "");
  const Output damaged = RunShell("true", {"-v", "data:/d"});
  EXPECT_EQ(damaged.code, 125) << damaged;
  EXPECT_TRUE(Has(damaged.err, "volume 'data': it is damaged")) << damaged;
  fs::remove(Files("data"));
  fs::create_directory_symlink("/", Files("data"));
  EXPECT_EQ(RunShell("true", {"-v", "data:/d"}).code, 125);
  EXPECT_EQ(Run({"start", id}).code, 125);
  RunOk({"rm", id});
  RunOk({"volume", "rm", "data"});
}

TEST_F(Volumes, AreWhatTheirOptionsSay) {
  fs::create_directories(Path("www"));
  WriteFile(Path("www/index"), "hello\n");
  RunOk({"volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=" + Path("www"),
         "www"});
  EXPECT_EQ(Shell("cat /w/index; touch /w/new", {"-v", "www:/w"}), "hello");
  EXPECT_TRUE(fs::exists(Path("www/new")));
  EXPECT_EQ(InspectVolume("www").at("Options").at("device"), Path("www"));
  RunOk({"volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,mode=1700",
         "mem"});
  EXPECT_EQ(Shell("df -k /m | awk 'NR==2 {print $2}'; stat -c %a /m", {"-v", "mem:/m"}),
            "1024\n1700");
  EXPECT_EQ(Shell("df -k /m | awk 'NR==2 {print $2}'",
                  {"--mount", "dst=/m,volume-opt=type=tmpfs,volume-opt=o=size=2m"}),
            "2048");
  RunOk({"volume", "rm", "www"});
  EXPECT_TRUE(fs::exists(Path("www/index")));
}

TEST_F(Volumes, AreFileSystemsOfDevices) {
  const Output loop = HostShell(
      "truncate -s 4M $DIR/disk && mkfs.ext4 -q $DIR/disk && losetup --find --show $DIR/disk");
  if (loop.code != 0) SKIP_BECAUSE("a loop device cannot be had: " + loop.err);
  const std::string device = loop.out.substr(0, loop.out.find('\n'));
  RunOk(
      {"volume", "create", "-o", "type=ext4", "-o", "device=" + device, "-o", "o=noexec", "disk"});
  EXPECT_EQ(Shell("echo kept > /d/f; cat /ro/f; echo x > /ro/g; grep -E ' /(d|ro) ' /proc/mounts",
                  {"-v", "disk:/d", "-v", "disk:/ro:ro"}),
            fmt::format("kept\n{0} /d ext4 rw,noexec,relatime 0 0\n"
                        "{0} /ro ext4 ro,noexec,relatime 0 0",
                        device));
  // Also for who looks into a container that does not run.
  const std::string id = RunOk({"create", "-v", "disk:/d", Busybox(), "cat", "/d/f"});
  RunOk({"cp", id + ":/d/f", Path("f")});
  EXPECT_EQ(ReadFile(Path("f")), "kept\n");
  EXPECT_EQ(RunOk({"start", "-a", id}), "kept");
  RunOk({"rm", id});
  HostShell("losetup -d " + device);

  auto fails = [&](const std::string& options, const std::string& text) {
    const Output output = RunShell("echo ran", {"--mount", "dst=/d," + options});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_TRUE(Has(output.err, text)) << output;
  };
  fails("volume-opt=type=ext4,volume-opt=device=" + Path("none"), "there is no such device");
  fails("volume-opt=type=ext4,volume-opt=device=" + Path("disk"), "it is no block device");
  fails("volume-opt=type=nonsense,volume-opt=device=/d", "this kernel mounts no 'nonsense'");
  fails("volume-opt=type=nfs,volume-opt=device=/d", "names no server");
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

// A limit that nothing would keep is none. That it is kept: tests/vm/quota.sh.
TEST_F(Volumes, ThatCannotBeLimitedAreNotMade) {
  auto fails = [&](const std::vector<std::string>& verb) {
    const Output output = Run(verb);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "") << output;
    EXPECT_TRUE(Has(output.err, "has no project quotas")) << output;
    EXPECT_TRUE(Has(output.err, "mounted with prjquota")) << output;
    EXPECT_TRUE(ListNames(data() + "/volumes").empty());
    EXPECT_TRUE(ListNames(data() + "/containers").empty());
    EXPECT_TRUE(ListNames(data() + "/names").empty());
  };
  fails({"volume", "create", "-o", "o=size=1m", "small"});
  fails({"create", "--name", "one", "--storage-opt", "size=1g", Busybox(), "true"});
  fails({"run", "--rm", "--mount", "src=small,dst=/d,volume-opt=o=size=1m", Busybox(), "true"});
}

TEST_F(Volumes, ArePrunedByLabel) {
  RunOk({"volume", "create", "--label", "keep", "kept"});
  RunOk({"volume", "create", "--label", "keep=no", "other"});
  RunOk({"volume", "create", "--label", "tier=db", "db"});
  RunOk({"volume", "create", "none"});
  auto prune = [&](const std::string& filter) {
    RunOk({"volume", "prune", "-af", "--filter", filter});
    return ListNames(data() + "/volumes");
  };
  EXPECT_EQ(prune("label=keep=yes"), (std::vector<std::string>{"db", "kept", "none", "other"}));
  EXPECT_EQ(prune("label!=keep"), (std::vector<std::string>{"kept", "other"}));
  EXPECT_EQ(prune("label!=keep=no"), std::vector<std::string>{"other"});
  EXPECT_EQ(prune("label=keep"), std::vector<std::string>());
}

TEST_F(Volumes, AreReachedByCopies) {
  WriteFile(Path("f"), "from outside\n");
  RunOk({"create", "--name", "box", "-v", "data:/d", Busybox(), "cat", "/d/f"});
  RunOk({"cp", Path("f"), "box:/d/f"});
  EXPECT_EQ(ReadFile(Files("data") + "/f"), "from outside\n");
  EXPECT_EQ(RunOk({"start", "-a", "box"}), "from outside");
  RunOk({"cp", "box:/d/f", Path("back")});
  EXPECT_EQ(ReadFile(Path("back")), "from outside\n");
  // It was taken away by other means.
  fs::remove_all(data() + "/volumes/data");
  const Output start = Run({"start", "box"});
  EXPECT_NE(start.code, 0);
  EXPECT_TRUE(Has(start.err, "volume 'data' is missing")) << start;
}

TEST_F(Volumes, TravelAsTars) {
  Shell("mkdir /d/dir; echo x >/d/dir/file; chown 5:6 /d/dir/file; ln -s dir/file /d/link",
        {"-v", "data:/d"});
  RunOk({"volume", "export", "-o", Path("data.tar"), "data"});
  RunOk({"volume", "create", "copy"});
  RunOk({"volume", "import", "copy", Path("data.tar")});
  const std::string look = "cd /d; find . | sort; cat link; stat -c '%u:%g %a' dir/file";
  EXPECT_EQ(Shell(look, {"-v", "copy:/d"}), Shell(look, {"-v", "data:/d"}));
  RunOk({"volume", "create", "again"});
  RunOk({"volume", "import", "again", "-"}, ReadFile(Path("data.tar")));
  EXPECT_EQ(ReadFile(Files("again") + "/dir/file"), "x\n");
  // One that ends too early leaves no half of a file.
  const std::string cut = Tar().File("whole", "x").File("half", std::string(4096, 'x')).Finish();
  RunOk({"volume", "create", "cut"});
  EXPECT_EQ(Run({"volume", "import", "cut", "-"}, cut.substr(0, 3 * 512 + 1000)).code, 125);
  EXPECT_EQ(ListNames(Files("cut")), std::vector<std::string>{"whole"});
  EXPECT_EQ(Run({"volume", "export", "nobody"}).code, 1);
  EXPECT_EQ(Run({"volume", "import", "nobody", Path("data.tar")}).code, 1);
  RunOk({"volume", "create", "-o", "type=tmpfs", "mem"});
  EXPECT_TRUE(Has(Run({"volume", "export", "mem"}).err, "in the memory of each container"));
}

// Whoever reads an export may stop in the middle.
TEST_F(Volumes, AreNotHeldByAnExportThatNobodyReads) {
  RunOk({"volume", "create", "data"});
  WriteFile(Files("data") + "/big", std::string(16 << 20, 'x'));
  Background stalled(Hoy({"volume", "export", "data"}));
  ASSERT_TRUE(stalled.WaitForOut("xxxx"));  // the rest waits for us, and does not fit into the pipe
  RunOk({"volume", "rm", "data"});
  const Output output = stalled.Finish();
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(Has(output.err, "no such volume: data")) << output;
}

TEST_F(Volumes, SaySoInTheEvents) {
  RunOk({"volume", "create", "data"});
  Shell("true", {"-v", "data:/d:ro"});
  RunOk({"volume", "rm", "data"});
  EXPECT_EQ(RunOk({"events", "--stream=false", "-f", "volume=data", "--format",
                   "{{.Type}} {{.Action}} {{.Actor.ID}}"}),
            "volume create data\nvolume mount data\nvolume unmount data\nvolume destroy data");
  const std::string mount = RunOk(
      {"events", "--stream=false", "-f", "volume=data", "-f", "event=mount", "--format", "json"});
  for (const char* text : {"\"container\":\"", "\"destination\":\"/d\"", "\"driver\":\"local\"",
                           "\"propagation\":\"\"", "\"read/write\":\"false\""}) {
    EXPECT_TRUE(Has(mount, text)) << mount;
  }
}

TEST_F(Volumes, AreInspectedByTheirNameAlone) {
  RunOk({"volume", "create", "data"});
  EXPECT_EQ(Inspect("data")["Mountpoint"], Files("data"));
  EXPECT_EQ(Inspect("bridge")["Driver"], "bridge");
  EXPECT_EQ(Run({"inspect", "--type", "image", "data"}).code, 1);
  EXPECT_TRUE(Has(Run({"inspect", "nothing"}).err, "no such object: nothing"));
  EXPECT_TRUE(Has(RunOk({"__complete", "--", "inspect", "da"}), "data"));
}

// A container may put a set-id program there, which is not for the host's other users.
TEST_F(Volumes, AreNotReachedByOthersOfTheHost) {
  RunOk({"volume", "create", "data"});
  for (const char* part : {"/volumes", "/volumes/data"}) {
    struct stat status{};
    ASSERT_EQ(::stat((data() + part).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077, 0u) << part;
  }
}

}  // namespace
}  // namespace hoy::test
