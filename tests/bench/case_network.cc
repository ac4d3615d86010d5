// What a network costs, in a network namespace that is the host's for hoy and nobody else's.

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/bench/cases.h"
#include "tests/bench/networks.h"

namespace hoy::bench {
namespace {

constexpr int kParallel = 100;

// That so many at once get an address each, and leave none behind.
void CountAddresses(Ground& ground, Report& report,
                    const std::function<Program(const std::vector<std::string>&)>& hoy) {
  Measure(hoy({"network", "create", "crowd"}));
  Measure(AtOnce(hoy({"run", "-d", "--network", "crowd", "--label", "crowd", ground.image(),
                      "sleep", "86400"}),
                 kParallel));
  const auto words = [&](const std::vector<std::string>& arguments) {
    std::istringstream text(ground.Text(hoy(arguments)));
    return std::vector<std::string>(std::istream_iterator<std::string>(text), {});
  };
  std::vector<std::string> remove = words({"ps", "-q", "--filter", "label=crowd"});
  std::vector<std::string> show = {"inspect", "--format",
                                   "{{.NetworkSettings.Networks.crowd.IPAddress}}"};
  show.insert(show.end(), remove.begin(), remove.end());
  const std::vector<std::string> addresses = words(show);
  const std::set<std::string> distinct(addresses.begin(), addresses.end());
  remove.insert(remove.begin(), {"rm", "-f"});
  Measure(hoy(remove));
  // It is refused while one is leased.
  Measure(hoy({"network", "rm", "crowd"}));
  report.Target(fmt::format("run -d on one network, {0} at once: {1} addresses (all of {0})",
                            kParallel, distinct.size()),
                distinct.size() == kParallel && addresses.size() == kParallel);
}

}  // namespace

void RunOnTheBridge(Ground& ground, Report& report, int rounds) {
  const Fd host = NewNetworkNamespace();
  const auto hoy = [&](const std::vector<std::string>& arguments) {
    Program program = ground.Hoy(arguments);
    program.network_namespace = host.get();
    return program;
  };
  const auto run = [&](const std::string& network) {
    return hoy({"run", "--rm", "--network", network, ground.image(), "/bin/true"});
  };
  const std::string one = "run --rm true, networks";
  report.Compare(one, "ms", rounds,
                 {{"hoy, none", [&] { return Measure(run("none")).milliseconds; }},
                  {"hoy, bridge", [&] { return Measure(run("bridge")).milliseconds; }}});
  const double serial = *report.Median(one, "hoy, bridge");
  const double added = serial - *report.Median(one, "hoy, none");
  report.Target(fmt::format("{}: the bridge adds {:.2f} ms (at most 4)", one, added), added <= 4);

  const std::string many = fmt::format("run --rm true on the bridge, {} at once", kParallel);
  report.Compare(many, "ms each", std::max(1, rounds / 20),
                 {{"hoy", [&] {
                     return Measure(AtOnce(run("bridge"), kParallel)).milliseconds / kParallel;
                   }}});
  const double each = *report.Median(many, "hoy");
  report.Target(fmt::format("{}: {:.2f} x one after the other (at most 2)", many, each / serial),
                each <= 2 * serial);

  CountAddresses(ground, report, hoy);

  const auto quietly = [&](const std::vector<std::string>& arguments) { Measure(hoy(arguments)); };
  quietly({"network", "create", "bench"});
  quietly(
      {"run", "-d", "--name", "joins", "--network", "bridge", ground.image(), "sleep", "86400"});
  const std::string connect = "network connect";
  report.Compare(connect, "ms", rounds,
                 {{"hoy", [&] {
                     const double taken =
                         Measure(hoy({"network", "connect", "bench", "joins"})).milliseconds;
                     quietly({"network", "disconnect", "bench", "joins"});
                     return taken;
                   }}});
  const double joined = *report.Median(connect, "hoy");
  report.Target(fmt::format("{}: {:.2f} ms (at most 5)", connect, joined), joined <= 5);
  quietly({"rm", "-f", "joins"});
  quietly({"network", "rm", "bench"});
}

}  // namespace hoy::bench
