// --rootfs: a directory of the host instead of an image; and --tz, which depends on what the root
// already has.

#include <fmt/core.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Rootfs : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directories(Path("root/bin"));
    fs::copy_file("/bin/busybox", Path("root/bin/busybox"));
    for (const char* name : {"sh", "cat", "sleep", "date", "echo", "readlink", "ls"}) {
      fs::create_symlink("busybox", Path("root/bin/") + name);
    }
    WriteFile(Path("root/marker"), "of the directory\n");
  }
  Output Shell(const std::string& root, const std::string& script,
               std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"run", "--rm", "--rootfs"});
    for (const std::string& word : {root, std::string("sh"), std::string("-c"), script}) {
      options.push_back(word);
    }
    return Run(options);
  }
};

TEST_F(Rootfs, IsWrittenByTheContainerAndOutlivesIt) {
  const Output output = Shell(Path("root"), "cat /marker /etc/hostname; echo new >/new; ls /proc/1",
                              {"--hostname", "inside"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_TRUE(output.out.starts_with("of the directory\ninside\n")) << output;
  EXPECT_EQ(ReadFile(Path("root/new")), "new\n");
  EXPECT_EQ(ReadFile(Path("root/marker")), "of the directory\n");
  EXPECT_TRUE(fs::is_empty(Path("root/proc"))) << "nothing stays mounted";
}

TEST_F(Rootfs, StaysAsItIsBelowAnOverlay) {
  const Output output = Shell(Path("root:O"),
                              "rm /marker 2>/dev/null; echo changed >/marker;"
                              "echo new >/new; cat /marker");
  EXPECT_EQ(output.out, "changed\n") << output;
  EXPECT_EQ(ReadFile(Path("root/marker")), "of the directory\n");
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(Path("root"))) ++entries;
  EXPECT_EQ(entries, 2) << "bin and marker";
}

TEST_F(Rootfs, IsRememberedStartedAgainAndShown) {
  for (const std::string& root : {Path("root"), Path("root:O")}) {
    const bool overlay = root.ends_with(":O");
    RunOk({"create", "--name", "one", "--rootfs", root, "sh", "-c", "echo x >>/times; cat /times"});
    EXPECT_EQ(RunOk({"start", "-a", "one"}), "x");
    EXPECT_EQ(RunOk({"start", "-a", "one"}), "x\nx") << "what it wrote is kept";
    const Json shown = Inspect("one");
    EXPECT_EQ(shown.at("Rootfs"), Path("root"));
    EXPECT_EQ(shown.at("Image"), "");
    EXPECT_EQ(shown.at("Config").at("Image"), root);
    EXPECT_EQ(shown.at("GraphDriver").at("Name"), overlay ? "overlay" : "rootfs");
    EXPECT_EQ(RunOk({"ps", "-a", "--format", "{{.Image}} {{.Names}}"}), root + " one");
    EXPECT_FALSE(RunOk({"ps", "-a", "--format", "{{.Size}}"}).empty());
    RunOk({"rm", "-f", "one"});
    EXPECT_EQ(fs::exists(Path("root/times")), !overlay);
    EXPECT_EQ(ReadFile(Path("root/marker")), "of the directory\n") << "rm leaves it alone";
    fs::remove(Path("root/times"));
  }
}

TEST_F(Rootfs, CanBeExecedInto) {
  for (const std::string& root : {Path("root"), Path("root:O")}) {
    RunOk({"run", "-d", "--name", "one", "--rootfs", root, "sleep", "1000"});
    EXPECT_EQ(RunOk({"exec", "one", "cat", "/marker"}), "of the directory");
    RunOk({"rm", "-f", "one"});
  }
}

TEST_F(Rootfs, MayBeRelativeOrALinkOrReadOnly) {
  fs::create_directory_symlink(Path("root"), Path("link"));
  Command command = Hoy({"run", "--rm", "--rootfs", "./link", "cat", "/marker"});
  command.directory = directory();
  const Output output = RunCommand(command);
  EXPECT_EQ(output.out, "of the directory\n") << output;
  EXPECT_NE(Shell(Path("root"), "echo x >/marker", {"--read-only"}).code, 0);
  EXPECT_EQ(ReadFile(Path("root/marker")), "of the directory\n");
}

TEST_F(Rootfs, RefusesWhatIsNoDirectoryAndTheHostsOwn) {
  const auto refuses = [&](const std::string& root, const std::string& text) {
    const Output output = Shell(root, "echo ran");
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_NE(output.err.find(text), std::string::npos) << output;
  };
  refuses(Path("missing"), fmt::format("--rootfs '{}': No such file", Path("missing")));
  refuses(Path("root/marker"), "Not a directory");
  refuses("/", "the host's own root");
  const Output none = Run({"run", "--rm", "--rootfs", Path("root")});
  EXPECT_EQ(none.code, 125);
  EXPECT_NE(none.err.find("give one after the directory"), std::string::npos) << none;

  RunOk({"create", "--name", "one", "--rootfs", Path("root"), "true"});
  fs::rename(Path("root"), Path("moved"));
  const Output gone = Run({"start", "one"});
  EXPECT_EQ(gone.code, 125) << gone;
  EXPECT_NE(gone.err.find("root file system"), std::string::npos) << gone;
  EXPECT_NE(gone.err.find(Path("root")), std::string::npos) << gone;
  EXPECT_EQ(RunOk({"rm", "one"}), "one");
  EXPECT_TRUE(fs::exists(Path("moved/marker")));
}

TEST_F(Rootfs, CanBeExportedButNotCommitted) {
  for (const std::string& root : {Path("root"), Path("root:O")}) {
    RunOk({"create", "--name", "one", "--rootfs", root, "true"});
    RunOk({"export", "-o", Path("one.tar"), "one"});
    EXPECT_NE(ReadFile(Path("one.tar")).find("of the directory\n"), std::string::npos);
    const Output commit = Run({"commit", "one", "name"});
    EXPECT_NE(commit.code, 0);
    EXPECT_NE(commit.err.find("made with --rootfs"), std::string::npos) << commit;
    RunOk({"rm", "one"});
  }
}

constexpr const char* kTokyo = "/usr/share/zoneinfo/Asia/Tokyo";

class Timezone : public Rootfs {
 protected:
  void SetUp() override {
    Rootfs::SetUp();
    if (!fs::exists(kTokyo)) SKIP_BECAUSE("the host has no tzdata");
  }
};

TEST_F(Timezone, IsTheHostsWhereTheImageHasNone) {
  const std::string script = "date +%Z; cat /etc/localtime";
  const Output tokyo = RunShell(script, {"--tz", "Asia/Tokyo"});
  EXPECT_EQ(tokyo.code, 0) << tokyo.err;
  EXPECT_EQ(tokyo.out, "JST\n" + ReadFile(kTokyo));
  EXPECT_EQ(RunShell("date +%Z", {"--tz=Asia/Tokyo", "--read-only"}).out, "JST\n");
  EXPECT_EQ(RunShell("echo $TZ", {"--tz", "Asia/Tokyo"}).out, "\n") << "as podman's: no TZ";
  EXPECT_EQ(RunShell("cat /etc/localtime", {"--tz", "local"}).out, ReadFile("/etc/localtime"));
  RunOk({"create", "--name", "one", "--tz", "Asia/Tokyo", Busybox(), "date", "+%Z"});
  EXPECT_EQ(Inspect("one").at("Config").at("Timezone"), "Asia/Tokyo");
  EXPECT_EQ(RunOk({"start", "-a", "one"}), "JST");
  EXPECT_EQ(RunOk({"start", "-a", "one"}), "JST");
}

// Where the image has the zone, /etc/localtime leads to it, as localtime(5) wants it; and the zone
// that it led to before is still that zone.
TEST_F(Timezone, IsTheImagesWhereItHasIt) {
  const std::string zones = Path("root/usr/share/zoneinfo/");
  fs::create_directories(zones + "Asia");
  fs::copy_file(kTokyo, zones + "Asia/Tokyo");
  fs::copy_file("/usr/share/zoneinfo/Etc/UTC", zones + "UTC");
  fs::create_directories(Path("root/etc"));
  fs::create_symlink("../usr/share/zoneinfo/UTC", Path("root/etc/localtime"));
  const std::string script = "readlink /etc/localtime; date +%Z; TZ=UTC date +%Z";
  EXPECT_EQ(Shell(Path("root:O"), script, {"--tz", "Asia/Tokyo"}).out,
            "../usr/share/zoneinfo/Asia/Tokyo\nJST\nUTC\n");
  fs::remove(zones + "Asia/Tokyo");
  EXPECT_EQ(
      Shell(Path("root:O"), "date +%Z; cat /usr/share/zoneinfo/UTC", {"--tz", "Asia/Tokyo"}).out,
      "JST\n" + ReadFile(zones + "UTC"));
  EXPECT_EQ(Shell(Path("root:O"), "cat /etc/localtime",
                  {"--tz", "Asia/Tokyo", "-v", Path("root/marker") + ":/etc/localtime"})
                .out,
            "of the directory\n")
      << "the user's own mount wins";
}

TEST_F(Timezone, ThatNobodyHasIsAnError) {
  for (const char* zone : {"Mars/Olympus", "../../../etc/passwd", "/etc/passwd", "tzdata.zi", "",
                           "Asia", "Asia/../UTC"}) {
    const Output output = RunShell("echo ran", {"--name", "one", "--tz", zone});
    if (std::string(zone).empty()) {
      EXPECT_EQ(output.out, "ran\n") << output;
      continue;
    }
    EXPECT_EQ(output.code, 125) << zone << output;
    EXPECT_EQ(output.out, "");
    EXPECT_NE(output.err.find(fmt::format("--tz '{}'", zone)), std::string::npos) << output;
    EXPECT_EQ(RunOk({"ps", "-aq"}), "") << "nothing is left of " << zone;
  }
}

}  // namespace
}  // namespace hoy::test
