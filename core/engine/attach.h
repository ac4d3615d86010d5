#pragma once
// The session peer that speaks to a monitor (core/monitor/attach_protocol.h).

#include "core/engine/session.h"

namespace hoy::core {

struct AttachPair {
  Fd client;
  Fd monitor;
};
Result<AttachPair> MakeAttachPair();

// Which of the container's streams our own stdout and stderr show; the others are thrown away.
struct ShownStreams {
  bool out = true;  // with a terminal: all there is
  bool err = true;
};

class MonitorPeer final : public SessionPeer {
 public:
  // `process`: pidfd that is killed when our stdout has no reader any more, as SIGPIPE would end a
  // plain process.
  MonitorPeer(Fd socket, BorrowedFd process, ShownStreams shown = {})
      : socket_(std::move(socket)), process_(process), shown_(shown) {}

  void Prepare(std::vector<pollfd>& slots) override;
  Result<std::optional<End>> Handle(std::span<const pollfd> slots) override;
  bool TakesInput() const override { return input_.empty(); }
  void SendInput(std::string_view bytes) override;
  void CloseInput() override;
  void Resize(WindowSize size) override;

  // Tells the monitor that the clean-up is done: it exits without doing it itself.
  void SendDone();

 private:
  void SendPacket(AttachKind kind, std::string_view payload);
  void FlushInput();

  Fd socket_;
  BorrowedFd process_;
  ShownStreams shown_;
  std::string input_;  // a packet that did not fit yet
  bool close_after_input_ = false;
  bool output_gone_ = false;
  std::vector<char> buffer_;
};

}  // namespace hoy::core
