#include "core/engine/attach.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/sys/process.h"

namespace hoy::core {

Result<AttachPair> MakeAttachPair() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("socketpair", "attach");
  }
  return AttachPair{Fd(sockets[0]), Fd(sockets[1])};
}

void MonitorPeer::Prepare(std::vector<pollfd>& slots) {
  auto events = static_cast<short>(POLLIN | (input_.empty() ? 0 : POLLOUT));
  slots.push_back({socket_.get(), events, 0});
}

Result<std::optional<SessionPeer::End>> MonitorPeer::Handle(std::span<const pollfd> slots) {
  if ((slots[0].revents & POLLOUT) != 0) FlushInput();
  if ((slots[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) return std::nullopt;
  buffer_.resize(1 + kMaxAttachPayload);
  ssize_t count = recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (count <= 0) return End{End::Kind::kLost, 0};
  std::string_view payload(buffer_.data() + 1, static_cast<size_t>(count) - 1);
  switch (static_cast<AttachKind>(buffer_[0])) {
    case AttachKind::kStdout:
    case AttachKind::kStderr: {
      bool to_stdout = static_cast<AttachKind>(buffer_[0]) == AttachKind::kStdout;
      if (output_gone_ || !(to_stdout ? shown_.out : shown_.err)) break;
      TRY(bool written, WriteOutput(to_stdout ? STDOUT_FILENO : STDERR_FILENO, payload));
      if (!written) {
        output_gone_ = true;
        TRY(SendSignal(process_, SIGKILL));
      }
      break;
    }
    case AttachKind::kExit: {
      int32_t code = 0;
      if (payload.size() >= sizeof code) memcpy(&code, payload.data(), sizeof code);
      return End{End::Kind::kExited, output_gone_ ? 128 + SIGPIPE : code};
    }
    default: break;
  }
  return std::nullopt;
}

void MonitorPeer::SendPacket(AttachKind kind, std::string_view payload) {
  std::string packet(1, static_cast<char>(kind));
  packet.append(payload);
  // A monitor that is gone shows as the end of the socket.
  (void)send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
}

void MonitorPeer::SendInput(std::string_view bytes) {
  input_.assign(1, static_cast<char>(AttachKind::kStdin));
  input_.append(bytes);
  FlushInput();
}

void MonitorPeer::FlushInput() {
  ssize_t count = send(socket_.get(), input_.data(), input_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  input_.clear();
  if (close_after_input_) SendPacket(AttachKind::kClose, {});
}

void MonitorPeer::CloseInput() {
  if (input_.empty()) {
    SendPacket(AttachKind::kClose, {});
  } else {
    close_after_input_ = true;
  }
}

void MonitorPeer::Resize(WindowSize size) {
  SendPacket(AttachKind::kResize, {reinterpret_cast<const char*>(&size), sizeof size});
}

void MonitorPeer::SendDone() {
  SendPacket(AttachKind::kDone, {});
}

}  // namespace hoy::core
