// What a network costs, in a network namespace that is the host's for hoy and nobody else's.

#include <fmt/format.h>

#include <algorithm>

#include "tests/bench/cases.h"
#include "tests/bench/networks.h"

namespace hoy::bench {
namespace {

constexpr int kParallel = 100;

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
