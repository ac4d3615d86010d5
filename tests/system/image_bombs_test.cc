// Images that are too much: documents of a gigabyte, lists without end, brackets without bottom,
// a crowd of files. Refused with the reason, or taken, but always in little memory.

#include <fmt/core.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

#if HOY_SANITIZED_BUILD
constexpr long kMostKib = 600 << 10;  // shadow memory, and 256 MiB of freed blocks
#else
constexpr long kMostKib = 100 << 10;
#endif
constexpr uint64_t kGigabyte = 1 << 30;
constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

class ImageBombs : public HoySandbox {
 protected:
  ImageBombs() {
    const Image image = ImageBuilder().Layer(Tar().File("word", "hello")).Build();
    for (const Blob& blob : image.blobs) content_.AddBlob(blob.digest, blob.bytes);
    manifest_ = image.manifest;
  }

  // perl starts hoy and says how much memory its child took: a child of this process would begin
  // with as much as this process has.
  Output Measure(const std::vector<std::string>& arguments) const {
    constexpr char kScript[] =
        "my ($file, $getrusage) = splice(@ARGV, 0, 2); my $code = system(@ARGV);"
        "my $usage = \"\\0\" x 144; syscall(0 + $getrusage, -1, $usage);"  // RUSAGE_CHILDREN
        "open(F, '>', $file); print F unpack('q', substr($usage, 32)); close(F);"  // ru_maxrss
        "exit($code & 127 ? 128 + ($code & 127) : $code >> 8);";
    Command hoy = Hoy(arguments);
    const std::vector<std::string> perl = {"perl", "-e", kScript, Path("peak"),
                                           std::to_string(SYS_getrusage)};
    hoy.argv.insert(hoy.argv.begin(), perl.begin(), perl.end());
    hoy.timeout = seconds(600);
    Output output = RunCommand(hoy);
    const long peak_kib = std::strtol(ReadFile(Path("peak")).c_str(), nullptr, 10);
    EXPECT_GT(peak_kib, 1000) << "it cannot be that little";
    EXPECT_LT(peak_kib, kMostKib) << arguments[0] << output;
    return output;
  }

  // `spoil` is asked about every request, with the good answer.
  template <typename Spoil>
  void RefusesToPull(Spoil spoil, const std::string& words) const {
    FaultServer server(
        [&](const FaultRequest& request) { return spoil(request, content_.Answer(request)); });
    const Output output = Measure({"pull", "-q", server.address() + "/app:1"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(words), std::string::npos) << words << "\n" << output;
    EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
  }
  // A registry with this manifest (or index).
  void RefusesManifest(const std::string& bytes, const std::string& words,
                       const std::string& media_type = kManifestType) {
    content_.AddManifest("1", bytes, media_type, Sha256Digest(bytes));
    RefusesToPull([](const FaultRequest&, FaultReply good) { return good; }, words);
  }
  // The good manifest with another config.
  void RefusesConfig(const std::string& bytes, const std::string& words) {
    Json manifest = Json::parse(manifest_.bytes);
    manifest["config"]["digest"] = Sha256Digest(bytes);
    manifest["config"]["size"] = bytes.size();
    content_.AddBlob(Sha256Digest(bytes), bytes);
    RefusesManifest(manifest.dump(), words);
  }

  FakeRegistryContent content_;
  Blob manifest_;
};

TEST_F(ImageBombs, AManifestOfAGigabyte) {
  content_.AddManifest("1", manifest_.bytes, kManifestType, "");
  for (bool says_its_length : {true, false}) {
    RefusesToPull(
        [&](const FaultRequest& request, FaultReply reply) {
          if (request.target.find("/manifests/") != std::string::npos) {
            reply.filler = kGigabyte;
            reply.without_length = !says_its_length;
          }
          return reply;
        },
        "larger than 8388608 bytes");
  }
}

TEST_F(ImageBombs, AConfigOfAGigabyte) {
  Json manifest = Json::parse(manifest_.bytes);
  const std::string config = manifest["config"]["digest"];
  auto sends_a_gigabyte = [&](const FaultRequest& request, FaultReply reply) {
    if (request.target.ends_with(config)) reply.filler = kGigabyte;
    return reply;
  };
  content_.AddManifest("1", manifest_.bytes, kManifestType, manifest_.digest);
  RefusesToPull(sends_a_gigabyte, "longer than the manifest promises");
  manifest["config"]["size"] = kGigabyte;
  content_.AddManifest("1", manifest.dump(), kManifestType, Sha256Digest(manifest.dump()));
  RefusesToPull(sends_a_gigabyte, "config");
}

TEST_F(ImageBombs, ManifestsWithLayersOrPlatformsWithoutEnd) {
  Json manifest = Json::parse(manifest_.bytes);
  const Json layer = manifest["layers"][0];
  auto with = [&](size_t layers) {
    manifest["layers"] = Json::array();
    for (size_t i = 0; i < layers; ++i) manifest["layers"].push_back(layer);
    return manifest.dump();
  };
  RefusesManifest(with(20'000), "more than 4096 entries");
  RefusesManifest(with(100'000), "larger than 8388608 bytes");
  Json index = {{"schemaVersion", 2}, {"manifests", Json::array()}};
  const Json entry = {{"digest", manifest_.digest}, {"size", manifest_.bytes.size()}};
  for (size_t i = 0; i < 20'000; ++i) index["manifests"].push_back(entry);
  RefusesManifest(index.dump(), "more than 4096 entries",
                  "application/vnd.oci.image.index.v1+json");
}

TEST_F(ImageBombs, DocumentsWithoutBottom) {
  constexpr size_t kDepth = 1'000'000;
  std::string objects;
  for (size_t i = 0; i < kDepth / 10; ++i) objects += R"({"a":)";
  for (const std::string& deep : {std::string(kDepth, '['), objects}) {
    RefusesManifest(deep, "nested too deep");
    RefusesManifest(R"({"schemaVersion":2,"annotations":)" + deep, "nested too deep");
    RefusesManifest(R"({"manifests":)" + deep, "nested too deep",
                    "application/vnd.oci.image.index.v1+json");
    RefusesConfig(R"({"os":"linux","config":)" + deep, "nested too deep");
  }
}

// What is no image's: errors, tokens, lists of names, and the files with credentials.
TEST_F(ImageBombs, AnswersWithoutBottom) {
  const std::string deep(8'000'000, '[');
  FaultServer server([&](const FaultRequest& request) {
    if (request.target.find("/token") != std::string::npos) return FaultReply{.body = deep};
    if (request.target.find("wants-token") != std::string::npos) {
      return FaultReply{.status = 401,
                        .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" +
                                                             request.Header("host") + "/token\""}}};
    }
    if (request.target.ends_with("/manifests/1")) return FaultReply{.status = 404, .body = deep};
    return FaultReply{.body = deep};
  });
  const std::string shallow =
      R"({"auths":{},"x":)" + std::string(300'000, '[') + std::string(300'000, ']') + "}";
  WriteFile(Path("auth.json"), shallow);
  struct Row {
    std::vector<std::string> arguments;
    std::string words;
  };
  for (const Row& row : std::initializer_list<Row>{
           {{"pull", server.address() + "/app:1"}, "not found"},
           {{"pull", server.address() + "/wants-token:1"}, "the token is not a JSON object"},
           {{"search", server.address() + "/app"}, "the answer is not a JSON object"},
           {{"search", "--list-tags", server.address() + "/app"},
            "the answer is not a JSON object"},
           {{"login", "-u", "me", "-p", "secret", "--authfile", Path("auth.json"),
             server.address()},
            "nested too deep"},
           {{"logout", "--authfile", Path("auth.json"), server.address()}, "nested too deep"}}) {
    const Output output = Measure(row.arguments);
    EXPECT_NE(output.code, 0) << output;
    EXPECT_LT(output.code, 126) << output;
    EXPECT_NE(output.err.find(row.words), std::string::npos) << row.words << "\n" << output;
  }
  EXPECT_EQ(ReadFile(Path("auth.json")), shallow);
}

// A tar of files with one byte each, a hundred in a directory, gzip member by member.
void WriteCrowd(const std::string& path, size_t files) {
  constexpr size_t kInDirectory = 100;
  std::ofstream stream(path, std::ios::binary);
  for (size_t first = 0; first < files; first += kInDirectory) {
    Tar tar;
    const std::string directory = fmt::format("crowd/{}", first / kInDirectory);
    tar.Directory(directory);
    const size_t end = std::min(files, first + kInDirectory);
    for (size_t file = first; file < end; ++file)
      tar.File(fmt::format("{}/{}", directory, file), "x");
    const std::string bytes = tar.Finish();
    stream << Gzip(std::string_view(bytes).substr(0, bytes.size() - (end == files ? 0 : 1024)));
  }
}

// HOY_TEST_CROWD=1000000 makes it the million of the manual run.
TEST_F(ImageBombs, ACrowdOfFilesWithOneByteEach) {
  const char* asked = std::getenv("HOY_TEST_CROWD");
  const size_t files = asked != nullptr ? std::strtoul(asked, nullptr, 10) : 30'000;
  const std::string archive = Path("crowd.tar.gz");
  WriteCrowd(archive, files);
  struct statvfs disk{};
  ASSERT_EQ(::statvfs(directory().c_str(), &disk), 0);
  ASSERT_TRUE(disk.f_files == 0 || disk.f_favail > files) << "too few inodes are free";
  const Output imported = Measure({"import", archive, "crowd"});
  ASSERT_EQ(imported.code, 0) << imported;
  const std::string layers = data() + "/layers/" + ListNames(data() + "/layers").at(0) + "/fs";
  size_t found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(layers))
    found += entry.is_regular_file();
  EXPECT_EQ(found, files);
  EXPECT_EQ(RunOk({"images", "--format", "{{.Size}}"}), asked != nullptr ? "1MB" : "30kB");
  const Output removed = Measure({"rmi", "crowd"});
  EXPECT_EQ(removed.code, 0) << removed;
  EXPECT_TRUE(ListNames(data() + "/layers").empty());
}

// Names are bytes: what differs by case only is different, in layers, tags, archives and names.
TEST_F(ImageBombs, NamesThatDifferByCaseOnlyAreDifferent) {
  const std::string upper = Tar().File("Dir/File", "1").File("FILE", "2").Finish();
  const std::string lower = Tar().File("dir/file", "3").File("file", "4").Whiteout("FILE").Finish();
  auto config = [](const std::vector<std::string>& diff_ids) {
    return Json{{"os", "linux"},
                {"architecture", "amd64"},
                {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}
        .dump();
  };
  const std::string both = config({Sha256Digest(upper), Sha256Digest(lower)});
  Tar archive;
  archive.File("Layer.tar", upper).File("layer.tar", lower);
  archive.File("C.json", config({Sha256Digest(upper)})).File("c.json", both);
  archive.File(
      "manifest.json",
      Json::array({{{"Config", "C.json"}, {"RepoTags", {"app:V1"}}, {"Layers", {"Layer.tar"}}},
                   {{"Config", "c.json"},
                    {"RepoTags", {"app:v1"}},
                    {"Layers", {"Layer.tar", "layer.tar"}}}})
          .dump());
  RunOk({"load"}, archive.Finish());
  auto id = [&](const std::string& image) {
    return RunOk({"image", "inspect", "--format", "{{.Id}}", image});
  };
  EXPECT_NE(id("app:V1"), id("app:v1"));
  EXPECT_EQ(RunOk({"images", "-q", "app:v1", "--no-trunc"}), id("app:v1"));
  RunOk({"create", "--name", "One", "app:V1", "x"});
  RunOk({"create", "--name", "one", "app:v1", "x"});
  const std::string exported = RunOk({"export", "one"});
  for (const char* name : {"Dir/File", "dir/file", "file"}) {
    EXPECT_NE(exported.find(std::string(name) + '\0'), std::string::npos) << name;
  }
  EXPECT_EQ(exported.find(std::string("FILE\0", 5)), std::string::npos);
  RunOk({"rm", "One"});
  EXPECT_EQ(RunOk({"ps", "-a", "--format", "{{.Names}}"}), "one");
  RunOk({"rmi", "app:V1"});
  EXPECT_EQ(RunOk({"images", "--format", "{{.Tag}}"}), "v1");
}

}  // namespace
}  // namespace hoy::test
