// hoy save and load: every format there and back, pipes, compression, several images, and archives
// that are not what they claim.

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class SaveLoad : public ImageSandbox {
 protected:
  std::string Id(const std::string& image) const {
    return RunOk({"inspect", "--type", "image", "--format", "{{.Id}}", image});
  }
  // Removes every image, layer and blob.
  void Forget() const {
    RunOk({"image", "prune", "-af"});
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/blobs/sha256").empty());
  }
  void ExpectNothingNew() const {
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
    EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
  }
  Output Shell(const std::string& script) const {
    Command command{.argv = {"bash", "-o", "pipefail", "-c", script}, .env = env};
    command.env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
    command.env["HOY"] = HoyProgram();
    command.env["DIR"] = directory();
    return RunCommand(command);
  }
  void ExpectRuns(const std::string& image) const {
    const Output output = Run({"run", "--rm", image, "sh", "-c", "id -un; test ! -e /hidden"});
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out, "root\n") << output;
  }
};

struct Format {
  const char* flag;
  const char* transport;
  bool keeps_names;
};
class SaveFormats : public SaveLoad, public testing::WithParamInterface<Format> {};

TEST_P(SaveFormats, ComeBackAsTheyWere) {
  const std::string id = Id(Busybox());
  RunOk({"tag", Busybox(), "team/app:1"});
  const std::string path = Path("saved");
  RunOk({"save", "--format", GetParam().flag, "-o", path, "team/app:1"});
  Forget();
  const std::string printed = RunOk({"load", "-i", path});
  if (GetParam().keeps_names) {
    EXPECT_EQ(printed, "Loaded image: team/app:1");
    EXPECT_EQ(Id("team/app:1"), id);
  } else {
    EXPECT_EQ(printed, "Loaded image ID: " + id);
  }
  EXPECT_EQ(Id(id), id);
  ExpectRuns(id);
  Forget();
  // The same through its transport, in pull and in run.
  const std::string reference = fmt::format("{}:{}", GetParam().transport, path);
  RunOk({"pull", reference});
  EXPECT_EQ(Id(id), id);
  Forget();
  ExpectRuns(reference);
  ExpectRuns(reference);
}
INSTANTIATE_TEST_SUITE_P(Formats, SaveFormats,
                         testing::Values(Format{"docker-archive", "docker-archive", true},
                                         Format{"oci-archive", "oci-archive", true},
                                         Format{"oci-dir", "oci", true},
                                         Format{"docker-dir", "dir", false}),
                         [](const auto& test) {
                           std::string name = test.param.transport;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(SaveLoad, AnUnchangedImageKeepsItsManifestInOciFormats) {
  const std::string digest =
      RunOk({"inspect", "--type", "image", "--format", "{{.Digest}}", Busybox()});
  RunOk({"save", "--format", "oci-dir", "-o", Path("layout"), Busybox()});
  EXPECT_TRUE(fs::exists(Path("layout/blobs/sha256/") + digest.substr(7)));
  const Json index = Json::parse(ReadFile(Path("layout/index.json")));
  EXPECT_EQ(index["manifests"][0]["digest"], digest);
  // As does a pull of it.
  RunOk({"untag", Busybox()});
  Forget();
  RunOk({"load", "-i", Path("layout")});
  EXPECT_EQ(RunOk({"inspect", "--type", "image", "--format", "{{.Digest}}", Busybox()}), digest);
}

TEST_F(SaveLoad, SharedLayersAreWrittenOnce) {
  RunOk({"save", "-o", Path("one.tar"), Busybox()});
  RunOk({"tag", Busybox(), "second"});
  RunOk({"save", "-o", Path("two.tar"), Busybox(), Configured(), "second"});
  // Configured has the layers of Busybox.
  EXPECT_LT(fs::file_size(Path("two.tar")), fs::file_size(Path("one.tar")) + 100'000);
  Forget();
  const std::string printed = RunOk({"load", "--input=" + Path("two.tar")});
  EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 2) << printed;
  ExpectRuns(Busybox());
  EXPECT_EQ(Id("second"), Id(Busybox()));
  EXPECT_NE(Id(Configured()), Id(Busybox()));
}

TEST_F(SaveLoad, StreamsThroughPipesAndDetectsCompression) {
  const std::string id = Id(Busybox());
  for (const char* tool : {"cat", "gzip", "zstd", "xz", "bzip2"}) {
    for (const char* format : {"docker-archive", "oci-archive"}) {
      Output saved = Shell(fmt::format("$HOY save --format {} {} | {} > $DIR/a", format, id, tool));
      ASSERT_EQ(saved.code, 0) << saved;
      Forget();
      Output piped = Shell("cat $DIR/a | $HOY load");
      EXPECT_EQ(piped.code, 0) << tool << format << piped;
      EXPECT_EQ(piped.out, "Loaded image ID: " + id + "\n") << tool << format;
      EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
      Forget();
      Output redirected = Shell("$HOY load -q < $DIR/a");
      EXPECT_EQ(redirected.code, 0) << tool << format << redirected;
      ExpectRuns(id);
    }
  }
}

TEST_F(SaveLoad, NeverUsesATerminal) {
  Pty save(Hoy({"save", Busybox()}));
  EXPECT_TRUE(save.Expect("is not written to a terminal"));
  EXPECT_EQ(save.Finish(), 125);
  Pty load(Hoy({"load"}));
  EXPECT_TRUE(load.Expect("is not read from a terminal"));
  EXPECT_EQ(load.Finish(), 125);
}

TEST_F(SaveLoad, AFailedSaveLeavesTheOldFile) {
  WriteFile(Path("a.tar"), "old");
  EXPECT_EQ(Run({"save", "-o", Path("a.tar"), Busybox(), "missing"}).code, 1);
  EXPECT_EQ(ReadFile(Path("a.tar")), "old");
  // A blob that vanished is noticed midway.
  for (const std::string& blob : ListNames(data() + "/images/blobs/sha256")) {
    const std::string path = data() + "/images/blobs/sha256/" + blob;
    if (fs::file_size(path) > 100'000) fs::remove(path);
  }
  const Output output = Run({"save", "-o", Path("a.tar"), Busybox()});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_TRUE(Has(output.err, "pull the image again")) << output;
  EXPECT_EQ(ReadFile(Path("a.tar")), "old");
  EXPECT_EQ(ListNames(directory()), (std::vector<std::string>{"a.tar", "d", "home", "r"}));
}

TEST_F(SaveLoad, ALayoutGrowsAndAReferenceChooses) {
  RunOk({"save", "--format=oci-dir", "-o", Path("layout"), Busybox()});
  RunOk({"tag", Configured(), "other:2"});
  RunOk({"save", "--format=oci-dir", "-o", Path("layout"), "other:2"});
  const std::string id = Id("other:2");
  Forget();
  const Output wrong = Run({"pull", "oci:" + Path("layout") + ":nothing"});
  EXPECT_EQ(wrong.code, 1) << wrong;
  EXPECT_TRUE(Has(wrong.err, "it holds ")) << wrong;
  const Output several = Run({"run", "--rm", "oci:" + Path("layout"), "true"});
  EXPECT_EQ(several.code, 125) << several;
  EXPECT_TRUE(Has(several.err, "holds several images")) << several;
  Forget();
  EXPECT_EQ(RunOk({"pull", "oci:" + Path("layout") + ":other:2"}), "docker.io/library/other:2");
  EXPECT_EQ(Id("other:2"), id);
}

TEST_F(SaveLoad, ATagAloneGetsTheNameOfTheDirectory) {
  WriteOciLayout(Path("My_App"), "v1", ImageBuilder().Layer(Tar().File("a", "a")).Build());
  EXPECT_EQ(RunOk({"load", "-i", Path("My_App")}), "Loaded image: localhost/my-app:v1");
}

// docker before 25: a directory for each layer, with VERSION, json and, for one that was there
// before, a symlink.
TEST_F(SaveLoad, ReadsTheOldDockerLayout) {
  const std::string layer = Tar().File("word", "hello").Finish();
  const std::string empty = Tar().File("other", "x").Finish();
  const Json config = {
      {"os", "linux"},
      {"architecture", "amd64"},
      {"config", {{"Cmd", {"sh"}}}},
      {"rootfs",
       {{"type", "layers"},
        {"diff_ids", {Sha256Digest(layer), Sha256Digest(empty), Sha256Digest(layer)}}}}};
  const std::string text = config.dump();
  const std::string name = Sha256Hex(text) + ".json";
  const Json manifest = {{{"Config", name},
                          {"RepoTags", {"old/app:1", "old/app:2"}},
                          {"Layers", {"aa/layer.tar", "bb/layer.tar", "cc/layer.tar"}}}};
  Tar archive;
  archive.Directory("aa").File("aa/VERSION", "1.0").File("aa/json", "{}");
  archive.File("aa/layer.tar", layer);
  archive.Directory("bb").File("bb/VERSION", "1.0").File("bb/layer.tar", empty);
  archive.Directory("cc").Symlink("cc/layer.tar", "../aa/layer.tar");
  archive.File(name, text).File("manifest.json", manifest.dump()).File("repositories", "{}");
  WriteFile(Path("old.tar"), archive.Finish());
  EXPECT_EQ(RunOk({"load", "-i", Path("old.tar")}),
            "Loaded image: old/app:1\nLoaded image: old/app:2");
  Forget();
  const Output piped = Shell("cat $DIR/old.tar | $HOY load");
  EXPECT_EQ(piped.code, 0) << piped;
}

TEST_F(SaveLoad, ADamagedCopyIsNotSaved) {
  const Output spoilt = Shell(
      "for b in $DIR/d/images/blobs/sha256/*; do gzip -t $b 2>/dev/null || continue; "
      "zcat $b | tr h H | gzip > $DIR/spoilt; rm $b; cp $DIR/spoilt $b; done");
  ASSERT_EQ(spoilt.code, 0) << spoilt;
  const Output output = Run({"save", "-o", Path("a.tar"), Busybox()});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "on this machine is damaged")) << output;
  EXPECT_FALSE(fs::exists(Path("a.tar")));
}

TEST_F(SaveLoad, WhatAKilledLoadLeavesTheNextOneClears) {
  const std::string archive = Run({"save", Busybox()}).out;
  Forget();
  {
    Command command = Hoy({"load"});
    command.input = archive.substr(0, archive.size() / 2);
    Background load(command);
    ASSERT_TRUE(Eventually([&] {
      load.WaitForOut("never", milliseconds(20));  // what feeds it
      return !ListNames(data() + "/images/ingest").empty();
    }));
    load.Signal(SIGKILL);
    EXPECT_EQ(load.Finish().code, 137);
  }
  EXPECT_FALSE(ListNames(data() + "/images/ingest").empty());
  RunOk({"load"}, archive);
  EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
  ExpectRuns(Busybox());
}

// Also while it waits for a pipe that says nothing more.
TEST_F(SaveLoad, AnInterruptedLoadOrImportLeavesNothing) {
  const std::string saved = Run({"save", Busybox()}).out;
  Forget();
  const std::string noise(3 << 20, 'x');
  const std::string tree = Tar().File("noise", noise).File("more", noise).Finish();
  auto staging = [&] {
    auto names = ListNames(data() + "/layers");
    return std::ranges::any_of(names, [](const auto& name) { return name.starts_with('.'); });
  };
  for (const auto& [words, archive] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"load"}, saved}, {{"load", "-i", "/dev/stdin"}, saved}, {{"import", "-"}, tree}}) {
    for (int signal : {SIGINT, SIGTERM, SIGKILL}) {
      Command command = Hoy(words);
      command.input = archive.substr(0, archive.size() / 2);
      Background hoy(command);
      ASSERT_TRUE(Eventually([&] {
        hoy.WaitForOut("never", milliseconds(20));  // what feeds it
        return !ListNames(data() + "/images/ingest").empty();
      })) << words[0];
      hoy.Signal(signal);
      ASSERT_TRUE(Eventually([&] { return !hoy.Running(); })) << words[0] << " waits on";
      const Output output = hoy.Finish();
      const bool killed = signal == SIGKILL;
      EXPECT_EQ(output.code, killed ? 137 : 130) << output;
      EXPECT_EQ(!ListNames(data() + "/images/ingest").empty(), killed) << output;
      EXPECT_TRUE(killed || !staging()) << output;
      EXPECT_EQ(RunOk({"images", "-q"}), "");
    }
    // What the killed one left.
    RunOk({"image", "prune", "-f"});
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
    EXPECT_FALSE(staging());
  }
}

TEST_F(SaveLoad, ReadsAPipeByItsPath) {
  WriteFile(Path("a.tar"), Run({"save", Busybox()}).out);
  for (const char* script : {"cat $DIR/a.tar | $HOY load -q -i /dev/stdin",
                             "bash -c '$HOY load -q -i <(cat $DIR/a.tar)'",
                             "bash -c '$HOY pull -q docker-archive:<(cat $DIR/a.tar)'",
                             "$HOY load -q -i /dev/stdin < $DIR/a.tar"}) {
    Forget();
    const Output output = Shell(script);
    EXPECT_EQ(output.code, 0) << script << output;
    ExpectRuns(Busybox());
  }
}

class BadArchive : public SaveLoad {
 protected:
  void SetUp() override {
    SaveLoad::SetUp();
    Forget();
  }
  static std::string Config(const std::vector<std::string>& diff_ids) {
    return Json{{"os", "linux"},
                {"architecture", "amd64"},
                {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}
        .dump();
  }
  static std::string Entry(const std::string& name, const std::vector<std::string>& layers,
                           const std::string& config = "c.json") {
    return Json{{"Config", config}, {"RepoTags", {name}}, {"Layers", layers}}.dump();
  }
  // Refused, with these words, from a file and from a pipe, and nothing is left behind.
  void ExpectRefused(const std::string& bytes, const std::string& words) const {
    WriteFile(Path("bad"), bytes);
    for (const char* script : {"$HOY load -i $DIR/bad", "cat $DIR/bad | $HOY load"}) {
      const Output output = Shell(script);
      EXPECT_EQ(output.code, 125) << output;
      EXPECT_TRUE(Has(output.err, words)) << words << "\n" << output;
      ExpectNothingNew();
    }
  }
  const std::string layer_ = Tar().File("word", std::string(5000, 'x')).Finish();
  const std::string config_ = Config({Sha256Digest(layer_)});
};

TEST_F(BadArchive, ThatIsNone) {
  ExpectRefused("", "it is empty");
  ExpectRefused("hello", "ends early");
  ExpectRefused(std::string(4096, 'x'), "checksum");
  ExpectRefused(Tar().File("etc/passwd", "root").Finish(), "neither manifest.json nor oci-layout");
  ExpectRefused(Tar().File("repositories", "{}").Finish(), "older than 1.10");
}

TEST_F(BadArchive, ThatIsCutAnywhere) {
  const std::string good = Tar()
                               .File("layer.tar", layer_)
                               .File("c.json", config_)
                               .File("manifest.json", "[" + Entry("a:1", {"layer.tar"}) + "]")
                               .Finish();
  for (size_t size : {size_t{100}, size_t{600}, size_t{3000}, good.size() - 2000}) {
    WriteFile(Path("bad"), good.substr(0, size));
    EXPECT_EQ(Run({"load", "-i", Path("bad")}).code, 125) << size;
    ExpectNothingNew();
  }
  const std::string packed = Gzip(good);
  ExpectRefused(packed.substr(0, packed.size() - 5), "gzip: the data ends early");
}

// The size in a header is longer than the file, than any file, or swallows what follows.
TEST_F(BadArchive, ThatLiesAboutSizes) {
  const std::string manifest = "[" + Entry("a:1", {"layer.tar"}) + "]";
  const std::string good = Tar()
                               .File("layer.tar", layer_)
                               .File("c.json", config_)
                               .File("manifest.json", manifest)
                               .Finish();
  auto with_size = [&](const std::string& field) {
    std::string bytes = good;
    bytes.replace(124, 12, field);
    bytes.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(bytes[i]);
    bytes.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    return bytes;
  };
  auto octal = [](uint64_t size) { return fmt::format("{:011o}", size) + '\0'; };
  ExpectRefused(with_size(octal(good.size())), "ends early");
  ExpectRefused(with_size(octal((uint64_t{1} << 33) - 1)), "ends early");
  ExpectRefused(with_size('\x80' + std::string(2, '\0') + '\0' + '\x7f' + std::string(7, '\xff')),
                "size");
  ExpectRefused(with_size(std::string(12, '\xff')), "size");
  // Up to the manifest: the config is part of the layer now, and missing.
  ExpectRefused(with_size(octal((layer_.size() + 511) / 512 * 512 + 1024)), "missing");
  ExpectRefused(with_size(octal(layer_.size() - 1024)), "");
}

TEST_F(BadArchive, ThatLiesAboutItsLayers) {
  Tar base;
  base.File("layer.tar", layer_).File("c.json", config_);
  auto with = [&](const std::string& manifest) {
    return Tar(base).File("manifest.json", "[" + manifest + "]").Finish();
  };
  ExpectRefused(with(Entry("a:1", {"layer.tar", "layer.tar"})), "lists 2 layers, the config 1");
  ExpectRefused(with(Entry("a:1", {"gone.tar"})), "missing in the archive");
  ExpectRefused(with(Entry("a:1", {"../../etc/passwd"})), "missing in the archive");
  ExpectRefused(with(Entry("a:1", {"layer.tar"}, "gone.json")), "'gone.json' is missing");
  ExpectRefused(with(Entry("a:1", {"layer.tar"}, "layer.tar")), "image config");
  Tar other;
  other.File("layer.tar", Tar().File("word", "other").Finish()).File("c.json", config_);
  other.File("manifest.json", "[" + Entry("a:1", {"layer.tar"}) + "]");
  ExpectRefused(other.Finish(), "but the image's config says");
}

TEST_F(BadArchive, ThatContradictsItself) {
  const std::string second = Config({Sha256Digest(layer_), Sha256Digest(layer_)});
  Tar names;
  names.File("layer.tar", layer_).File("c.json", config_).File("d.json", second);
  names.File("manifest.json", "[" + Entry("a:1", {"layer.tar"}) + "," +
                                  Entry("a:1", {"layer.tar", "layer.tar"}, "d.json") + "]");
  ExpectRefused(names.Finish(), "two images named 'a:1'");
  Tar twice;
  twice.File("layer.tar", layer_).File("c.json", config_);
  twice.File("manifest.json", "[" + Entry("a:1", {"layer.tar"}) + "]");
  twice.File("manifest.json", "[" + Entry("b:1", {"layer.tar"}) + "]");
  ExpectRefused(twice.Finish(), "two files named 'manifest.json'");
}

TEST_F(BadArchive, WithNamesThatLeadOut) {
  ExpectRefused(Tar().File("../../etc/cron.d/x", "x").Finish(), "leads out");
  ExpectRefused(Tar().Symlink("manifest.json", "../../../etc/passwd").Finish(), "leads out");
  ExpectRefused(Tar().Symlink("manifest.json", "/etc/passwd").Finish(), "neither manifest.json");
  ExpectRefused(Tar().Symlink("manifest.json", "manifest.json").Finish(), "neither manifest.json");
  ExpectRefused(Tar()
                    .File("c.json", config_)
                    .File("manifest.json", "[" + Entry("a:1", {}, "c.json") + "]")
                    .Finish(),
                "lists 0 layers");
  // A directory's symlinks stay inside it, too, and a FIFO does not block.
  fs::create_directories(Path("dir"));
  fs::create_symlink("/etc/passwd", Path("dir/manifest.json"));
  EXPECT_EQ(Run({"pull", "dir:" + Path("dir")}).code, 125);
  fs::remove(Path("dir/manifest.json"));
  ASSERT_EQ(mkfifo(Path("dir/manifest.json").c_str(), 0644), 0);
  EXPECT_EQ(Run({"pull", "dir:" + Path("dir")}).code, 125);
  ExpectNothingNew();
}

TEST_F(BadArchive, WithBombs) {
  std::string deep(100'000, '[');
  ExpectRefused(Tar().File("manifest.json", deep).Finish(), "nested too deep");
  std::string many = "[\"x\"";
  for (int i = 0; i < 100'000; ++i) many += ",\"x\"";
  many += "]";
  const std::string layers = R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":)" + many + "}]";
  ExpectRefused(Tar().File("c.json", config_).File("manifest.json", layers).Finish(),
                "more than 4096 layers");
  ExpectRefused(Tar().File("manifest.json", std::string(5 << 20, ' ')).Finish(), "too many");
  Tar crowd;
  for (int i = 0; i < 140'000; ++i) crowd.File(fmt::format("{}/f", i), "");
  ExpectRefused(crowd.Finish(), "more than 131072 files");
}

TEST_F(BadArchive, OfALayout) {
  const Image image = ImageBuilder().Layer(Tar().File("a", "a")).Build();
  const Image other = ImageBuilder().Layer(Tar().File("b", "b")).Build();
  WriteOciLayout(Path("layout"), "v1", image);
  auto pull = [&](const std::string& words) {
    const Output output = Run({"pull", "oci:" + Path("layout")});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(Has(output.err, words)) << words << "\n" << output;
    ExpectNothingNew();
  };
  const std::string blobs = Path("layout/blobs/sha256/");
  const std::string layer = blobs + image.layer_digests[0].substr(7);
  const std::string bytes = ReadFile(layer);
  WriteFile(layer, bytes + "x");
  pull("its descriptor says");
  std::string flipped = bytes;
  flipped[4] ^= 1;  // the time in gzip's header: it unpacks all the same
  WriteFile(layer, flipped);
  pull("the manifest promises");
  fs::remove(layer);
  pull("is missing");
  WriteFile(layer, bytes);
  Json index = Json::parse(ReadFile(Path("layout/index.json")));
  Json entry = index["manifests"][0];
  for (const Blob& blob : other.blobs) WriteFile(blobs + blob.digest.substr(7), blob.bytes);
  WriteFile(blobs + other.manifest.digest.substr(7), other.manifest.bytes);
  entry["digest"] = other.manifest.digest;
  entry["size"] = other.manifest.bytes.size();
  index["manifests"].push_back(entry);
  WriteFile(Path("layout/index.json"), index.dump());
  pull("two images named");
  WriteFile(Path("layout/oci-layout"), R"({"imageLayoutVersion":"9"})");
  pull("of version '9'");
}

}  // namespace
}  // namespace hoy::test
