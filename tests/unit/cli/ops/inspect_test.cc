#include "cli/ops/inspect.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "core/rootfs/default_mounts.h"

namespace hoy::cli {
namespace {

Json Inspected(const core::ContainerConfig& config) {
  core::ContainerRecord record;
  record.id = std::string(64, 'a');
  record.config = config;
  return InspectContainer({.data = "/nonexistent", .run = "/nonexistent"}, record, {});
}

std::string Rendered(const core::ContainerConfig& config, const char* text) {
  auto rendered = Template::Parse(text)->Render(Inspected(config));
  return rendered ? *rendered : rendered.error().message;
}

TEST(Inspect, ListsOnlyTheDevicesThatWereAskedFor) {
  core::ContainerConfig config;
  config.devices = core::DefaultDevices();
  EXPECT_EQ(Inspected(config)["HostConfig"]["Devices"], Json::array());
  config.given.devices = {"/dev/fuse:/dev/x", "/dev/null:rm"};
  EXPECT_EQ(Inspected(config)["HostConfig"]["Devices"], Json::parse(R"([
          {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"},
          {"PathOnHost": "/dev/null", "PathInContainer": "/dev/null", "CgroupPermissions": "rm"}
      ])"));
  config.given.cdi_devices = {"vendor.com/gpu=0"};
  EXPECT_EQ(
      Rendered(config, "{{range .HostConfig.DeviceRequests}}{{.Driver}} {{.DeviceIDs}}{{end}}"),
      "cdi [vendor.com/gpu=0]");
}

TEST(Inspect, HasTheFieldsThatDockersTemplatesAskFor) {
  core::ContainerConfig config;
  EXPECT_EQ(Rendered(config, "{{.Config.Entrypoint}} {{json .Config.Entrypoint}} {{.ExecIDs}}"),
            "[] null []");
  EXPECT_EQ(Rendered(config,
                     "{{.HostConfig.Binds}}{{.HostConfig.Mounts}}{{.HostConfig.DeviceCgroupRules}}"
                     "{{.HostConfig.DeviceRequests}}{{.Config.OnBuild}}{{len .HostConfig.Binds}}"
                     "{{join .HostConfig.Binds \",\"}}{{range .HostConfig.Binds}}x{{end}}"),
            "[][][][][]0");
  EXPECT_EQ(Rendered(config,
                     "{{with .NetworkSettings}}{{.Bridge}}{{.EndpointID}}{{.HairpinMode}} "
                     "{{.LinkLocalIPv6Address}}{{.LinkLocalIPv6PrefixLen}} "
                     "{{json .SecondaryIPAddresses}} {{json .SecondaryIPv6Addresses}}{{end}} "
                     "{{with .Config}}{{.Shell}}{{.NetworkDisabled}}{{.MacAddress}}{{end}}"),
            "false 0 null null []false");
  config.network.attachments = {{.network = "app", .mac = "02:00:00:00:00:07"}};
  EXPECT_EQ(Rendered(config, "{{.Config.MacAddress}}"), "02:00:00:00:00:07");
  EXPECT_EQ(Rendered(config,
                     "{{.HostConfig.Runtime}} {{json .HostConfig.VolumesFrom}} "
                     "{{json .HostConfig.Links}} {{json .HostConfig.BlkioWeightDevice}} "
                     "{{.HostConfig.CpuRealtimePeriod}}{{.HostConfig.CpuRealtimeRuntime}}"),
            "hoy null null [] 00");
  EXPECT_EQ(Rendered(config, "{{.Config.StdinOnce}}{{.AppArmorProfile}}{{.HostConfig.UsernsMode}}"),
            "false");
  config.process.stdin_open = true;
  config.attached.in = true;
  config.annotations = {{"k", "v"}};
  config.mounts = {{.kind = core::MountKind::kTmpfs, .target = "/shm"},
                   {.kind = core::MountKind::kTmpfs,
                    .target = "/t",
                    .flags = MS_RDONLY,
                    .data = "size=1",
                    .from_user = true}};
  EXPECT_EQ(Rendered(config,
                     "{{.Config.StdinOnce}} {{json .HostConfig.Tmpfs}} "
                     "{{.HostConfig.Annotations.k}} {{.HostConfig.OomKillDisable}}"),
            R"(true {"/t":"ro,size=1"} v false)");
}

}  // namespace
}  // namespace hoy::cli
