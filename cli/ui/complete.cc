#include "cli/ui/complete.h"

#include "cli/ui/complete_names.h"
#include "cli/ui/globals.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

using Fallback = Completion::Fallback;

class Completer {
 public:
  Completer(std::span<const std::string> words, core::Layout layout, ValueNames more_values)
      : words_(words), layout_(std::move(layout)), more_values_(more_values) {}

  Completion Run() {
    if (words_.empty()) return {};
    Globals globals;
    size_t verb = Walk(globals, 0);
    if (finished_) return std::move(completion_);
    std::string spelling = words_[verb];
    const Registration* entry = FindCommand(spelling);
    if (entry == nullptr && spelling == "help") {
      if (verb + 2 == words_.size()) OfferNames(Completes::kVerb, words_.back());
      return std::move(completion_);
    }
    if (entry == nullptr) {  // maybe a group: "container ls"
      if (verb + 2 == words_.size()) OfferGroup(spelling, words_.back());
      if (verb + 2 >= words_.size()) return std::move(completion_);
      entry = FindCommand(spelling + " " + words_[++verb]);
      if (entry == nullptr) return std::move(completion_);
    }
    std::unique_ptr<Command> command = entry->Make();
    Walk(*command, verb + 1);
    return std::move(completion_);
  }

 private:
  // Goes through the words of one command up to the last one, which is completed here. For the
  // globals it stops at the verb instead and returns its index.
  size_t Walk(const Command& command, size_t at) {
    bool is_globals = command.info().name.empty();
    bool options_ended = false;
    size_t positional = 0;
    const OptionSpec* wants_value = nullptr;
    for (; at + 1 < words_.size(); ++at) {
      std::string_view word = words_[at];
      if (wants_value != nullptr) {
        RememberRoot(*wants_value, word);
        wants_value = nullptr;
      } else if (options_ended || word.size() < 2 || word[0] != '-') {
        if (is_globals) return at;
        ++positional;
        options_ended = options_ended || command.info().runs_command;
      } else if (word == "--") {
        options_ended = true;
      } else {
        wants_value = OptionWaiting(command, word);
      }
    }
    finished_ = true;
    const std::string& typed = words_.back();
    if (wants_value != nullptr) {
      OfferValue(*wants_value, "", typed);
    } else if (!options_ended && typed.starts_with("-")) {
      OfferOptions(command, typed);
    } else {
      OfferPositional(command, positional, typed);
      if (is_globals) OfferGroups(typed);
    }
    return at;
  }

  // The option of `word` if its value is the next word.
  const OptionSpec* OptionWaiting(const Command& command, std::string_view word) {
    if (word.starts_with("--")) {
      Cut cut = CutAt(word, '=');
      const OptionSpec* option = command.FindLong(cut.before.substr(2));
      if (option != nullptr && cut.after) RememberRoot(*option, *cut.after);
      bool waits = option != nullptr && !cut.after && option->kind != ValueKind::kFlag;
      return waits ? option : nullptr;
    }
    for (size_t i = 1; i < word.size(); ++i) {
      const OptionSpec* option = command.FindShort(word[i]);
      if (option == nullptr) return nullptr;
      if (option->kind != ValueKind::kFlag) return i + 1 == word.size() ? option : nullptr;
    }
    return nullptr;
  }

  // `hoy --root DIR rm <TAB>` offers the containers of that DIR.
  void RememberRoot(const OptionSpec& option, std::string_view value) {
    if (option.long_name == "root") layout_.data = value;
    if (option.long_name == "run-root") layout_.run = value;
  }

  void OfferOptions(const Command& command, std::string_view typed) {
    Cut cut = CutAt(typed, '=');
    if (typed.starts_with("--") && cut.after) {
      const OptionSpec* option = command.FindLong(cut.before.substr(2));
      if (option != nullptr) OfferValue(*option, std::string(cut.before) + "=", *cut.after);
      return;
    }
    auto offer = [&](std::string name, std::string_view help) {
      if (name.starts_with(typed)) {
        completion_.candidates.push_back({std::move(name), std::string(help)});
      }
    };
    for (const OptionSpec& option : command.options()) {
      if (option.hidden) continue;
      // A lone "-" offers all; the short name is shown where there is no long one.
      if (!option.long_name.empty()) {
        offer("--" + std::string(option.long_name), option.help);
      } else {
        offer(std::string("-") + option.short_name, option.help);
      }
    }
    offer("--help", "show this help");
  }

  void OfferValue(const OptionSpec& option, const std::string& before, std::string_view typed) {
    if (option.kind == ValueKind::kFlag) {
      for (std::string_view value : {"true", "false"}) OfferText(before, value, typed);
    }
    for (std::string_view choice : option.choices) OfferText(before, choice, typed);
    if (more_values_ != nullptr) {
      for (const std::string& name : more_values_(option, typed)) OfferText(before, name, typed);
    }
    size_t first = completion_.candidates.size();
    OfferNames(option.completes, typed);
    for (size_t i = first; i < completion_.candidates.size(); ++i) {
      completion_.candidates[i].text.insert(0, before);
    }
  }

  void OfferText(const std::string& before, std::string_view text, std::string_view typed) {
    if (text.starts_with(typed)) completion_.candidates.push_back({before + std::string(text), ""});
  }

  void OfferPositional(const Command& command, size_t index, std::string_view typed) {
    for (const PositionalSpec& positional : command.positionals()) {
      if (index == 0 || positional.repeats) return OfferNames(positional.completes, typed);
      --index;
    }
  }

  void OfferNames(Completes what, std::string_view typed) {
    if (what == Completes::kFile || what == Completes::kContainerPath ||
        what == Completes::kVolumeOrFile)
      completion_.fallback = Fallback::kFiles;
    if (what == Completes::kDirectory) completion_.fallback = Fallback::kDirectories;
    for (Candidate& candidate : NamesFor(what, typed, layout_)) {
      completion_.candidates.push_back(std::move(candidate));
    }
  }

  template <typename Visit>
  static void ForEachGrouped(Visit&& visit) {  // visit(group, verb, info)
    for (const Registration* entry : AllCommands()) {
      if (entry->info().hidden) continue;
      for (const auto& [group, verb] : GroupedSpellings(entry->info())) {
        visit(group, verb, entry->info());
      }
    }
  }

  void OfferGroups(std::string_view typed) {
    ForEachGrouped([&](std::string_view group, std::string_view, const CommandInfo&) {
      for (const Candidate& candidate : completion_.candidates) {
        if (candidate.text == group) return;
      }
      if (group.starts_with(typed)) {
        completion_.candidates.push_back({std::string(group), fmt::format("{} verbs", group)});
      }
    });
  }

  void OfferGroup(std::string_view wanted, std::string_view typed) {
    ForEachGrouped([&](std::string_view group, std::string_view verb, const CommandInfo& info) {
      if (group == wanted && verb.starts_with(typed)) {
        completion_.candidates.push_back({std::string(verb), std::string(info.summary)});
      }
    });
  }

  std::span<const std::string> words_;
  core::Layout layout_;
  ValueNames more_values_;
  Completion completion_;
  bool finished_ = false;
};

}  // namespace

Completion Complete(std::span<const std::string> words, const core::Layout& layout,
                    ValueNames more_values) {
  return Completer(words, layout, more_values).Run();
}

std::string CompletionText(const Completion& completion) {
  std::string text;
  for (const Candidate& candidate : completion.candidates) {
    text += candidate.text;
    if (!candidate.description.empty()) text.append("\t").append(candidate.description);
    text += '\n';
  }
  switch (completion.fallback) {
    case Fallback::kNone: text += ":none\n"; break;
    case Fallback::kFiles: text += ":files\n"; break;
    case Fallback::kDirectories: text += ":directories\n"; break;
  }
  return text;
}

}  // namespace hoy::cli
