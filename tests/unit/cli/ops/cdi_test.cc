#include "cli/ops/cdi.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "cli/ops/yaml_json.h"
#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::cli {
namespace {

using core::PutFile;
using core::ScratchDirectory;
using Strings = std::vector<std::string>;

TEST(Yaml, BecomesJson) {
  auto json = ParseYaml(R"(---
a: 1
b: [true, null, "7", 0x1f, 0o17, 017, 1.0.0, -5]
c:
  - d: text with words
    e: 'single'
  - {f: g}
h:
)");
  ASSERT_TRUE(json.has_value()) << json.error().message;
  EXPECT_EQ(*json, Json::parse(R"({"a":1,"b":[true,null,"7",31,15,15,"1.0.0",-5],
                                   "c":[{"d":"text with words","e":"single"},{"f":"g"}],
                                   "h":null})"));
  EXPECT_TRUE(ParseYaml("")->is_null());
  for (const std::string bad : {"a: [", "a: 1\na: 2", "a: &x 1\nb: *x", "\t- a"}) {
    auto refused = ParseYaml(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_TRUE(refused.error().message.starts_with("line ")) << refused.error().message;
  }
  EXPECT_FALSE(ParseYaml(std::string(40, '[') + std::string(40, ']')).has_value());
}

TEST(Cdi, NamesAreToldFromPaths) {
  for (const char* name : {"nvidia.com/gpu=0", "v/c=GPU-1:2", "vendor.com/a_b-c=x.y"}) {
    EXPECT_TRUE(IsCdiName(name)) << name;
  }
  for (const char* text : {"/dev/x", "/dev/a=b", "v/c", "v/c=", "=x", "c=x", "v//c=x", "v/c=a b"}) {
    EXPECT_FALSE(IsCdiName(text)) << text;
  }
}

TEST(Cdi, GpusAreDevicesOfOneKind) {
  struct Case {
    const char* text;
    Strings names;
  };
  const Case cases[] = {
      {"all", {"all"}},
      {"-1", {"all"}},
      {"2", {"0", "1"}},
      {"count=2", {"0", "1"}},
      {"count=all", {"all"}},
      {"all,capabilities=utility", {"all"}},
      {R"(all,"capabilities=compute,utility")", {"all"}},
      {R"("capabilities=compute,utility",count=2)", {"0", "1"}},
      {"capabilities=utility", {"0"}},
      {"driver=nvidia", {"0"}},
      {"driver=nvidia,count=2", {"0", "1"}},
      {"driver=nvidia,device=0", {"0"}},
      {"device=0,capabilities=utility", {"0"}},
      {R"("device=0,GPU-ab")", {"0", "GPU-ab"}},
      {R"("device=0,1",capabilities=utility)", {"0", "1"}},
      {R"(driver=nvidia,"device=0,1","capabilities=compute,utility")", {"0", "1"}},
      {"device=0,GPU-ab", {"0", "GPU-ab"}},
      {"device=0,1,capabilities=utility", {"0", "1"}},
  };
  for (const Case& item : cases) {
    Strings names;
    for (const std::string& name : item.names) names.push_back("nvidia.com/gpu=" + name);
    auto parsed = ParseGpus(item.text);
    ASSERT_TRUE(parsed) << item.text << ": " << parsed.error().message;
    EXPECT_EQ(*parsed, names) << item.text;
  }
}

TEST(Cdi, GpusThatAreNotUnderstoodAreRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "'' is no number of GPUs"},
      {"none", "'none' is no number of GPUs"},
      {"0", "'0' is no number of GPUs"},
      {"count=", "'' is no number of GPUs"},
      {"count=-2", "'-2' is no number of GPUs"},
      {"device=", "a device has no name"},
      {R"("device=0,")", "a device has no name"},
      {"device=0,", "a device has no name"},
      {"device=0/1", "'nvidia.com/gpu=0/1' is no name of a device"},
      {"device=0,x=y", "there is no key 'x'"},
      {"options=a", "there is no key 'options'"},
      {"driver=amd", "there is no driver 'amd'"},
      {"count=1,device=0", "either a number of GPUs or devices"},
      {R"(all,"device=0,1")", "either a number of GPUs or devices"},
      {"all,2", "'count' is there twice"},
      {"device=0,device=1", "'device' is there twice"},
      {"capabilities=compute,utility", "'utility' is no number of GPUs"},
      {R"("device=0)", "a quote is not closed"},
  };
  for (const auto& [text, why] : cases) {
    auto parsed = ParseGpus(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument) << text;
    EXPECT_EQ(parsed.error().message, std::string("--gpus '") + text + "': " + why);
  }
}

constexpr const char* kSpec = R"(
cdiVersion: 0.6.0
kind: example.com/card
containerEdits:
  env: [CARD=any]
  additionalGids: [44]
devices:
- name: one
  containerEdits:
    deviceNodes:
    - path: /dev/one
      hostPath: /dev/null
      fileMode: 0600
      permissions: rw
    mounts:
    - hostPath: /usr/lib/one.so
      containerPath: /opt/one.so
      options: [ro, nosuid, rbind, rprivate]
    hooks:
    - hookName: createContainer
      path: /usr/bin/hook
- name: two
  containerEdits:
    env: [TWO=2]
)";

TEST(Cdi, WhatDevicesNeedIsCollected) {
  ScratchDirectory top;
  PutFile(top / "card.yaml", kSpec);
  PutFile(top / "ignored.txt", "{");
  auto edits =
      FindCdiDevices({"example.com/card=one", "example.com/card=two", "example.com/card=one"},
                     {top / "none", top.path()});
  ASSERT_TRUE(edits.has_value()) << edits.error().message;
  EXPECT_EQ(edits->env, (Strings{"CARD=any", "TWO=2"}));
  EXPECT_EQ(edits->groups, Strings{"44"});
  ASSERT_EQ(edits->hooks.size(), 1u);
  EXPECT_EQ(edits->hooks[0].path, "/usr/bin/hook");
  EXPECT_EQ(edits->hooks[0].point, core::HookPoint::kCreateContainer);
  ASSERT_EQ(edits->nodes.size(), 1U);
  EXPECT_EQ(edits->nodes[0].path, "/dev/one");
  EXPECT_EQ(edits->nodes[0].host_path, "/dev/null");
  EXPECT_EQ(edits->nodes[0].mode, mode_t{0600});
  EXPECT_EQ(edits->nodes[0].access, "rw");
  EXPECT_FALSE(edits->nodes[0].major);
  ASSERT_EQ(edits->mounts.size(), 1U);
  auto mount = ToMount(edits->mounts[0]);
  ASSERT_TRUE(mount.has_value()) << mount.error().message;
  EXPECT_EQ(*mount, (core::Mount{.source = "/usr/lib/one.so",
                                 .target = "/opt/one.so",
                                 .flags = MS_RDONLY | MS_NOSUID,
                                 .propagation = MS_PRIVATE | MS_REC}));
  EXPECT_FALSE(ToMount({.host_path = "/a", .path = "/b", .type = "tmpfs"}).has_value());
  EXPECT_FALSE(ToMount({.host_path = "/a", .path = "/b", .options = {"odd"}}).has_value());

  auto missing = FindCdiDevices({"example.com/card=three"}, {top.path()});
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().hint, "there are example.com/card=one, example.com/card=two");
}

TEST(Cdi, ALaterDirectoryHidesAnEarlierOneAndTwinsAreRefused) {
  ScratchDirectory low;
  ScratchDirectory high;
  auto spec = [](const std::string& value) {
    return R"({"cdiVersion":"0.5.0","kind":"v.com/c","devices":[{"name":"d","containerEdits":
              {"env":["WHICH=)" +
           value + R"("]}}]})";
  };
  PutFile(low / "a.json", spec("low"));
  PutFile(high / "a.json", spec("high"));
  EXPECT_EQ(FindCdiDevices({"v.com/c=d"}, {low.path(), high.path()})->env, Strings{"WHICH=high"});
  PutFile(high / "b.json", spec("twin"));
  EXPECT_EQ(FindCdiDevices({"v.com/c=d"}, {low.path(), high.path()}).error().kind,
            ErrorKind::kConflict);
}

TEST(Cdi, WhatIsWrongWithAFileIsSaid) {
  for (const char* text : {"{", "[]", "{\"kind\":\"a/b\"}", "a: [",
                           R"({"cdiVersion":"1","kind":"a/b","devices":[{"name":"x"}]})"}) {
    auto spec = ParseCdiSpec(text);
    ASSERT_FALSE(spec.has_value()) << text;
    EXPECT_EQ(spec.error().kind, ErrorKind::kCorrupt) << text;
  }
  auto odd = ParseCdiSpec(R"({"cdiVersion":"1.1.0","kind":"a/b","devices":[{"name":"x",
                              "containerEdits":{"netDevices":[{"hostInterfaceName":"e"}]}}]})");
  EXPECT_EQ(odd.error().kind, ErrorKind::kUnsupported);
  ScratchDirectory top;
  PutFile(top / "bad.json", "{");
  auto found = FindCdiDevices({"a/b=x"}, {top.path()});
  EXPECT_TRUE(found.error().message.starts_with("'" + top / "bad.json")) << found.error().message;
}

}  // namespace
}  // namespace hoy::cli
