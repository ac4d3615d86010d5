// What a power cut may not take: each file is on the disk before the rename that publishes it, and
// the name of an image comes after all that it means. Seen from outside, by strace(1).

#include <algorithm>
#include <set>
#include <sstream>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

struct Call {
  std::string name;
  std::string path;  // of a sync: what is synced; of a rename: the source
  std::string to;
};

// Lines like `123 fsync(5</d/images>) = 0` and `123 rename("/a", "/b" <unfinished ...>`.
std::vector<Call> ReadTrace(const std::string& file) {
  std::vector<Call> calls;
  std::istringstream lines(ReadFile(file));
  for (std::string line; std::getline(lines, line);) {
    size_t open = line.find('(');
    size_t space = line.find_first_not_of("0123456789 ");
    if (open == std::string::npos || line.find("resumed>") != std::string::npos) continue;
    Call call{.name = line.substr(space, open - space)};
    bool sync = call.name.find("sync") != std::string::npos;
    size_t begin = line.find(sync ? '<' : '"', open) + 1;
    call.path = line.substr(begin, line.find(sync ? '>' : '"', begin) - begin);
    if (!sync) {
      size_t second = line.find('"', line.find('"', begin) + 1) + 1;
      call.to = line.substr(second, line.find('"', second) - second);
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

class Durability : public HoySandbox {
 protected:
  std::vector<Call> Traced(const std::vector<std::string>& arguments) {
    Command hoy = Hoy(arguments);
    std::vector<std::string> strace = {
        "strace", "-f",          "-y", "-qq",
        "-o",     Path("trace"), "-e", "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2"};
    hoy.argv.insert(hoy.argv.begin(), strace.begin(), strace.end());
    Output output = RunCommand(hoy);
    EXPECT_EQ(output.code, 0) << output;
    return ReadTrace(Path("trace"));
  }
};

TEST_F(Durability, APullSyncsBeforeItPublishes) {
  if (RunCommand({.argv = {"strace", "-qq", "true"}}).code != 0) {
    SKIP_BECAUSE("strace is needed, and the right to use it");
  }
  Registry registry;
  ImageBuilder builder;
  Tar many;
  for (int i = 0; i < 100; ++i) many.File("file" + std::to_string(i), "content");
  builder.Layer(many);
  builder.Layer(Tar().File("word", "hello"));
  registry.Push("app", "1", builder.Build());
  auto calls = Traced({"pull", "-q", registry.Reference("app", "1")});

  auto before = [&](size_t end, auto matches) {
    return std::any_of(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(end), matches);
  };
  auto is_file_sync = [](const Call& call) {
    return call.name == "fsync" || call.name == "fdatasync";
  };
  size_t blobs = 0, layers = 0, refs = 0, last_content = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    const Call& call = calls[i];
    if (!call.name.starts_with("rename")) continue;
    SCOPED_TRACE(call.path + " -> " + call.to);
    if (call.to.starts_with(data() + "/layers/") && !call.to.ends_with("json")) {
      ++layers;
      last_content = i;
      EXPECT_TRUE(before(i, [](const Call& one) { return one.name == "syncfs"; }));
    } else if (call.to.starts_with(data() + "/images/")) {
      EXPECT_TRUE(
          before(i, [&](const Call& one) { return is_file_sync(one) && one.path == call.path; }));
      std::string directory = call.to.substr(0, call.to.rfind('/'));
      bool synced =
          std::any_of(calls.begin() + static_cast<std::ptrdiff_t>(i), calls.end(),
                      [&](const Call& one) { return is_file_sync(one) && one.path == directory; });
      EXPECT_TRUE(synced) << "the directory, too";
      if (call.to.find("/images/refs/") != std::string::npos) {
        ++refs;
        EXPECT_GT(i, last_content) << "a name comes after what it means";
      } else {
        last_content = i;
        blobs += call.to.find("/blobs/") != std::string::npos;
      }
    }
  }
  EXPECT_EQ(blobs, 4u);  // manifest, config, two layers
  EXPECT_EQ(layers, 2u);
  EXPECT_EQ(refs, 1u);
  // One syncfs for the layers, and none of their files alone.
  EXPECT_EQ(std::ranges::count(calls, "syncfs", &Call::name), 1);
  EXPECT_LT(std::ranges::count_if(calls, is_file_sync), 20);
}

// A load writes the layers' blobs beside their trees, and one sync serves all of them.
TEST_F(Durability, ALoadSyncsBeforeItPublishes) {
  if (RunCommand({.argv = {"strace", "-qq", "true"}}).code != 0) {
    SKIP_BECAUSE("strace is needed, and the right to use it");
  }
  ImageBuilder builder;
  builder.Layer(Tar().File("word", "hello"));
  builder.Layer(Tar().File("other", "world"));
  WriteOciLayout(Path("layout"), "v1", builder.Build());
  RunOk({"pull", "-q", "oci:" + Path("layout")});
  RunOk({"save", "--format", "oci-archive", "-o", Path("a.tar"), RunOk({"images", "-q"})});
  RunOk({"image", "prune", "-af"});
  auto calls = Traced({"load", "-q", "-i", Path("a.tar")});

  size_t blobs = 0, layers = 0, last_content = 0, records = 0;
  bool filesystem_synced = false;
  std::set<std::string> synced;
  for (size_t i = 0; i < calls.size(); ++i) {
    const Call& call = calls[i];
    if (call.name == "syncfs") filesystem_synced = true;
    if (call.name == "fsync" || call.name == "fdatasync") synced.insert(call.path);
    if (!call.name.starts_with("rename")) continue;
    SCOPED_TRACE(call.path + " -> " + call.to);
    const bool layer = call.to.starts_with(data() + "/layers/") && !call.to.ends_with("json");
    const bool blob = call.to.starts_with(data() + "/images/blobs/");
    layers += layer;
    blobs += blob;
    if (layer || blob) last_content = i;
    EXPECT_TRUE(!layer || filesystem_synced);
    EXPECT_TRUE(!blob || filesystem_synced || synced.contains(call.path));
    if (call.to.starts_with(data() + "/images/records/")) {
      ++records;
      EXPECT_TRUE(synced.contains(call.path));
      EXPECT_GT(i, last_content);
    }
  }
  EXPECT_EQ(blobs, 4u);  // manifest, config, two layers
  EXPECT_EQ(layers, 2u);
  EXPECT_EQ(records, 1u);
  EXPECT_TRUE(synced.contains(data() + "/images/blobs/sha256")) << "the directory, too";
  EXPECT_LE(std::ranges::count(calls, "syncfs", &Call::name), 2);
}

}  // namespace
}  // namespace hoy::test
