#pragma once
// A client of a container's streams: the session peer that speaks to the monitor
// (core/monitor/attach_protocol.h).

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/engine/network_driver.h"
#include "core/engine/session.h"
#include "core/log/log_reader.h"
#include "core/monitor/attach_protocol.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"

namespace hoy::core {

struct AttachPair {
  Fd client;
  Fd monitor;
};
Result<AttachPair> MakeAttachPair();

// A connection to the monitor of a running container.
struct Attachment {
  Fd socket;
  uint64_t log_place = 0;  // what comes from now on lies behind it in the log
  ProcessIdentity init;
  Fd monitor;     // pidfd
  Fd state_file;  // keeps the exit line, even when a clean-up has unlinked it
};

// Heals the container first. nullopt: it does not run (any more); then `last_state`, when given, is
// its state file as it was found last. kConflict: too many clients.
Result<std::optional<Attachment>> AttachTo(const Layout& layout, std::string_view id,
                                           Fd* last_state = nullptr);

// Gives the monitor of a running container what it is to keep of a network that the container has
// come to, or left (NetworkParts; `parts` beside those that are there). Under the container's lock,
// after Heal. kConflict: too many clients; kUnsupported: an older hoy started it; kTimeout: it
// does not take them.
Result<> GiveNetwork(const Layout& layout, std::string_view id, const MonitorNetwork& network,
                     uint32_t parts = 0);

// Which of the container's streams our own stdout and stderr show; the others are thrown away.
struct ShownStreams {
  bool out = true;  // with a terminal: all there is
  bool err = true;
};

struct MonitorPeerOptions {
  Layout layout;
  std::string id;
  BorrowedFd process = -1;
  ShownStreams shown;
  // We started it: when nobody reads our stdout any more, the container is killed as SIGPIPE would
  // end a plain process, and while we are its only client, it waits for us.
  bool ours = false;
  bool terminal = false;
  // What we were too slow for can be read from the log: its driver is `file`.
  bool logged = true;
  // So many bytes are lost to us: we were too slow, and they are in no log. nullopt: they were in
  // files of it that are gone.
  std::function<void(std::optional<uint64_t> bytes)> skipped;
  // Our monitor was killed, and another one had no stdin to offer.
  std::function<void()> lost_input;
};

class MonitorPeer final : public SessionPeer {
 public:
  // With the socket that the monitor was started with.
  MonitorPeer(Fd socket, uint64_t log_place, MonitorPeerOptions options);
  MonitorPeer(Attachment attachment, MonitorPeerOptions options);

  // When the monitor is killed, the session goes on with the next one: what came meanwhile is in
  // the log. End::kLost: the container has ended, too; all its output has been shown.
  // End::kDetached with 128 + SIGPIPE: nobody reads our stdout any more.
  void Prepare(std::vector<pollfd>& slots) override;
  Result<std::optional<End>> Handle(std::span<const pollfd> slots) override;
  bool TakesInput() const override { return queue_.empty(); }
  void SendInput(std::string_view bytes) override;
  void CloseInput() override;
  void Resize(WindowSize size) override;

  // Whether the monitor that started the container waits for us to clean up. It exits without doing
  // so itself when it is told that this is done.
  bool cleans_up() const { return !attached_; }
  void SendDone();

  // After the end, when we do not clean up: waits until whoever does is done.
  Result<ExitRecord> AwaitExit();

 private:
  Result<std::optional<End>> Receive();
  Result<std::optional<End>> Take(std::string_view packet);
  Result<std::optional<End>> Reattach();
  Result<std::optional<End>> ShowFromLog();
  Result<std::optional<End>> Show(bool to_stdout, std::string_view bytes);
  Result<> OpenLog();
  bool Lags() const { return place_ < wanted_; }
  void Queue(AttachKind kind, std::string_view payload);
  void SendQueued();

  MonitorPeerOptions options_;
  Fd socket_;
  std::optional<Attachment> attached_;  // not with the monitor that was started for us
  Fd state_file_;                       // as it was found last
  std::optional<uint64_t> exit_;        // AttachKind::kExit's
  uint64_t place_ = 0;                  // in the log: all before it has been shown
  uint64_t wanted_ = 0;                 // up to there it has to be read
  std::optional<LogReader> log_;
  Fd always_ready_;                // in the log's place, when it cannot be opened
  std::string stashed_;            // a packet whose turn comes when that has been shown
  bool lost_ = false;              // nothing comes after that
  std::deque<std::string> queue_;  // packets that did not fit yet
  bool output_gone_ = false;
  static constexpr size_t kPacketSize = sizeof(AttachHeader) + kMaxAttachPayload;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kPacketSize);
};

}  // namespace hoy::core
