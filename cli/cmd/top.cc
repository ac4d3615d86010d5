#include <algorithm>
#include <cstdlib>

#include "cli/ops/ps_tree.h"
#include "cli/ui/command.h"
#include "cli/ui/format.h"
#include "core/base/text.h"
#include "core/engine/processes.h"
#include "core/state/container_record.h"
#include "core/state/event_log.h"

namespace hoy::cli {
namespace {

class TopCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "top",
                                        .aliases = "container top",
                                        .summary = "List the processes of a container",
                                        .section = Section::kContainers,
                                        .runs_command = true};
  TopCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kRunningContainer);
    OptionalArguments("PS-OPTION", &arguments_);
    Option("--format", &format_, "FORMAT", "'table', 'json', a Go template, or 'table TEMPLATE'");
  }

  Result<int> Run(Context& context) override {
    context.runs_command = false;  // only its command line is like theirs; exit codes are hoy's
    TRY(PsRequest request, ParsePsArguments(arguments_));
    TRY(std::string id, core::FindContainer(context.layout, container_));
    auto threads = request.threads ? core::ListThreads::kYes : core::ListThreads::kNo;
    TRY(core::ProcessList list, core::ListProcesses(context.layout, id, threads));
    if (auto summary = core::ReadSummary(context.layout, id)) {
      core::RecordContainerEvent(context.layout, *summary, "top");
    }
    PsHost host = PsHost::Read();
    Sort(request, list, host);
    std::vector<std::string> fields = FieldsOf(request);
    ListModel model;
    for (size_t i = 0; i < fields.size(); ++i) {
      model.columns.push_back({.field = fields[i], .title = request.columns[i].title});
    }
    std::vector<Json> rows;
    for (PsRow& tree_row : PsRows(list.processes, request.tree)) {
      PsView view{list.processes[tree_row.index], list, host, request.inner_pids,
                  std::move(tree_row.prefix)};
      Json row = Json::object();
      for (size_t i = 0; i < fields.size(); ++i) row[fields[i]] = Value(request.columns[i], view);
      rows.push_back(std::move(row));
    }
    TRY(std::string text, FormatRows(format_, false, model, rows, 0));
    bool table = format_.empty() || format_ == "table";
    context.out.Write(table && !request.headers ? CutAt(text, '\n').after.value_or("") : text);
    return 0;
  }

 private:
  // Their titles, each once: both comm and args are called COMMAND.
  static std::vector<std::string> FieldsOf(const PsRequest& request) {
    std::vector<std::string> fields;
    for (const PsChoice& choice : request.columns) {
      std::string field = choice.title.empty() ? std::string(choice.column->title) : choice.title;
      std::string unique = field;
      for (int n = 2; std::ranges::find(fields, unique) != fields.end(); ++n) {
        unique = fmt::format("{}{}", field, n);
      }
      fields.push_back(std::move(unique));
    }
    return fields;
  }

  static Json Value(const PsChoice& choice, const PsView& view) {
    std::string text = choice.column->text(view);
    if (!choice.column->number) return text;
    if (auto whole = ParseInteger<int64_t>(text)) return *whole;
    return std::strtod(text.c_str(), nullptr);  // a percentage
  }

  static void Sort(const PsRequest& request, core::ProcessList& list, const PsHost& host) {
    // The columns look at the list themselves: it stays as it is until the order is known.
    std::vector<size_t> order(list.processes.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    auto text = [&](const PsSortKey& key, size_t index) {
      return key.column->text({list.processes[index], list, host, request.inner_pids});
    };
    std::ranges::stable_sort(order, [&](size_t a, size_t b) {
      for (const PsSortKey& key : request.sort) {
        std::string first = text(key, key.descending ? b : a);
        std::string second = text(key, key.descending ? a : b);
        if (key.column->number) {
          double left = std::strtod(first.c_str(), nullptr);
          double right = std::strtod(second.c_str(), nullptr);
          if (left != right) return left < right;
        } else if (first != second) {
          return first < second;
        }
      }
      return false;
    });
    std::vector<core::ProcFacts> sorted;
    sorted.reserve(order.size());
    for (size_t index : order) sorted.push_back(std::move(list.processes[index]));
    list.processes = std::move(sorted);
  }

  std::string container_;
  std::vector<std::string> arguments_;
  std::string format_;
};
HOY_REGISTER_COMMAND(TopCommand);

}  // namespace
}  // namespace hoy::cli
