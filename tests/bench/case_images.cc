// Images without a network: save, load, list, remove.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/bench/cases.h"
#include "tests/support/tar.h"

namespace hoy::bench {
namespace {
namespace fs = std::filesystem;

constexpr int kManyImages = 500;

// The large image in stores of its own.
struct Large {
  explicit Large(Ground& ground_of_all)
      : ground(ground_of_all), registry({.storage = LargeImageStorage()}) {
    reference = registry.Reference("large");
    root = ground.Path("large");
    Measure(ground.Hoy({"pull", "-q", reference}, root));
    if (ground.has_podman()) {
      Measure(ground.Podman({"pull", "-q", "--tls-verify=false", reference}));
    }
  }
  ~Large() {
    ground.Empty(root);
    if (ground.has_podman()) ground.Text(ground.Podman({"rmi", "-f", reference}));
  }

  Ground& ground;
  test::Registry registry;
  std::string reference;
  std::string root;
};

// What the programs before have written is on the disk, as it is when an image has been there for
// a while; else each pays for the other's.
Usage MeasureSettled(const Program& program) {
  sync();
  return Measure(program);
}

void PodmanTarget(Report& report, const std::string& metric, double most) {
  const auto hoy = report.Median(metric, "hoy");
  const auto podman = report.Median(metric, "podman");
  if (!hoy || !podman) return;
  report.Target(fmt::format("{}: {:.2f} x podman (at most {:.1f})", metric, *hoy / *podman, most),
                *hoy <= *podman * most);
}

void PeakTarget(Report& report, const std::string& metric, double peak_kib) {
  report.Add({metric + ", peak memory", "hoy", "KiB", peak_kib, peak_kib, 1});
  report.Target(fmt::format("{}: peak memory {:.0f} MiB (under 100)", metric, peak_kib / 1024),
                peak_kib < 100 * 1024);
}

// A docker-archive of many images on one layer.
std::string ManyImages() {
  const std::string layer = test::Tar().File("a", "a").Finish();
  test::Tar archive;
  archive.File("layer.tar", layer);
  test::Json manifest = test::Json::array();
  for (int i = 0; i < kManyImages; ++i) {
    const test::Json config = {
        {"os", "linux"},
        {"architecture", "amd64"},
        {"created", fmt::format("2026-01-01T{:02}:{:02}:00Z", i / 60, i % 60)},
        {"config", {{"Labels", {{"number", std::to_string(i)}}}}},
        {"rootfs", {{"type", "layers"}, {"diff_ids", {test::Sha256Digest(layer)}}}}};
    const std::string name = fmt::format("{}.json", i);
    archive.File(name, config.dump());
    manifest.push_back({{"Config", name},
                        {"RepoTags", {fmt::format("registry.example.com/team/app{}:1", i)}},
                        {"Layers", {"layer.tar"}}});
  }
  archive.File("manifest.json", manifest.dump());
  return archive.Finish();
}

}  // namespace

void SaveAndLoad(Ground& ground, Report& report, int rounds) {
  const Large large(ground);
  const std::string archive = ground.Path("large.tar");
  for (const std::string format : {"docker-archive", "oci-archive"}) {
    double peak = 0;
    const std::string save = fmt::format("save, 870 MB, {}", format);
    const std::string load = fmt::format("load, 870 MB, {}", format);
    const std::vector<std::string> arguments = {"save", "--format", format,
                                                "-o",   archive,    large.reference};
    std::vector<Contender> contenders = {{"hoy", [&] {
                                            fs::remove(archive);
                                            const Usage usage =
                                                Measure(ground.Hoy(arguments, large.root));
                                            peak =
                                                std::max(peak, static_cast<double>(usage.peak_kib));
                                            return usage.milliseconds / 1e3;
                                          }}};
    if (ground.has_podman()) {
      contenders.push_back({"podman", [&] {
                              fs::remove(archive);
                              return Measure(ground.Podman(arguments)).milliseconds / 1e3;
                            }});
    }
    report.Compare(save, "s", rounds, contenders);
    PodmanTarget(report, save, 0.5);
    PeakTarget(report, save, peak);

    fs::remove(archive);
    Measure(ground.Hoy(arguments, large.root));
    peak = 0;
    contenders = {{"hoy", [&] {
                     const std::string root = ground.Path("load");
                     ground.Empty(root);
                     const Usage usage =
                         MeasureSettled(ground.Hoy({"load", "-q", "-i", archive}, root));
                     peak = std::max(peak, static_cast<double>(usage.peak_kib));
                     return usage.milliseconds / 1e3;
                   }}};
    if (ground.has_podman()) {
      // In a store of its own, where no other name keeps the layers.
      contenders.push_back({"podman", [&] {
                              const std::string root = ground.Path("podman-load");
                              ground.Text(ground.Podman({"rmi", "-a", "-f"}, root));
                              return MeasureSettled(
                                         ground.Podman({"load", "-q", "-i", archive}, root))
                                         .milliseconds /
                                     1e3;
                            }});
    }
    report.Compare(load, "s", rounds, contenders);
    PodmanTarget(report, load, 0.5);
    PeakTarget(report, load, peak);
    ground.Empty(ground.Path("load"));
    fs::remove(archive);
  }
}

// To a registry that has nothing yet. skopeo reads what is the nearest to hoy's own store, a layout
// of the same compressed blobs, and podman's store, whose layers it has to pack again.
void PushLargeImage(Ground& ground, Report& report, int rounds) {
  const Large large(ground);
  const std::string metric = "push, 870 MB";
  double peak = 0;
  std::vector<Contender> contenders = {
      {"hoy", [&] {
         const test::Registry target;
         const Usage usage = Measure(
             ground.Hoy({"push", "-q", large.reference, target.Reference("x")}, large.root));
         peak = std::max(peak, static_cast<double>(usage.peak_kib));
         return usage.milliseconds / 1e3;
       }}};
  const bool has_skopeo = IsInstalled("skopeo");
  const auto skopeo = [](const std::string& source, const std::string& target) {
    return Measure({.argv = {"skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false",
                             "--dest-tls-verify=false", source, target}})
               .milliseconds /
           1e3;
  };
  if (has_skopeo) {
    const std::string layout = "oci:" + ground.Path("layout") + ":x";
    skopeo("docker://" + large.reference, layout);
    contenders.push_back({"skopeo copy oci:", [&, layout] {
                            const test::Registry target;
                            return skopeo(layout, "docker://" + target.Reference("x"));
                          }});
  }
  if (has_skopeo && ground.has_podman()) {
    contenders.push_back({"skopeo copy storage:", [&] {
                            const test::Registry target;
                            return skopeo(
                                "containers-storage:" + ground.PodmanStorage() + large.reference,
                                "docker://" + target.Reference("x"));
                          }});
  }
  report.Compare(metric, "s", rounds, contenders);
  for (const char* who : {"skopeo copy oci:", "skopeo copy storage:"}) {
    const auto hoy = report.Median(metric, "hoy");
    const auto other = report.Median(metric, who);
    if (!hoy || !other) continue;
    report.Target(fmt::format("{}: {:.2f} x {} (at most 0.7)", metric, *hoy / *other, who),
                  *hoy <= *other * 0.7);
  }
  PeakTarget(report, metric, peak);
  fs::remove_all(ground.Path("layout"));
}

void RemoveLargeImage(Ground& ground, Report& report, int rounds) {
  const Large large(ground);
  const std::string metric = "rmi, 870 MB";
  double peak = 0;
  std::vector<Contender> contenders = {
      {"hoy", [&] {
         Measure(ground.Hoy({"pull", "-q", large.reference}, large.root));
         const Usage usage = MeasureSettled(ground.Hoy({"rmi", large.reference}, large.root));
         peak = std::max(peak, static_cast<double>(usage.peak_kib));
         return usage.milliseconds;
       }}};
  if (ground.has_podman()) {
    contenders.push_back(
        {"podman", [&] {
           // In a store of its own, where no other name keeps the layers.
           const std::string root = ground.Path("podman-rmi");
           Measure(ground.Podman({"pull", "-q", "--tls-verify=false", large.reference}, root));
           return MeasureSettled(ground.Podman({"rmi", large.reference}, root)).milliseconds;
         }});
  }
  report.Compare(metric, "ms", rounds, contenders);
  PodmanTarget(report, metric, 0.5);
  PeakTarget(report, metric, peak);
}

void ListImages(Ground& ground, Report& report, int rounds) {
  const std::string root = ground.Path("many");
  const std::string archive = ground.Path("many.tar");
  test::WriteFile(archive, ManyImages());
  Measure(ground.Hoy({"load", "-q", "-i", archive}, root));
  const std::string metric = fmt::format("images, {} of them", kManyImages);
  const auto hoy = [&](const std::vector<std::string>& arguments) {
    return
        [&ground, &root, arguments] { return Measure(ground.Hoy(arguments, root)).milliseconds; };
  };
  report.Compare(metric, "ms", rounds,
                 {{"hoy", hoy({"images"})},
                  {"hoy images -q", hoy({"images", "-q"})},
                  {"hoy's completion", hoy({"__complete", "--", "rmi", ""})}});
  for (const char* who : {"hoy", "hoy images -q", "hoy's completion"}) {
    const double median = report.Median(metric, who).value_or(1e9);
    report.Target(fmt::format("{}, {}: {:.1f} ms (under 10)", metric, who, median), median < 10);
  }
  fs::remove_all(root);
}

}  // namespace hoy::bench
