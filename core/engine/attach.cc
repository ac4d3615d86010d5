#include "core/engine/attach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "core/engine/lifecycle.h"
#include "core/engine/stop.h"
#include "core/engine/wait.h"
#include "core/state/container_id.h"
#include "core/sys/fd_packet.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

// All that there is in the log; no place in it is as far.
constexpr uint64_t kWholeLog = std::numeric_limits<uint64_t>::max() - 1;
// A monitor that has just published its state listens a moment later.
constexpr int kConnectTries = 1000;
constexpr int kConnectPauseMs = 10;

// An empty one: nobody listens there.
Result<Fd> Connect(const Layout& layout, std::string_view id) {
  Fd directory(open(layout.RunContainer(id).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Fd();
  Fd client(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!client) return FailErrno("socket", "attach");
  // An address has room for 108 bytes (unix(7)), and RUN may be longer.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = fmt::format("/proc/self/fd/{}/{}", directory.get(), kAttachSocket);
  memcpy(address.sun_path, path.c_str(), path.size());
  if (connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    return client;
  }
  if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN) return Fd();
  return FailErrno("connect", "attach");
}

Error TooManyClients(std::string_view id, uint64_t count) {
  return MakeError(
      ErrorKind::kConflict,
      fmt::format("container {} has {} clients attached, and takes no more", ShortId(id), count));
}

// nullopt: the monitor has gone, or goes, without an answer.
Result<std::optional<AttachHeader>> AwaitWelcome(BorrowedFd socket_fd) {
  AttachHeader header{};
  pollfd slot{socket_fd.get(), POLLIN, 0};
  constexpr int kPatienceMs = 1000;
  if (poll(&slot, 1, kPatienceMs) < 0 && errno != EINTR) return FailErrno("poll", "attach");
  if (slot.revents == 0) return std::nullopt;
  ssize_t count = recv(socket_fd.get(), &header, sizeof header, 0);
  if (count != static_cast<ssize_t>(sizeof header)) return std::nullopt;
  return header;
}

}  // namespace

Result<AttachPair> MakeAttachPair() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("socketpair", "attach");
  }
  return AttachPair{Fd(sockets[0]), Fd(sockets[1])};
}

Result<std::optional<Attachment>> AttachTo(const Layout& layout, std::string_view id,
                                           Fd* last_state) {
  for (int attempt = 0; attempt < kConnectTries; ++attempt) {
    Attachment attachment;
    auto status = Heal(layout, id, &attachment.state_file);
    if (last_state != nullptr && attachment.state_file) {
      last_state->reset(fcntl(attachment.state_file.get(), F_DUPFD_CLOEXEC, 0));
    }
    if (!status) {
      if (status.error().kind == ErrorKind::kNotFound && last_state != nullptr) return std::nullopt;
      return Fail(std::move(status).error());
    }
    if (!status->IsUp() || !status->run) return std::nullopt;
    attachment.init = status->run->init;
    auto monitor = OpenProcess(status->run->monitor);
    if (!monitor) return Fail(std::move(monitor).error());
    if (*monitor) attachment.monitor = **std::move(monitor);
    TRY(attachment.socket, Connect(layout, id));
    if (attachment.monitor && attachment.socket) {
      TRY(std::optional<AttachHeader> welcome, AwaitWelcome(attachment.socket));
      if (welcome && welcome->kind == AttachKind::kBusy) {
        return Fail(TooManyClients(id, welcome->number));
      }
      if (welcome) {
        attachment.log_place = welcome->number;
        return attachment;
      }
    }
    // Not yet, or not any more.
    pollfd slot{attachment.monitor.get(), POLLIN, 0};
    poll(&slot, 1, kConnectPauseMs);
  }
  return Fail(ErrorKind::kTimeout, "the monitor of container {} does not answer", ShortId(id));
}

Result<> GiveNetwork(const Layout& layout, std::string_view id, const MonitorNetwork& network,
                     uint32_t parts) {
  constexpr int64_t kPatienceMs = 20'000;
  auto silent = [&] {
    return Fail(ErrorKind::kTimeout, "the monitor of container {} does not answer", ShortId(id));
  };
  Fd monitor;
  std::optional<AttachHeader> welcome;
  for (int attempt = 0; !welcome && attempt < kConnectTries; ++attempt) {
    if (attempt > 0) poll(nullptr, 0, kConnectPauseMs);
    TRY(monitor, Connect(layout, id));
    if (monitor) {
      TRY(welcome, AwaitWelcome(monitor));
    }
  }
  if (!welcome) return silent();
  if (welcome->kind == AttachKind::kBusy) return Fail(TooManyClients(id, welcome->number));
  if (welcome->end == 0) {
    return Fail(MakeError(ErrorKind::kUnsupported,
                          fmt::format("container {} was started by an older hoy, and its monitor "
                                      "takes nothing of a network",
                                      ShortId(id)))
                    .WithHint(fmt::format("restart it: hoy restart {}", ShortId(id))));
  }
  const uint8_t packet[2] = {static_cast<uint8_t>(AttachKind::kNetwork),
                             static_cast<uint8_t>(network.Parts() | parts)};
  std::vector<int> fds = network.Descriptors();
  if (SendPacket(monitor.get(), packet, sizeof packet, fds.data(), fds.size()) < 0) {
    return FailErrno("send", "network");
  }
  // What the container writes comes, too.
  Deadline deadline(kPatienceMs);
  while (true) {
    TRY(bool came, AwaitReadable(monitor, deadline));
    if (!came) return silent();
    AttachHeader header{};
    ssize_t count = recv(monitor.get(), &header, sizeof header, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return silent();
    if (header.kind == AttachKind::kTaken) return {};
  }
}

MonitorPeer::MonitorPeer(Fd socket, uint64_t log_place, MonitorPeerOptions options)
    : options_(std::move(options)),
      socket_(std::move(socket)),
      place_(log_place),
      wanted_(log_place) {}

MonitorPeer::MonitorPeer(Attachment attachment, MonitorPeerOptions options)
    : options_(std::move(options)),
      socket_(std::move(attachment.socket)),
      attached_(std::move(attachment)),
      state_file_(std::move(attached_->state_file)),
      place_(attached_->log_place),
      wanted_(place_) {
  // Now, before a clean-up may take it away.
  (void)OpenLog();
}

Result<> MonitorPeer::OpenLog() {
  if (log_) return {};
  if (!options_.logged) return Fail(ErrorKind::kNotFound, "it keeps no log that could be read");
  TRY(log_, LogReader::Open(options_.layout.Log(options_.id), LogForm::kFrames, place_));
  return {};
}

void MonitorPeer::Prepare(std::vector<pollfd>& slots) {
  // What lags reads on at once, also from a log that turns out to be gone.
  if (Lags() && !OpenLog() && !always_ready_) {
    always_ready_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  auto events = static_cast<short>((Lags() ? 0 : POLLIN) | (queue_.empty() ? 0 : POLLOUT));
  slots.push_back({lost_ ? -1 : socket_.get(), events, 0});
  // A plain file is always ready.
  slots.push_back({!Lags() ? -1 : log_ ? log_->fd().get() : always_ready_.get(), POLLIN, 0});
}

Result<std::optional<SessionPeer::End>> MonitorPeer::Handle(std::span<const pollfd> slots) {
  if ((slots[0].revents & POLLOUT) != 0) SendQueued();
  if (Lags()) return ShowFromLog();
  if ((slots[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) return std::nullopt;
  return Receive();
}

Result<std::optional<SessionPeer::End>> MonitorPeer::Receive() {
  ssize_t count = recv(socket_.get(), buffer_.get(), kPacketSize, MSG_DONTWAIT);
  // Reset: it went without hearing our last word. Its own are still there.
  if (count < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET)) return std::nullopt;
  if (count < static_cast<ssize_t>(sizeof(AttachHeader))) return Reattach();
  return Take({buffer_.get(), static_cast<size_t>(count)});
}

Result<std::optional<SessionPeer::End>> MonitorPeer::Take(std::string_view packet) {
  AttachHeader header{};
  memcpy(&header, packet.data(), sizeof header);
  std::string_view payload = packet.substr(sizeof header);
  switch (header.kind) {
    case AttachKind::kStdout:
    case AttachKind::kStderr:
      if (header.number != kNotLogged) {
        if (header.number > place_) {
          stashed_ = packet;
          wanted_ = header.number;
          return std::nullopt;
        }
        place_ = wanted_ = header.end;
      }
      return Show(header.kind == AttachKind::kStdout, payload);
    case AttachKind::kLogged: wanted_ = std::max(wanted_, header.number); break;
    case AttachKind::kSkipped:
      if (options_.skipped) options_.skipped(header.number);
      break;
    case AttachKind::kExit:
      exit_ = header.number;
      return End{End::Kind::kExited,
                 output_gone_ ? 128 + SIGPIPE : static_cast<int>(static_cast<uint32_t>(*exit_))};
    default: break;
  }
  return std::nullopt;
}

Result<std::optional<SessionPeer::End>> MonitorPeer::Reattach() {
  // First: if the container has ended, what comes next may take its log away.
  (void)OpenLog();
  TRY(std::optional<Attachment> next, AttachTo(options_.layout, options_.id, &state_file_));
  if (!next) {
    lost_ = true;
    wanted_ = kWholeLog;
    return std::nullopt;
  }
  socket_ = std::move(next->socket);
  state_file_ = std::move(next->state_file);
  wanted_ = std::max(wanted_, next->log_place);
  attached_ = std::move(next);
  if (!options_.terminal) {
    queue_.clear();
    if (options_.lost_input) options_.lost_input();
  }
  if (options_.ours) {
    queue_.emplace_front(1, static_cast<char>(AttachKind::kTraits));
    queue_.front().push_back(kPatient | kOwnsStdin);
  }
  SendQueued();
  return std::nullopt;
}

// One frame, so that signals and keys are not left waiting.
Result<std::optional<SessionPeer::End>> MonitorPeer::ShowFromLog() {
  std::optional<LogFrame> frame;
  if (OpenLog() && (log_->place() == place_ || log_->SeekToPlace(place_))) {
    TRY(frame, log_->Next());
    if (log_->TakeGap() && options_.skipped) options_.skipped(std::nullopt);
  }
  // What lies behind comes from the monitor.
  if (frame && log_->place() > wanted_) frame.reset();
  std::optional<End> end;
  if (frame) {
    place_ = log_->place();
    if (frame->stream != LogStream::kLost) {
      TRY(end, Show(frame->stream == LogStream::kStdout, frame->payload));
    }
  } else {
    if (lost_) return End{End::Kind::kLost, 0};
    place_ = wanted_;
  }
  if (end || Lags() || stashed_.empty()) return end;
  std::string packet = std::exchange(stashed_, {});
  return Take(packet);
}

Result<std::optional<SessionPeer::End>> MonitorPeer::Show(bool to_stdout, std::string_view bytes) {
  if (output_gone_ || !(to_stdout ? options_.shown.out : options_.shown.err)) return std::nullopt;
  TRY(bool written, WriteOutput(to_stdout ? STDOUT_FILENO : STDERR_FILENO, bytes));
  if (written) return std::nullopt;
  if (!options_.ours) return End{End::Kind::kDetached, 128 + SIGPIPE};
  output_gone_ = true;
  TRY(SendSignal(options_.process, SIGKILL));
  return std::nullopt;
}

Result<ExitRecord> MonitorPeer::AwaitExit() {
  if (exit_) {
    pollfd slot{(*exit_ & kMonitorCleans) != 0 && attached_ ? attached_->monitor.get() : -1, POLLIN,
                0};
    while (slot.fd >= 0 && poll(&slot, 1, -1) < 0 && errno == EINTR) {
    }
    ExitRecord record;
    record.known = (*exit_ & kExitUnknown) == 0;
    record.exit_code = static_cast<int>(static_cast<uint32_t>(*exit_));
    return record;
  }
  auto exit = WaitForExit(options_.layout, options_.id);
  if (exit && exit->known) return exit;
  if (state_file_ && lseek(state_file_.get(), 0, SEEK_SET) == 0) {
    TRY(std::string text, ReadAll(state_file_, "state.json"));
    auto run = DecodeRunState(text);
    if (run && run->exit) return *run->exit;
  }
  if (exit || exit.error().kind != ErrorKind::kNotFound) return exit;
  ExitRecord unknown;
  unknown.known = false;
  unknown.exit_code = kUnknownExitCode;
  return unknown;
}

void MonitorPeer::SendInput(std::string_view bytes) {
  Queue(AttachKind::kStdin, bytes);
}

void MonitorPeer::CloseInput() {
  Queue(AttachKind::kClose, {});
}

void MonitorPeer::Resize(WindowSize size) {
  Queue(AttachKind::kResize, {reinterpret_cast<const char*>(&size), sizeof size});
}

void MonitorPeer::SendDone() {
  Queue(AttachKind::kDone, {});
}

void MonitorPeer::Queue(AttachKind kind, std::string_view payload) {
  queue_.emplace_back(1, static_cast<char>(kind)).append(payload);
  SendQueued();
}

// Never waits: the monitor may be waiting for us to take what it has sent.
void MonitorPeer::SendQueued() {
  while (!queue_.empty()) {
    const std::string& packet = queue_.front();
    ssize_t count = send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    // One that is gone shows as the end of the socket, and there may be another.
    if (count < 0) return;
    queue_.pop_front();
  }
}

}  // namespace hoy::core
