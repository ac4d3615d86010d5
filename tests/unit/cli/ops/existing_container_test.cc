#include "cli/ops/existing_container.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

using Strings = std::vector<std::string>;

core::ContainerRecord Made() {
  core::ContainerRecord record;
  record.name = "web";
  core::ContainerConfig& config = record.config;
  config.image = {.reference = "web",
                  .name = "docker.io/library/web:latest",
                  .id = "abcdef" + std::string(58, '0')};
  config.entrypoint = {"/entry"};
  config.command = {"serve"};
  config.process.args = {"/entry", "serve"};
  config.process.env = {"PATH=/bin", "MODE=image"};
  config.process.user = "app";
  config.process.cwd = "/app";
  return record;
}

std::string Refusal(const RunOptions& options, bool runs = false) {
  auto checked = CheckMadeAs(options, Made(), runs);
  if (checked) return "";
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalidArgument);
  return checked.error().message;
}

TEST(ExistingContainer, IsWantedAsItWasMade) {
  const std::pair<RunOptions, const char*> cases[] = {
      {{.image = "web"}, ""},
      {{.image = "docker.io/library/web"}, ""},
      {{.image = "web:latest"}, ""},
      {{.image = "abcdef0"}, ""},
      {{.image = "sha256:abcdef"}, ""},
      {{.image = "abc"}, "of 'web'"},
      {{.image = "web:2"}, "of 'web'"},
      {{.image = "/srv", .rootfs = true}, "of 'web'"},
      {{.image = "web", .command = {"serve"}}, ""},
      {{.image = "web", .command = {"check"}}, "for another command: /entry serve"},
      {{.image = "web", .command = {"serve"}, .entrypoint = "/entry"}, ""},
      {{.image = "web", .workdir = "/app/"}, ""},
      {{.image = "web", .workdir = "/"}, "with --workdir '/app'"},
      {{.image = "web", .user = "0"}, "with --user 'app'"},
      {{.image = "web", .rm = true}, "without --rm"},
      {{.image = "web", .interactive = true}, "without --interactive"},
      {{.image = "web", .tty = true}, "without --tty"},
      {{.image = "web", .env = {"MODE=image"}}, ""},
      {{.image = "web", .env = {"MODE=other"}}, "with another environment"},
      {{.image = "web", .env = {"MORE=1"}}, "with another environment"},
      {{.image = "web", .privileged = true}, "without --privileged"},
  };
  for (const auto& [options, difference] : cases) {
    const std::string wanted =
        *difference == '\0' ? "" : std::string("--ensure: container web was made ") + difference;
    EXPECT_EQ(Refusal(options), wanted);
  }
}

TEST(ExistingContainer, ExecutesWhatItWasNotMadeFor) {
  EXPECT_EQ(
      Refusal({.image = "web", .command = {"sh"}, .workdir = "/", .user = "0", .tty = true}, true),
      "");
  EXPECT_NE(Refusal({.image = "other"}, true), "");
  EXPECT_EQ(Refusal({.image = "web", .entrypoint = ""}, true), "--ensure: no command to run");
  const core::ContainerConfig config = Made().config;
  EXPECT_EQ(WantedArguments({}, config), (Strings{"/entry", "serve"}));
  EXPECT_EQ(WantedArguments({.command = {"sh"}}, config), (Strings{"/entry", "sh"}));
  EXPECT_EQ(WantedArguments({.command = {"ls"}, .entrypoint = "/bin/busybox"}, config),
            (Strings{"/bin/busybox", "ls"}));
}

}  // namespace
}  // namespace hoy::cli
