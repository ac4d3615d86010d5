// Images that lie or attack, from a real registry: refused with the reason, leaving neither an
// image nor a layer nor a file outside DATA.

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class HostileImage : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    // The good layers of a bad image may be half downloaded when the bad one is found.
    partial_blobs_are_expected = true;
    fs::create_directories(outside());
    WriteFile(outside() + "/secret", "of the host\n", 0600);
  }
  void TearDown() override {
    EXPECT_EQ(ListNames(outside()), std::vector<std::string>{"secret"});
    EXPECT_EQ(ReadFile(outside() + "/secret"), "of the host\n");
    EXPECT_EQ(ListNames(directory()), (std::vector<std::string>{"d", "home", "outside", "r"}));
    EXPECT_TRUE(ListNames(Path("home")).empty());
    HoySandbox::TearDown();
  }
  std::string outside() const { return Path("outside"); }

  // Enough of ".." to reach the host's root from any layer's directory, then back down.
  std::string Up(const std::string& path) const {
    std::string up;
    for (int i = 0; i < 20; ++i) up += "../";
    return up + path.substr(1);
  }

  // Pulls the image that was pushed as "app" and expects a refusal that says `text`.
  void RefusesToPull(const std::string& text) {
    const std::string reference = registry_.Reference("app");
    for (const auto& arguments :
         {std::vector<std::string>{"pull", reference}, {"run", "--rm", reference, "true"}}) {
      const Output output = Run(arguments);
      EXPECT_EQ(output.code, 125) << arguments[0] << "\n" << output;
      EXPECT_EQ(output.out, "") << arguments[0];
      EXPECT_TRUE(Has(output.err, text)) << "no '" << text << "' in\n" << output;
    }
    EXPECT_EQ(RunOk({"images", "-q"}), "");
    EXPECT_TRUE(ListNames(data() + "/containers").empty());
  }
  void RefusesLayer(const Tar& tar, const std::string& text) {
    registry_.Push("app", "latest", BusyboxImage().Layer(tar).Build());
    RefusesToPull(text);
  }
  // Pulls and runs it: the attack must come to nothing inside the layer.
  void TakesHarmlessly(const Tar& tar) {
    registry_.Push("app", "latest", BusyboxImage().Layer(tar).Build());
    RunOk({"pull", "-q", registry_.Reference("app")});
    RunOk({"run", "--rm", registry_.Reference("app"), "true"});
  }

  Registry registry_;
};

TEST_F(HostileImage, NamesThatClimbOut) {
  Tar tar;
  tar.File(Up(outside() + "/evil"), "evil");
  RefusesLayer(tar, "..");
}

TEST_F(HostileImage, AbsoluteNames) {
  Tar tar;
  tar.File(outside() + "/evil", "evil");
  TakesHarmlessly(tar);
}

TEST_F(HostileImage, SymlinksThatLeadOut) {
  Tar absolute;
  absolute.Symlink("link", outside()).File("link/evil", "evil");
  RefusesLayer(absolute, "link");
  Tar relative;
  relative.Symlink("link", Up(outside())).File("link/evil", "evil");
  RefusesLayer(relative, "link");
  Tar over;
  over.Symlink("file", outside() + "/secret").File("file", "evil");
  TakesHarmlessly(over);
}

TEST_F(HostileImage, ASymlinkOfOneLayerIsNoWayOutForTheNext) {
  Tar first;
  first.Symlink("link", outside());
  Tar second;
  second.File("link/evil", "evil");
  registry_.Push("app", "latest", BusyboxImage().Layer(first).Layer(second).Build());
  RunOk({"pull", "-q", registry_.Reference("app")});
}

TEST_F(HostileImage, HardLinksToTheHost) {
  Tar tar;
  tar.HardLink("stolen", Up(outside() + "/secret"));
  RefusesLayer(tar, "..");
  Tar absolute;
  absolute.HardLink("stolen", outside() + "/secret");
  RefusesLayer(absolute, "stolen");
}

TEST_F(HostileImage, WhiteoutsOfTheHost) {
  Tar tar;
  tar.Symlink("link", outside()).Whiteout("link/secret");
  RefusesLayer(tar, "link");
  Tar up;
  up.Add({.name = Up(outside() + "/.wh.secret")});
  RefusesLayer(up, "..");
}

TEST_F(HostileImage, MountPointsThatAreSymlinks) {
  // /etc/hosts, /proc and /dev as links to the host: what hoy puts there must land inside.
  Tar tar;
  tar.Symlink("etc/hosts", outside() + "/hosts").Symlink("etc/resolv.conf", outside() + "/resolv");
  tar.Symlink("run", outside()).Symlink("srv", outside() + "/srv");
  registry_.Push("app", "latest", BusyboxImage().Layer(tar).Build());
  const std::string reference = registry_.Reference("app");
  RunOk({"pull", "-q", reference});
  EXPECT_EQ(RunOk({"run", "--rm", "-w", "/srv/dir", reference, "pwd"}), outside() + "/srv/dir");
  fs::create_directories(Path("home/mounted"));
  RunOk({"run", "--rm", "-v", Path("home/mounted") + ":/srv/mnt", reference, "true"});
  fs::remove(Path("home/mounted"));
}

// As in any root that systemd has run: what the links lead to comes with the boot.
TEST_F(HostileImage, MountPointsThatAreDanglingSymlinks) {
  Tar tar;
  tar.Symlink("etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
  tar.Symlink("app", "/data/real/").Symlink("chain", "one").Symlink("one", "../../two/three");
  tar.Symlink("round", "/about").Symlink("about", "round");
  registry_.Push("app", "latest", BusyboxImage().Layer(tar).Build());
  const std::string reference = registry_.Reference("app");
  RunOk({"pull", "-q", reference});
  auto run = [&](std::vector<std::string> options, const std::string& script) {
    options.insert(options.begin(), {"run", "--rm"});
    options.insert(options.end(), {reference, "sh", "-c", script});
    return Run(options);
  };
  EXPECT_EQ(run({"--dns", "192.0.2.1"}, "cat /run/systemd/resolve/stub-resolv.conf").out,
            "nameserver 192.0.2.1\n");
  fs::create_directories(Path("mine"));
  WriteFile(Path("mine/file"), "of the host\n");
  EXPECT_EQ(run({"-v", Path("mine") + ":/app"}, "cat /data/real/file").out, "of the host\n");
  EXPECT_EQ(run({"--tmpfs", "/app/y"}, "grep -c ' /data/real/y tmpfs ' /proc/mounts").out, "1\n");
  EXPECT_EQ(run({"-w", "/chain/x"}, "pwd").out, "/two/three/x\n");
  EXPECT_EQ(run({"-v", Path("mine/file") + ":/app/a/b"}, "cat /app/a/b").out, "of the host\n");
  fs::remove_all(Path("mine"));
  std::string deep;  // as deep as a path can be
  for (int i = 0; i < 2000; ++i) deep += "/d";
  EXPECT_EQ(run({"-w", deep}, "pwd").out, deep + "\n");
  const Output round = run({"-w", "/round/x"}, "pwd");
  EXPECT_EQ(round.code, 125) << round;
  EXPECT_NE(round.err.find("symbolic links"), std::string::npos) << round;
}

// What the kernel resolves beside the file system's tree: with the host's processes in sight, or
// through a descriptor of hoy's own.
TEST_F(HostileImage, MountPointsThatAreMagicLinks) {
  const std::string there = fmt::format("/proc/{}/root{}", getpid(), outside());
  const std::pair<const char*, std::string> links[] = {
      {"run/.containerenv", there + "/env"}, {"etc", there}, {"lib", there}};
  std::vector<std::string> images;
  for (const auto& [path, target] : links) {
    Tar tar;
    tar.Symlink(path, target);
    images.push_back(fmt::format("link{}", images.size()));
    registry_.Push(images.back(), "latest", BusyboxImage().Layer(tar).Build());
    images.back() = registry_.Reference(images.back());
  }
  const std::string& lib = images[2];
  fs::create_directories(Path("home/mounted"));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {images[0], "true"},
           {images[1], "true"},
           {"-w", there + "/work", lib, "true"},
           {"--device", "/dev/null:/lib/null", lib, "true"},
           {"-v", Path("home/mounted") + ":/lib/mounted", lib, "true"},
           {"--tmpfs", "/lib/memory", lib, "true"}}) {
    std::vector<std::string> arguments = {"run", "--rm", "--pid", "host"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(Has(output.err, "/proc")) << output;
  }
  fs::remove(Path("home/mounted"));
}

TEST_F(HostileImage, ABlobWithOtherBytes) {
  const Image image = BusyboxImage().Build();
  registry_.Push("app", "latest", image);
  const std::string path = registry_.BlobPath(image.layer_digests[0]);
  std::string bytes = ReadFile(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  WriteFile(path, bytes);
  RefusesToPull(image.layer_digests[0].substr(0, 19));
}

TEST_F(HostileImage, ABlobThatIsCutOff) {
  const Image image = BusyboxImage().Build();
  registry_.Push("app", "latest", image);
  fs::resize_file(registry_.BlobPath(image.layer_digests[0]), 1000);
  const Output output = Run({"pull", registry_.Reference("app")});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_TRUE(Has(output.err, "the registry has only 1000 of")) << output;
  EXPECT_EQ(RunOk({"images", "-q"}), "");
}

TEST_F(HostileImage, AManifestWithAWrongSize) {
  const Image image =
      BusyboxImage().Build([](Json& manifest) { manifest["layers"][0]["size"] = 12; });
  registry_.Push("app", "latest", image);
  RefusesToPull(image.layer_digests[0].substr(0, 19));
}

TEST_F(HostileImage, AManifestThatWasExchanged) {
  registry_.Push("app", "latest", BusyboxImage().Build());
  const Image other = BusyboxImage().Layer(Tar().File("x", "y")).Build();
  const Image image = BusyboxImage().Build();
  WriteFile(registry_.BlobPath(image.manifest.digest), other.manifest.bytes);
  const std::string reference = registry_.address() + "/app@" + image.manifest.digest;
  const Output output = Run({"pull", reference});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(RunOk({"images", "-q"}), "");
}

TEST_F(HostileImage, ALayerThatIsNotTheOneOfTheConfig) {
  const std::string tar = Tar().File("x", "y").Finish();
  registry_.Push("app", "latest",
                 BusyboxImage()
                     .RawLayer(Gzip(tar), "sha256:" + std::string(64, 'a'), Compression::kGzip)
                     .Build());
  RefusesToPull("the image's config says sha256:aaaaaaaa");
}

// A layer that is here by the diff ID that a config claims is not given to a blob that is not it.
TEST_F(HostileImage, AConfigThatClaimsALayerOfAnotherImage) {
  const std::string tar = Tar().File("private", "of somebody else\n").Finish();
  const std::string diff_id = Sha256Digest(tar);
  const Image honest = ImageBuilder().RawLayer(Gzip(tar), diff_id, Compression::kGzip).Build();
  registry_.Push("honest", "latest", honest);
  RunOk({"pull", "-q", registry_.Reference("honest")});
  const std::string blob = Gzip(Tar().Finish());
  for (const std::string& bytes : {blob, Gzip(std::string(10240, '\0'))}) {
    const Image thief = ImageBuilder().RawLayer(bytes, diff_id, Compression::kGzip).Build();
    registry_.Push("app", "latest", thief);
    const Output pull = Run({"pull", registry_.Reference("app")});
    EXPECT_EQ(pull.code, 125) << pull;
    EXPECT_TRUE(Has(pull.err, "the image's config says " + diff_id)) << pull;
    WriteOciLayout(Path("home/thief"), "app:1", thief);
    const Output load = Run({"load", "-i", Path("home/thief")});
    EXPECT_EQ(load.code, 125) << load;
    EXPECT_TRUE(Has(load.err, "the image's config says " + diff_id)) << load;
    fs::remove_all(Path("home/thief"));
  }
  // Nor when the blob is here, since another image has it.
  registry_.Push(
      "other", "latest",
      ImageBuilder().RawLayer(blob, Sha256Digest(Tar().Finish()), Compression::kGzip).Build());
  RunOk({"pull", "-q", registry_.Reference("other")});
  const Image thief = ImageBuilder().RawLayer(blob, diff_id, Compression::kGzip).Build();
  registry_.Push("app", "latest", thief);
  EXPECT_EQ(Run({"pull", registry_.Reference("app")}).code, 125);
  WriteOciLayout(Path("home/thief"), "app:1", thief);
  EXPECT_EQ(Run({"load", "-i", Path("home/thief")}).code, 125);
  fs::remove_all(Path("home/thief"));
  // But what is the same, packed otherwise, is let in.
  registry_.Push("same", "latest",
                 ImageBuilder().RawLayer(Zstd(tar), diff_id, Compression::kZstd).Build());
  RunOk({"pull", "-q", registry_.Reference("same")});
}

TEST_F(HostileImage, AConfigThatIsNotJson) {
  ImageBuilder builder = BusyboxImage();
  Image image = builder.Build();
  Blob config{.bytes = "{\"architecture\": ",
              .digest = Sha256Digest("{\"architecture\": "),
              .media_type = image.blobs[0].media_type};
  image = builder.Build([&](Json& manifest) {
    manifest["config"]["digest"] = config.digest;
    manifest["config"]["size"] = config.bytes.size();
  });
  image.blobs[0] = config;
  registry_.Push("app", "latest", image);
  RefusesToPull("image config: parse error");
}

TEST_F(HostileImage, LayersThatAreNoArchives) {
  for (const auto& [bytes, compression] :
       std::vector<std::pair<std::string, Compression>>{{"not a gzip stream", Compression::kGzip},
                                                        {"not zstd", Compression::kZstd},
                                                        {Gzip("not a tar"), Compression::kGzip}}) {
    registry_.Push("app", "latest",
                   BusyboxImage().RawLayer(bytes, Sha256Digest("x"), compression).Build());
    RefusesToPull("layer");
  }
}

}  // namespace
}  // namespace hoy::test
