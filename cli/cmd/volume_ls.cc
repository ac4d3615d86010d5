#include "cli/ops/volume_list.h"
#include "cli/ui/format.h"

namespace hoy::cli {
namespace {

class VolumeLsCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume ls",
                                        .aliases = "volume list",
                                        .summary = "List volumes",
                                        .section = Section::kVolumes};
  VolumeLsCommand() : ListCommand(kInfo) {
    Option("-f,--filter", &filters_, "KEY=VALUE",
           "list only volumes that match: dangling, driver, label, name");
  }

  Result<int> Run(Context& context) override {
    TRY(VolumeFilters filters, VolumeFilters::Parse(filters_));
    TRY(std::vector<std::string> names, core::ListVolumes(context.layout));
    core::VolumeUsers users;
    if (filters.WantsUsers()) {
      TRY(users, core::FindVolumeUsers(context.layout));
    }
    std::vector<Json> rows;
    for (const std::string& name : names) {
      auto record = core::ReadVolume(context.layout, name);
      if (!record && record.error().kind == ErrorKind::kNotFound) continue;  // removed meanwhile
      if (!record) return Fail(std::move(record).error());
      if (filters.Match(*record, users)) rows.push_back(VolumeRow(context.layout, *record));
    }
    return PrintRows(context,
                     {.columns = {{"Driver", "DRIVER"}, {"Name", "VOLUME NAME", /*flexible=*/true}},
                      .more = {{"Scope", "SCOPE"},
                               {"Mountpoint", "MOUNTPOINT"},
                               {"Labels", "LABELS"},
                               {"CreatedAt", "CREATED AT"}},
                      .quiet_field = "Name"},
                     rows);
  }

 private:
  std::vector<std::string> filters_;
};
HOY_REGISTER_COMMAND(VolumeLsCommand);

}  // namespace
}  // namespace hoy::cli
