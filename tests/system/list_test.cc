// ps with its filters and orders, container prune, port.

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class List : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    if (HasFatalFailure()) return;
    Output made = Run({"create", "-it", "--name", "made", "-l", "team=a", "-v",
                       directory() + ":/data", Busybox(), "true"});
    EXPECT_EQ(made.code, 0) << made;
    EXPECT_EQ(made.err, "") << "nothing is attached that could be no terminal";
    EXPECT_EQ(Run({"run", "--name", "ended", "-l", "team=b", "--network", "host", "--expose",
                   "8000-8002/udp", Busybox(), "sh", "-c", "exit 3"})
                  .code,
              3);
    StartSleeper({"--name", "up"});
    Run({"run", "--name", "broken", Busybox(), "/missing"});
  }
  // Names, as `ps -a` lists them with these filters.
  std::string Names(const std::vector<std::string>& filters,
                    std::vector<std::string> more = {"-a"}) const {
    std::vector<std::string> arguments = {"ps", "--format", "{{.Names}}"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (const std::string& filter : filters) arguments.insert(arguments.end(), {"-f", filter});
    std::string names = RunOk(arguments);
    std::ranges::replace(names, '\n', ' ');
    return names;
  }
};

TEST_F(List, FiltersAreAndOverKeysAndOrWithinOne) {
  EXPECT_EQ(Names({}), "broken up ended made");
  EXPECT_EQ(Names({}, {}), "up");
  EXPECT_EQ(Names({"status=exited"}, {}), "ended") << "implies -a";
  EXPECT_EQ(Names({"status=exited", "status=created"}), "ended made");
  EXPECT_EQ(Names({"status=failed"}), "broken");
  EXPECT_EQ(Names({"status=dead"}), "");
  EXPECT_EQ(Names({"status=removing"}), "");
  EXPECT_EQ(Names({"is-task=true"}), "");
  EXPECT_EQ(Names({"is-task=false"}), "broken up ended made");
  EXPECT_EQ(Names({"exited=3"}, {}), "ended");
  EXPECT_EQ(Names({"exited=0"}), "");
  EXPECT_EQ(Names({"name=e"}), "broken ended made");
  EXPECT_EQ(Names({"name=^e"}), "ended");
  EXPECT_EQ(Names({"label=team"}), "ended made");
  EXPECT_EQ(Names({"label=team=a"}), "made");
  EXPECT_EQ(Names({"label=team=a", "status=exited"}), "");
  EXPECT_EQ(Names({"before=up"}), "ended made");
  EXPECT_EQ(Names({"since=ended"}), "broken up");
  EXPECT_EQ(Names({"ancestor=" + Busybox()}), "broken up ended made");
  EXPECT_EQ(Names({"ancestor=other"}), "");
  EXPECT_EQ(Names({"volume=/data"}), "made");
  EXPECT_EQ(RunOk({"ps", "--no-trunc", "--format", "{{.Mounts}}", "-f", "status=created"}),
            directory());
  EXPECT_EQ(Names({"volume=" + directory()}), "made");
  EXPECT_EQ(Names({"network=host"}), "ended");
  EXPECT_EQ(Names({"network=none"}), "broken up made");
  EXPECT_EQ(Names({"expose=8001/udp"}), "ended");
  EXPECT_EQ(Names({"expose=8001"}), "");
  EXPECT_EQ(Names({"expose=7000-8000/udp"}), "ended");
  EXPECT_EQ(Names({"publish=80"}), "");
  EXPECT_EQ(Names({"health=none"}), "broken up ended made");
  EXPECT_EQ(Names({"health=healthy"}), "");
  EXPECT_EQ(Names({"until=1h"}), "");
  EXPECT_EQ(Names({"command=missing"}), "broken");
  EXPECT_EQ(Names({"id=" + Inspect("up")["Id"].get<std::string>().substr(0, 12)}), "up");
  for (const char* wrong : {"color=red", "status=asleep", "exited=x", "health=fine", "expose=99999",
                            "publish=tcp", "is-task=maybe", "name=a(b", "until=soon", "status"}) {
    EXPECT_EQ(Run({"ps", "-f", wrong}).code, 125) << wrong;
  }
  EXPECT_EQ(Run({"ps", "-f", "before=missing"}).code, 1);
}

TEST_F(List, ShowsWhatOnlyTheRecordTells) {
  RunOk({"create", "--name", "full", "-v", "numbers:/n", "-v", "/cache", "-v", directory() + ":/d",
         "--network", "host", Busybox(), "true"});
  const Json image = Inspect(Busybox());
  const std::string platform =
      image["Os"].get<std::string>() + "/" + image["Architecture"].get<std::string>();
  const std::string format = "{{.LocalVolumes}} {{.Networks}} {{.Platform}}";
  EXPECT_EQ(RunOk({"ps", "-af", "name=full", "--format", format}), "2 host " + platform);
  EXPECT_EQ(RunOk({"ps", "-f", "name=up", "--format", format}), "0 none " + platform);
  const std::string mounts =
      RunOk({"ps", "-af", "name=full", "--no-trunc", "--format", "{{.Mounts}}"});
  EXPECT_NE(mounts.find("numbers,"), std::string::npos) << mounts << ": a volume by its name";
  EXPECT_NE(mounts.find(directory()), std::string::npos) << mounts;
  const Json row = Json::parse(RunOk({"ps", "-af", "name=full", "--format", "json"}));
  EXPECT_EQ(row["LocalVolumes"], 2) << "a number";
  EXPECT_EQ(row["Size"], "0B") << "as docker, where nobody counted";
  std::set<std::string> fields;
  for (const auto& [field, value] : row.items()) fields.insert(field);
  EXPECT_EQ(fields,
            (std::set<std::string>{"Command", "CreatedAt", "ID", "Image", "Labels", "LocalVolumes",
                                   "Mounts", "Names", "Networks", "Platform", "Ports", "RunningFor",
                                   "Size", "State", "Status"}));
  EXPECT_EQ(Json::parse(RunOk({"ps", "-af", "name=full", "--format", "{{json .}}"})), row);
  const std::string sized = RunOk({"ps", "-asf", "name=full", "--format", "{{json .}}"});
  EXPECT_NE(sized.find("(virtual"), std::string::npos) << sized;
  const Output wrong = Run({"ps", "-f", "name=nobody", "--format", "{{.Colour}}"});
  EXPECT_EQ(wrong.code, 125) << wrong << "also when there is nothing to list";
  EXPECT_EQ(RunOk({"ps", "-f", "name=nobody", "--format", "{{index (split .Names \"-\") 1}}"}), "");
  for (const std::string& field : fields) {
    EXPECT_NE(wrong.err.find(field), std::string::npos) << field << "\n" << wrong;
  }
  EXPECT_EQ(row["Networks"], "host");
  EXPECT_EQ(row["Platform"], platform);
  RunOk({"rm", "-v", "full"});
  RunOk({"volume", "rm", "numbers"});

  RunOk({"create", "--name", "able", "--cap-add", "net_admin", "--cap-add", "CAP_SYS_TIME",
         "--cap-add", "NET_ADMIN", "--cap-drop", "all", "--cidfile", Path("id"), Busybox(),
         "true"});
  const Json host = Inspect("able")["HostConfig"];
  EXPECT_EQ(host["CapAdd"], Json::parse(R"(["CAP_NET_ADMIN", "CAP_SYS_TIME"])"));
  EXPECT_EQ(host["CapDrop"], Json::parse(R"(["ALL"])"));
  EXPECT_EQ(host["ContainerIDFile"], Path("id"));
  EXPECT_EQ(Inspect("up")["HostConfig"]["CapAdd"], Json());
  EXPECT_EQ(Inspect("up")["HostConfig"]["ContainerIDFile"], "");
}

TEST_F(List, ShowsTheIdOfAnImageWhoseNameHasMoved) {
  const std::string id = Inspect(Busybox())["Id"];
  RunOk({"tag", Busybox(), "moving:1"});
  RunOk({"create", "--name", "old", "moving:1", "true"});
  const std::vector<std::string> ps = {"ps", "-a", "-f", "name=old", "--format", "{{.Image}}"};
  EXPECT_EQ(RunOk(ps), "moving:1");
  RunOk({"tag", Configured(), "moving:1"});
  EXPECT_EQ(RunOk(ps), id.substr(std::string("sha256:").size(), 12));
  std::vector<std::string> whole = ps;
  whole.emplace_back("--no-trunc");
  EXPECT_EQ(RunOk(whole), id);
  RunOk({"create", "--name", "new", "moving:1", "true"});
  EXPECT_EQ(RunOk({"ps", "-a", "-f", "name=new", "--format", "{{.Image}}"}), "moving:1");
}

TEST_F(List, IsSortedAndCut) {
  EXPECT_EQ(Names({}, {"-a", "--sort", "names"}), "broken ended made up");
  EXPECT_EQ(Names({}, {"-a", "--sort", "created"}), "made ended up broken");
  EXPECT_EQ(Names({}, {"-a", "--sort", "status"}), "made up ended broken");
  EXPECT_EQ(Names({}, {"-n", "2"}), "broken up");
  EXPECT_EQ(Names({}, {"-l"}), "broken");
  EXPECT_EQ(Run({"ps", "--sort", "beauty"}).code, 125);
  RunOk({"exec", "up", "sh", "-c", "head -c 5000 /dev/zero > /file"});
  EXPECT_TRUE(Names({}, {"-a", "--sort", "size"}).ends_with(" up"));
  EXPECT_EQ(Run({"ps", "--watch", "0"}).code, 125);
  Pty watch(Hoy({"ps", "--watch", "1"}));
  EXPECT_TRUE(watch.Expect("CONTAINER ID"));
  EXPECT_TRUE(watch.Expect("\033[H")) << "again";
  EXPECT_TRUE(watch.Expect("CONTAINER ID"));
  watch.Send("\x03");
  EXPECT_EQ(watch.Finish(), 130);
}

TEST_F(List, NoTerminalObeysWhatAContainerMade) {
  RunOk({"exec", "up", "sh", "-c", "touch /$(printf 'a\\033]0;title\\007')"});
  EXPECT_TRUE(Has(RunOk({"diff", "up"}), "a\033]0;title\007")) << "a file gets the bytes";
  Pty diff(Hoy({"diff", "up"}));
  EXPECT_TRUE(diff.Expect("a\\x1b]0;title\\x07"));
  EXPECT_EQ(diff.Finish(), 0);
  const Output none = Run({"run", "--rm", Busybox(), "\033]0;title\007"});
  EXPECT_EQ(none.code, 127);
  EXPECT_FALSE(Has(none.err, "\033")) << none;
}

TEST_F(List, InspectAndPortKnowWhatIsExposed) {
  const Json exposed = Inspect("ended")["Config"]["ExposedPorts"];
  EXPECT_EQ(exposed.size(), 3u) << exposed;
  EXPECT_TRUE(exposed.contains("8000/udp"));
  RunOk({"create", "--name", "configured", "--expose", "1", Configured()});
  EXPECT_GT(Inspect("configured")["Config"]["ExposedPorts"].size(), 1u) << "the image's, too";
  EXPECT_EQ(RunOk({"port", "up"}), "");
  const Output closed = Run({"port", "up", "80"});
  EXPECT_EQ(closed.code, 1) << closed;
  EXPECT_NE(closed.err.find("no public port '80/tcp' published for up"), std::string::npos);
  EXPECT_EQ(Run({"port", "missing"}).code, 1);
  for (const char* wrong : {"x", "0", "80/icmp", "70000"}) {
    EXPECT_EQ(Run({"port", "up", wrong}).code, 125) << wrong;
  }
  EXPECT_EQ(Run({"create", "--expose", "x", Busybox()}).code, 125);
}

TEST_F(List, PruneRemovesWhatDoesNotRun) {
  const Output asked = Run({"container", "prune"});
  EXPECT_EQ(asked.code, 125) << "nobody to ask: " << asked;
  EXPECT_EQ(Names({}), "broken up ended made");
  const Output dry = Run({"container", "prune", "--dry-run"});
  EXPECT_NE(dry.out.find("Containers that would be deleted:\n"), std::string::npos) << dry;
  EXPECT_NE(dry.out.find("Total reclaimable space: "), std::string::npos) << dry;
  EXPECT_EQ(Names({}), "broken up ended made");
  EXPECT_EQ(RunOk({"container", "prune", "-f", "--filter", "until=1h"}),
            "Total reclaimed space: 0B");
  EXPECT_EQ(Run({"container", "prune", "-f", "--filter", "size=1"}).code, 125);
  RunOk({"container", "prune", "-f", "--filter", "label=team=a"});
  EXPECT_EQ(Names({}), "broken up ended");
  RunOk({"container", "prune", "-f", "--filter", "label!=team"});
  EXPECT_EQ(Names({}), "up ended");
  // What it has logged counts, too.
  RunOk({"run", "--name", "last", Busybox(), "head", "-c", "200000", "/dev/zero"});
  const std::string last = Inspect("last")["Id"];
  Pty answer(Hoy({"container", "prune"}));
  EXPECT_TRUE(answer.Expect("[y/N]"));
  answer.Send("y\n");
  EXPECT_EQ(answer.Finish(), 0);
  EXPECT_NE(answer.screen().find("Deleted Containers:"), std::string::npos);
  EXPECT_NE(answer.screen().find(last), std::string::npos);
  EXPECT_NE(answer.screen().find("Total reclaimed space: 2"), std::string::npos)
      << "200 kB and some: " << answer.screen();
  EXPECT_EQ(Names({}), "up");
}

}  // namespace
}  // namespace hoy::test
