#include "cli/ops/journal_log.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <array>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

constexpr core::Timestamp kMicrosecond = 1000;
constexpr std::string_view kErrorPriority = "3";

struct Field {
  std::string_view name;
  std::string_view value;
};

// "NAME=value\n", or "NAME\n", 8 bytes of length, value, "\n". nullopt: it is not whole.
std::optional<Field> TakeField(std::string_view* bytes) {
  size_t line = bytes->find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  auto [name, value] = CutAt(bytes->substr(0, line), '=');
  std::string_view rest = bytes->substr(line + 1);
  if (value || name.empty()) {
    *bytes = rest;
    return Field{name, value.value_or("")};
  }
  uint64_t length = 0;
  if (rest.size() < sizeof length) return std::nullopt;
  for (size_t i = sizeof length; i > 0; --i) {
    length = length << 8 | static_cast<unsigned char>(rest[i - 1]);
  }
  rest.remove_prefix(sizeof length);
  if (rest.size() <= length) return std::nullopt;
  *bytes = rest.substr(length + 1);
  return Field{name, rest.substr(0, length)};
}

struct Asked {
  core::ChildProcess child;
  Fd out;
};

Result<Asked> Spawn(std::vector<std::string>& arguments, bool silent) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", "journalctl");
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  if (silent) posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
  pid_t pid = 0;
  int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) {
    return Fail(
        MakeError(ErrorKind::kUnsupported, "this log is in the journal, and there is no journalctl")
            .WithHint("journalctl is part of systemd"));
  }
  if (failed != 0) return FailErrno("exec", "journalctl", failed);
  return Asked{core::ChildProcess(pid, Fd()), std::move(reader)};
}

// journald writes what it is sent a moment later. Where it cannot be asked to hurry, that moment
// may be missed.
void AwaitJournal() {
  std::vector<std::string> arguments = {"journalctl", "--sync"};
  if (auto asked = Spawn(arguments, true)) (void)asked->child.Wait();
}

}  // namespace

std::optional<JournalEntry> TakeJournalEntry(std::string* bytes) {
  std::string_view rest = *bytes;
  JournalEntry entry;
  bool ends = true;
  bool empty = true;
  while (true) {
    auto field = TakeField(&rest);
    if (!field) return std::nullopt;
    if (field->name.empty()) {
      if (empty) continue;
      break;  // the empty line after an entry
    }
    empty = false;
    if (field->name == "MESSAGE") entry.text = field->value;
    if (field->name == "PRIORITY" && field->value == kErrorPriority) {
      entry.stream = core::LogStream::kStderr;
    }
    if (field->name == "CONTAINER_PARTIAL_MESSAGE") ends = false;
    if (field->name == "__CURSOR") entry.cursor = field->value;
    if (field->name == "__REALTIME_TIMESTAMP" && entry.time == 0) {
      entry.time = ParseInteger<core::Timestamp>(field->value).value_or(0) * kMicrosecond;
    }
    if (field->name == "SYSLOG_TIMESTAMP") {
      if (auto time = core::ParseRfc3339(field->value)) entry.time = *time;
    }
  }
  if (ends) entry.text += '\n';
  bytes->erase(0, bytes->size() - rest.size());
  return entry;
}

Result<JournalLog> JournalLog::Open(const JournalQuery& query) {
  JournalLog log(query);
  AwaitJournal();
  std::vector<std::string> arguments;
  if (query.tail) arguments.push_back(fmt::format("--lines={}", *query.tail));
  if (query.since > 0) {
    arguments.push_back(fmt::format("--since=@{}", query.since / core::kSecond));
  }
  TRY(log.Ask(std::move(arguments)));
  return log;
}

Result<> JournalLog::Ask(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"journalctl", "--no-pager", "--quiet", "--all", "--output=export"});
  arguments.push_back("CONTAINER_ID_FULL=" + query_.id);
  TRY(Asked asked, Spawn(arguments, false));
  child_ = std::move(asked.child);
  pipe_ = std::move(asked.out);
  bytes_.clear();
  return {};
}

// What we have not had yet.
Result<> JournalLog::AskForRest(std::vector<std::string> arguments) {
  only_new_ = cursor_.empty() && query_.tail;
  if (!cursor_.empty()) arguments.push_back("--after-cursor=" + cursor_);
  if (only_new_) arguments.push_back(fmt::format("--since=@{}", opened_ / core::kSecond));
  return Ask(std::move(arguments));
}

Result<> JournalLog::Follow() {
  TRY(AskForRest({"--follow", "--lines=all"}));
  fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
  phase_ = Phase::kFollows;
  return {};
}

Result<> JournalLog::Finish() {
  if (phase_ == Phase::kPast) query_.follow = false;
  if (phase_ != Phase::kFollows) return {};
  AwaitJournal();
  kill(child_.pid(), SIGTERM);
  fcntl(pipe_.get(), F_SETFL, 0);
  phase_ = Phase::kEnding;
  return {};
}

Result<bool> JournalLog::EndPhase() {
  pipe_.reset();
  TRY(core::ExitStatus status, child_.Wait());
  // Its own message, if there was one, is on stderr.
  bool asked_to_end = phase_ == Phase::kEnding && status.signal == SIGTERM;
  if ((status.code != 0 && !asked_to_end) || phase_ == Phase::kFollows) {
    return Fail(ErrorKind::kSystem, "journalctl ended with {}", status.code);
  }
  if (phase_ == Phase::kPast && query_.follow) {
    TRY(Follow());
    return true;
  }
  if (phase_ != Phase::kEnding) return false;
  phase_ = Phase::kLast;
  TRY(AskForRest({}));
  return true;
}

Result<std::optional<core::LogFrame>> JournalLog::Next() {
  while (true) {
    if (auto entry = TakeJournalEntry(&bytes_)) {
      if (only_new_ && entry->time < opened_) continue;
      entry_ = *std::move(entry);
      if (!entry_.cursor.empty()) cursor_ = entry_.cursor;
      return core::LogFrame{entry_.stream, entry_.time, entry_.text};
    }
    if (!pipe_) return std::nullopt;
    std::array<char, 16384> buffer;
    ssize_t count = read(pipe_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return std::nullopt;
    if (count < 0) return FailErrno("read", "journalctl");
    if (count > 0) {
      bytes_.append(buffer.data(), static_cast<size_t>(count));
      continue;
    }
    TRY(bool more, EndPhase());
    if (!more) return std::nullopt;
  }
}

}  // namespace hoy::cli
