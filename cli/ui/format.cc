#include "cli/ui/format.h"

#include "cli/ui/printable.h"
#include "cli/ui/table.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

std::string Cell(const Json& row, std::string_view field) {
  auto value = row.find(field);
  if (value == row.end() || value->is_null()) return "";
  return value->is_string() ? value->get<std::string>() : CompactJson(*value);
}

bool IsPlainTable(std::string_view format) {
  return format.empty() || format == "table";
}

std::string DefaultTable(const ListModel& model, std::span<const Json> rows, int max_width) {
  std::vector<TableRow> cells(1);
  std::vector<size_t> flexible;
  for (size_t i = 0; i < model.columns.size(); ++i) {
    cells[0].emplace_back(model.columns[i].title);
    if (model.columns[i].flexible) flexible.push_back(i);
  }
  for (const Json& row : rows) {
    TableRow& line = cells.emplace_back();
    for (const Column& column : model.columns) line.push_back(Cell(row, column.field));
  }
  return FormatTable(cells, flexible, max_width);
}

// `\t` and `\n` as scripts write them inside single quotes.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view two = text.substr(i, 2);
    if (two == "\\t" || two == "\\n") {
      plain += two == "\\t" ? '\t' : '\n';
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

Json Titles(const ListModel& model, std::span<const Json> rows) {
  Json titles = Json::object();
  if (!rows.empty()) {  // a field without a title of its own is its own title
    for (const auto& [field, value] : rows[0].items()) {
      std::string title = field;
      for (char& c : title) c = static_cast<char>(toupper(static_cast<unsigned char>(c)));
      titles[field] = title;
    }
  }
  for (const Column& column : model.columns) titles[std::string(column.field)] = column.title;
  for (const Column& column : model.more) titles[std::string(column.field)] = column.title;
  return titles;
}

TableRow CellsOf(std::string_view line) {
  TableRow cells;
  for (std::string_view cell : Split(line, '\t')) cells.emplace_back(cell);
  if (cells.empty()) cells.emplace_back();
  return cells;
}

Result<std::string> TemplateTable(const Template& line, const ListModel& model,
                                  std::span<const Json> rows) {
  TRY(std::string header, line.RenderHeader(Titles(model, rows)));
  std::vector<TableRow> cells = {CellsOf(header)};
  for (const Json& row : rows) {
    TRY(std::string text, line.Render(row));
    cells.push_back(CellsOf(text));
  }
  return FormatTable(cells);
}

Result<Template> TemplateOf(std::string_view format) {
  format = Trim(format);
  if (format.starts_with("table ")) format.remove_prefix(6);
  return Template::Parse(Unescaped(format));
}

}  // namespace

Result<std::string> FormatRows(std::string_view format, bool quiet, const ListModel& model,
                               std::span<const Json> rows, int max_width) {
  std::string text;
  format = Trim(format);
  bool is_plain = IsPlainTable(format);
  if (quiet && is_plain) {
    for (const Json& row : rows) text.append(Cell(row, model.quiet_field)).append("\n");
    return text;
  }
  if (is_plain) return DefaultTable(model, rows, max_width);
  if (format == "json") {
    for (const Json& row : rows) text.append(CompactJson(row)).append("\n");
    return text;
  }
  bool is_table = format.starts_with("table ");
  std::string pattern = Unescaped(is_table ? format.substr(6) : format);
  TRY(Template line, Template::Parse(pattern));
  if (is_table) return TemplateTable(line, model, rows);
  for (const Json& row : rows) {
    TRY(std::string rendered, line.Render(row));
    text.append(rendered).append("\n");
  }
  return text;
}

Result<std::string> FormatObject(std::string_view format, const Json& object) {
  if (format == "json") return CompactJson(object) + "\n";
  TRY(Template pattern, Template::Parse(format));
  TRY(std::string text, pattern.Render(object));
  return text + "\n";
}

Result<std::string> FormatInspect(std::string_view format, std::span<const Json> objects) {
  if (format.empty() || format == "json") {
    Json list = Json::array();
    for (const Json& object : objects) list.push_back(object);
    return list.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  TRY(Template pattern, Template::Parse(format));
  std::string text;
  for (const Json& object : objects) {
    TRY(std::string rendered, pattern.Render(object));
    text.append(rendered).append("\n");
  }
  return text;
}

void PrintData(Context& context, std::string_view text) {
  if (context.terminal.stdout_is_terminal) return context.out.Write(PrintableLines(text));
  context.out.Write(text);
}

ListCommand::ListCommand(const CommandInfo& info) : Command(info) {
  Flag("-q,--quiet", &quiet_, "print only the ids");
  Flag("--no-trunc", &no_trunc_, "do not cut ids and texts short");
  Option("--format", &format_, "FORMAT", "'table', 'json', a Go template, or 'table TEMPLATE'");
}

Result<int> ListCommand::PrintRows(Context& context, const ListModel& model,
                                   std::span<const Json> rows) const {
  int max_width = no_trunc_ ? 0 : context.terminal.columns;
  TRY(std::string text, FormatRows(format_, quiet_, model, rows, max_width));
  PrintData(context, text);
  return 0;
}

bool ListCommand::FormatShows(std::string_view field) const {
  auto pattern = TemplateOf(format_);
  return pattern && pattern->Mentions(field);
}

bool ListCommand::FormatIsOwn() const {
  return !IsPlainTable(Trim(format_));
}

bool ListCommand::FormatShowsAll() const {
  if (Trim(format_) == "json") return true;
  auto pattern = TemplateOf(format_);
  return pattern && pattern->MentionsAll();
}

}  // namespace hoy::cli
