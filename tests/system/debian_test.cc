// A real distribution: Debian as debootstrap makes it ($HOY_TEST_DEBIAN_LAYER, see
// tools/registry.sh), through a registry and run; and its nginx, curl, dig and iperf3 as containers
// on a network.

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/must_run.h"
#include "tests/support/network_sandbox.h"
#include "tests/support/registry.h"

namespace hoy::test {
namespace {

class Debian : public NetworkSandbox {};

TEST_F(Debian, IsPulledFromARegistryAndRuns) {
  const char* file = std::getenv("HOY_TEST_DEBIAN_LAYER");
  if (file == nullptr) SKIP_BECAUSE("HOY_TEST_DEBIAN_LAYER names no layer");
  std::ifstream stream(file, std::ios::binary);
  std::string layer((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_FALSE(layer.empty()) << file;
  const Output sum = RunCommand({.argv = {"sh", "-c", "zcat \"$1\" | sha256sum", "sh", file}});
  ImageBuilder builder;
  builder.RawLayer(std::move(layer), "sha256:" + sum.out.substr(0, 64), Compression::kGzip);
  builder.config()["Cmd"] = {"bash"};
  builder.config()["Env"] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  Registry registry;
  registry.Push("debian", "programs", builder.Build());
  const std::string image = registry.Reference("debian", "programs");
  Command pull = Hoy({"pull", "-q", image});
  pull.timeout = seconds(240);  // some hundreds of MB, beside others that sync to the same disk
  const Output pulled = RunCommand(pull);
  ASSERT_EQ(pulled.code, 0) << pulled;

  EXPECT_EQ(RunOk({"run", "--rm", image, "bash", "-c", "dpkg -s bash | grep ^Status"}),
            "Status: install ok installed");
  // What the unpacking had to keep: set-user-ID bits, groups, symlinks, hard links.
  EXPECT_EQ(RunOk({"run", "--rm", image, "stat", "-c", "%a %U:%G", "/usr/bin/passwd", "/var/mail"}),
            "4755 root:root\n2775 root:mail");
  EXPECT_EQ(RunOk({"run", "--rm", image, "readlink", "/bin"}), "usr/bin");
  EXPECT_EQ(RunOk({"run", "--rm", image, "stat", "-c", "%h", "/usr/bin/perl"}), "2");
  EXPECT_EQ(RunOk({"run", "--rm", "-u", "nobody", image, "id", "-un"}), "nobody");

  RunOk({"network", "create", "--subnet", "10.1.0.0/24", "app"});
  RunOk({"run", "-d", "--name", "web", "--network", "app:alias=www", "-p", "8080:80", image,
         "nginx", "-g", "daemon off;"});
  RunOk({"run", "-d", "--name", "perf", "--network", "app", "-p", "5201:5201", image, "iperf3",
         "-s"});
  const std::string fetch = "curl -sf -m 60 --retry 60 --retry-delay 1 --retry-connrefused ";
  for (const char* from : {"127.0.0.1:8080", "'[::1]:8080'"}) {
    EXPECT_NE(Host(fetch + from).out.find("Welcome to nginx!"), std::string::npos) << from;
  }
  // Each waits for a minute, and asks again.
  const std::string dig = "dig +short +time=20 +tries=3 ";
  EXPECT_EQ(RunOk({"run", "--rm", "--network", "app", image, "sh", "-c",
                   fetch + "http://web | grep -o '<title>.*</title>';" + dig + "web;" + dig +
                       "www;" + dig + "+tcp web;" + dig + "-x 10.1.0.2"}),
            "<title>Welcome to nginx!</title>\n10.1.0.2\n10.1.0.2\n10.1.0.2\nweb.");
  Output measured;
  EXPECT_TRUE(Eventually([&] {
    measured = Run(
        {"run", "--rm", "--network", "host", image, "iperf3", "-c", "127.0.0.1", "-t", "1", "-J"});
    return measured.code == 0;
  }));
  EXPECT_GT(Json::parse(measured.out)["end"]["sum_received"]["bytes"], 0) << measured;
}

}  // namespace
}  // namespace hoy::test
