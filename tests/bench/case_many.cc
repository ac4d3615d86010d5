// Much at once, and much data.

#include <fmt/core.h>

#include <filesystem>
#include <fstream>

#include "tests/bench/cases.h"

namespace hoy::bench {
namespace {
namespace fs = std::filesystem;

constexpr int kParallel = 200;
constexpr size_t kBigFile = 1'000'000'000;

void WriteBigFile(const std::string& path) {
  std::string block(1'000'000, '\0');
  uint32_t word = 1;
  for (char& byte : block) byte = static_cast<char>((word = word * 1664525 + 1013904223) >> 24);
  std::ofstream out(path, std::ios::binary);
  for (size_t done = 0; done < kBigFile; done += block.size()) out << block;
}

double Rate(const Usage& usage) {
  return kBigFile / 1e6 / (usage.milliseconds / 1e3);
}

}  // namespace

void RunInParallel(Ground& ground, Report& report, int rounds) {
  const std::string metric = fmt::format("run --rm true, {} at once", kParallel);
  std::vector<Contender> contenders = {
      {"floor",
       [&] {
         const Program run =
             ground.Floor({"run", ground.Path("floor"), ground.lower(), "/bin/true"});
         return kParallel / (Measure(AtOnce(run, kParallel)).milliseconds / 1e3);
       }},
      {"hoy", [&] {
         const Program run =
             ground.Hoy({"run", "--rm", "--network", "none", ground.image(), "/bin/true"});
         return kParallel / (Measure(AtOnce(run, kParallel)).milliseconds / 1e3);
       }}};
  if (ground.has_podman()) {
    contenders.push_back({"podman (runc)", [&] {
                            std::vector<std::string> arguments = {"run", "--rm"};
                            for (const std::string& flag : ground.PodmanRunFlags()) {
                              arguments.push_back(flag);
                            }
                            arguments.push_back(ground.image());
                            arguments.push_back("/bin/true");
                            const Program run = ground.Podman(arguments);
                            return kParallel / (Measure(AtOnce(run, kParallel)).milliseconds / 1e3);
                          }});
  }
  report.Compare(metric, "1/s", rounds, contenders);
  const auto hoy = report.Median(metric, "hoy");
  const auto podman = report.Median(metric, "podman (runc)");
  if (!hoy || !podman) return;
  report.Target(fmt::format("{}: {:.1f} x podman's rate (at least 15)", metric, *hoy / *podman),
                *hoy >= 15 * *podman);
}

// Into a running container and out of it, beside a plain cp between two directories.
void CopyBigFile(Ground& ground, Report& report, int rounds) {
  const std::string source = ground.Path("big");
  const std::string target = ground.Path("copy");
  WriteBigFile(source);
  const std::string id = ground.Text(ground.Hoy({"run", "-d", ground.image(), "sleep", "86400"}));
  const auto without_target = [&](const Program& copy) {
    fs::remove(target);
    return Rate(Measure(copy));
  };
  const Contender floor = {"cp", [&] { return without_target({.argv = {"cp", source, target}}); }};
  const std::string in = "cp of 1 GB, in";
  report.Compare(in, "MB/s", rounds,
                 {floor, {"hoy", [&] {
                            ground.Text(ground.Hoy({"exec", id, "rm", "-f", "/big"}));
                            return Rate(Measure(ground.Hoy({"cp", source, id + ":/big"})));
                          }}});
  const std::string out = "cp of 1 GB, out";
  report.Compare(
      out, "MB/s", rounds,
      {floor, {"hoy", [&] { return without_target(ground.Hoy({"cp", id + ":/big", target})); }}});
  for (const std::string& metric : {in, out}) {
    const auto hoy = report.Median(metric, "hoy");
    const auto plain = report.Median(metric, "cp");
    if (!hoy || !plain) continue;
    report.Target(fmt::format("{}: {:.2f} x cp's rate (at least 0.8)", metric, *hoy / *plain),
                  *hoy >= 0.8 * *plain);
  }
  ground.Text(ground.Hoy({"rm", "-f", id}));
  fs::remove(source);
  fs::remove(target);
}

}  // namespace hoy::bench
