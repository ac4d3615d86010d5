#include "cli/ops/find_image.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/engine/program_path.h"
#include "core/sys/process.h"

namespace hoy::cli {
namespace {

// Runs `hoy-image pull` with our stderr; its stdout would mix with the container's.
Result<int> RunPull(Context& context, const RunOptions& options) {
  std::vector<std::string> words = {core::LibexecDirectory() + "/hoy-image"};
  words.insert(words.end(), context.globals.begin(), context.globals.end());
  words.emplace_back("pull");
  if (options.quiet) words.emplace_back("--quiet");
  if (!options.platform.empty()) words.push_back("--platform=" + options.platform);
  if (!options.tls_verify) words.emplace_back("--tls-verify=false");
  words.emplace_back("--");
  words.push_back(options.image);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  int error = posix_spawn(&pid, words[0].c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FailErrno("run", words[0], error);
  core::ChildProcess child(pid, Fd());
  TRY(core::ExitStatus status, child.Wait());
  return status.code;
}

bool WantsOtherPlatform(const oci::ImageRecord& record, const std::string& wanted) {
  if (wanted.empty()) return false;
  auto platform = oci::ParsePlatform(wanted, oci::HostPlatform());
  return platform && !oci::MatchRank(*platform, record.platform);
}

}  // namespace

Result<FoundImage> FindImage(Context& context, const RunOptions& options) {
  oci::ImageStore store(context.layout);
  bool pull_first = options.pull == "always" || options.pull == "newer";
  if (!pull_first) {
    auto image = store.Resolve(options.image);
    bool wrong_platform = image && WantsOtherPlatform(image->record, options.platform);
    if (image && !wrong_platform) return FoundImage{*std::move(image), std::nullopt};
    if (!image && image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
    if (options.pull == "never") {
      if (!image)
        return Fail(std::move(image).error().WithHint(fmt::format("hoy pull {}", options.image)));
      return Fail(ErrorKind::kNotFound, "image '{}' is here for another platform than {}",
                  options.image, options.platform);
    }
  }
  TRY(int code, RunPull(context, options));
  if (code == 0) {
    TRY(oci::ResolvedImage image, store.Resolve(options.image));
    return FoundImage{std::move(image), std::nullopt};
  }
  // Without the registry, "newer" is content with what is here.
  if (options.pull == "newer" && code != 130) {
    if (auto image = store.Resolve(options.image))
      return FoundImage{*std::move(image), std::nullopt};
  }
  return FoundImage{{}, code};
}

}  // namespace hoy::cli
