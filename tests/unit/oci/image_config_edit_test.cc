#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "oci/image/config_edit.h"

namespace hoy::oci {
namespace {

using Json = nlohmann::json;

constexpr const char* kDiffId =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Json HistoryAfterAStepOn(const Json& history) {
  Json base = {{"os", "linux"},
               {"architecture", "amd64"},
               {"rootfs", {{"type", "layers"}, {"diff_ids", {kDiffId, kDiffId}}}},
               {"history", history}};
  ImageStep step;
  step.created_by = "the step";
  auto config = AddStep(base.dump(), step);
  if (!config) return config.error().message;
  return Json::parse(*config)["history"];
}

TEST(AddStep, ItsHistoryBelongsToItsOwnLayer) {
  const Json two = {{{"created_by", "a"}}, {{"created_by", "b"}}};
  EXPECT_EQ(HistoryAfterAStepOn(two).size(), 3u);
  // One entry for two layers, and one that made no layer: the third layer's is the fourth entry.
  const Json history = HistoryAfterAStepOn(
      {{{"created_by", "a"}}, {{"created_by", "ENV x=y"}, {"empty_layer", true}}});
  ASSERT_EQ(history.size(), 4u) << history;
  EXPECT_EQ(history[2], Json::object());
  EXPECT_EQ(history[3]["created_by"], "the step");
  EXPECT_EQ(HistoryAfterAStepOn(Json::array()).size(), 3u);
}

}  // namespace
}  // namespace hoy::oci
