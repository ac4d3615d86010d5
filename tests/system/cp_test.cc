// hoy cp, stat and diff: what is in a container, running or stopped, from outside.

#include <fcntl.h>
#include <fmt/core.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/support/compare_images.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Cp : public ImageSandbox {
 protected:
  void Make(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(Path(path)).parent_path());
    WriteFile(Path(path), text);
  }
  std::string Shell(const std::string& script) const {
    return RunOk({"exec", "box", "sh", "-c", script});
  }
  // A container called box: running with the options given, or only created.
  void Start(std::vector<std::string> options = {}) const {
    options.insert(options.end(), {"--name", "box"});
    StartSleeper(options);
  }
  void Create() const { RunOk({"create", "--name", "box", Busybox(), "cat", "/etc/new"}); }
};

TEST_F(Cp, FollowsDockersTableOfTargets) {
  Start();
  Make("f", "file");
  Make("dir/in", "inner");
  RunOk({"cp", Path("f"), "box:/tmp"});           // into a directory
  RunOk({"cp", Path("f"), "box:/tmp/g"});         // a name of its own
  RunOk({"cp", Path("dir"), "box:/tmp"});         // a directory into one
  RunOk({"cp", Path("dir"), "box:/tmp/e"});       // a directory that becomes it
  RunOk({"cp", Path("dir") + "/.", "box:/opt"});  // its content alone: /opt is made
  RunOk({"cp", Path("dir/../f"), "box:tmp/h"});
  EXPECT_EQ(Shell("cd /tmp && cat f g dir/in e/in /opt/in h"), "filefileinnerinnerinnerfile");

  for (const auto& [from, to, what] : std::vector<std::array<std::string, 3>>{
           {Path("f"), "box:/nowhere/f", "no such directory"},
           {Path("f"), "box:/nowhere/", "no such directory"},
           {Path("dir"), "box:/tmp/f", "is a directory and"},
           {Path("missing"), "box:/tmp", "no such file or directory"},
           {"box:/missing", Path("x"), "no such file or directory"},
           {Path("f"), Path("x"), "must be in a container"}}) {
    const Output output = Run({"cp", from, to});
    EXPECT_NE(output.code, 0) << from << " " << to;
    EXPECT_TRUE(Has(output.err, what)) << output;
  }
  EXPECT_EQ(Run({"cp", Path("f"), "nobody:/tmp"}).code, 1);

  RunOk({"cp", "box:/tmp/dir", Path("out")});
  EXPECT_EQ(ReadFile(Path("out/in")), "inner");
  RunOk({"cp", "box:/tmp/dir/.", Path("out")});
  RunOk({"cp", "box:/tmp/dir", Path("out")});
  EXPECT_EQ(ReadFile(Path("out/dir/in")), "inner");
}

TEST_F(Cp, ReachesAStoppedContainerAndItsVolumes) {
  fs::create_directories(Path("volume"));
  RunOk({"create", "--name", "box", "-v", Path("volume") + ":/data", Busybox(), "cat", "/etc/new"});
  Make("f", "from outside");
  RunOk({"cp", Path("f"), "box:/etc/new"});
  RunOk({"cp", Path("f"), "box:/data/f"});
  EXPECT_EQ(ReadFile(Path("volume/f")), "from outside");
  EXPECT_EQ(RunOk({"start", "-a", "box"}), "from outside");
  RunOk({"cp", "box:/etc/new", Path("back")});
  EXPECT_EQ(ReadFile(Path("back")), "from outside");
  EXPECT_EQ(Run({"diff", "box"}).out, "A /data\nC /etc\nA /etc/new\n");
}

TEST_F(Cp, SeesTheMemoryFileSystemsOfARunningOne) {
  Start({"--tmpfs", "/scratch"});
  Make("f", "text");
  RunOk({"cp", Path("f"), "box:/scratch/"});
  EXPECT_EQ(Shell("cat /scratch/f"), "text");
  EXPECT_EQ(Run({"diff", "box"}).out.find("scratch/f"), std::string::npos);
  // What something is mounted on is written in place.
  RunOk({"cp", Path("f"), "box:/etc/hosts"});
  EXPECT_EQ(Shell("cat /etc/hosts"), "text");
}

// Its proc and sysfs would not end, or not be readable.
TEST_F(Cp, TheWholeOfARunningOneLeavesTheKernelsFilesOut) {
  Start();
  RunOk({"exec", "box", "sh", "-c", "echo kept > /kept"});
  RunOk({"cp", "box:/", Path("all")});
  EXPECT_EQ(ReadFile(Path("all/kept")), "kept\n");
  EXPECT_TRUE(std::filesystem::is_directory(Path("all/proc")));
  EXPECT_TRUE(ListNames(Path("all/proc")).empty());
  EXPECT_TRUE(ListNames(Path("all/sys")).empty());
  const Output tar = RunCommand(
      {.argv = {"sh", "-c", "\"$0\" cp box:/ - | tar t", HoyProgram()}, .env = Hoy({}).env});
  EXPECT_EQ(tar.code, 0) << tar;
  EXPECT_NE(tar.out.find("kept\n"), std::string::npos) << tar;
  EXPECT_NE(tar.out.find("proc/\n"), std::string::npos) << tar;
  EXPECT_EQ(tar.out.find("proc/1"), std::string::npos) << tar;
  EXPECT_EQ(RunOk({"exec", "box", "cat", "/proc/sys/kernel/ostype"}), "Linux");
}

TEST_F(Cp, ARootThatIsReadOnlyStaysAsItIs) {
  Start({"--read-only"});
  Make("f", "text");
  const Output output = Run({"cp", Path("f"), "box:/etc/f"});
  EXPECT_EQ(output.code, 125);
  EXPECT_TRUE(Has(output.err, "Read-only file system")) << output;
}

TEST_F(Cp, LinksOfAContainerNeverLeadOut) {
  Start();
  Make("secret", "precious");
  Make("f", "planted");
  Shell(fmt::format("ln -s {0} /link; ln -s {1} /out; ln -s /../../../..{1} /up", Path("secret"),
                    directory()));
  EXPECT_NE(Run({"cp", "-L", "box:/link", Path("stolen")}).code, 0);
  EXPECT_NE(Run({"cp", "box:/out/secret", Path("stolen")}).code, 0);
  EXPECT_NE(Run({"cp", Path("f"), "box:/out/"}).code, 0);
  EXPECT_NE(Run({"cp", Path("f"), "box:/up/secret"}).code, 0);
  EXPECT_EQ(ReadFile(Path("secret")), "precious");
  EXPECT_FALSE(fs::exists(Path("stolen")));
  // The link itself may be had, and one inside is followed when asked for.
  RunOk({"cp", "box:/link", Path("link")});
  EXPECT_EQ(fs::read_symlink(Path("link")), Path("secret"));
  Shell("echo -n inside > /tmp/t; ln -s tmp/t /in");
  RunOk({"cp", "-L", "box:/in", Path("in")});
  EXPECT_EQ(ReadFile(Path("in")), "inside");
}

// Whatever is a directory at one moment is a link to the host's files at the next.
TEST_F(Cp, ADirectoryThatBecomesALinkMeanwhileLeadsNowhere) {
  Start();
  Make("outside/secret", "precious");
  Make("f", "planted");
  Make("tree/a/f", "planted");
  Shell(fmt::format("mkdir -p /d/a/deep && echo own > /d/a/deep/own && ln -s {} /d/b",
                    Path("outside")));
  const std::string tar = RunOk({"cp", "box:/d", "-"});
  const std::string inside =
      fmt::format("/proc/{}/root/d/", Inspect("box")["State"]["Pid"].get<int>());
  std::atomic<long> swaps = 0;
  std::jthread swapper([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (renameat2(AT_FDCWD, (inside + "a").c_str(), AT_FDCWD, (inside + "b").c_str(),
                    RENAME_EXCHANGE) == 0) {
        ++swaps;
      }
    }
  });
  for (int i = 0; i < 6; ++i) {
    // Some of these fail, as they should; none may be fooled.
    Run({"cp", Path("f"), "box:/d/a/"});
    Run({"cp", Path("tree") + "/.", "box:/d"});
    Run({"cp", "-", "box:/d/a"}, tar);
    Run({"cp", "box:/d/a/.", Path("out")});
    Run({"cp", "-a", "box:/d", Path("all")});
    const Output stream = Run({"cp", "box:/d", "-"});
    EXPECT_FALSE(Has(stream.out, "precious"));
  }
  swapper.request_stop();
  swapper.join();
  EXPECT_GT(swaps, 100);
  EXPECT_EQ(ListNames(Path("outside")), std::vector<std::string>{"secret"});
  EXPECT_EQ(ReadFile(Path("outside/secret")), "precious");
  EXPECT_FALSE(fs::is_symlink(Path("out"))) << "what is in a directory was asked for";
  for (const char* copy : {"out", "all"}) {
    if (!fs::exists(Path(copy))) continue;
    for (const auto& entry : fs::recursive_directory_iterator(Path(copy))) {
      if (entry.is_symlink() || !entry.is_regular_file()) continue;
      EXPECT_NE(ReadFile(entry.path()), "precious") << entry.path();
    }
  }
}

TEST_F(Cp, OwnersAndSetIdBitsAreForTheArchive) {
  Start();
  Shell(
      "echo x > /tmp/tool; chown 1000:1000 /tmp/tool; chmod 4755 /tmp/tool; "
      "mknod /tmp/null c 1 3");
  RunOk({"cp", "box:/tmp", Path("plain")});
  RunOk({"cp", "-a", "box:/tmp", Path("archive")});
  struct stat status{};
  ASSERT_EQ(lstat(Path("plain/tool").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
  EXPECT_FALSE(fs::exists(Path("plain/null")));
  ASSERT_EQ(lstat(Path("archive/tool").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1000u);
  EXPECT_EQ(status.st_mode & 07777, 04755u);
  ASSERT_EQ(lstat(Path("archive/null").c_str(), &status), 0);
  EXPECT_EQ(status.st_rdev, makedev(1, 3));
}

TEST_F(Cp, TarStreamsInBothDirections) {
  Start();
  Shell("mkdir -p /srv/d && echo -n one > /srv/d/a && ln -s a /srv/d/b && ln /srv/d/a /srv/d/c");
  const Output tar = Run({"cp", "box:/srv/d", "-"});
  ASSERT_EQ(tar.code, 0) << tar;
  WriteFile(Path("d.tar"), tar.out);
  ExtractTar(Path("d.tar"), Path("unpacked"));
  EXPECT_EQ(ReadFile(Path("unpacked/d/a")), "one");
  EXPECT_EQ(fs::hard_link_count(Path("unpacked/d/a")), 2u);
  RunOk({"cp", "-", "box:/srv/.."}, tar.out);
  RunOk({"cp", "-", "box:/home"}, tar.out);
  EXPECT_EQ(Shell("cat /d/b /home/d/c"), "oneone");
  EXPECT_NE(Run({"cp", "-", "box:/nowhere"}, tar.out).code, 0);
  EXPECT_NE(Run({"cp", "-", "box:/tmp"}, tar.out.substr(0, 600)).code, 0);
  // One file, and what takes a directory's place.
  const Output file = Run({"cp", "box:/srv/d/a", "-"});
  Shell("mkdir -p /busy/a");
  const Output refused = Run({"cp", "-", "box:/busy"}, file.out);
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(Has(refused.err, "would replace a directory")) << refused;
}

TEST_F(Cp, HolesAndAttributesSurviveATarStream) {
  Start();
  Shell(
      "mkdir -p /srv/d && echo head > /srv/d/holes && printf tail | "
      "dd of=/srv/d/holes bs=1 seek=30000000 conv=notrunc 2>/dev/null");
  const std::string inside = "/proc/" + Inspect("box")["State"]["Pid"].dump() + "/root/srv/d/holes";
  ASSERT_EQ(setxattr(inside.c_str(), "trusted.note", "kept", 4, 0), 0);
  const Output tar = Run({"cp", "box:/srv/d", "-"});
  ASSERT_EQ(tar.code, 0) << tar.err;
  EXPECT_LT(tar.out.size(), 1'000'000u) << "its holes are not in it";
  const auto is_sparse = [](const std::string& path) {
    struct stat status{};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_size, 30'000'004) << path;
    return status.st_blocks < 1000;
  };
  // For GNU tar, and for hoy itself.
  WriteFile(Path("d.tar"), tar.out);
  ExtractTar(Path("d.tar"), Path("unpacked"));
  EXPECT_TRUE(is_sparse(Path("unpacked/d/holes")));
  const Output same = HostShell("tail -c 4 $DIR/unpacked/d/holes; head -c 5 $DIR/unpacked/d/holes");
  EXPECT_EQ(same.out, "tailhead\n") << same;
  StartSleeper({"--name", "back"});
  RunOk({"cp", "-", "back:/"}, tar.out);
  const std::string back = "/proc/" + Inspect("back")["State"]["Pid"].dump() + "/root/d/holes";
  EXPECT_TRUE(is_sparse(back));
  char note[8] = {};
  EXPECT_EQ(getxattr(back.c_str(), "trusted.note", note, sizeof note), 4);
  EXPECT_STREQ(note, "kept");
  EXPECT_EQ(RunOk({"exec", "back", "sh", "-c", "tail -c 4 /d/holes; head -c 5 /d/holes"}),
            "tailhead");
}

TEST_F(Cp, FromOneContainerToAnother) {
  Start();
  RunOk({"create", "--name", "other", Busybox(), "cat", "/tmp/copied"});
  Shell("echo -n both > /tmp/original");
  RunOk({"cp", "box:/tmp/original", "other:/tmp/copied"});
  EXPECT_EQ(RunOk({"start", "-a", "other"}), "both");
  RunOk({"cp", "box:/tmp/original", "box:/tmp/again"});
  EXPECT_EQ(Shell("cat /tmp/again"), "both");
}

// Each of these waits for a stranger: nobody else may have to wait for it.
TEST_F(Cp, WhatComesOutOfAStoppedOneOrGoesInHoldsNobodyUp) {
  auto shell = [&](const std::string& script) {
    return Command{.argv = {"sh", "-c", script, HoyProgram()}, .env = Hoy({}).env};
  };
  fs::create_directories(Path("volume"));
  WriteFile(Path("volume/inner"), "in a volume");
  RunOk({"create", "--name", "box", "-v", Path("volume") + ":/data/v", Busybox(), "sleep", "3600"});
  RunOk({"create", "--name", "other", Busybox(), "sleep", "3600"});
  Make("big", std::string(400'000, 'x'));
  RunOk({"cp", Path("big"), "box:/big"});
  RunOk({"cp", Path("big"), "other:/big2"});

  const Output back = RunCommand(shell("\"$0\" cp box:/big - | \"$0\" cp - box:/tmp"));
  EXPECT_EQ(back.code, 0) << back;
  Background one(Hoy({"cp", "box:/big", "other:/from_box"}));
  Background two(Hoy({"cp", "other:/big2", "box:/from_other"}));
  EXPECT_EQ(one.Finish().code, 0);
  EXPECT_EQ(two.Finish().code, 0);

  // A look at it changes nothing in it, and sees all of it.
  const std::string diff = RunOk({"diff", "other"});
  RunOk({"create", "--name", "fresh", "-v", Path("volume") + ":/data/v", Busybox(), "true"});
  RunOk({"cp", "fresh:/data/v/inner", Path("inner")});
  EXPECT_EQ(ReadFile(Path("inner")), "in a volume");
  EXPECT_EQ(RunOk({"diff", "fresh"}), "");
  EXPECT_EQ(RunOk({"stat", "--format", "{{.size}}", "other:/from_box"}), "400000");
  EXPECT_EQ(RunOk({"diff", "other"}), diff);

  // A reader that does not read.
  Background reader(Hoy({"cp", "box:/big", "-"}));
  ASSERT_TRUE(reader.WaitForOut("xxxx"));
  // A tar that does not end.
  const std::string tar = RunOk({"cp", "box:/big", "-"});
  WriteFile(Path("first"), tar.substr(0, 300'000));
  ASSERT_EQ(mkfifo(Path("rest").c_str(), 0600), 0);
  Background writer(shell(fmt::format("{{ cat {}; echo sent >&2; cat {}; }} | \"$0\" cp - box:/tmp",
                                      Path("first"), Path("rest"))));
  ASSERT_TRUE(writer.WaitForErr("sent"));
  EXPECT_EQ(RunOk({"start", "box"}), "box");
  EXPECT_EQ(reader.Finish().code, 0);
  EXPECT_GT(reader.out().size(), 400'000u);
  EXPECT_EQ(Shell("rm /tmp/big; ls /tmp"), "");
  WriteFile(Path("rest"), tar.substr(300'000));
  const Output written = writer.Finish();
  EXPECT_EQ(written.code, 0) << written;
  EXPECT_EQ(Shell("wc -c < /tmp/big; wc -c < /from_other"), "400000\n400000");
}

TEST_F(Cp, ASourceThatShrinksIsNoSuccess) {
  Start();
  Make("big", std::string(4'000'000, 'x'));
  for (const char* verb : {"cp", "export"}) {
    RunOk({"cp", Path("big"), "box:/big"});
    std::vector<std::string> arguments = {verb, verb == std::string("cp") ? "box:/big" : "box"};
    if (verb == std::string("cp")) arguments.push_back("-");
    Background reader(Hoy(arguments));
    ASSERT_TRUE(reader.WaitForOut("xxxx"));
    Shell("echo -n short > /big");
    const Output output = reader.Finish();
    EXPECT_EQ(output.code, 125) << verb << output.err;
    EXPECT_TRUE(Has(output.err, "hoy: big shrank while it was read")) << verb << output.err;
  }
}

TEST_F(Cp, StatTellsWhatDockersHeaderTells) {
  Start();
  Shell(
      "echo -n 12345 > /tmp/f; chmod 640 /tmp/f; touch -d '2001-02-03 04:05:06' /tmp/f; "
      "ln -s f /tmp/l");
  const Json file = Json::parse(RunOk({"stat", "--format", "json", "box:/tmp/f"}));
  EXPECT_EQ(file["name"], "f");
  EXPECT_EQ(file["size"], 5);
  EXPECT_EQ(file["mode"], 0640);
  EXPECT_EQ(file["mtime"], "2001-02-03T04:05:06.000000000Z");
  EXPECT_EQ(file["linkTarget"], "");
  EXPECT_EQ(RunOk({"stat", "--format", "{{.linkTarget}} {{.mode}}", "box:/tmp/l"}),
            fmt::format("f {}", (1U << 27) | 0777));
  EXPECT_EQ(RunOk({"stat", "--format", "{{.size}}", "-L", "box:/tmp/l"}), "5");
  EXPECT_TRUE(Has(RunOk({"stat", "box:/tmp"}), "Type:        directory"));
  EXPECT_EQ(Run({"stat", "box:/nothing"}).code, 1);
  EXPECT_EQ(Run({"stat", "nobody:/"}).code, 1);
}

// All that is copied into the container is written below its own directory, which is copied next.
TEST_F(Cp, ADirectoryThatHoldsTheContainerIsRefused) {
  Start();
  for (const std::string& source :
       {data(), data() + "/containers", directory(), std::string("/")}) {
    const Output output = Run({"cp", source, "box:/tmp/copy"});
    EXPECT_EQ(output.code, 125) << source << output;
    EXPECT_TRUE(Has(output.err, "into itself")) << output;
  }
  EXPECT_EQ(Shell("ls /tmp"), "");
  RunOk({"stop", "-t", "0", "box"});
  EXPECT_EQ(Run({"cp", data(), "box:/tmp/copy"}).code, 125);
  RunOk({"cp", data() + "/version", "box:/tmp/version"});
}

TEST_F(Cp, DiffAlsoComparesImages) {
  Create();
  Make("f", "text");
  RunOk({"cp", Path("f"), "box:/etc/new"});
  RunOk({"cp", "box:/bin/busybox", Path("busybox")});
  EXPECT_EQ(RunOk({"diff", "box"}), "C /etc\nA /etc/new");
  RunOk({"commit", "box", "changed:1"});
  EXPECT_EQ(RunOk({"diff", "changed:1"}), "C /etc\nA /etc/new");
  EXPECT_EQ(RunOk({"diff", Busybox(), "changed:1"}), "C /etc\nD /etc/new");
  EXPECT_EQ(RunOk({"diff", "--format", "{{.Kind}}", "changed:1", Busybox()}), "C\nA");
  EXPECT_EQ(Run({"diff", "nobody"}).code, 1);
}

}  // namespace
}  // namespace hoy::test
