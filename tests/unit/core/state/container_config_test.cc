#include "core/state/container_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hoy::core {
namespace {

// Every field away from its default, so that a field the codec forgets is seen.
ContainerConfig FullConfig() {
  ContainerConfig config;
  config.process = {.args = {"/bin/sh", "-c", "echo \"x\""},
                    .env = {"PATH=/bin", "BYTES=\xff\xfe"},
                    .cwd = "/work",
                    .user = "app:staff",
                    .additional_groups = {"audio", "44"},
                    .terminal = true,
                    .stdin_open = true,
                    .capabilities = {1ULL << 40, 2, 3, 4, 5},
                    .no_new_privileges = true,
                    .rlimits = {{7, 1024, UINT64_MAX}},
                    .oom_score_adj = -5,
                    .umask = 0077};
  config.image = {"busybox", "docker.io/library/busybox:latest", "aa", "sha256:bb", {"c1", "c2"},
                  {"/data"}};
  config.rootfs = {"/srv/root", true};
  config.attached = {true, true, true};
  config.timezone = "Europe/Berlin";
  config.entrypoint = {"/bin/sh"};
  config.command = {"-c", "x"};
  config.hostname = "web";
  config.domainname = "example.org";
  config.init = config.readonly_rootfs = config.privileged = config.auto_remove = true;
  config.mounts = {{.kind = MountKind::kTmpfs,
                    .source = "tmpfs",
                    .target = "/tmp",
                    .flags = 6,
                    .data = "size=1k",
                    .propagation = 1 << 19,
                    .recursive = false,
                    .recursive_readonly = true,
                    .source_is_directory = false,
                    .from_user = true,
                    .by_mount_option = true,
                    .mode = "ro,z",
                    .create_source = true,
                    .overlay = true,
                    .owned = true,
                    .volume = VolumeUse{.name = "v",
                                        .anonymous = true,
                                        .no_copy = true,
                                        .subpath = "s",
                                        .labels = {{"a", "b"}},
                                        .options = {{"type", "tmpfs"}}},
                    .image = ImageUse{"tools", "aa", {"c1", "c2"}, "bin"}}};
  config.devices = {{"/dev/fuse", "/dev/fuse2", 'b', 10, 229, 0600, 1, 2}};
  config.device_rules = {{.allow = false, .type = 'c', .major = 1, .minor = {}, .access = "r"}};
  config.given = {{"/a:/b:ro"}, {"other:ro"}, {"/dev/fuse:r"}, {"c 1:3 r"}, {"vendor.com/gpu=0"}};
  config.own_variables = {"HOSTNAME"};
  config.masked_paths = {"/proc/kcore"};
  config.readonly_paths = {"/proc/sys"};
  config.sysctls = {{"net.core.somaxconn", "1024"}};
  config.network.attachments = {{.network = "web",
                                 .address = "10.0.0.2",
                                 .address6 = "fd00::2",
                                 .mac = "02:00:00:00:00:01",
                                 .aliases = {"www"}}};
  config.network.ports = {
      {.host_address = "::1", .host_port = 8080, .container_port = 80, .protocol = "udp"}};
  config.network.publish_all = true;
  config.network.container = std::string(64, 'c');
  config.network.path = "/run/netns/a";
  config.network.dns = {"192.0.2.1"};
  config.network.dns_search = {"example.org"};
  config.network.dns_options = {"rotate"};
  config.network.extra_hosts = {"db:10.0.0.9"};
  config.namespaces = {NamespaceMode::kJoined, NamespaceMode::kHost, NamespaceMode::kHost,
                       NamespaceMode::kHost,   NamespaceMode::kHost, IpcSharing::kShareable,
                       std::string(64, 'd'),   std::string(64, 'e'), std::string(64, 'f')};
  config.seccomp = {SeccompMode::kProfile, "{}"};
  config.limits = {1,
                   -1,
                   3,
                   4,
                   5,
                   6,
                   -1,
                   8,
                   -1,
                   10,
                   {{"read_bps", "/dev/x", 8, 1, 9}},
                   "0-1",
                   "0",
                   {{"memory.high", "1"}}};
  config.cgroup_parent = "/jobs";
  config.shm_size = 1;
  config.storage_size = 2;
  config.stop_signal = 2;
  config.stop_timeout_seconds = -1;
  config.timeout_seconds = 60;
  config.sync_interval_ns = 90'000'000'000;
  config.pid_file = "/tmp/pid";
  config.cid_file = "/tmp/id";
  config.cap_add = {"CAP_CHOWN"};
  config.cap_drop = {"ALL"};
  config.health = {{"CMD-SHELL", "x"}, {"/bash", "-c"}, 1, 2, 3, 4, 5, HealthAction::kStop};
  config.notify = NotifyMode::kContainer;
  config.labels = {{"b", "2"}, {"a", "1"}};
  config.annotations = {{"k", ""}};
  config.log = {LogDriver::kNone, {{"max-size", "1k"}}, 1000, 3, true, "t", {{"a", "b"}}};
  return config;
}

TEST(ContainerConfig, SurvivesItsJson) {
  ContainerConfig config = FullConfig();
  auto decoded = DecodeContainerConfig(EncodeContainerConfig(config));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(*decoded, config);
  EXPECT_EQ(*DecodeContainerConfig(EncodeContainerConfig({})), ContainerConfig{});
}

TEST(ContainerConfig, ToleratesUnknownAndMissingFields) {
  auto config = DecodeContainerConfig(R"({"version":1,"hostname":"a","fromTheFuture":{"x":[1]}})");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->hostname, "a");
  EXPECT_EQ(config->stop_signal, 15);
}

TEST(ContainerConfig, RefusesWhatANewerHoyWrote) {
  auto config = DecodeContainerConfig(R"({"version":2})");
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().kind, ErrorKind::kUnsupported);
}

TEST(ContainerConfig, CallsDamageCorrupt) {
  for (const char* text :
       {"", "[]", "{", "{}", R"({"version":1,"process":3})", R"({"version":1,"mounts":{}})",
        R"({"version":1,"mounts":[{"kind":"floppy"}]})", R"({"version":1,"hostname":7})",
        R"({"version":1,"devices":[{"type":""}]})",
        R"({"version":1,"health":{"onFailure":"panic"}})"}) {
    auto config = DecodeContainerConfig(text);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_EQ(config.error().kind, ErrorKind::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace hoy::core
