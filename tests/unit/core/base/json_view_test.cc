#include "core/base/json_view.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hoy {
namespace {

// The same tree, built from what the view shows.
nlohmann::json Copy(JsonView view) {
  if (view.IsObject()) {
    nlohmann::json object = nlohmann::json::object();
    for (JsonView member = view.First(); member; member = member.Next()) {
      object[member.Name()] = Copy(member);
    }
    return object;
  }
  if (view.IsArray()) {
    nlohmann::json array = nlohmann::json::array();
    for (JsonView element = view.First(); element; element = element.Next()) {
      array.push_back(Copy(element));
    }
    return array;
  }
  if (auto text = view.String()) return *text;
  if (auto truth = view.Bool()) return *truth;
  if (auto number = view.As<int64_t>()) return *number;
  return nullptr;
}

TEST(JsonView, ShowsWhatNlohmannShows) {
  for (const char* text :
       {R"({})", R"([])", R"("")", R"(null)", R"(0)", R"(-12)", R"(true)", R"(false)",
        R"({"a":1,"b":[1,[2,{"c":"d"}],{}],"e":{"f":{}},"g":null})", " [ 1 , 2 ]\n\t\r ",
        R"(["\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00", "é€😀"])", R"({"\u0061":"x"})",
        R"({"":{"":[[],[[]],""]}})"}) {
    auto json = JsonText::Parse(text);
    ASSERT_TRUE(json) << text;
    EXPECT_EQ(Copy(json->root()), nlohmann::json::parse(text)) << text;
  }
}

TEST(JsonView, RefusesWhatNlohmannRefuses) {
  for (std::string text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{1:2}",
                           "[1 2]",
                           "1 2",
                           "[1]]",
                           "{}{}",
                           "01",
                           "-",
                           "1.",
                           ".5",
                           "1e",
                           "+1",
                           "0x1",
                           "nul",
                           "True",
                           "\"",
                           "\"\\",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\\ud800\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\ud800\"",
                           "\"\t\"",
                           "\"\x80\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf5\x80\x80\x80\"",
                           "\"a\xc3",
                           "[}",
                           "{]",
                           "'a'",
                           "[\"a\" \"b\"]",
                           "{\"a\":1 \"b\":2}"}) {
    EXPECT_FALSE(JsonText::Parse(text)) << text;
    EXPECT_TRUE(nlohmann::json::parse(text, nullptr, false).is_discarded()) << text;
  }
}

TEST(JsonView, NumbersFitTheirType) {
  auto json =
      JsonText::Parse("[9223372036854775807, 18446744073709551615, -1, 300, 1.9, 1e3, 1e300]");
  ASSERT_TRUE(json);
  std::vector<JsonView> at;
  for (JsonView element = json->root().First(); element; element = element.Next()) {
    at.push_back(element);
  }
  EXPECT_EQ(at[0].As<int64_t>(), INT64_MAX);
  EXPECT_EQ(at[1].As<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(at[1].As<int64_t>(), std::nullopt);
  EXPECT_EQ(at[2].As<uint64_t>(), std::nullopt);
  EXPECT_EQ(at[3].As<uint8_t>(), std::nullopt);
  EXPECT_EQ(at[4].As<int>(), 1);
  EXPECT_EQ(at[5].As<int>(), 1000);
  EXPECT_EQ(at[6].As<int64_t>(), std::nullopt);
}

TEST(JsonView, WhatIsNotThereHasNoType) {
  auto json = JsonText::Parse(R"({"a":{"b":"c"},"n":1})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->root()["a"]["b"].String(), "c");
  EXPECT_EQ(json->root()["a"]["b"]["c"].String(), std::nullopt);
  EXPECT_FALSE(json->root()["x"]);
  EXPECT_FALSE(json->root()["x"].First());
  EXPECT_FALSE(json->root().Next());
  EXPECT_EQ(json->root()["n"].String(), std::nullopt);
  EXPECT_EQ(json->root()["n"].Bool(), std::nullopt);
  EXPECT_EQ(json->root()["a"].As<int>(), std::nullopt);
}

TEST(JsonView, NestingHasALimit) {
  EXPECT_TRUE(JsonText::Parse(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(JsonText::Parse(std::string(65, '[') + std::string(65, ']')));
  EXPECT_FALSE(JsonText::Parse(std::string(1 << 20, '[')));
}

}  // namespace
}  // namespace hoy
