// hoy load of archives that are not what they claim.

#include <fmt/core.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class BadArchive : public HoySandbox {
 protected:
  void ExpectNothingNew() const {
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
    EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
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
      const Output output = HostShell(script);
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
