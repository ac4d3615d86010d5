#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <thread>

#include "cli/ops/archives.h"
#include "cli/ops/container_tree.h"
#include "cli/ops/environment.h"
#include "cli/ops/health_options.h"
#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/image_changes.h"
#include "cli/ui/printable.h"
#include "core/base/text.h"
#include "core/engine/freeze.h"
#include "core/engine/lifecycle.h"
#include "core/engine/state_rules.h"
#include "core/state/event_log.h"
#include "core/sys/signals.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/tree_archive.h"
#include "oci/transfer/make_image.h"

namespace hoy::cli {
namespace {

volatile sig_atomic_t g_interrupted = 0;

// Holds a running container still. While it does, ^C and the like only end the copying, so that it
// goes on at once; a hoy that is killed leaves that to the next one.
class Pause {
 public:
  static Result<std::unique_ptr<Pause>> Begin(Context& context, const std::string& id) {
    TRY(core::ContainerStatus status, core::HealStarted(context.layout, id));
    // What somebody has paused already stays so.
    if (!status.IsUp() || status.state == core::ContainerState::kPaused) return nullptr;
    auto freeze = core::TemporaryFreeze::Begin(context.layout, id);
    if (!freeze && freeze.error().kind == ErrorKind::kUnsupported) {
      context.Warn(
          "the container cannot be paused without cgroups: what it writes meanwhile may "
          "be half in the image");
      return nullptr;
    }
    if (!freeze && freeze.error().kind == ErrorKind::kNotFound) return nullptr;  // it has ended
    if (!freeze) return Fail(std::move(freeze).error());
    return std::unique_ptr<Pause>(new Pause(*std::move(freeze)));
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause() { (void)End(); }

  Result<> End() {
    if (!freeze_) return {};
    Result<> thawed = freeze_->End();
    freeze_.reset();
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
    return thawed;
  }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

  explicit Pause(core::TemporaryFreeze freeze) : freeze_(std::move(freeze)) {
    struct sigaction action{};
    action.sa_handler = [](int) { g_interrupted = 1; };
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
  }

  std::optional<core::TemporaryFreeze> freeze_;
  std::array<struct sigaction, kSignals.size()> before_{};
};

// The changes as a tar, made by a thread of its own and read here.
class ChangesSource final : public oci::ByteSource {
 public:
  // `pause` ends when all has been read. The others are used until then.
  ChangesSource(const core::Layout& layout, const core::ContainerRecord& record,
                std::unique_ptr<Pause> pause, const oci::CancelToken& cancel)
      : layout_(layout),
        record_(record),
        mounts_(MountTargets(record.config)),
        pause_(std::move(pause)),
        cancel_(cancel) {}
  ChangesSource(const ChangesSource&) = delete;
  ChangesSource& operator=(const ChangesSource&) = delete;
  ~ChangesSource() override {
    reader_.reset();  // the writer gets EPIPE
    if (writer_.joinable()) writer_.join();
  }

  Result<> Start() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", "");
    reader_ = Fd(ends[0]);
    (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    writer_ = std::thread([this, end = ends[1]] {
      Fd fd(end);
      outcome_ = Write(fd);
      if (pause_) {
        Result<> thawed = pause_->End();
        if (outcome_ && !thawed) outcome_ = std::move(thawed);
      }
    });
    return {};
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (g_interrupted != 0) return Fail(ErrorKind::kCancelled, "interrupted");
    TRY(cancel_.Check());
    ssize_t count = 0;
    do count = ::read(reader_.get(), buffer.data(), buffer.size());
    while (count < 0 && errno == EINTR);
    if (count < 0) return FailErrno("read", "pipe");
    if (count > 0) return static_cast<size_t>(count);
    if (writer_.joinable()) writer_.join();
    if (!outcome_) return Fail(outcome_.error());
    return 0;
  }

 private:
  Result<> Write(BorrowedFd fd) const {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    oci::FdSink sink(fd, "pipe");
    oci::TarWriter tar(sink);
    oci::TreeArchiveOptions options{
        .whiteouts = true,
        .skip_empty = [this](const std::string& path) { return mounts_.contains(path); }};
    auto archived = oci::ArchiveTree({UpperDirectory(layout_, record_)}, options, tar);
    TRY(CheckStillThere(layout_, record_.id));
    if (!archived) return Fail(std::move(archived).error());
    if (!archived->torn.empty()) {
      return Fail(MakeError(ErrorKind::kConflict, fmt::format("'{}' shrank while it was read",
                                                              Printable(archived->torn[0])))
                      .WithHint("nothing changes in a container that is stopped or paused"));
    }
    TRY(tar.Finish());
    return sink.Flush();
  }

  const core::Layout& layout_;
  const core::ContainerRecord& record_;
  std::set<std::string> mounts_;
  std::unique_ptr<Pause> pause_;
  const oci::CancelToken& cancel_;
  Fd reader_;
  Result<> outcome_;
  std::thread writer_;
};

// The image's configuration with what the container was created with. What hoy itself set in the
// environment is not the image's.
oci::ImageRunConfig RunConfigOf(const oci::ImageRunConfig& image,
                                const core::ContainerConfig& container) {
  oci::ImageRunConfig config = image;
  config.entrypoint = container.entrypoint;
  config.cmd = container.command;
  config.user = container.process.user;
  if (container.process.cwd != "/" || !image.working_dir.empty()) {
    config.working_dir = container.process.cwd;
  }
  config.env = GivenEnvironment(container);
  for (const auto& [key, value] : container.labels) config.labels[key] = value;
  if (container.stop_signal != SIGTERM || !image.stop_signal.empty()) {
    config.stop_signal = core::SignalName(container.stop_signal);
  }
  if (container.health) config.healthcheck = HealthcheckJson(*container.health).dump();
  return config;
}

Result<oci::Digest> Commit(Context& context, const CommitOptions& options) {
  TRY(std::string id, core::FindContainer(context.layout, options.container));
  TRY(core::ContainerStatus status, core::HealStarted(context.layout, id));
  TRY(core::Permit(core::Verb::kCommit, status.state, options.container));
  TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
  if (!record.config.rootfs.path.empty()) {
    return Fail(MakeError(ErrorKind::kUnsupported,
                          fmt::format("container '{}' was made with --rootfs: there is no image "
                                      "below it",
                                      record.name))
                    .WithHint(fmt::format("hoy export {} | hoy import - NAME", record.name)));
  }
  oci::ImageStore store(context.layout);
  auto base = store.Resolve("sha256:" + record.config.image.id);
  if (!base) {
    return Fail(std::move(base)
                    .error()
                    .InContext("its image")
                    .WithHint("a container whose image was removed can be exported: 'hoy export'"));
  }
  oci::NewImage image{.base = std::move(base->record)};
  image.format = options.docker_format ? oci::ManifestFormat::kDocker : oci::ManifestFormat::kOci;
  image.step.created = core::Now();
  image.step.author = options.author;
  image.step.comment = options.message;
  image.step.created_by = Join(record.config.process.args, " ");
  image.step.config = RunConfigOf(image.base->config, record.config);
  TRY(ApplyChanges(image.step.config, options.changes));
  if (!options.reference.empty()) {
    TRY(oci::Reference name, oci::Reference::ParseAsName(options.reference));
    image.names.push_back(std::move(name));
  }
  RaiseDescriptorLimit();
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  std::unique_ptr<Pause> pause;
  if (options.pause) {
    TRY(pause, Pause::Begin(context, id));
  }
  ChangesSource changes(context.layout, record, std::move(pause), cancel);
  TRY(changes.Start());
  TRY(oci::Digest made, oci::MakeImage(context.layout, changes, std::move(image)));
  core::RecordContainerEvent(context.layout, record, "commit", {{"comment", options.message}});
  return made;
}

}  // namespace

Result<> RunCommit(Context& context, const CommitOptions& options) {
  TRY_CONTEXT_SET(oci::Digest id, Commit(context, options), "commit '{}'", options.container);
  context.out.Print("{}\n", id.ToString());
  if (options.id_file.empty()) return {};
  return core::WriteFileAtomically(options.id_file, id.ToString(), core::Durability::kVolatile,
                                   0644);
}

}  // namespace hoy::cli
