// What -v and --mount make besides plain binds: sources that are made, throw-away layers over
// directories of the host, files of other owners, images, globs and terminals.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class MountKinds : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    fs::create_directories(Path("src/sub"));
    WriteFile(Path("src/file"), "of the host\n");
    WriteFile(Path("src/sub/inner"), "inner\n");
  }
  std::string OwnerOf(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(lstat(Path(name).c_str(), &status), 0) << name;
    return fmt::format("{}:{}", status.st_uid, status.st_gid);
  }
};

TEST_F(MountKinds, AMissingSourceIsMadeWhenTheContainerStarts) {
  const std::string id =
      RunOk({"create", "-v", Path("new/dir") + ":/d", Busybox(), "touch", "/d/file"});
  EXPECT_FALSE(fs::exists(Path("new")));
  RunOk({"start", "-a", id});
  EXPECT_TRUE(fs::exists(Path("new/dir/file")));
  fs::remove_all(Path("new"));
  RunOk({"start", "-a", id});
  EXPECT_TRUE(fs::exists(Path("new/dir/file")));
  Shell("touch /d/file",
        {"--mount", fmt::format("type=bind,src={},dst=/d,bind-create-src", Path("asked"))});
  EXPECT_TRUE(fs::exists(Path("asked/file")));
}

TEST_F(MountKinds, AnOverlayForgetsWhatWasWritten) {
  fs::permissions(Path("src"), fs::perms{0751});
  const std::string script =
      "stat -c %a /d; cat /d/file; rm /d/file; echo new >/d/sub/inner; touch /d/made; ls /d";
  const std::string id =
      RunOk({"create", "-v", Path("src") + ":/d:O", "-v", Path("src/sub") + ":/e:O", Busybox(),
             "sh", "-c", script + "; touch /e/other"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(RunOk({"start", "-a", id}), "751\nof the host\nmade\nsub");
    EXPECT_EQ(ReadFile(Path("src/file")), "of the host\n");
    EXPECT_EQ(ReadFile(Path("src/sub/inner")), "inner\n");
    EXPECT_EQ(ListNames(Path("src/sub")), std::vector<std::string>{"inner"});
    const std::string written = data() + "/containers/" + id + "/overlays";
    EXPECT_TRUE(Eventually([&] { return !fs::exists(written); }));
  }
  // Nothing is written through cp either.
  EXPECT_NE(Run({"cp", Path("src/file"), id + ":/d/copied"}).code, 0);
  EXPECT_FALSE(fs::exists(Path("src/copied")));
  // Over a volume.
  Shell("echo kept >/v/file", {"-v", "data:/v"});
  EXPECT_EQ(Shell("echo lost >/v/file; cat /v/file", {"-v", "data:/v:O"}), "lost");
  EXPECT_EQ(Shell("cat /v/file", {"-v", "data:/v"}), "kept");
  RunOk({"rm", id});
  RunOk({"volume", "rm", "data"});
}

// The scratch directory's file system can map owners, or it cannot: what the container sees is the
// same, and what the source's owner has is the source's owner's again from the outside where it
// can.
TEST_F(MountKinds, TheContainersUserOwnsWhatTheSourcesOwnerHas) {
  for (const char* name : {"src", "src/file", "src/sub", "src/sub/inner"}) {
    ASSERT_EQ(chown(Path(name).c_str(), 1234, 1235), 0);
  }
  WriteFile(Path("src/roots"), "");
  const std::string look =
      "stat -c %u:%g /d /d/sub/inner /d/roots; touch /d/made; stat -c %u:%g "
      "/d/made";
  const std::vector<std::string> as_user = {"-u", "77:78", "-v", Path("src") + ":/d:U"};
  EXPECT_EQ(Shell(look, as_user), "77:78\n77:78\n0:0\n77:78");
  EXPECT_EQ(OwnerOf("src/made"), OwnerOf("src"));
  EXPECT_EQ(OwnerOf("src/roots"), "0:0");
  EXPECT_EQ(Shell(look, as_user), "77:78\n77:78\n0:0\n77:78");
  Shell("touch /v/a; stat -c %u /v/a", {"-u", "77", "-v", "data:/v:U"});
  EXPECT_EQ(Shell("stat -c %u /v/a", {"-u", "99", "--mount", "src=data,dst=/v,U"}), "99");
  RunOk({"volume", "rm", "data"});
}

TEST_F(MountKinds, AnImageIsMountedReadOnlyOrToBeThrownAway) {
  const std::string image = Configured();
  const std::string mount = "type=image,src=" + image + ",dst=/tools";
  // A program of the image is found, and what is in it cannot be changed.
  EXPECT_EQ(RunOk({"run", "--rm", "--mount", mount, Busybox(), "/tools/bin/echo", "from there"}),
            "from there");
  EXPECT_TRUE(Has(RunShell("touch /tools/made", {"--mount", mount}).err, "Read-only"));
  EXPECT_EQ(Shell("touch /tools/made && ls /tools/made", {"--mount", mount + ",rw"}),
            "/tools/made");
  EXPECT_EQ(Shell("test -e /tools/made || echo gone", {"--mount", mount}), "gone");
  EXPECT_EQ(Shell("ls /b/sh", {"--mount", "type=image,src=" + image + ",dst=/b,subpath=bin"}),
            "/b/sh");
  const Output part = RunShell("true", {"--mount", mount + ",subpath=no/such"});
  EXPECT_EQ(part.code, 125) << part;
  EXPECT_TRUE(Has(part.err, "mount '/tools': subpath 'no/such' of image '" + image + "'")) << part;
  EXPECT_FALSE(Has(part.err, "was removed")) << part;
  EXPECT_EQ(RunShell("true", {"--pull", "never", "--mount", "type=image,src=none,dst=/t"}).code,
            125);

  // It stays as long as a container wants it.
  const std::string id = RunOk({"create", "--mount", mount, Busybox(), "/tools/bin/true"});
  const Json json = Inspect(id).at("Mounts").at(0);
  EXPECT_EQ(json.at("Type"), "image");
  EXPECT_EQ(json.at("Source"), image);
  EXPECT_EQ(json.at("RW"), false);
  EXPECT_NE(Run({"rmi", image}).code, 0);
  Run({"rmi", "-f", image});
  RunOk({"image", "prune", "-af"});
  RunOk({"start", "-a", id});
}

TEST_F(MountKinds, AGlobMountsWhatItFinds) {
  WriteFile(Path("src/b.so"), "b\n");
  WriteFile(Path("src/a.so"), "a\n");
  const std::string pattern = "type=glob,src=" + Path("src") + "/*.so";
  EXPECT_EQ(Shell("ls /lib2; cat /lib2/b.so", {"--mount", pattern + ",dst=/lib2,ro"}),
            "a.so\nb.so\nb");
  EXPECT_EQ(Shell("cat " + Path("src/a.so"), {"--mount", pattern}), "a");
}

// `hoy run` that gets a device with one hook, a script, at `point`.
class Hooks : public MountKinds {
 protected:
  void SetUp() override {
    MountKinds::SetUp();
    fs::create_directories(Path("cdi"));
    env["HOY_CDI_DIRS"] = Path("cdi");
    ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
    fifo_.reset(open(Path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(fifo_);
  }
  void WriteHook(const std::string& point, const std::string& script, int timeout = 0) const {
    WriteFile(Path("hook"), "#!/bin/sh\n" + script, 0755);
    WriteHooks({{{"hookName", point}, {"path", Path("hook")}, {"timeout", timeout}}});
  }
  void WriteHooks(const std::vector<Json>& hooks) const {
    const Json device = {{"name", "x"}, {"containerEdits", {{"hooks", hooks}}}};
    const Json file = {
        {"cdiVersion", "0.6.0"}, {"kind", "example.com/dev"}, {"devices", Json::array({device})}};
    WriteFile(Path("cdi/dev.json"), file.dump());
  }
  // A script that says "up" in the FIFO and does not end, nor does its child.
  std::string Endless() const {
    return fmt::format("exec 3>{}\nsleep 1000 & echo up >&3; wait\n", Path("fifo"));
  }
  bool IsUp() {
    return Eventually([&] {
      char byte = 0;
      return read(fifo_.get(), &byte, 1) == 1 && byte == '\n';
    });
  }
  // Nobody can write to it any more.
  bool HasEnded() {
    return Eventually([&] {
      char byte = 0;
      return read(fifo_.get(), &byte, 1) == 0;
    });
  }

  const std::vector<std::string> with_device = {"--device", "example.com/dev=x"};

 private:
  Fd fifo_;
};

TEST_F(Hooks, NothingOfThemOutlivesTheirTimeOrTheirStarter) {
  WriteHook("createRuntime", Endless(), 1);
  const Output late = RunShell("echo ran", with_device);
  EXPECT_EQ(late.code, 125) << late;
  EXPECT_TRUE(Has(late.err, "hook '" + Path("hook") + "' took more than 1 s")) << late;
  EXPECT_TRUE(HasEnded());

  WriteHook("createContainer", Endless());
  for (const int signal : {SIGINT, SIGKILL}) {
    Background start(
        Hoy({"run", "--rm", with_device[0], with_device[1], Busybox(), "echo", "ran"}));
    ASSERT_TRUE(IsUp());
    start.Signal(signal);
    EXPECT_TRUE(HasEnded()) << signal;
    const Output output = start.Finish();
    EXPECT_EQ(output.code, signal == SIGKILL ? 128 + SIGKILL : 125) << output;
    EXPECT_EQ(output.out, "");
  }
}

// Though they name no time.
TEST_F(Hooks, EndWithTheContainer) {
  for (const std::string point : {"createRuntime", "createContainer"}) {
    WriteHook(point, Endless());
    Run({"rm", "one"});
    RunOk({"create", "--name", "one", "--restart", "always", with_device[0], with_device[1],
           Busybox(), "sleep", "3600"});
    for (const std::vector<std::string>& verb : std::initializer_list<std::vector<std::string>>{
             {"stop", "-t", "0", "one"}, {"kill", "one"}}) {
      SCOPED_TRACE(point + " " + verb[0]);
      Background start(Hoy({"start", "one"}));
      ASSERT_TRUE(IsUp());
      Background end(Hoy(verb));
      EXPECT_TRUE(HasEnded());
      EXPECT_EQ(end.Finish().code, 0);
      start.Finish();
      EXPECT_TRUE(WaitForStatus("one", "exited"));
    }
  }
  Background start(Hoy({"start", "one"}));
  ASSERT_TRUE(IsUp());
  RunOk({"rm", "-f", "one"});
  EXPECT_TRUE(HasEnded());
}

// As long as its hook takes, others may do with the container what they like.
TEST_F(Hooks, OfARunningContainerKeepNobodyWaiting) {
  WriteHook("poststart", Endless());
  Background start(Hoy(
      {"run", "-d", "--name", "one", with_device[0], with_device[1], Busybox(), "sleep", "3600"}));
  ASSERT_TRUE(IsUp());
  RunOk({"rename", "one", "two"});
  RunOk({"pause", "two"});
  RunOk({"unpause", "two"});
  EXPECT_TRUE(start.Running());
  RunOk({"rm", "-f", "two"});
  EXPECT_TRUE(HasEnded());
  EXPECT_TRUE(Has(start.Finish().err, "was ended, as the container has ended"));
}

TEST_F(Hooks, RunWhenTheProgramDoesAndWhenItHasEnded) {
  WriteFile(Path("hook"),
            fmt::format("#!/bin/sh\nstatus=$(sed 's/.*\"status\":\"\\([a-z]*\\)\".*/\\1/')\n"
                        "echo $1 $status >>{}\n[ $2 = 0 ] || echo went wrong\nexit $2\n",
                        Path("log")),
            0755);
  auto write_hooks = [&](const std::string& create_code, const std::string& code) {
    std::vector<Json> hooks;
    for (const std::string point : {"poststop", "poststart", "createRuntime"}) {
      hooks.push_back({{"hookName", point},
                       {"path", Path("hook")},
                       {"args", {"hook", point, point == "createRuntime" ? create_code : code}}});
    }
    WriteHooks(hooks);
  };
  auto has_logged = [&](const std::string& expected) {
    const bool has = Eventually([&] { return ReadFileIfThere(Path("log")) == expected; });
    fs::remove(Path("log"));
    return has;
  };
  const std::string all = "createRuntime creating\npoststart running\npoststop stopped\n";
  write_hooks("0", "0");
  EXPECT_EQ(RunShell("exit 7", with_device).code, 7);
  EXPECT_TRUE(has_logged(all));

  // By the monitor; and by a later command, where nobody is there any more.
  const std::string id = StartSleeper(with_device);
  RunOk({"stop", "-t", "0", id});
  RunOk({"wait", id});
  EXPECT_TRUE(has_logged(all));
  RunOk({"start", id});
  const Json state = Json::parse(ReadFile(run() + "/containers/" + id + "/state.json"));
  ASSERT_GT(state.value("monitor_pid", 0), 0);
  for (const char* who : {"monitor_pid", "pid"}) ::kill(state.value(who, 0), SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps"});
    return ReadFileIfThere(Path("log")) == all;
  }));
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(has_logged(all));

  // Also after a start that failed behind them, or by them.
  EXPECT_EQ(Run({"run", "--rm", with_device[0], with_device[1], Busybox(), "/no/such"}).code, 127);
  EXPECT_TRUE(has_logged("createRuntime creating\npoststop stopped\n"));
  write_hooks("4", "0");
  EXPECT_EQ(RunShell("echo ran", with_device).code, 125);
  EXPECT_TRUE(has_logged("createRuntime creating\npoststop stopped\n"));

  // What fails there changes nothing.
  write_hooks("0", "3");
  const Output failed = RunShell("exit 7", with_device);
  EXPECT_EQ(failed.code, 7) << failed;
  EXPECT_TRUE(Has(failed.err, "poststart hook '" + Path("hook") + "' ended with 3: went wrong"))
      << failed;
  EXPECT_TRUE(has_logged(all));
  const std::string events =
      RunOk({"events", "--since", "1h", "--until", "0s", "--filter", "event=hook_failed",
             "--format", "{{.Actor.Attributes.error}}"});
  EXPECT_TRUE(Has(events, "poststart hook")) << events;
  EXPECT_TRUE(Has(events, "poststop hook")) << events;
}

// As the container's user, in its root, with the rights that its program has.
TEST_F(Hooks, RunInTheContainerBeforeItsProgram) {
  auto write_hook = [&](const std::string& script, int timeout = 0) {
    WriteHooks({{{"hookName", "startContainer"},
                 {"path", "/bin/sh"},
                 {"args", {"sh", "-c", script}},
                 {"env", {"WHO=hook"}},
                 {"timeout", timeout}}});
  };
  write_hook("cat >/tmp/state; echo $WHO; id -u; cat /proc/self/status >/tmp/status");
  const std::vector<std::string> options = {with_device[0], with_device[1], "--user",  "1234",
                                            "--cap-add",    "CHOWN",        "--tmpfs", "/tmp"};
  for (const char* more : {"--init", "--security-opt=no-new-privileges"}) {
    std::vector<std::string> all = options;
    all.emplace_back(more);
    const Output output = RunShell(
        "cat /tmp/state; echo; for f in /tmp/status /proc/self/status; do "
        "grep -E '^(Uid|Cap...|Seccomp|NoNewPrivs):' $f; done | sort | uniq -u; echo $WHO",
        all);
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.err, "hook\n1234\n");
    // Its own first process is the container's init.
    const int pid = more == std::string("--init") ? 2 : 1;
    EXPECT_TRUE(Has(output.out, fmt::format("\"pid\":{},\"status\":\"created\"}}\n\n\n", pid)))
        << output;
  }
  write_hook("echo bad; exit 3");
  const Output failed = RunShell("echo ran", with_device);
  EXPECT_EQ(failed.code, 125) << failed;
  EXPECT_EQ(failed.out, "");
  EXPECT_TRUE(Has(failed.err, "startContainer hook '/bin/sh' ended with 3")) << failed;
  write_hook("sleep 1000 & wait", 1);
  EXPECT_TRUE(Has(RunShell("echo ran", with_device).err, "hook '/bin/sh' took too long"));
  WriteHooks({{{"hookName", "startContainer"}, {"path", "/no/such"}}});
  EXPECT_TRUE(Has(RunShell("echo ran", with_device).err, "hook '/no/such': No such file"));
}

// In a copy of our mounts: what is unmounted here goes there, nothing comes back.
TEST_F(Hooks, HoldNoMountOfTheHost) {
  fs::create_directories(Path("shared"));
  WriteHook("createContainer", "grep /shared /proc/self/mountinfo >" + Path("mounts"));
  const Output output = HostShell(fmt::format(
      "export DIR HOY; unshare -m sh -ec 'mount -t tmpfs t $DIR/shared; mount --make-shared "
      "$DIR/shared; $HOY run --rm --device example.com/dev=x {} true'",
      Busybox()));
  EXPECT_EQ(output.code, 0) << output;
  const std::string mounts = ReadFile(Path("mounts"));
  EXPECT_TRUE(Has(mounts, " master:")) << mounts;
  EXPECT_FALSE(Has(mounts, " shared:")) << mounts;
}

TEST_F(MountKinds, TerminalsOfAnotherInstance) {
  EXPECT_EQ(Shell("stat -f -c %T /x/pts; ls /x/pts; stat -c %a /x/pts/ptmx; grep -c 'mode=600' "
                  "/proc/mounts",
                  {"--mount", "type=devpts,dst=/x/pts,mode=0600"}),
            "devpts\nptmx\n666\n1");
}

TEST_F(MountKinds, ADeviceThatAVendorDescribes) {
  fs::create_directories(Path("cdi"));
  WriteFile(Path("cdi/card.yaml"), fmt::format(R"(
cdiVersion: "0.6.0"
kind: example.com/card
containerEdits:
  env: [CARD=any]
devices:
- name: one
  containerEdits:
    additionalGids: [4321]
    deviceNodes: [{{path: /dev/card/one, hostPath: /dev/null, fileMode: 0600}}]
    mounts: [{{hostPath: {}, containerPath: /opt/card.so, options: [ro, nosuid, bind]}}]
)",
                                               Path("src/file")));
  env["HOY_CDI_DIRS"] = Path("cdi");
  const Output output = RunShell(
      "echo x >/dev/card/one && stat -c '%a %t:%T' /dev/card/one; cat /opt/card.so; echo $CARD; "
      "id -G; echo y >/opt/card.so",
      {"--device", "example.com/card=one"});
  EXPECT_TRUE(Has(output.out, "600 1:3\nof the host\nany\n0 ")) << output;
  EXPECT_TRUE(Has(output.out, "4321\n")) << output;
  EXPECT_TRUE(Has(output.err, "Read-only")) << output;
  for (const char* typed : {"--device", "--device="}) {
    std::vector<std::string> words = {"__complete", "--", "run", typed};
    if (words.back() == "--device") words.emplace_back("exam");
    EXPECT_TRUE(Has(RunOk(words), "example.com/card=one\n")) << typed;
  }
  EXPECT_EQ(RunOk({"__complete", "--", "run", "--device", "/dev"}), ":files");
  const Output other = RunShell("true", {"--device", "example.com/card=two"});
  EXPECT_EQ(other.code, 125);
  EXPECT_TRUE(Has(other.err, "--device: no CDI device 'example.com/card=two'")) << other;
  EXPECT_TRUE(Has(other.err, "there are example.com/card=one")) << other;
  // What it wants done runs when the container has all its mounts, and nothing is read-only yet.
  WriteFile(Path("hook"),
            fmt::format(R"sh(#!/bin/sh
state=$(cat)
bundle=$(echo "$state" | sed 's/.*"bundle":"\([^"]*\)".*/\1/')
root=$(sed 's/.*"path":"\([^"]*\)".*/\1/' "$bundle/config.json")
echo "$1 $HOOK $(cat "$root/opt/card.so")" >"$root/etc/hooked"
echo "$state" >{}
[ "$1" = good ] || exec sh -c "echo what went wrong >&2; exit 3"
)sh",
                        Path("state")),
            0755);
  WriteFile(Path("cdi/gpu.json"), fmt::format(R"({{
"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu",
"containerEdits": {{"mounts": [{{"hostPath": "{0}", "containerPath": "/opt/card.so"}}]}},
"devices": [
 {{"name": "all", "containerEdits": {{"hooks": [
   {{"hookName": "createContainer", "path": "{1}", "args": ["hook", "good"], "env": ["HOOK=set"]}},
   {{"hookName": "createRuntime", "path": "/bin/true", "timeout": 60}}]}}}},
 {{"name": "0", "containerEdits": {{"hooks": [
   {{"hookName": "createContainer", "path": "{1}", "args": ["hook", "bad"]}}]}}}}]}})",
                                              Path("src/file"), Path("hook")));
  EXPECT_EQ(
      Shell("cat /etc/hooked", {"--gpus", "all,\"capabilities=compute,utility\"", "--read-only"}),
      "good set of the host");
  EXPECT_TRUE(Has(ReadFile(Path("state")), "\"status\":\"creating\""));
  for (const char* gpus : {"device=0", "\"device=0\",capabilities=utility"}) {
    const Output failed = RunShell("echo ran", {"--gpus", gpus});
    EXPECT_EQ(failed.code, 125) << failed;
    EXPECT_EQ(failed.out, "");
    EXPECT_TRUE(Has(failed.err, "' ended with 3: what went wrong")) << failed;
  }
  fs::remove(Path("cdi/gpu.json"));

  const Output gpus = RunShell("true", {"--gpus", "all"});
  EXPECT_EQ(gpus.code, 125);
  EXPECT_TRUE(Has(gpus.err, "--gpus: no CDI device 'nvidia.com/gpu=all'")) << gpus;
}

}  // namespace
}  // namespace hoy::test
