#include "cli/ops/image_changes.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

using Words = std::vector<std::string>;

oci::ImageRunConfig After(Words changes) {
  oci::ImageRunConfig config;
  config.env = {"PATH=/bin", "A=old"};
  config.working_dir = "/srv";
  auto result = ApplyChanges(config, changes);
  EXPECT_TRUE(result) << result.error().message;
  return config;
}

std::string Refusal(std::string change) {
  oci::ImageRunConfig config;
  auto result = ApplyChanges(config, Words{std::move(change)});
  EXPECT_FALSE(result);
  return result ? "" : result.error().message;
}

TEST(ImageChanges, CommandsInBothForms) {
  EXPECT_EQ(After({R"(CMD ["a", "b c"])"}).cmd, (Words{"a", "b c"}));
  EXPECT_EQ(After({"cmd echo $HOME"}).cmd, (Words{"/bin/sh", "-c", "echo $HOME"}));
  EXPECT_EQ(After({"CMD=[\"x\"]"}).cmd, Words{"x"});
  EXPECT_EQ(After({R"(ENTRYPOINT ["/init"])"}).entrypoint, Words{"/init"});
  EXPECT_EQ(After({"CMD [not json"}).cmd, (Words{"/bin/sh", "-c", "[not json"}));
}

TEST(ImageChanges, VariablesAndLabels) {
  EXPECT_EQ(After({R"(ENV A=1 B="2 3" C='4'\ 5)"}).env,
            (Words{"PATH=/bin", "A=1", "B=2 3", "C=4 5"}));
  EXPECT_EQ(After({"ENV A all of  this"}).env, (Words{"PATH=/bin", "A=all of  this"}));
  auto labels = After({"LABEL a=1 b=", "LABEL a=2"}).labels;
  EXPECT_EQ(labels.at("a"), "2");
  EXPECT_EQ(labels.at("b"), "");
}

TEST(ImageChanges, TheRest) {
  auto config = After({"EXPOSE 80 53/UDP 8000-8010", "VOLUME /b /a", R"(VOLUME ["/c"])", "USER 1:2",
                       "WORKDIR app", "STOPSIGNAL SIGQUIT", "ONBUILD RUN x"});
  EXPECT_EQ(config.exposed_ports, (Words{"53/udp", "80/tcp", "8000-8010/tcp"}));
  EXPECT_EQ(config.volumes, (Words{"/a", "/b", "/c"}));
  EXPECT_EQ(config.user, "1:2");
  EXPECT_EQ(config.working_dir, "/srv/app");
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_EQ(config.on_build, Words{"RUN x"});
  EXPECT_EQ(After({"WORKDIR /abs"}).working_dir, "/abs");
}

TEST(ImageChanges, AHealthCheck) {
  EXPECT_EQ(After({"HEALTHCHECK --interval=1s CMD test -e /ok"}).healthcheck,
            R"({"Test":["CMD-SHELL","test -e /ok"],"Interval":1000000000})");
  EXPECT_EQ(After({"HEALTHCHECK NONE"}).healthcheck, R"({"Test":["NONE"]})");
  EXPECT_EQ(Refusal("HEALTHCHECK --interval=1s"),
            "--change 'HEALTHCHECK --interval=1s': say CMD and a command, or NONE");
}

TEST(ImageChanges, RefusesWhatMakesNoSense) {
  EXPECT_EQ(Refusal("RUN x"), "--change 'RUN x': 'RUN' is not an instruction that can be used");
  EXPECT_EQ(Refusal("CMD"), "--change 'CMD': nothing after the instruction");
  EXPECT_EQ(Refusal("EXPOSE 70000"), "--change 'EXPOSE 70000': '70000' is not PORT[/PROTOCOL]");
  EXPECT_EQ(Refusal("STOPSIGNAL SIGNOPE"), "--change 'STOPSIGNAL SIGNOPE': 'SIGNOPE' is no signal");
  EXPECT_EQ(Refusal("ENV A"), "--change 'ENV A': 'A' has no value");
  EXPECT_EQ(Refusal("ENV A=1 B"), "--change 'ENV A=1 B': 'B' is not KEY=VALUE");
  EXPECT_EQ(Refusal("LABEL a='x"), "--change 'LABEL a='x': a quote is not closed");
}

}  // namespace
}  // namespace hoy::cli
