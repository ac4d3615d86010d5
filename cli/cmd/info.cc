#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/ops/log_options.h"
#include "cli/ops/stats_rows.h"
#include "cli/ui/format.h"
#include "core/base/text.h"
#include "core/cgroup/cgroup.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/firewall/firewall.h"

namespace hoy::cli {
namespace {

struct Counts {
  int64_t containers = 0;
  int64_t running = 0;
  int64_t images = 0;
};

Result<Counts> Count(const core::Layout& layout) {
  Counts counts;
  TRY(std::vector<std::string> ids, core::ListContainerIds(layout));
  for (const std::string& id : ids) {
    ++counts.containers;
    auto status = core::Observe(layout, id);
    if (status && status->IsUp()) ++counts.running;
  }
  TRY(std::vector<std::string> records, core::ListDirectory(layout.ImageRecords()));
  for (const std::string& record : records) {
    if (!record.starts_with('.')) ++counts.images;
  }
  return counts;
}

// PRETTY_NAME of os-release(5).
std::string OperatingSystem() {
  auto text = core::ReadFile("/etc/os-release");
  if (!text) return "Linux";
  for (std::string_view line : Split(*text, '\n')) {
    Cut cut = CutAt(line, '=');
    if (cut.before != "PRETTY_NAME" || !cut.after) continue;
    std::string_view name = *cut.after;
    if (name.size() > 1 && name.starts_with('"')) name = name.substr(1, name.size() - 2);
    return std::string(name);
  }
  return "Linux";
}

// Who would keep the rules of networks. Only root may ask the kernel.
std::string FirewallDriver() {
  auto firewall = net::Firewall::Open();
  auto driver = firewall ? firewall->Driver() : Fail(std::move(firewall).error());
  if (driver) return *std::move(driver);
  return driver.error().kind == ErrorKind::kUnsupported ? "none" : "unknown";
}

class InfoCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "info",
                                        .aliases = "system info",
                                        .summary = "Show where hoy works and what this host offers",
                                        .section = Section::kSystem};
  InfoCommand() : Command(kInfo) {
    Option("-f,--format", &format_, "FORMAT", "'json' or a Go template, like {{.DockerRootDir}}");
  }

  Result<int> Run(Context& context) override {
    TRY(Json info, Collect(context.layout));
    if (format_.empty()) {
      PrintText(context, info);
      return 0;
    }
    TRY(std::string text, FormatObject(format_, info));
    context.out.Write(text);
    return 0;
  }

 private:
  // Docker's field names where docker has the field.
  static Result<Json> Collect(const core::Layout& layout) {
    TRY(Counts counts, Count(layout));
    utsname kernel{};
    if (uname(&kernel) != 0) return FailErrno("uname", "");
    struct sysinfo memory{};
    if (sysinfo(&memory) != 0) return FailErrno("sysinfo", "");
    core::CgroupHostInfo cgroup = core::DescribeCgroupHost();
    Json controllers = Json::array();
    for (const std::string& controller : cgroup.controllers) controllers.push_back(controller);
    std::string_view version = core::ToString(cgroup.version);
    if (version.starts_with('v')) version.remove_prefix(1);  // docker says "1" or "2"
    return Json{
        {"ServerVersion", HOY_VERSION},
        {"Containers", counts.containers},
        {"ContainersRunning", counts.running},
        {"ContainersPaused", 0},
        {"ContainersStopped", counts.containers - counts.running},
        {"Images", counts.images},
        {"Driver", "overlay"},
        {"LoggingDriver", core::ToString(core::LogConfig().driver)},
        {"Plugins", {{"Log", LogDriverNames()}}},
        {"DockerRootDir", layout.data},
        {"RunRoot", layout.run},
        {"CgroupDriver", cgroup.version == core::CgroupVersion::kNone ? "none" : "cgroupfs"},
        {"CgroupVersion", version},
        {"CgroupControllers", controllers},
        {"SecurityOptions", Json::array({"name=seccomp,profile=builtin"})},
        {"FirewallBackend", {{"Driver", FirewallDriver()}}},
        {"Rootless", geteuid() != 0},
        {"KernelVersion", kernel.release},
        {"OperatingSystem", OperatingSystem()},
        {"OSType", "linux"},
        {"Architecture", kernel.machine},
        {"NCPU", sysconf(_SC_NPROCESSORS_ONLN)},
        {"MemTotal", static_cast<uint64_t>(memory.totalram) * memory.mem_unit},
        {"Name", kernel.nodename}};
  }

  static void PrintText(Context& context, const Json& info) {
    auto text = [&](const char* field) { return info[field].get<std::string>(); };
    auto number = [&](const char* field) { return info[field].get<int64_t>(); };
    Output& out = context.out;
    out.Print("Version:           {}\n", text("ServerVersion"));
    out.Print("Containers:        {} ({} running, {} stopped)\n", number("Containers"),
              number("ContainersRunning"), number("ContainersStopped"));
    out.Print("Images:            {}\n", number("Images"));
    out.Print("Data root:         {}\n", text("DockerRootDir"));
    out.Print("Run root:          {}\n", text("RunRoot"));
    out.Print("Storage driver:    {}\n", text("Driver"));
    out.Print("Log drivers:       {}\n", Join(LogDriverNames(), " "));
    out.Print("Cgroup version:    {}\n", text("CgroupVersion"));
    out.Print("Cgroup driver:     {}\n", text("CgroupDriver"));
    out.Print("Controllers:       {}\n",
              Join(info["CgroupControllers"].get<std::vector<std::string>>(), " "));
    out.Print("Firewall:          {}\n", info["FirewallBackend"]["Driver"].get<std::string>());
    out.Print("Rootless:          {}\n", info["Rootless"].get<bool>());
    out.Print("Kernel version:    {}\n", text("KernelVersion"));
    out.Print("Operating system:  {}\n", text("OperatingSystem"));
    out.Print("Architecture:      {}\n", text("Architecture"));
    out.Print("CPUs:              {}\n", number("NCPU"));
    out.Print("Total memory:      {}\n", BinarySize(info["MemTotal"].get<uint64_t>()));
    out.Print("Name:              {}\n", text("Name"));
  }

  std::string format_;
};
HOY_REGISTER_COMMAND(InfoCommand);

}  // namespace
}  // namespace hoy::cli
