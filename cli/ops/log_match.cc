#include "cli/ops/log_match.h"

#include <fcntl.h>
#include <regex.h>
#include <spawn.h>
#include <unistd.h>

#include <array>

#include "cli/ops/log_source.h"
#include "core/base/text.h"
#include "core/engine/lifecycle.h"
#include "core/engine/program_path.h"
#include "core/state/container_id.h"

namespace hoy::cli {
namespace {

class Regex {
 public:
  explicit Regex(const std::string& pattern)
      : failed_(regcomp(&compiled_, pattern.c_str(), REG_EXTENDED | REG_NOSUB)) {}
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
  ~Regex() {
    if (failed_ == 0) regfree(&compiled_);
  }
  std::string Complaint() const {
    std::array<char, 256> text{};
    if (failed_ != 0) regerror(failed_, &compiled_, text.data(), text.size());
    return text.data();
  }
  bool Matches(const std::string& line) const {
    return failed_ == 0 && regexec(&compiled_, line.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t compiled_{};
  int failed_;
};

}  // namespace

Result<> CheckPattern(const std::string& pattern) {
  std::string complaint = Regex(pattern).Complaint();
  if (complaint.empty()) return {};
  return Fail(ErrorKind::kInvalidArgument, "--log-match '{}': {}", pattern, complaint);
}

Result<LogMatch> LogMatch::Begin(const Context& context, const std::string& id,
                                 const std::string& pattern) {
  TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
  TRY(CheckLogIsKept(record));
  TRY(core::ContainerStatus status, core::Heal(context.layout, id));
  std::vector<std::string> words = {core::OwnProgram(),
                                    "--root",
                                    context.layout.data,
                                    "--run-root",
                                    context.layout.run,
                                    "logs",
                                    "-f"};
  // Whole lines, whatever pieces the two streams are written in; a terminal has one stream.
  if (!record.config.process.terminal) words.push_back("--grep=" + pattern);
  if (status.IsUp() && status.run) {
    words.insert(words.end(), {"--since", core::FormatRfc3339(status.run->started_at)});
  }
  words.push_back(id);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", "logs");
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
  pid_t pid = 0;
  int failed = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return FailErrno("exec", words[0], failed);
  return LogMatch(id, pattern, core::ChildProcess(pid, Fd()), std::move(reader));
}

Error LogMatch::CouldNotRead() const {
  std::string message = fmt::format("the log of container {} cannot be read", core::ShortId(id_));
  constexpr std::string_view kOurs = "hoy: ";
  if (last_.starts_with(kOurs)) message += ": " + last_.substr(kOurs.size());
  return MakeError(ErrorKind::kSystem, std::move(message));
}

Result<std::optional<std::string>> LogMatch::Check() {
  Regex regex(pattern_);
  std::array<char, 16 << 10> buffer;
  while (true) {
    ssize_t count = read(pipe_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return std::nullopt;
    if (count < 0) return FailErrno("read", "logs");
    if (count == 0 && !rest_.empty()) rest_ += '\n';  // a last line without its end
    rest_.append(buffer.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string line = rest_.substr(begin, end - begin);
      if (line.ends_with('\r')) line.pop_back();
      if (regex.Matches(line)) return line;
      last_ = std::move(line);
    }
    rest_.erase(0, begin);
    if (count == 0) {
      TRY(core::ExitStatus status, child_.Wait());
      if (status.code != 0) return Fail(CouldNotRead());
      return Fail(ErrorKind::kConflict, "container {} has exited, and no line matched '{}'",
                  core::ShortId(id_), pattern_);
    }
  }
}

}  // namespace hoy::cli
