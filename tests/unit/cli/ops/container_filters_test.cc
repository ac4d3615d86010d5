#include "cli/ops/container_filters.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/ops/container_status.h"
#include "core/sys/files.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

using core::ContainerState;

core::ContainerSummary Web() {
  core::ContainerSummary summary;
  summary.id = "abc" + std::string(61, '0');
  summary.name = "web-1";
  summary.created = 100 * core::kSecond;
  summary.image = "busybox:1.36";
  summary.image_id = "feed" + std::string(60, '0');
  summary.command = {"nginx", "-g"};
  summary.labels = {{"team", "a"}, {"empty", ""}};
  return summary;
}

core::ContainerStatus Exited(int code) {
  core::ContainerStatus status;
  status.state = ContainerState::kExited;
  status.exit = core::ExitRecord{};
  status.exit->exit_code = code;
  status.exit->finished_at = 40 * core::kSecond;
  return status;
}

bool Matches(const std::vector<std::string>& filters, const core::ContainerStatus& status) {
  auto parsed = ContainerFilters::Parse({}, filters, 200 * core::kSecond);
  EXPECT_TRUE(parsed.has_value());
  return parsed && parsed->MatchSummary(Web(), status, core::HealthStatus::kUnhealthy);
}

TEST(ContainerFilters, MatchWhatListsKnow) {
  struct Row {
    std::vector<std::string> filters;
    bool matches;
  };
  const Row rows[] = {
      {{}, true},
      {{"id=abc"}, true},
      {{"id=bc"}, false},
      {{"name=web"}, true},
      {{"name=^eb"}, false},
      {{"name=^/web-1$"}, true},
      {{"name=^web-[0-9]$"}, true},
      {{"name=nope", "name=web"}, true},
      {{"label=team"}, true},
      {{"label=team=a"}, true},
      {{"label=team=b"}, false},
      {{"label=empty"}, true},
      {{"label=team=a", "name=nope"}, false},
      {{"exited=3"}, true},
      {{"exited=0"}, false},
      {{"status=exited"}, true},
      {{"status=running", "status=paused"}, false},
      {{"ancestor=busybox"}, false},
      {{"ancestor=busybox:1.36"}, true},
      {{"ancestor=busybox:1.35"}, false},
      {{"ancestor=docker.io/library/busybox:1.36"}, true},
      {{"ancestor=feed0"}, true},
      {{"ancestor=sha256:feed"}, true},
      {{"health=unhealthy"}, true},
      {{"health=none", "health=starting"}, false},
      {{"command=ngin"}, true},
      {{"command=-g"}, false},
      {{"until=10s"}, true},
      {{"until=150s"}, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Matches(row.filters, Exited(3)), row.matches)
        << (row.filters.empty() ? "" : row.filters.back());
  }
}

TEST(ContainerFilters, AnAncestorIsAnImageByAnyOfItsNames) {
  char path[] = "/tmp/hoy-filters-test-XXXXXX";
  ASSERT_NE(mkdtemp(path), nullptr);
  std::string base = path;
  core::Layout layout{.data = base + "/data", .run = base + "/run"};
  ASSERT_TRUE(core::PrepareLayout(layout));
  oci::ImageStore store(layout);
  auto publish = [&](char id, const char* name) {
    oci::ImageRecord record{.id = oci::Digest::FromHex(std::string(64, id))};
    record.manifest = record.id;
    record.blobs = {record.id};
    store.WriteBlob(record.id, "{}").value();
    return store.Publish(record, *oci::Reference::ParseWithDefaultTag(name), record.id);
  };
  ASSERT_TRUE(publish('a', "bb"));
  ASSERT_TRUE(store.Tag("bb", "other:2"));
  ASSERT_TRUE(publish('b', "bb:1"));
  core::ContainerSummary summary = Web();
  summary.image = "bb";
  summary.image_id = std::string(64, 'a');
  auto matches = [&](const std::string& wanted) {
    auto filters = ContainerFilters::Parse(layout, {"ancestor=" + wanted}, 0);
    return filters && filters->MatchSummary(summary, Exited(0), core::HealthStatus::kNone);
  };
  for (const char* yes : {"bb", "bb:latest", "docker.io/library/bb", "other:2", "aaaa"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no : {"bb:1", "bbbb", "other", "bb:3"}) EXPECT_FALSE(matches(no)) << no;
  summary.image = "gone";
  summary.image_id = std::string(64, 'c');
  EXPECT_TRUE(matches("gone:latest"));
  EXPECT_TRUE(matches("sha256:cccc"));
  EXPECT_FALSE(matches("gone:1"));
  EXPECT_TRUE(core::RemoveTree(base));
}

TEST(ContainerFilters, RefuseWhatCanNeverMatch) {
  for (const char* wrong :
       {"colour=red", "status=up", "exited=", "exited=1x", "health=ok", "expose=0", "publish=1-",
        "expose=2-1", "expose=1/icmp", "name=*(", "until=tomorrow"}) {
    auto parsed = ContainerFilters::Parse({}, {wrong}, 0);
    ASSERT_FALSE(parsed.has_value()) << wrong;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument) << wrong;
  }
}

TEST(ContainerFilters, MatchTheConfig) {
  core::ContainerConfig config;
  config.exposed_ports = {"53/udp", "80/tcp"};
  config.mounts = {{.source = "/srv", .target = "/data", .from_user = true},
                   {.source = "proc", .target = "/proc"}};
  auto matches = [&](const std::string& text) {
    auto filters =
        Filters::Parse(std::vector<std::string>{text}, {"volume", "network", "publish", "expose"});
    return ContainerFilters::MatchConfig(*filters, config);
  };
  for (const char* yes : {"volume=/srv", "volume=/data", "network=none", "expose=80",
                          "expose=80/tcp", "expose=53/udp", "expose=1-100"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no : {"volume=/proc", "network=host", "expose=53", "expose=81"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(ContainerFilters, MatchThePortsOfTheHost) {
  std::vector<OpenPort> ports = {
      {80, "tcp", "0.0.0.0", 8080}, {53, "udp", "::", 5353}, {443, "tcp", "", 0}};
  auto matches = [&](const std::string& text) {
    auto filters = Filters::Parse(std::vector<std::string>{text}, {"publish"});
    return ContainerFilters::MatchPorts(*filters, ports);
  };
  for (const char* yes : {"publish=8080", "publish=5353/udp", "publish=8000-9000/tcp"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no : {"publish=80", "publish=5353", "publish=443", "publish=0-1"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(StatusText, IsDockersAndThreeWordsOfOurs) {
  constexpr core::Timestamp kNow = 100 * core::kSecond;
  core::ContainerStatus up;
  up.run = core::RunState{};
  up.run->started_at = 40 * core::kSecond;
  auto with = [](core::ContainerStatus status, ContainerState state,
                 core::HealthStatus health = core::HealthStatus::kNone) {
    status.state = state;
    return StatusText(status, health, kNow);
  };
  EXPECT_EQ(with({}, ContainerState::kCreated), "Created");
  EXPECT_EQ(with({}, ContainerState::kInitializing), "Initializing");
  EXPECT_EQ(with({}, ContainerState::kRemoving), "Removal In Progress");
  EXPECT_EQ(with(up, ContainerState::kRunning), "Up About a minute");
  using core::HealthStatus;
  EXPECT_EQ(with(up, ContainerState::kRunning, HealthStatus::kStarting),
            "Up About a minute (health: starting)");
  EXPECT_EQ(with(up, ContainerState::kRunning, HealthStatus::kHealthy),
            "Up About a minute (healthy)");
  EXPECT_EQ(with(up, ContainerState::kRunning, HealthStatus::kUnhealthy),
            "Up About a minute (unhealthy)");
  EXPECT_EQ(with(up, ContainerState::kPaused, HealthStatus::kHealthy),
            "Up About a minute (Paused)");
  EXPECT_EQ(with(up, ContainerState::kPaused), "Up About a minute (Paused)");
  EXPECT_EQ(with(up, ContainerState::kStopping), "Up About a minute (Stopping)");
  EXPECT_EQ(with(Exited(137), ContainerState::kExited), "Exited (137) About a minute ago");
  EXPECT_EQ(with(Exited(1), ContainerState::kRestarting), "Restarting (1) About a minute ago");
  EXPECT_EQ(with(Exited(127), ContainerState::kFailed), "Failed (127) About a minute ago");
  core::ContainerStatus lost = Exited(255);
  lost.exit->known = false;
  lost.exit->finished_at = 0;
  EXPECT_EQ(with(lost, ContainerState::kExited), "Exited (unknown)");
}

}  // namespace
}  // namespace hoy::cli
