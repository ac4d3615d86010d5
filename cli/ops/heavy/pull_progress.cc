#include "cli/ops/heavy/pull_progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

using oci::IsFinished;
using oci::LayerProgress;
using oci::LayerState;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFrame{80};
constexpr std::chrono::milliseconds kJsonStep{200};  // between two reports on one layer

void Write(FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

std::string_view Words(LayerState state) {
  switch (state) {
    case LayerState::kWaiting: return "Waiting";
    case LayerState::kExists: return "Already exists";
    case LayerState::kShared: return "Waiting for another pull";
    case LayerState::kDownloading: return "Downloading";
    case LayerState::kRetrying: return "Retrying";
    case LayerState::kUnpacking: return "Extracting";
    case LayerState::kDone: return "Pull complete";
    case LayerState::kFetching: return "Fetching it back";
    case LayerState::kPacking: return "Compressing";
    case LayerState::kUploading: return "Pushing";
    case LayerState::kMounted: return "Mounted";
    case LayerState::kPushed: return "Pushed";
  }
  return "";
}

std::string FirstLine(const oci::PullHeader& header) {
  return fmt::format("{}: {} {}\n", header.tag, header.push ? "Pushing to" : "Pulling from",
                     header.repository);
}

std::string LastLines(const oci::PullSummary& summary) {
  if (summary.push) {
    return fmt::format("{}: digest: {} size: {}\n", summary.reference, summary.digest,
                       summary.manifest_bytes);
  }
  return fmt::format("Digest: {}\nStatus: {} {}\n", summary.digest,
                     summary.changed ? "Downloaded newer image for" : "Image is up to date for",
                     summary.reference);
}

class Sink : public oci::ProgressSink {
 public:
  void OnWarning(std::string_view text) override { OnNotice(fmt::format("warning: {}", text)); }
};

class Silent : public oci::ProgressSink {
 public:
  explicit Silent(FILE* stream) : stream_(stream) {}
  void OnStart(const oci::PullHeader&) override {}
  void OnLayer(const LayerProgress&) override {}
  void OnNotice(std::string_view) override {}
  void OnWarning(std::string_view text) override {
    Write(stream_, fmt::format("warning: {}\n", text));
  }
  void OnEnd(const oci::PullSummary&) override {}
  void OnFailure() override {}

 private:
  FILE* stream_;
};

// A few lines for logs: each layer once, when it is there.
class Plain : public Sink {
 public:
  explicit Plain(FILE* stream) : stream_(stream) {}

  void OnStart(const oci::PullHeader& header) override {
    std::string text = FirstLine(header);
    for (const LayerProgress& layer : header.layers) {
      states_.push_back(layer.state);
      if (layer.state == LayerState::kExists) text += fmt::format("{}: Already exists\n", layer.id);
    }
    Write(stream_, text);
  }
  void OnLayer(const LayerProgress& layer) override {
    if (layer.index >= states_.size() || states_[layer.index] == layer.state) return;
    states_[layer.index] = layer.state;
    if (layer.state == LayerState::kMounted) {
      Write(stream_, fmt::format("{}: Mounted from {}\n", layer.id, layer.note));
    } else if (IsFinished(layer.state)) {
      Write(stream_, fmt::format("{}: {}\n", layer.id, Words(layer.state)));
    } else if (layer.state == LayerState::kShared) {
      Write(stream_, fmt::format("{}: Waiting for another pull\n", layer.id));
    } else if (layer.state == LayerState::kRetrying) {
      Write(stream_, fmt::format("{}: Retrying: {}\n", layer.id, layer.note));
    }
  }
  void OnNotice(std::string_view text) override { Write(stream_, fmt::format("{}\n", text)); }
  void OnEnd(const oci::PullSummary& summary) override { Write(stream_, LastLines(summary)); }
  void OnFailure() override {}

 private:
  FILE* stream_;
  std::vector<LayerState> states_;
};

// One object per line; fields only grow, they are not renamed.
class Json : public Sink {
 public:
  explicit Json(FILE* stream) : stream_(stream) {}

  void OnStart(const oci::PullHeader& header) override {
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (const LayerProgress& layer : header.layers) {
      layers.push_back(Layer(layer));
      last_.push_back({.state = layer.state, .time = {}});
    }
    Line({{"event", "start"},
          {"push", header.push},
          {"reference", header.reference},
          {"digest", header.digest},
          {"platform", header.platform},
          {"layers", std::move(layers)}});
  }
  void OnLayer(const LayerProgress& layer) override {
    if (layer.index >= last_.size()) return;
    Last& last = last_[layer.index];
    auto now = Clock::now();
    if (last.state == layer.state && now - last.time < kJsonStep) return;
    last = {.state = layer.state, .time = now};
    nlohmann::ordered_json line = {{"event", "layer"}};
    line.update(Layer(layer));
    Line(line);
  }
  void OnNotice(std::string_view text) override { Line({{"event", "notice"}, {"message", text}}); }
  void OnEnd(const oci::PullSummary& summary) override {
    Line({{"event", "end"},
          {"reference", summary.reference},
          {"digest", summary.digest},
          {"id", summary.id},
          {"changed", summary.changed}});
  }
  void OnFailure() override { Line({{"event", "failed"}}); }

 private:
  struct Last {
    LayerState state;
    Clock::time_point time;
  };

  static nlohmann::ordered_json Layer(const LayerProgress& layer) {
    nlohmann::ordered_json object = {{"index", layer.index},
                                     {"id", layer.id},
                                     {"state", oci::ToString(layer.state)},
                                     {"total", layer.total},
                                     {"downloaded", layer.downloaded},
                                     {"unpacked", layer.unpacked}};
    if (!layer.note.empty()) object["note"] = layer.note;
    return object;
  }
  void Line(const nlohmann::ordered_json& object) {
    using Dump = nlohmann::ordered_json::error_handler_t;
    Write(stream_, object.dump(-1, ' ', false, Dump::replace) + "\n");
  }

  FILE* stream_;
  std::vector<Last> last_;
};

// One line per layer, redrawn in place. At most a screen of them: the terminal cannot scroll back
// to lines that have left it, so what is finished gives way.
class Live : public Sink {
 public:
  Live(FILE* stream, const ProgressStyle& style) : stream_(stream), style_(style) {}

  void OnStart(const oci::PullHeader& header) override {
    layers_ = header.layers;
    Write(stream_, FirstLine(header));
    Draw();
  }
  void OnLayer(const LayerProgress& layer) override {
    if (layer.index >= layers_.size()) return;
    bool new_state = layers_[layer.index].state != layer.state;
    layers_[layer.index] = layer;
    auto now = Clock::now();
    if (!new_state && now - drawn_ < kFrame) return;
    Draw();
  }
  void OnNotice(std::string_view text) override {
    Write(stream_, fmt::format("{}{}\n", Erase(), text));
    Draw();
  }
  void OnEnd(const oci::PullSummary& summary) override {
    Draw();
    Write(stream_, LastLines(summary));
  }
  void OnFailure() override {
    if (!layers_.empty()) Draw();
  }

 private:
  struct Size {
    int columns = 80;
    int rows = 24;
  };
  Size TerminalSize() const {
    Size size;
    winsize window{};
    if (::ioctl(::fileno(stream_), TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
      size = {.columns = window.ws_col, .rows = std::max<int>(window.ws_row, 4)};
    } else if (const char* columns = std::getenv("COLUMNS")) {
      size.columns = ParseInteger<int>(columns).value_or(80);
    }
    if (style_.columns > 0) size.columns = style_.columns;
    size.columns = std::max(size.columns, 20);
    return size;
  }

  // Back to the first line of the block, which is then free.
  std::string Erase() {
    std::string text;
    if (lines_ > 0) text = fmt::format("\r\x1b[{}A\x1b[J", lines_);
    lines_ = 0;
    return text;
  }

  std::string Colored(const LayerProgress& layer, const std::string& line) const {
    if (!style_.color) return line;
    std::string_view color;
    if (IsFinished(layer.state)) color = "32";
    if (layer.state == LayerState::kRetrying) color = "33";
    if (layer.state == LayerState::kWaiting || layer.state == LayerState::kShared) color = "2";
    return color.empty() ? line : fmt::format("\x1b[{}m{}\x1b[0m", color, line);
  }

  void Draw() {
    drawn_ = Clock::now();
    Size size = TerminalSize();
    size_t room = static_cast<size_t>(size.rows - 2);
    size_t hidden = layers_.size() > room ? layers_.size() - room + 1 : 0;
    std::string text = Erase();
    size_t skipped = 0;
    for (const LayerProgress& layer : layers_) {
      if (skipped < hidden && IsFinished(layer.state)) {
        ++skipped;
        continue;
      }
      if (static_cast<size_t>(lines_) == room - (hidden > 0 ? 1 : 0)) break;
      text += Colored(layer, LayerLine(layer, size.columns)) + "\n";
      ++lines_;
    }
    if (hidden > 0) {
      size_t done = std::count_if(layers_.begin(), layers_.end(), [](const LayerProgress& layer) {
        return IsFinished(layer.state);
      });
      text += fmt::format("{} of {} layers complete\n", done, layers_.size());
      ++lines_;
    }
    Write(stream_, text);
  }

  FILE* stream_;
  const ProgressStyle style_;
  std::vector<LayerProgress> layers_;
  int lines_ = 0;  // of the block on the screen, below which the cursor is
  Clock::time_point drawn_;
};

std::string Bar(uint64_t done, uint64_t total, int width) {
  if (width < 5) return "";
  int inner = width - 2;
  int filled = total == 0 ? inner : static_cast<int>(static_cast<double>(inner) * done / total);
  filled = std::clamp(filled, 0, inner);
  std::string bar(static_cast<size_t>(filled), '=');
  if (filled < inner) bar += '>';
  bar.resize(static_cast<size_t>(inner), ' ');
  return "[" + bar + "]";
}

}  // namespace

std::string LayerLine(const LayerProgress& layer, int columns) {
  std::string line = fmt::format("{}: {}", layer.id, Words(layer.state));
  bool downloading = layer.state == LayerState::kDownloading ||
                     layer.state == LayerState::kShared || layer.state == LayerState::kFetching ||
                     layer.state == LayerState::kUploading;
  if (downloading || layer.state == LayerState::kUnpacking) {
    uint64_t done = downloading ? layer.downloaded : layer.unpacked;
    std::string numbers =
        fmt::format(" {:>7}/{}", FormatByteSize(done), FormatByteSize(layer.total));
    int used = static_cast<int>(line.size() + numbers.size()) + 2;
    std::string bar = Bar(done, layer.total, std::min(columns - 1 - used, 52));
    line += (bar.empty() ? "" : " " + bar) + numbers;
  } else if (layer.state == LayerState::kRetrying) {
    line += ": " + layer.note;
  } else if (layer.state == LayerState::kMounted) {
    line += " from " + layer.note;
  }
  // The last column stays free: some terminals wrap when it is written.
  size_t room = static_cast<size_t>(std::max(columns - 1, 1));
  if (line.size() > room) line.resize(room);
  return line;
}

std::optional<ProgressMode> ParseProgressMode(std::string_view text) {
  if (text == "auto") return ProgressMode::kAuto;
  if (text == "live" || text == "tty") return ProgressMode::kLive;
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "json" || text == "rawjson") return ProgressMode::kJson;
  if (text == "none" || text == "quiet") return ProgressMode::kNone;
  return std::nullopt;
}

std::unique_ptr<oci::ProgressSink> MakePullProgress(FILE* stream, const ProgressStyle& style) {
  ProgressMode mode = style.mode;
  if (mode == ProgressMode::kAuto) {
    const char* term = std::getenv("TERM");
    bool live = ::isatty(::fileno(stream)) && term && std::string_view(term) != "dumb";
    mode = live ? ProgressMode::kLive : ProgressMode::kPlain;
  }
  switch (mode) {
    case ProgressMode::kLive: return std::make_unique<Live>(stream, style);
    case ProgressMode::kJson: return std::make_unique<Json>(stream);
    case ProgressMode::kNone: return std::make_unique<Silent>(stream);
    default: return std::make_unique<Plain>(stream);
  }
}

}  // namespace hoy::cli
