#include "cli/ops/ps_options.h"

#include <algorithm>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

// As ps has them: "name" or "name=TITLE". The formats of procps: ps(1), "OUTPUT FORMAT CONTROL".
constexpr std::string_view kFull = "user=UID,pid,ppid,c,stime,tty,time,args=CMD";
constexpr std::string_view kExtraFull = "user=UID,pid,ppid,c,sz,rss,psr,stime,tty,time,args=CMD";
constexpr std::string_view kLong = "f,s,uid,pid,ppid,c,pri,ni,addr,sz,wchan,tty,time,comm=CMD";
constexpr std::string_view kJobs = "pid,pgid,sid,tty,time,comm=CMD";
constexpr std::string_view kPlain = "pid,tty,time,comm=CMD";
constexpr std::string_view kBsdUser =
    "user,pid,%cpu,%mem,vsz,rss,tty,stat,stime=START,bsdtime,args";
constexpr std::string_view kBsdJobs = "ppid,pid,pgid,sid,tty,tpgid,stat,uid,bsdtime,args";
constexpr std::string_view kBsdLong = "f,uid,pid,ppid,pri,ni,vsz,rss,wchan,stat,tty,bsdtime,args";
constexpr std::string_view kBsdMemory = "pid,tty,stat,bsdtime,maj_flt,trs,drs,rss,%mem,args";
constexpr std::string_view kBsdSignals =
    "uid,pid,pending,blocked,ignored,caught,stat,tty,bsdtime,args";
constexpr std::string_view kBsdPlain = "pid,tty,stat,bsdtime,args";

Error Unknown(std::string_view what, std::string_view name) {
  return MakeError(ErrorKind::kInvalidArgument, fmt::format("unknown {} '{}'", what, name))
      .WithHint("see 'man hoy-top' for the ps options and columns there are");
}

Result<std::vector<PsChoice>> ParseColumns(std::string_view list) {
  std::vector<PsChoice> columns;
  // A title runs to the end of its list, as in ps: "-o pid=A,B" is one column.
  size_t titled = list.find('=');
  std::string_view names = list.substr(0, titled);
  for (std::string_view name : Split(names, ',')) {
    std::string lower = ToLower(Trim(name));
    const PsColumn* column = FindPsColumn(lower);
    if (column == nullptr) return Fail(Unknown("column", name));
    columns.push_back({column, std::string(column->title)});
  }
  if (columns.empty()) return Fail(Unknown("column", list));
  if (titled != std::string_view::npos) columns.back().title = list.substr(titled + 1);
  return columns;
}

// The tables above: each title ends with its column.
std::vector<PsChoice> Preset(std::string_view list) {
  std::vector<PsChoice> columns;
  for (std::string_view item : Split(list, ',')) {
    auto [name, title] = CutAt(item, '=');
    const PsColumn* column = FindPsColumn(name);
    columns.push_back({column, std::string(title.value_or(column->title))});
  }
  return columns;
}

class PsReader {
 public:
  explicit PsReader(std::span<const std::string> arguments) : arguments_(arguments) {}

  Result<PsRequest> Read() {
    if (AreDescriptors()) {
      for (const std::string& argument : arguments_) TRY(AddColumns(argument));
      request_.inner_pids = true;
    } else {
      while (next_ < arguments_.size()) {
        const std::string& argument = arguments_[next_++];
        if (argument.starts_with("--")) {
          TRY(ReadLong(argument));
        } else if (argument.size() > 1 && argument[0] == '-') {
          TRY(ReadLetters(std::string_view(argument).substr(1), false));
        } else {
          TRY(ReadLetters(argument, true));
        }
      }
    }
    if (!request_.columns.empty()) return std::move(request_);
    std::string_view preset = !preset_.empty()     ? preset_
                              : arguments_.empty() ? kFull
                              : bsd_               ? kBsdPlain
                                                   : kPlain;
    request_.columns = Preset(preset);
    AddThreadColumns();
    if (label_) request_.columns.insert(request_.columns.begin(), {FindPsColumn("label"), "LABEL"});
    return std::move(request_);
  }

 private:
  // `podman top C pid hpid user`, also with commas.
  bool AreDescriptors() const {
    auto known = [](std::string_view list) {
      return !list.empty() && std::ranges::all_of(Split(list, ','), [](std::string_view name) {
        return FindPsColumn(ToLower(name)) != nullptr;
      });
    };
    // One letter alone may be a BSD option: "c" and "s" are not taken for columns.
    return !arguments_.empty() && std::ranges::all_of(arguments_, known) &&
           std::ranges::any_of(arguments_, [](const std::string& each) { return each.size() > 1; });
  }

  void InsertAfter(std::string_view after, std::string_view name, std::string title) {
    const PsColumn* before = FindPsColumn(after);
    auto at = std::ranges::find(request_.columns, before, &PsChoice::column);
    if (at == request_.columns.end()) return;
    request_.columns.insert(at + 1, {FindPsColumn(name), std::move(title)});
  }

  // -L: the thread's number behind those of the process; -T: behind the first of them.
  void AddThreadColumns() {
    if (spid_) InsertAfter("pid", "lwp", "SPID");
    if (!lwp_) return;
    std::string_view last = "pid";
    for (std::string_view id : {"ppid", "sid"}) {
      if (std::ranges::find(request_.columns, FindPsColumn(id), &PsChoice::column) !=
          request_.columns.end()) {
        last = id;
      }
    }
    InsertAfter(last, "lwp", "LWP");
    if (preset_ == kFull || preset_ == kExtraFull) InsertAfter("c", "nlwp", "NLWP");
  }

  Result<> AddColumns(std::string_view list) {
    TRY(auto columns, ParseColumns(list));
    for (PsChoice& choice : columns) request_.columns.push_back(std::move(choice));
    return {};
  }

  Result<std::string_view> Value(std::string_view option) {
    if (next_ == arguments_.size()) {
      return Fail(ErrorKind::kInvalidArgument, "ps option '{}' wants a value", option);
    }
    return std::string_view(arguments_[next_++]);
  }

  Result<> ReadLong(std::string_view argument) {
    auto [name, value] = CutAt(argument, '=');
    if (name == "--no-headers" || name == "--no-heading" || name == "--no-headings") {
      request_.headers = false;
      return {};
    }
    if (name == "--headers") return {};
    if (argument == "--forest") {
      request_.tree = PsTree::kForest;
      return {};
    }
    if (argument == "--context") {
      label_ = true;
      return {};
    }
    if (name != "--format" && name != "--sort") return Fail(Unknown("ps option", argument));
    if (!value) {
      TRY(value, Value(name));
    }
    return name == "--format" ? AddColumns(*value) : AddSortKeys(*value);
  }

  Result<> AddSortKeys(std::string_view list) {
    for (std::string_view key : Split(list, ',')) {
      bool descending = key.starts_with('-');
      if (descending || key.starts_with('+')) key.remove_prefix(1);
      const PsColumn* column = FindPsColumn(ToLower(key));
      if (column == nullptr) return Fail(Unknown("sort key", key));
      request_.sort.push_back({column, descending});
    }
    return {};
  }

  Result<> ReadLetters(std::string_view letters, bool bsd) {
    bsd_ = bsd_ || bsd;
    for (size_t at = 0; at < letters.size(); ++at) {
      char letter = letters[at];
      if (letter == 'o' || (letter == 'k' && bsd)) {
        std::string_view value = letters.substr(at + 1);
        if (value.empty()) {
          TRY(value, Value(letters));
        }
        return letter == 'o' ? AddColumns(value) : AddSortKeys(value);
      }
      std::string_view preset = bsd ? BsdPreset(letter) : UnixPreset(letter);
      if (!preset.empty()) {
        preset_ = preset;
      } else if (letter == 'h' && bsd) {
        request_.headers = false;
      } else if (letter == 'f' && bsd) {
        request_.tree = PsTree::kForest;
      } else if (letter == 'H') {
        if (bsd) {
          request_.threads = true;
        } else {
          request_.tree = PsTree::kIndented;
        }
      } else if (letter == 'Z' || (letter == 'M' && !bsd)) {
        label_ = true;
      } else if ((letter == 'L' || letter == 'T') && !bsd) {
        request_.threads = true;
        (letter == 'L' ? lwp_ : spid_) = true;
      } else if (std::string_view(bsd ? "axgw" : "eAadw").find(letter) == std::string_view::npos) {
        return Fail(Unknown("ps option", fmt::format("{}{}", bsd ? "" : "-", letter)));
      }
    }
    return {};
  }

  static std::string_view UnixPreset(char letter) {
    switch (letter) {
      case 'f': return kFull;
      case 'F': return kExtraFull;
      case 'l': return kLong;
      case 'j': return kJobs;
      default: return "";
    }
  }

  static std::string_view BsdPreset(char letter) {
    switch (letter) {
      case 'u': return kBsdUser;
      case 'j': return kBsdJobs;
      case 'l': return kBsdLong;
      case 'v': return kBsdMemory;
      case 's': return kBsdSignals;
      default: return "";
    }
  }

  std::span<const std::string> arguments_;
  size_t next_ = 0;
  bool bsd_ = false;
  bool lwp_ = false;
  bool spid_ = false;
  bool label_ = false;
  std::string_view preset_;
  PsRequest request_;
};

}  // namespace

Result<PsRequest> ParsePsArguments(std::span<const std::string> arguments) {
  return PsReader(arguments).Read();
}

}  // namespace hoy::cli
