#include "core/state/event_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kCurrent = "/current";

// Numbers of the files that were moved away, ascending.
std::vector<int64_t> NumbersIn(const std::string& directory) {
  std::vector<int64_t> numbers;
  auto names = ListDirectory(directory);
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    if (auto number = ParseInteger<int64_t>(name); number && *number > 0) {
      numbers.push_back(*number);
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string NumberedPath(const std::string& directory, int64_t number) {
  return fmt::format("{}/{}", directory, number);
}

void MoveAway(const std::string& directory, BorrowedFd full) {
  auto lock = OpenDirectory(directory);
  if (!lock || !TryLockFile(*lock, LockMode::kExclusive).value_or(false)) return;
  std::string current = directory + std::string(kCurrent);
  struct stat ours{};
  struct stat now{};
  if (fstat(full.get(), &ours) != 0 || stat(current.c_str(), &now) != 0) return;
  if (ours.st_ino != now.st_ino) return;  // somebody was faster
  std::vector<int64_t> numbers = NumbersIn(directory);
  int64_t next = numbers.empty() ? 1 : numbers.back() + 1;
  if (rename(current.c_str(), NumberedPath(directory, next).c_str()) != 0) return;
  for (int64_t number : numbers) {
    if (number <= next - static_cast<int64_t>(kKeptEventFiles)) {
      (void)Unlink(NumberedPath(directory, number));
    }
  }
}

std::string Attribute(const StringPairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

std::string EncodeEvent(const Event& event) {
  Json attributes = Json::object();
  for (const auto& [key, value] : event.attributes) attributes[key] = value;
  Json json = {{"time", event.time},
               {"type", event.type},
               {"action", event.action},
               {"id", event.id},
               {"attributes", std::move(attributes)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Event> DecodeEvent(std::string_view line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return Fail(ErrorKind::kCorrupt, "not an event");
  try {
    Event event;
    event.time = json.at("time").get<Timestamp>();
    event.type = json.at("type").get<std::string>();
    event.action = json.at("action").get<std::string>();
    event.id = json.at("id").get<std::string>();
    for (const auto& [key, value] : json.at("attributes").items()) {
      event.attributes.emplace_back(key, value.get<std::string>());
    }
    return event;
  } catch (const Json::exception&) {
    return Fail(ErrorKind::kCorrupt, "not an event");
  }
}

void RecordEvent(const Layout& layout, const Event& event) {
  Event stamped = event;
  if (stamped.time == 0) stamped.time = Now();
  std::string line = "\n" + EncodeEvent(stamped) + "\n";
  std::string directory = layout.Events();
  std::string current = directory + std::string(kCurrent);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  Fd file(open(current.c_str(), kFlags, 0600));
  if (!file && errno == ENOENT && MakeDirectories(directory, 0700)) {
    file.reset(open(current.c_str(), kFlags, 0600));
  }
  if (!file || write(file.get(), line.data(), line.size()) < 0) return;
  if (lseek(file.get(), 0, SEEK_CUR) >= kEventFileLimit) MoveAway(directory, file);
}

void RecordContainerEvent(const Layout& layout, const ContainerSummary& container,
                          std::string_view action, StringPairs more) {
  Event event;
  event.type = "container";
  event.action = action;
  event.id = container.id;
  event.attributes = std::move(more);
  event.attributes.emplace_back("image", container.image);
  event.attributes.emplace_back("name", container.name);
  for (const auto& [key, value] : container.labels) {
    if (Attribute(event.attributes, key).empty()) event.attributes.emplace_back(key, value);
  }
  RecordEvent(layout, event);
}

void RecordContainerEvent(const Layout& layout, const ContainerRecord& container,
                          std::string_view action, StringPairs more) {
  RecordContainerEvent(layout, container.Summary(), action, std::move(more));
}

void RecordImageEvent(const Layout& layout, std::string_view action, std::string_view id,
                      std::string_view name) {
  Event event;
  event.type = "image";
  event.action = action;
  event.id = id;
  event.attributes.emplace_back("name", name);
  RecordEvent(layout, event);
}

EventReader::EventReader(const Layout& layout) : directory_(layout.Events()) {}

Result<> EventReader::Watch() {
  TRY(MakeDirectories(directory_, 0700));
  watch_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch_ || inotify_add_watch(watch_.get(), directory_.c_str(), IN_MODIFY | IN_CREATE) < 0) {
    return FailErrno("watch", directory_);
  }
  return {};
}

// The file after those that were read. False: there is none yet.
Result<bool> EventReader::OpenNext() {
  constexpr int kTries = 100;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::vector<int64_t> numbers = NumbersIn(directory_);
    auto next = std::ranges::upper_bound(numbers, number_);
    bool is_numbered = next != numbers.end();
    std::string path =
        is_numbered ? NumberedPath(directory_, *next) : directory_ + std::string(kCurrent);
    Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file && errno != ENOENT) return FailErrno("open", path);
    if (!file && !is_numbered) return false;
    if (!file) continue;  // moved or removed under our hands
    // What was "current" when we listed may have been moved away since; then it has a number.
    if (!is_numbered && NumbersIn(directory_) != numbers) continue;
    if (is_numbered && number_ != 0 && *next > number_ + 1) ++missed_;
    struct stat status{};
    if (fstat(file.get(), &status) != 0) return FailErrno("stat", path);
    inode_ = status.st_ino;
    reading_ = is_numbered ? *next : 0;
    file_ = {std::move(file), {}};
    return true;
  }
  return false;
}

void EventReader::Drain(OpenFile& file, std::vector<Event>& events) {
  if (!file.fd) return;
  std::array<char, 64 << 10> buffer;
  while (true) {
    ssize_t count = read(file.fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    file.rest.append(buffer.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end; (end = file.rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (end == begin) continue;
      auto event = DecodeEvent(std::string_view(file.rest).substr(begin, end - begin));
      if (event) events.push_back(*std::move(event));
    }
    file.rest.erase(0, begin);
  }
}

// Whether the file that is read was moved away: nothing more will come but from who had it open.
bool EventReader::WasMovedAway() {
  if (reading_ != 0) {
    number_ = reading_;
    return true;
  }
  struct stat status{};
  if (stat((directory_ + std::string(kCurrent)).c_str(), &status) == 0 && status.st_ino == inode_) {
    return false;
  }
  for (int64_t number : NumbersIn(directory_)) {
    if (stat(NumberedPath(directory_, number).c_str(), &status) != 0 || status.st_ino != inode_) {
      continue;
    }
    number_ = number;
    return true;
  }
  // Removed already: so were others, maybe, before we could see them.
  ++missed_;
  std::vector<int64_t> numbers = NumbersIn(directory_);
  number_ = numbers.empty() ? number_ : numbers.front() - 1;
  return true;
}

Result<std::vector<Event>> EventReader::Read() {
  std::array<char, 4096> wakes;
  while (watch_ && read(watch_.get(), wakes.data(), wakes.size()) > 0) {
  }
  std::vector<Event> events;
  Drain(before_, events);
  while (true) {
    if (!file_.fd) {
      TRY(bool opened, OpenNext());
      if (!opened) return events;
    }
    Drain(file_, events);
    if (!WasMovedAway()) return events;
    Drain(file_, events);  // written between the two looks
    before_ = std::move(file_);
    file_ = {};
  }
}

}  // namespace hoy::core
