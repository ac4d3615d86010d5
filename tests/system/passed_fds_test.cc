// --preserve-fds and sd_listen_fds(3): descriptors of hoy's caller in the container.

#include <fmt/core.h>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class PassedFds : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    WriteFile(Path("in"), "from the host\n");
  }
  // A bash script in which $HOY and $IMAGE are set.
  Command Bash(const std::string& script) const {
    Command command = Hoy({});
    command.argv = {"bash", "-c", script};
    command.directory = directory();
    command.env["HOY"] = HoyProgram();
    command.env["IMAGE"] = Busybox();
    return command;
  }
};

TEST_F(PassedFds, ReachTheCommandUnderTheirNumbers) {
  StartSleeper({"--name", "one"});
  const std::string inside = "'cat <&3; echo back >&4; ls /proc/self/fd | tr \"\\n\" \" \"'";
  for (const std::string verb :
       {"run --rm --preserve-fds=2 $IMAGE", "run --rm --init --preserve-fds 2 $IMAGE",
        "run --rm -u app --preserve-fds 2 $IMAGE", "exec --preserve-fds 2 one"}) {
    const Output output =
        RunCommand(Bash(fmt::format("$HOY {} sh -c {} 3<in 4>out 5<in", verb, inside)));
    EXPECT_EQ(output.code, 0) << verb << output;
    EXPECT_EQ(output.out.substr(0, output.out.find("0 1 2")), "from the host\n") << verb << output;
    EXPECT_NE(output.out.find("0 1 2 3 4 "), std::string::npos) << verb << output;
    EXPECT_EQ(output.out.find(" 6"), std::string::npos) << verb << output;
    EXPECT_EQ(ReadFile(Path("out")), "back\n");
  }
}

// More than hoy and its monitor have numbers of their own for.
TEST_F(PassedFds, MayBeMany) {
  StartSleeper({"--name", "one"});
  std::string open;
  std::string read;
  std::string expected;
  for (int fd = 3; fd < 63; ++fd) {
    WriteFile(Path(fmt::format("f{}", fd)), fmt::format("{}\n", fd));
    open += fmt::format("exec {0}<f{0};", fd);
    read += fmt::format("cat /dev/fd/{};", fd);
    expected += fmt::format("{}\n", fd);
  }
  for (const std::string verb :
       {"run --rm --preserve-fds 60 $IMAGE", "run --rm -i --init --preserve-fds 60 $IMAGE",
        "exec -i --preserve-fds 60 one"}) {
    const Output output = RunCommand(Bash(fmt::format("{} $HOY {} sh -c '{}'", open, verb, read)));
    EXPECT_EQ(output.code, 0) << verb << output;
    EXPECT_EQ(output.out, expected) << verb;
  }
}

// Beside all that hoy itself sends along.
TEST_F(PassedFds, AreNoMoreThanThereIsRoomFor) {
  StartSleeper({"--name", "one", "--ipc", "shareable"});
  const std::string run =
      "for fd in $(seq 3 247); do eval \"exec $fd<in\"; done; exec $HOY run --rm --log-driver "
      "passthrough --pid container:one --ipc container:one --uts container:one ";
  const Output most = RunCommand(Bash(run + "--preserve-fds 244 $IMAGE cat /dev/fd/246"));
  EXPECT_EQ(most.code, 0) << most;
  EXPECT_EQ(most.out, "from the host\n");
  const Output more = RunCommand(Bash(run + "--preserve-fds 245 $IMAGE echo ran"));
  EXPECT_EQ(more.code, 125) << more;
  EXPECT_TRUE(Has(more.err, "--preserve-fds '245': not in the range 0 to 244")) << more;
  const Output listening =
      RunCommand(Bash("export LISTEN_FDS=245 LISTEN_PID=$$;" + run + "$IMAGE echo ran"));
  EXPECT_EQ(listening.code, 125) << listening;
  EXPECT_TRUE(Has(listening.err, "LISTEN_FDS '245': not in the range 0 to 244")) << listening;
}

TEST_F(PassedFds, MustBeOpen) {
  StartSleeper({"--name", "one"});
  for (const std::string verb : {"run --rm --preserve-fds 2 $IMAGE", "exec --preserve-fds 2 one"}) {
    const Output output = RunCommand(Bash(fmt::format("$HOY {} echo ran 3<in 4<&-", verb)));
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_NE(output.err.find("--preserve-fds 2: descriptor 4 is not open"), std::string::npos)
        << output;
  }
  EXPECT_EQ(Run({"run", "--preserve-fds", "x", Busybox(), "true"}).code, 125);
  EXPECT_EQ(Run({"run", "--preserve-fds", "-1", Busybox(), "true"}).code, 125);
}

// A pipe ends when the command closes it: nobody else has kept its other end.
TEST_F(PassedFds, AreTheCommandsAlone) {
  StartSleeper({"--name", "one"});
  const std::string inside = "sh -c 'echo through >&3; exec 3>&-; sleep 1000'";
  for (const std::string verb :
       {"run --name two -d --preserve-fds 1 $IMAGE", "run --name two --preserve-fds 1 $IMAGE",
        "run --name two --init --preserve-fds 1 $IMAGE", "exec -d --preserve-fds 1 one",
        "exec --preserve-fds 1 one", "exec -u app --preserve-fds 1 one"}) {
    Background pipeline(Bash(fmt::format(
        "(exec $HOY {} {} 3>&1 >/dev/null) | {{ cat >&2; echo ended >&2; }}", verb, inside)));
    EXPECT_TRUE(pipeline.WaitForErr("through\nended\n")) << verb << "\n" << pipeline.err();
    if (verb.starts_with("exec")) {
      RunOk({"kill", "one"});
      RunOk({"wait", "one"});
      RunOk({"start", "one"});
    } else {
      RunOk({"rm", "-f", "two"});
    }
    pipeline.Finish();
  }
}

TEST_F(PassedFds, SocketsOfSystemdAreHandedOn) {
  const std::string set = "export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web;";
  const std::string inside =
      "sh -c 'echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3 2>&1' 3<in";
  const auto run = [&](const std::string& script) { return RunCommand(Bash(script)).out; };
  EXPECT_EQ(run(set + "exec $HOY run --rm $IMAGE " + inside), "1 1 web\nfrom the host\n");
  EXPECT_EQ(run(set + "exec $HOY run --rm --init $IMAGE " + inside), "1 2 web\nfrom the host\n");
  EXPECT_EQ(run(set + "exec $HOY run --rm --pid host $IMAGE " + inside), "1 web\nfrom the host\n");
  EXPECT_EQ(run(set + "LISTEN_PID=1 exec $HOY run --rm $IMAGE " + inside).substr(0, 1), "\n")
      << "they were meant for somebody else";
  EXPECT_EQ(run(set + "exec $HOY run --rm --preserve-fds 1 $IMAGE " + inside), "\nfrom the host\n");
  EXPECT_EQ(run("$HOY create --name later $IMAGE " + inside + " >/dev/null;" + set +
                "exec $HOY start -a later 3<in"),
            "1 1 web\nfrom the host\n");
  EXPECT_EQ(run("exec $HOY start -a later 3<in").substr(0, 1), "\n") << "for that run alone";
}

}  // namespace
}  // namespace hoy::test
