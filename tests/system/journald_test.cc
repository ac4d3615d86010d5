// --log-driver journald: what is sent to a socket in journald's place, and what is made of what a
// journalctl says.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

// A field of the native protocol, and of the export format.
std::string Binary(const std::string& name, const std::string& value) {
  return name + "\n" + static_cast<char>(value.size()) + std::string(7, '\0') + value + "\n";
}

class Journald : public ImageSandbox {
 protected:
  void SetUp() override {
    if (geteuid() != 0) SKIP_BECAUSE("mounting needs root");
    ImageSandbox::SetUp();
    for (const char* name : {"journal", "bin", "gate"}) fs::create_directory(Path(name));
  }

  // hoy where our directory "journal" is /run/systemd/journal.
  Output RunThere(const std::vector<std::string>& arguments) const {
    Command command = Hoy(arguments);
    std::vector<std::string> argv = {"unshare",
                                     "-m",
                                     "sh",
                                     "-c",
                                     "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && "
                                     "mount --bind \"$0\" /run/systemd/journal && exec \"$@\"",
                                     Path("journal")};
    argv.insert(argv.end(), command.argv.begin(), command.argv.end());
    command.argv = std::move(argv);
    return RunCommand(command);
  }
  std::string StartThere(const std::string& script, const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {
        "run", "-d", "--name", "one", "-v", Path("gate") + ":/gate", "--log-driver", "journald"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    const Output ran = RunThere(arguments);
    EXPECT_EQ(ran.code, 0) << ran;
    return ran.out.substr(0, 64);
  }

  void Listen() {
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = Path("journal/socket");
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::ranges::copy(path, address.sun_path);
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  std::string Receive() const {
    std::string packet(4096, '\0');
    const ssize_t size = ::recv(socket_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    return size > 0 ? packet.substr(0, static_cast<size_t>(size)) : "nothing";
  }

  // Says what the files "past", "coming" and "last" have to say.
  void MakeJournalctl() const {
    WriteFile(Path("bin/journalctl"), "#!/bin/sh\ncd " + directory() + R"(
echo "$@" >>asked
case "$*" in
  *--sync*) ;;
  *--follow*) exec cat coming ;;
  *--after-cursor*) exec cat last ;;
  *) exec cat past ;;
esac
)",
              0755);
  }
  Command Logs(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "logs");
    arguments.emplace_back("one");
    Command command = Hoy(arguments);
    command.env["PATH"] = Path("bin") + ":/usr/bin:/bin";
    return command;
  }

  Fd socket_;
};

TEST_F(Journald, GetsAMessageForEachLine) {
  const Output without = RunThere({"run", "--rm", "--log-driver", "journald", Busybox(), "true"});
  EXPECT_EQ(without.code, 125) << without;
  EXPECT_TRUE(Has(without.err, "log driver journald: connect '/run/systemd/journal/socket'"))
      << without;
  EXPECT_TRUE(Has(without.err, "systemd-journald has to run")) << without;

  Listen();
  const std::string id =
      StartThere("echo out; echo err >&2; printf half", {"--log-opt", "tag=web"});
  RunOk({"wait", "one"});
  std::vector<std::string> messages;
  for (int i = 0; i < 3; ++i) messages.push_back(Receive());
  std::ranges::sort(messages, {}, &std::string::size);  // "half" is marked, and so the longest
  for (const std::string& message : messages) {
    EXPECT_TRUE(Has(message, Binary("CONTAINER_ID_FULL", id))) << message;
    EXPECT_TRUE(Has(message, Binary("CONTAINER_NAME", "one")));
    EXPECT_TRUE(Has(message, Binary("CONTAINER_TAG", "web")));
    EXPECT_TRUE(Has(message, Binary("SYSLOG_IDENTIFIER", "web")));
    EXPECT_TRUE(Has(message, Binary("IMAGE_NAME", Busybox())));
  }
  const std::string both = messages[0] + messages[1];
  EXPECT_TRUE(Has(both, Binary("MESSAGE", "out")) && Has(both, Binary("MESSAGE", "err")));
  EXPECT_TRUE(Has(both, "PRIORITY=6\n") && Has(both, "PRIORITY=3\n"));
  EXPECT_TRUE(Has(messages[2], "CONTAINER_PARTIAL_MESSAGE=true\n" + Binary("MESSAGE", "half")));
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.LogPath}}", "one"}), "");

  Command no_journalctl = Logs({});
  no_journalctl.env["PATH"] = Path("bin");
  const Output missing = RunCommand(no_journalctl);
  EXPECT_EQ(missing.code, 125) << missing;
  EXPECT_TRUE(Has(missing.err, "there is no journalctl")) << missing;
}

TEST_F(Journald, IsReadBackAndFollowed) {
  Listen();
  MakeJournalctl();
  const std::string id =
      StartThere("while [ ! -e /gate/end ]; do sleep 0.02; done", {"--log-opt", "tag=web"});
  WriteFile(Path("past"), "__CURSOR=c1\n__REALTIME_TIMESTAMP=1700000000000001\nPRIORITY=6\n" +
                              Binary("MESSAGE", "a\nb") +
                              "\n__CURSOR=c2\nMESSAGE=err\nPRIORITY=3\n\n"
                              "__CURSOR=c3\nPRIORITY=6\nCONTAINER_PARTIAL_MESSAGE=true\n"
                              "MESSAGE=ha\n\n");
  const Output past = RunCommand(Logs({"-n", "7"}));
  EXPECT_EQ(past.code, 0) << past;
  EXPECT_EQ(past.out, "a\nb\nha");
  EXPECT_EQ(past.err, "err\n");
  const std::string query = "--no-pager --quiet --all --output=export ";
  EXPECT_EQ(ReadFile(Path("asked")),
            "--sync\n" + query + "--lines=7 CONTAINER_ID_FULL=" + id + "\n");
  EXPECT_EQ(RunCommand(Logs({"--details", "-t", "--stdout", "--grep", "b"})).out,
            "2023-11-14T22:13:20.000001000Z tag=web b\n")
      << "an entry may have a newline in it";

  ASSERT_EQ(::mkfifo(Path("coming").c_str(), 0600), 0);
  Fd coming(::open(Path("coming").c_str(), O_RDWR | O_CLOEXEC));
  WriteFile(Path("last"), "__CURSOR=c5\nPRIORITY=6\nMESSAGE=late\n\n");
  Background follow(Logs({"-f"}));
  ASSERT_TRUE(follow.WaitForOut("a\nb\nha"));
  const std::string entry = "__CURSOR=c4\nPRIORITY=6\nMESSAGE=lf\n\n";
  ASSERT_EQ(::write(coming.get(), entry.data(), entry.size()), static_cast<ssize_t>(entry.size()));
  ASSERT_TRUE(follow.WaitForOut("half\n"));
  EXPECT_TRUE(follow.Running());
  WriteFile(Path("gate/end"), "");
  const Output output = follow.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "a\nb\nhalf\nlate\n");
  EXPECT_EQ(output.err, "err\n");
  const std::string asked = ReadFile(Path("asked"));
  EXPECT_TRUE(Has(asked, query + "--follow --lines=all --after-cursor=c3 CONTAINER_ID_FULL=" + id))
      << asked;
  EXPECT_TRUE(
      asked.ends_with("--sync\n" + query + "--after-cursor=c4 CONTAINER_ID_FULL=" + id + "\n"))
      << asked;
}

}  // namespace
}  // namespace hoy::test
