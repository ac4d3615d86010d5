// hoy save and load: every format there and back, pipes, compression, several images.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

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
      Output saved =
          HostShell(fmt::format("$HOY save --format {} {} | {} > $DIR/a", format, id, tool));
      ASSERT_EQ(saved.code, 0) << saved;
      Forget();
      Output piped = HostShell("cat $DIR/a | $HOY load");
      EXPECT_EQ(piped.code, 0) << tool << format << piped;
      EXPECT_EQ(piped.out, "Loaded image ID: " + id + "\n") << tool << format;
      EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
      Forget();
      Output redirected = HostShell("$HOY load -q < $DIR/a");
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
  const Output piped = HostShell("cat $DIR/old.tar | $HOY load");
  EXPECT_EQ(piped.code, 0) << piped;
}

TEST_F(SaveLoad, ADamagedCopyIsNotSaved) {
  const Output spoilt = HostShell(
      "for b in $DIR/d/images/blobs/sha256/*; do gzip -t $b 2>/dev/null || continue; "
      "zcat $b | tr h H | gzip > $DIR/spoilt; rm $b; cp $DIR/spoilt $b; done");
  ASSERT_EQ(spoilt.code, 0) << spoilt;
  const Output output = Run({"save", "-o", Path("a.tar"), Busybox()});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "on this machine is damaged")) << output;
  EXPECT_FALSE(fs::exists(Path("a.tar")));
}

// One bit, in blobs that keep their size; and nothing is left of what was begun.
TEST_F(SaveLoad, ADamagedBlobIsNotSavedInAnyFormat) {
  const std::string blobs = data() + "/images/blobs/sha256/";
  for (const std::string& name : ListNames(blobs)) {
    std::string bytes = ReadFile(blobs + name);
    if (bytes.size() < 100'000) continue;
    bytes[bytes.size() / 2] ^= 1;
    fs::remove(blobs + name);  // it has other names, in the template
    WriteFile(blobs + name, bytes);
  }
  for (const char* format : {"docker-archive", "oci-archive", "oci-dir", "docker-dir"}) {
    const Output output = Run({"save", "--format", format, "-o", Path("out"), Busybox()});
    EXPECT_EQ(output.code, 125) << format << output;
    EXPECT_TRUE(Has(output.err, "damaged")) << format << output;
    EXPECT_FALSE(fs::exists(Path("out"))) << format;
  }
  fs::create_directory(Path("there"));
  for (const std::string& target : {"oci:" + Path("out"), "dir:" + Path("there")}) {
    const Output output = Run({"push", Busybox(), target});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(Has(output.err, "on this machine is damaged\nhint: remove the image and pull it"))
        << output;
  }
  EXPECT_FALSE(fs::exists(Path("out")));
  EXPECT_TRUE(fs::exists(Path("there")));
}

TEST_F(SaveLoad, ANumberChoosesFromADockerArchive) {
  RunOk({"save", "-o", Path("two"), Busybox(), Configured()});
  const std::string configured = Id(Configured());
  Forget();
  EXPECT_EQ(RunOk({"pull", "-q", "docker-archive:" + Path("two") + ":@1"}), Configured());
  EXPECT_EQ(Id(Configured()), configured);
  EXPECT_EQ(Run({"exists", Busybox()}).code, 1);
  Output output = Run({"pull", "docker-archive:" + Path("two") + ":@2"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_TRUE(Has(output.err, "which holds 2")) << output;
  output = Run({"pull", "docker-archive:" + Path("two") + ":@x"});
  EXPECT_EQ(output.code, 125) << output;
}

// The archive is all that is written there, and no symlink is replaced by it.
TEST_F(SaveLoad, ThatFailsAddsNothingToADirectory) {
  // Its last byte is wrong: that shows when everything else has been written.
  const std::string blobs = data() + "/images/blobs/sha256/";
  std::string largest;
  for (const std::string& name : ListNames(blobs)) {
    if (largest.empty() || fs::file_size(blobs + name) > fs::file_size(blobs + largest)) {
      largest = name;
    }
  }
  std::string bytes = ReadFile(blobs + largest);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  fs::remove(blobs + largest);
  WriteFile(blobs + largest, bytes);
  for (const char* format : {"oci-dir", "docker-dir"}) {
    const std::string there = Path("there");
    fs::create_directory(there);
    WriteFile(there + "/own", "kept");
    for (const std::string& target : {there, there + "/new/deep"}) {
      const Output output = Run({"save", "--format", format, "-o", target, Busybox()});
      EXPECT_EQ(output.code, 125) << output;
      EXPECT_EQ(ListNames(there), std::vector<std::string>{"own"}) << format << output;
    }
    fs::remove_all(there);
  }
  RunOk({"rmi", "-f", Busybox()});
}

TEST_F(SaveLoad, ThatIsInterruptedAddsNothingToADirectory) {
  // A blob that goes on and on, as that of a large image does.
  const std::string blobs = data() + "/images/blobs/sha256/";
  std::string largest;
  for (const std::string& name : ListNames(blobs)) {
    if (largest.empty() || fs::file_size(blobs + name) > fs::file_size(blobs + largest)) {
      largest = name;
    }
  }
  fs::remove(blobs + largest);
  ASSERT_EQ(mkfifo((blobs + largest).c_str(), 0600), 0);
  const Fd blob(open((blobs + largest).c_str(), O_RDWR | O_CLOEXEC));
  const auto feed = [&] { ASSERT_EQ(write(blob.get(), "some of it", 10), 10); };
  fs::create_directory(Path("there"));
  Background save(Hoy({"save", "--format", "oci-dir", "-o", Path("there/new"), Busybox()}));
  feed();
  const std::string partial = Path("there/new/blobs/sha256/." + largest + ".partial");
  ASSERT_TRUE(Eventually([&] { return fs::exists(partial) && fs::file_size(partial) > 0; }));
  save.Signal(SIGINT);
  feed();
  const Output output = save.Finish();
  EXPECT_EQ(output.code, 130) << output;
  EXPECT_TRUE(ListNames(Path("there")).empty());
  RunOk({"rmi", "-f", Busybox()});
}

TEST_F(SaveLoad, WritesToStandardOutputUnderItsOtherNames) {
  const std::string id = Id(Busybox());
  fs::create_symlink("/proc/self/fd/1", Path("link"));
  for (const char* script : {"$HOY push -q $IMAGE docker-archive:/dev/stdout | cat > $DIR/a",
                             "$HOY push -q $IMAGE docker-archive:/dev/stdout > $DIR/a",
                             "$HOY save -o $DIR/link $IMAGE > $DIR/a"}) {
    env["IMAGE"] = Busybox();
    const Output output = HostShell(script);
    EXPECT_EQ(output.code, 0) << script << output;
    EXPECT_EQ(fs::file_size(Path("a")) % 512, 0u) << script;
    EXPECT_TRUE(fs::is_symlink(Path("link")));
    const std::string loaded = RunOk({"load", "-i", Path("a")});
    EXPECT_TRUE(Has(loaded, Busybox()) || Has(loaded, id)) << script << loaded;
  }
  fs::create_symlink("real", Path("to-file"));
  WriteFile(Path("real"), "old");
  RunOk({"save", "-o", Path("to-file"), Busybox()});
  EXPECT_TRUE(fs::is_symlink(Path("to-file")));
  RunOk({"load", "-i", Path("real")});
  EXPECT_EQ(Id(Busybox()), id);
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
    const Output output = HostShell(script);
    EXPECT_EQ(output.code, 0) << script << output;
    ExpectRuns(Busybox());
  }
}

}  // namespace
}  // namespace hoy::test
