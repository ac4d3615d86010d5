#include "tests/support/sandbox.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "core/base/text.h"
#include "tests/support/image_template.h"

namespace hoy::test {
namespace fs = std::filesystem;
namespace {

bool IsId(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string HoyProgram() {
  const char* directory = std::getenv("HOY_BIN_DIR");
  return std::string(directory != nullptr ? directory : HOY_BIN_DIR) + "/hoy";
}

HoySandbox::HoySandbox() {
  env = {{"HOY_ROOT", data()},
         {"HOY_RUN", run()},
         {"HOY_NETWORK", "none"},  // not the machine's own: see private_network.h
         {"HOME", Path("home")},
         {"XDG_CONFIG_HOME", std::nullopt},
         {"XDG_DATA_HOME", std::nullopt},
         {"XDG_RUNTIME_DIR", std::nullopt},
         {"DOCKER_CONFIG", std::nullopt},
         {"REGISTRY_AUTH_FILE", std::nullopt},
         {"DOCKER_DEFAULT_PLATFORM", std::nullopt},
         {"NO_COLOR", std::nullopt},
         {"COLUMNS", std::nullopt},
         {"TERM", "xterm"},
         {"http_proxy", std::nullopt},
         {"HTTP_PROXY", std::nullopt},
         {"no_proxy", std::nullopt},
         {"NO_PROXY", std::nullopt}};
}

void HoySandbox::SetUp() {
  fs::create_directories(Path("home"));
  fs::create_directories(data() + "/containers");
  fs::create_directories(run());
  created_containers_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string watched = data() + "/containers";
  ASSERT_GE(
      ::inotify_add_watch(created_containers_.get(), watched.c_str(), IN_CREATE | IN_MOVED_TO), 0);
}

Command HoySandbox::Hoy(const std::vector<std::string>& arguments) const {
  Command command{.argv = {HoyProgram()}, .env = env};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

Output HoySandbox::Run(const std::vector<std::string>& arguments, const std::string& input) const {
  Command command = Hoy(arguments);
  command.input = input;
  Output output = RunCommand(command);
  EXPECT_FALSE(output.timed_out) << fmt::format("hoy {}", hoy::Join(arguments, " "));
  EXPECT_FALSE(output.pipe_held) << fmt::format("hoy {}", hoy::Join(arguments, " "));
  return output;
}

std::string HoySandbox::RunOk(const std::vector<std::string>& arguments,
                              const std::string& input) const {
  Output output = Run(arguments, input);
  EXPECT_EQ(output.code, 0) << fmt::format("hoy {}\n", hoy::Join(arguments, " ")) << output;
  if (output.out.ends_with('\n')) output.out.pop_back();
  return output.out;
}

Background HoySandbox::Held(const std::vector<std::string>& arguments,
                            const std::string& point) const {
  EXPECT_EQ(::mkfifo(Path("hold").c_str(), 0600), 0);
  Command command = Hoy(arguments);
  command.env["HOY_FAIL_POINT"] = point + "@" + Path("hold");
  return Background(command);
}

bool HoySandbox::LetGo() const {
  return Eventually([&] {
    return static_cast<bool>(Fd(::open(Path("hold").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)));
  });
}

Output HoySandbox::HostShell(const std::string& script) const {
  Command command{.argv = {"bash", "-o", "pipefail", "-c", script}, .env = env};
  command.env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
  command.env["HOY"] = HoyProgram();
  command.env["DIR"] = directory();
  return RunCommand(command);
}

Json HoySandbox::Inspect(const std::string& object) const {
  const Json array = Json::parse(RunOk({"inspect", object}), nullptr, false);
  EXPECT_TRUE(array.is_array() && !array.empty()) << array.dump();
  return array.is_array() && !array.empty() ? array[0] : Json::object();
}

std::string HoySandbox::Status(const std::string& container) const {
  const Output output = Run({"inspect", "--format", "{{.State.Status}}", container});
  return output.code == 0 ? output.out.substr(0, output.out.find('\n')) : "";
}

bool HoySandbox::WaitForStatus(const std::string& container, const std::string& status) const {
  return Eventually([&] { return Status(container) == status; });
}

SandboxTraces HoySandbox::Traces() const {
  alignas(inotify_event) char buffer[16384];
  while (true) {
    const ssize_t count = ::read(created_containers_.get(), buffer, sizeof buffer);
    if (count <= 0) break;
    for (ssize_t offset = 0; offset < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + offset);
      if (event->len > 0 && IsId(event->name)) ids_.insert(event->name);
      offset += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return {.directory = directory(),
          .data = data(),
          .run = run(),
          .ids = ids_,
          .partial_blobs_are_expected = partial_blobs_are_expected};
}

void HoySandbox::TearDown() {
  std::vector<std::string> left;
  for (const auto& name : ListNames(data() + "/containers")) {
    if (IsId(name)) left.push_back(name);
  }
  if (!left.empty()) {
    std::vector<std::string> arguments = {"rm", "-f"};
    arguments.insert(arguments.end(), left.begin(), left.end());
    const Output removed = Run(arguments);
    EXPECT_EQ(removed.code, 0) << "hoy rm -f of what the test left: " << removed;
  }
  std::vector<std::string> leaks;
  const SandboxTraces traces = Traces();
  // A monitor may still be on its way out.
  Eventually([&] { return (leaks = FindLeaks(traces)).empty(); });
  EXPECT_TRUE(leaks.empty()) << "left behind:\n  " << hoy::Join(leaks, "\n  ");
  for (int pid : ProcessesOf(traces)) ::kill(pid, SIGKILL);
}

void ImageSandbox::SetUp() {
  HoySandbox::SetUp();
  if (HasFatalFailure()) return;
  try {
    references_ = CopyImageTemplate(data());
  } catch (const std::exception& problem) {
    FAIL() << "the test images: " << problem.what();
  }
}

Output ImageSandbox::RunShell(const std::string& script, std::vector<std::string> options,
                              const std::string& input) const {
  std::vector<std::string> arguments = {"run", "--rm"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  for (const auto& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
    arguments.push_back(text);
  }
  return Run(arguments, input);
}

std::string ImageSandbox::Shell(const std::string& script, std::vector<std::string> options) const {
  const Output output = RunShell(script, std::move(options));
  EXPECT_EQ(output.code, 0) << script << "\n" << output;
  return output.out.substr(0, output.out.find_last_not_of('\n') + 1);
}

std::string ImageSandbox::StartSleeper(std::vector<std::string> options) const {
  std::vector<std::string> arguments = {"run", "-d"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  // Ends at SIGTERM, which PID 1 ignores unless it handles it.
  for (const auto& text :
       {Busybox(), std::string("sh"), std::string("-c"),
        std::string("trap 'exit 0' TERM; while :; do sleep 3600 & wait; done")}) {
    arguments.push_back(text);
  }
  return RunOk(arguments);
}

void RemovePartialBlobs(const std::string& data) {
  for (const auto& name : ListNames(data + "/images/ingest")) {
    fs::remove(data + "/images/ingest/" + name);
  }
}

std::vector<std::string> FailPoints() {
  const Output output = RunCommand({.argv = {HoyProgram(), "__fail-points"}});
  std::istringstream stream(output.out);
  std::vector<std::string> names;
  for (std::string name; stream >> name;) names.push_back(name);
  return names;
}

}  // namespace hoy::test
