#include "cli/ops/heavy/pull_progress.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

namespace hoy::cli {
namespace {

using oci::LayerProgress;
using oci::LayerState;

oci::PullHeader Header(size_t layers) {
  oci::PullHeader header{.reference = "app:1",
                         .tag = "1",
                         .repository = "library/app",
                         .digest = "sha256:aa",
                         .platform = "linux/amd64"};
  for (size_t i = 0; i < layers; ++i) {
    header.layers.push_back({.index = i, .id = "layer" + std::to_string(i), .total = 1'000'000});
  }
  return header;
}

LayerProgress At(size_t index, LayerState state, uint64_t downloaded = 0, std::string note = "") {
  return {.index = index,
          .id = "layer" + std::to_string(index),
          .state = state,
          .total = 1'000'000,
          .downloaded = downloaded,
          .note = std::move(note)};
}

const oci::PullSummary kSummary{.reference = "app:1", .digest = "sha256:aa", .changed = true};

std::string Shown(const ProgressStyle& style, std::function<void(oci::ProgressSink&)> pull) {
  char* bytes = nullptr;
  size_t size = 0;
  FILE* stream = ::open_memstream(&bytes, &size);
  pull(*MakePullProgress(stream, style));
  ::fclose(stream);
  std::string text(bytes, size);
  ::free(bytes);
  return text;
}

TEST(PullProgress, PlainSaysEachThingOnce) {
  std::string text = Shown({.mode = ProgressMode::kPlain}, [](oci::ProgressSink& sink) {
    oci::PullHeader header = Header(3);
    header.layers[0].state = LayerState::kExists;
    sink.OnStart(header);
    for (uint64_t done : {10, 20, 30}) sink.OnLayer(At(1, LayerState::kDownloading, done));
    sink.OnLayer(At(2, LayerState::kRetrying, 0, "server said 503"));
    sink.OnLayer(At(1, LayerState::kDone));
    sink.OnLayer(At(1, LayerState::kDone));
    sink.OnEnd(kSummary);
  });
  EXPECT_EQ(text,
            "1: Pulling from library/app\n"
            "layer0: Already exists\n"
            "layer2: Retrying: server said 503\n"
            "layer1: Pull complete\n"
            "Digest: sha256:aa\n"
            "Status: Downloaded newer image for app:1\n");
}

TEST(PullProgress, AutoIsPlainWhereThereIsNoTerminal) {
  std::string text = Shown({}, [](oci::ProgressSink& sink) { sink.OnStart(Header(1)); });
  EXPECT_EQ(text, "1: Pulling from library/app\n");
}

TEST(PullProgress, NoneShowsWarningsOnly) {
  std::string text = Shown({.mode = ProgressMode::kNone}, [](oci::ProgressSink& sink) {
    sink.OnStart(Header(2));
    sink.OnNotice("next try in 1 s");
    sink.OnWarning("x");
    sink.OnEnd(kSummary);
  });
  EXPECT_EQ(text, "warning: x\n");
}

TEST(PullProgress, JsonSurvivesBytesThatAreNotUtf8) {
  std::string text = Shown({.mode = ProgressMode::kJson}, [](oci::ProgressSink& sink) {
    sink.OnStart(Header(1));
    sink.OnLayer(At(0, LayerState::kRetrying, 5, "bad \xff byte"));
    sink.OnEnd(kSummary);
  });
  std::vector<nlohmann::json> events;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) events.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0]["layers"][0]["state"], "waiting");
  EXPECT_EQ(events[1]["state"], "retrying");
  EXPECT_EQ(events[1]["downloaded"], 5);
  EXPECT_EQ(events[2]["changed"], true);
}

TEST(PullProgress, LiveRedrawsItsLinesInPlace) {
  std::string text =
      Shown({.mode = ProgressMode::kLive, .columns = 60}, [](oci::ProgressSink& sink) {
        sink.OnStart(Header(2));
        sink.OnLayer(At(0, LayerState::kDone));
      });
  EXPECT_EQ(text,
            "1: Pulling from library/app\n"
            "layer0: Waiting\nlayer1: Waiting\n"
            "\r\x1b[2A\x1b[J"
            "layer0: Pull complete\nlayer1: Waiting\n");
}

TEST(PullProgress, LiveKeepsToTheScreenWhenThereAreManyLayers) {
  std::string text =
      Shown({.mode = ProgressMode::kLive, .columns = 60}, [](oci::ProgressSink& sink) {
        sink.OnStart(Header(100));
        sink.OnLayer(At(0, LayerState::kDone));
      });
  std::string last = text.substr(text.rfind("\x1b[J") + 3);
  EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 22);  // of 24 rows
  EXPECT_EQ(last.find("layer0:"), std::string::npos);         // what is finished gives way
  EXPECT_TRUE(last.ends_with("1 of 100 layers complete\n")) << last;
}

TEST(PullProgress, LiveIsColoredOnlyWhenAsked) {
  auto pull = [](oci::ProgressSink& sink) {
    sink.OnStart(Header(1));
    sink.OnLayer(At(0, LayerState::kDone));
  };
  EXPECT_EQ(Shown({.mode = ProgressMode::kLive, .columns = 60}, pull).find("\x1b[32m"),
            std::string::npos);
  EXPECT_NE(
      Shown({.mode = ProgressMode::kLive, .color = true, .columns = 60}, pull).find("\x1b[32m"),
      std::string::npos);
}

TEST(LayerLine, NeverFillsTheLastColumn) {
  for (LayerState state : {LayerState::kWaiting, LayerState::kDownloading, LayerState::kShared,
                           LayerState::kUnpacking, LayerState::kRetrying, LayerState::kDone}) {
    for (int columns : {20, 40, 60, 80, 200}) {
      std::string line = LayerLine(At(0, state, 500'000, std::string(300, 'x')), columns);
      EXPECT_LT(line.size(), static_cast<size_t>(columns)) << line;
    }
  }
  EXPECT_EQ(LayerLine(At(0, LayerState::kDownloading, 500'000), 60),
            "layer0: Downloading [============>           ]   500kB/1MB");
}

TEST(ProgressModes, HaveDockersNamesToo) {
  EXPECT_EQ(ParseProgressMode("tty"), ProgressMode::kLive);
  EXPECT_EQ(ParseProgressMode("rawjson"), ProgressMode::kJson);
  EXPECT_EQ(ParseProgressMode("fancy"), std::nullopt);
}

}  // namespace
}  // namespace hoy::cli
