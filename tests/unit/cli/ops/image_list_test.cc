#include "cli/ops/image_list.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

constexpr core::Timestamp kHour = 3600 * core::kSecond;
constexpr core::Timestamp kNow = 1'000'000 * core::kSecond;

oci::ListedImage Image(char id, core::Timestamp age, std::vector<std::string> names,
                       std::map<std::string, std::string> labels = {}) {
  oci::ListedImage image;
  image.record.id = oci::Digest::FromHex(std::string(64, id));
  image.record.created = kNow - age;
  image.record.size = 4'260'000;
  image.record.config.labels = std::move(labels);
  image.names = std::move(names);
  return image;
}

std::vector<oci::ListedImage> Images() {
  auto busybox = Image('a', kHour, {"docker.io/library/busybox:1", "docker.io/library/busybox:2"},
                       {{"team", "core"}});
  busybox.record.repo_digests = {"docker.io/library/busybox@sha256:" + std::string(64, '1')};
  return {busybox, Image('b', 3 * kHour, {"localhost:5000/team/app:v1"}, {{"team", "web"}}),
          Image('c', 5 * kHour, {}),
          Image('d', 7 * kHour, {"quay.io/x/y@sha256:" + std::string(64, '2')})};
}

// "REPOSITORY:TAG" of the rows, or the error.
std::string Rows(std::vector<std::string> filters, std::string reference = "") {
  ImageListRequest request{.reference = std::move(reference), .now = kNow};
  request.filters =
      Filters::Parse(filters, {"dangling", "label", "before", "since", "reference", "until"})
          .value();
  auto rows = ImageRows(Images(), request);
  if (!rows) return "error: " + rows.error().message;
  std::string text;
  for (const Json& row : *rows) {
    if (!text.empty()) text += ' ';
    text += row["Repository"].get<std::string>() + ":" + row["Tag"].get<std::string>();
  }
  return text;
}

TEST(ImageRows, ShowsARowForEachNameAndOneForNone) {
  EXPECT_EQ(Rows({}),
            "busybox:1 busybox:2 localhost:5000/team/app:v1 <none>:<none> quay.io/x/y:<none>");
}

TEST(ImageRows, HasDockersFields) {
  auto rows = ImageRows(Images(), {.now = kNow}).value();
  EXPECT_EQ(rows[0]["ID"], "aaaaaaaaaaaa");
  EXPECT_EQ(rows[0]["Size"], "4.26MB");
  EXPECT_EQ(rows[0]["CreatedSince"], "About an hour ago");
  EXPECT_EQ(rows[0]["CreatedAt"], "1970-01-12 12:46:40 +0000 UTC");
  EXPECT_EQ(rows[0]["Digest"], "sha256:" + std::string(64, '1'));
  EXPECT_EQ(rows[2]["Digest"], "<none>");
  EXPECT_EQ(rows[4]["Digest"], "sha256:" + std::string(64, '2'));
  rows = ImageRows(Images(), {.no_trunc = true, .now = kNow}).value();
  EXPECT_EQ(rows[0]["ID"], "sha256:" + std::string(64, 'a'));
}

TEST(ImageRows, FindsWhatTheArgumentNames) {
  EXPECT_EQ(Rows({}, "busybox"), "busybox:1 busybox:2");
  EXPECT_EQ(Rows({}, "busybox:2"), "busybox:2");
  EXPECT_EQ(Rows({}, "docker.io/library/busybox"), "busybox:1 busybox:2");
  EXPECT_EQ(Rows({}, "busy*"), "busybox:1 busybox:2");
  EXPECT_EQ(Rows({}, "*:v1"), "");  // a star does not match a slash
  EXPECT_EQ(Rows({}, "*/*/app:v?"), "localhost:5000/team/app:v1");
  EXPECT_EQ(Rows({}, "box"), "");
}

TEST(ImageRows, Filters) {
  EXPECT_EQ(Rows({"dangling=true"}), "<none>:<none>");
  EXPECT_EQ(Rows({"dangling=false", "label=team=web"}), "localhost:5000/team/app:v1");
  EXPECT_EQ(Rows({"label=team"}), "busybox:1 busybox:2 localhost:5000/team/app:v1");
  EXPECT_EQ(Rows({"label=team=web", "label=team=core"}),
            "busybox:1 busybox:2 localhost:5000/team/app:v1");
  EXPECT_EQ(Rows({"before=localhost:5000/team/app:v1"}), "<none>:<none> quay.io/x/y:<none>");
  EXPECT_EQ(Rows({"since=bbbb"}), "busybox:1 busybox:2");
  EXPECT_EQ(Rows({"until=4h"}), "<none>:<none> quay.io/x/y:<none>");
  EXPECT_EQ(Rows({"until=1970-01-12T08:00:00Z", "dangling=false"}), "quay.io/x/y:<none>");
  EXPECT_EQ(Rows({"reference=busybox:1", "reference=quay.io/x/*"}), "busybox:1 quay.io/x/y:<none>");
}

TEST(ImageRows, RefusesFilterValuesThatMakeNoSense) {
  EXPECT_EQ(Rows({"dangling=maybe"}),
            "error: invalid value 'maybe' for the filter 'dangling': wants true or false");
  EXPECT_EQ(Rows({"until=soon"}), "error: invalid value 'soon' for the filter 'until'");
  EXPECT_EQ(Rows({"before=gone"}), "error: filter 'before': no such image: 'gone'");
}

}  // namespace
}  // namespace hoy::cli
