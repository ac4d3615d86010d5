// tag, untag, exists, history, image prune, images --tree: what is on this machine, and its names.

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/base/fail_point.h"
#include "tests/support/registry.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class ImageVerbs : public ImageSandbox {
 protected:
  std::string Id(const std::string& image) const {
    return RunOk({"inspect", "--type", "image", "--format", "{{.Id}}", image});
  }
};

TEST_F(ImageVerbs, TagGivesNamesAndUntagTakesThem) {
  RunOk({"tag", Busybox(), "one", "two:2"});
  EXPECT_EQ(Id("one"), Id(Busybox()));
  EXPECT_EQ(Id("docker.io/library/two:2"), Id(Busybox()));
  RunOk({"image", "tag", "one", "localhost/three"});
  EXPECT_EQ(RunOk({"untag", "one", "two:2", "one:latest"}),
            "Untagged: one:latest\n"
            "Untagged: two:2");
  EXPECT_EQ(Run({"image", "exists", "one"}).code, 1);
  EXPECT_EQ(Run({"image", "exists", "localhost/three"}).code, 0);
}

TEST_F(ImageVerbs, UntagChecksAllNamesFirst) {
  RunOk({"tag", Busybox(), "one"});
  const Output output = Run({"untag", Busybox(), "one", "other"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_TRUE(Has(output.err, "'other' is not a name of image")) << output;
  EXPECT_EQ(Run({"exists", "one"}).code, 0);
}

TEST_F(ImageVerbs, TagRefusesWhatIsNoName) {
  EXPECT_EQ(Run({"tag", "missing", "x"}).code, 1);
  const Output bad = Run({"tag", Busybox(), "UPPER"});
  EXPECT_EQ(bad.code, 125) << bad;
  EXPECT_EQ(Run({"tag", Busybox(), "x@sha256:" + std::string(64, 'a')}).code, 125);
}

TEST_F(ImageVerbs, ExistsAsksForTheKindThatWasSpelled) {
  RunOk({"create", "--name", "box", Busybox()});
  EXPECT_EQ(Run({"exists", "box"}).code, 0);
  EXPECT_EQ(Run({"container", "exists", "box"}).code, 0);
  const Output no_image = Run({"image", "exists", "box"});
  EXPECT_EQ(no_image.code, 1);
  EXPECT_EQ(no_image.out + no_image.err, "");
  EXPECT_EQ(Run({"container", "exists", Busybox()}).code, 1);
  EXPECT_EQ(Run({"exists", Busybox()}).code, 0);
  EXPECT_EQ(Run({"exists", "NO NAME"}).code, 1);
}

// Whatever a removal that was killed leaves is either an image or garbage, which goes.
TEST_F(ImageVerbs, ARemovalThatIsKilledIsFinishedByAPrune) {
  const std::string archive = Path("a.tar");
  RunOk({"save", "-o", archive, Busybox()});
  RunOk({"image", "prune", "-af"});
  for (const std::string_view point : kImageFailPoints) {
    SCOPED_TRACE(point);
    RunOk({"load", "-i", archive});
    Command rmi = Hoy({"rmi", Busybox()});
    rmi.env["HOY_FAIL_POINT"] = std::string(point);
    EXPECT_EQ(RunCommand(rmi).code, 137);
    EXPECT_EQ(Run({"images"}).code, 0);
    EXPECT_EQ(Run({"exists", Busybox()}).code, 1) << "the name is the first to go";
    // It may be had again, as if nothing had been.
    RunOk({"load", "-i", archive});
    EXPECT_EQ(RunOk({"run", "--rm", Busybox(), "echo", "back"}), "back");
    rmi.env["HOY_FAIL_POINT"] = std::string(point);
    EXPECT_EQ(RunCommand(rmi).code, 137);
    RunOk({"image", "prune", "-f"});
    EXPECT_EQ(RunOk({"images", "-aq"}), "");
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/blobs/sha256").empty());
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
  }
}

// The removal looked for containers of the image before there was this one.
TEST_F(ImageVerbs, AnImageThatGoesWhileAContainerIsCreatedIsTold) {
  ASSERT_EQ(::mkfifo(Path("hold").c_str(), 0600), 0);
  Command create = Hoy({"create", "--name", "late", Busybox()});
  create.env["HOY_FAIL_POINT"] = "create-named@" + Path("hold");
  Background creating(create);
  ASSERT_TRUE(Eventually([&] { return fs::is_symlink(data() + "/names/late"); }));
  RunOk({"image", "prune", "-af"});
  ASSERT_TRUE(Eventually([&] {
    return static_cast<bool>(Fd(::open(Path("hold").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)));
  }));
  const Output output = creating.Finish();
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "was removed meanwhile")) << output;
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

TEST_F(ImageVerbs, HistoryShowsASizeForEachLayer) {
  const std::string sizes = RunOk({"history", "--format", "{{.Size}}", Busybox()});
  EXPECT_EQ(std::ranges::count(sizes, '\n'), 1) << sizes;  // two layers
  EXPECT_EQ(Run({"history", "missing"}).code, 1);
  const std::string bytes =
      RunOk({"image", "history", "-H=false", "--format", "{{.Size}}", Busybox()});
  EXPECT_GT(std::stoll(bytes.substr(bytes.find('\n') + 1)), 500'000) << bytes;
}

TEST_F(ImageVerbs, PullTakesAllTagsAndRmiAllImages) {
  Registry registry;
  ImageBuilder builder;
  builder.Layer(Tar().File("one", "1"));
  registry.Push("team/app", "1", builder.Build());
  builder.Layer(Tar().File("two", "2"));
  registry.Push("team/app", "2", builder.Build());
  ImageBuilder other;
  other.Layer(Tar().File("in-toto", "{}"), Compression::kNone);
  registry.Push("team/app", "signature", other.Build([](Json& manifest) {
    manifest["layers"][0]["mediaType"] = "application/vnd.dev.cosign.simplesigning.v1+json";
  }));
  const std::string repository = registry.address() + "/team/app";
  const Output pulled = Run({"pull", "-q", "--all-tags", repository});
  EXPECT_EQ(pulled.code, 0) << pulled;
  EXPECT_EQ(pulled.out, repository + ":1\n" + repository + ":2\n");
  EXPECT_TRUE(Has(pulled.err, "it is left out")) << pulled;
  EXPECT_EQ(Run({"pull", "-a", repository + ":1"}).code, 125);
  EXPECT_EQ(Run({"pull", "-a", registry.address() + "/nothing"}).code, 1);

  RunOk({"tag", repository + ":1", "one:1"});
  RunOk({"untag", repository + ":2"});
  EXPECT_EQ(Run({"rmi"}).code, 125);
  EXPECT_EQ(Run({"rmi", "--all", Busybox()}).code, 125);
  RunOk({"create", "--name", "box", Busybox()});
  const Output removed = Run({"rmi", "-a"});
  EXPECT_EQ(removed.code, 125) << removed;
  EXPECT_TRUE(Has(removed.err, "stopped container")) << removed;
  EXPECT_EQ(RunOk({"images", "-aq"}).size(), 12u) << "only busybox is left";
  RunOk({"rm", "box"});
  RunOk({"rmi", "-a"});
  EXPECT_EQ(RunOk({"images", "-aq"}), "");
  RunOk({"rmi", "-a"});
  EXPECT_EQ(Run({"rmi", "missing"}).code, 1);
  RunOk({"rmi", "-i", "missing"});
}

TEST_F(ImageVerbs, RunRmiTakesTheImageThatNobodyElseUses) {
  EXPECT_EQ(Run({"run", "--rm", "--userns", "host", Busybox(), "true"}).code, 0);
  EXPECT_EQ(Run({"run", "--rm", "--userns", "keep-id", Busybox(), "true"}).code, 125);
  EXPECT_EQ(Run({"run", "--rm", "--runtime", "runc", Busybox(), "true"}).code, 0);
  EXPECT_EQ(Run({"run", "--rm", "--runtime", "kata", Busybox(), "true"}).code, 125);
  EXPECT_EQ(Run({"run", "--rmi", "-d", Busybox()}).code, 125);
  const std::string changed = RunOk({"create", Busybox(), "true"});
  RunOk({"commit", changed, "once"});
  RunOk({"rm", changed});
  const std::string other = RunOk({"create", "once", "true"});
  const Output used = Run({"run", "--rmi", "once", "sh", "-c", "exit 3"});
  EXPECT_EQ(used.code, 3);
  EXPECT_NE(used.err.find("warning: --rmi: "), std::string::npos) << used;
  EXPECT_EQ(Run({"image", "exists", "once"}).code, 0);
  RunOk({"rm", other});
  const Output last = Run({"run", "--rmi", "once", "sh", "-c", "exit 3"});
  EXPECT_EQ(last.code, 3);
  EXPECT_EQ(last.err, "");
  EXPECT_EQ(Run({"image", "exists", "once"}).code, 1);
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

TEST_F(ImageVerbs, PruneTakesDanglingImagesOnly) {
  RunOk({"untag", Configured()});
  const std::string plan = RunOk({"image", "prune", "--dry-run"});
  EXPECT_TRUE(Has(plan, "Images that would be deleted:\ndeleted: sha256:")) << plan;
  EXPECT_EQ(RunOk({"images", "-q", "-f", "dangling=true"}).size(), 12u);
  const std::string done = RunOk({"image", "prune", "-f"});
  EXPECT_TRUE(Has(done, "Deleted Images:\ndeleted: sha256:")) << done;
  EXPECT_TRUE(Has(done, "\nTotal reclaimed space: ")) << done;
  EXPECT_EQ(RunOk({"images", "-q", "-f", "dangling=true"}), "");
  EXPECT_EQ(Run({"exists", Busybox()}).code, 0);
  EXPECT_EQ(RunOk({"image", "prune", "-f"}), "Total reclaimed space: 0B");
}

TEST_F(ImageVerbs, PruneAllLeavesWhatContainersUse) {
  RunOk({"create", "--name", "box", Busybox()});
  const std::string done = RunOk({"image", "prune", "--all", "--force"});
  EXPECT_FALSE(Has(done, Busybox())) << done;
  EXPECT_EQ(Run({"exists", Busybox()}).code, 0);
  EXPECT_EQ(Run({"exists", Configured()}).code, 1);
  EXPECT_EQ(Run({"run", "--rm", Busybox(), "true"}).code, 0);
}

TEST_F(ImageVerbs, PruneMindsItsFilters) {
  RunOk({"image", "prune", "-af", "--filter", "label=no-such-label"});
  EXPECT_EQ(Run({"exists", Configured()}).code, 0);
  EXPECT_EQ(Run({"image", "prune", "-f", "--filter", "dangling=true"}).code, 125);
  EXPECT_EQ(Run({"image", "prune", "-f", "--filter", "until=soon"}).code, 125);
}

TEST_F(ImageVerbs, PruneChoosesByLabelAndTime) {
  ImageBuilder builder;
  builder.Layer(Tar().File("ten", "0123456789").File("etc/five", "01234"));
  builder.Platform("arm", "v7");
  builder.config() = {{"Labels", {{"keep", "yes"}}}};
  builder.whole_config()["created"] = "2001-02-03T04:05:06Z";
  WriteOciLayout(Path("layout"), "localhost/old:1", builder.Build());
  RunOk({"load", "-i", Path("layout")});
  const std::string old = "localhost/old:1";
  const Json seen = Inspect(old);
  EXPECT_TRUE(std::string(seen["Created"]).starts_with("2001-02-03T04:05:06")) << seen;
  EXPECT_EQ(seen["Architecture"], "arm");
  EXPECT_EQ(seen["Variant"], "v7");
  EXPECT_EQ(seen["Size"], 15);
  struct Row {
    std::vector<std::string> filters;
    bool old, others;
  };
  for (const Row& row : std::initializer_list<Row>{{{}, true, true},
                                                   {{"label=keep"}, true, false},
                                                   {{"label=keep=yes"}, true, false},
                                                   {{"label=keep=no"}, false, false},
                                                   {{"label!=keep"}, false, true},
                                                   {{"label!=keep=yes"}, false, true},
                                                   {{"until=2001-02-04T00:00:00Z"}, true, false},
                                                   {{"until=2001-02-03T00:00:00Z"}, false, false},
                                                   {{"until=24h", "label=keep"}, true, false}}) {
    std::vector<std::string> words = {"image", "prune", "-a", "--dry-run"};
    std::string text;
    for (const std::string& filter : row.filters) {
      words.insert(words.end(), {"--filter", filter});
      text += filter + " ";
    }
    const std::string plan = RunOk(words);
    EXPECT_EQ(Has(plan, "untagged: " + old + "\n"), row.old) << text << plan;
    EXPECT_EQ(Has(plan, "untagged: " + Busybox() + "\n"), row.others) << text << plan;
  }
  RunOk({"image", "prune", "-af", "--filter", "until=2001-02-04T00:00:00Z"});
  EXPECT_EQ(Run({"exists", old}).code, 1);
  EXPECT_EQ(Run({"exists", Busybox()}).code, 0);
}

TEST_F(ImageVerbs, PruneAsksOnATerminalAndNeverElsewhere) {
  const Output refused = Run({"image", "prune"});
  EXPECT_EQ(refused.code, 125);
  EXPECT_TRUE(Has(refused.err, "use --force")) << refused;
  RunOk({"untag", Configured()});
  Pty no(Hoy({"image", "prune"}));
  ASSERT_TRUE(no.Expect("Are you sure you want to continue? [y/N] "));
  no.Send("n\n");
  EXPECT_EQ(no.Finish(), 0);
  EXPECT_EQ(RunOk({"images", "-q", "-f", "dangling=true"}).size(), 12u);
  Pty yes(Hoy({"image", "prune"}));
  ASSERT_TRUE(yes.Expect("[y/N] "));
  yes.Send("y\n");
  EXPECT_TRUE(yes.Expect("Total reclaimed space: "));
  EXPECT_EQ(yes.Finish(), 0);
  EXPECT_EQ(RunOk({"images", "-q", "-f", "dangling=true"}), "");
}

TEST_F(ImageVerbs, TheTreeHasALineForEachPlatform) {
  Registry registry;
  ImageBuilder amd64;
  amd64.Layer(Tar().File("arch", "amd64"));
  ImageBuilder arm64;
  arm64.Layer(Tar().File("arch", "arm64")).Platform("arm64");
  std::vector<IndexEntry> entries = {{amd64.Build(), "amd64", ""}, {arm64.Build(), "arm64", ""}};
  registry.PushIndex("multi", "1", BuildIndex(entries), entries);
  const std::string reference = registry.Reference("multi", "1");
  RunOk({"pull", "-q", "--platform", "linux/amd64", reference});
  const std::string here = RunOk({"images", "--tree", reference});
  EXPECT_TRUE(Has(here, reference)) << here;
  EXPECT_TRUE(Has(here, "└─ linux/amd64 ")) << here;
  EXPECT_TRUE(Has(here, " " + entries[0].image.manifest.digest.substr(7, 12))) << here;
  EXPECT_FALSE(Has(here, "arm64")) << here;
  const std::string all = RunOk({"images", "--tree", "-a", reference});
  EXPECT_TRUE(Has(all, "├─ linux/amd64")) << all;
  EXPECT_TRUE(Has(all, "└─ linux/arm64")) << all;
  EXPECT_EQ(Run({"images", "--tree", "-q"}).code, 125);
}

TEST_F(ImageVerbs, GroupsKnowTheirVerbs) {
  const std::string group = RunOk({"image"});
  for (const char* verb : {"ls", "rm", "tag", "untag", "history", "inspect", "exists", "prune"}) {
    EXPECT_TRUE(Has(group, std::string("\n  ") + verb + " ")) << verb << "\n" << group;
  }
}

}  // namespace
}  // namespace hoy::test
