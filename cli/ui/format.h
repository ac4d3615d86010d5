#pragma once
// What every list verb prints: rows with docker's field names, as a table, as JSON lines, through
// a template, or only their ids.
//
//   class PsCommand final : public ListCommand { ...
//     Result<int> Run(Context& context) override {
//       std::vector<Json> rows;                       // {{"ID", ...}, {"Names", ...}}
//       return PrintRows(context, {.columns = {{"ID", "CONTAINER ID"}, ...}}, rows);

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ui/command.h"
#include "cli/ui/template.h"

namespace hoy::cli {

struct Column {
  std::string_view field;  // "ID"
  std::string_view title;  // "CONTAINER ID"
  bool flexible = false;   // may be cut when the terminal is too narrow (not with --no-trunc)
};

struct ListModel {
  std::vector<Column> columns;  // of the default table
  std::vector<Column> more;     // titles of fields that only `--format 'table ...'` shows
  std::string_view quiet_field = "ID";
};

// A list verb derives from this and has -q, --no-trunc and --format; it cuts ids itself when
// no_trunc_ is false.
class ListCommand : public Command {
 protected:
  explicit ListCommand(const CommandInfo& info);

  // Rows are objects that all have the same fields.
  Result<int> PrintRows(Context& context, const ListModel& model, std::span<const Json> rows) const;

  // --format is a template that shows this field.
  bool FormatShows(std::string_view field) const;
  // --format is more than the columns of the table: `json`, or a template.
  bool FormatIsOwn() const;
  // --format is `json`, or a template that shows a whole row: {{json .}}.
  bool FormatShowsAll() const;

  bool quiet_ = false;
  bool no_trunc_ = false;
  std::string format_;  // "", "table", "json", "table TEMPLATE" or TEMPLATE
};

// The same without a command. kInvalidArgument: the template is wrong.
Result<std::string> FormatRows(std::string_view format, bool quiet, const ListModel& model,
                               std::span<const Json> rows, int max_width);

// For verbs that show one thing: `json` is one indented object, else a template.
Result<std::string> FormatObject(std::string_view format, const Json& object);

// What was rendered, for stdout. A terminal gets it without what it would obey: labels, names and
// the like are strangers' text.
void PrintData(Context& context, std::string_view text);

// For inspect: no format or `json` is an array, else the template once per object.
Result<std::string> FormatInspect(std::string_view format, std::span<const Json> objects);

}  // namespace hoy::cli
