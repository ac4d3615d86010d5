#pragma once
// The fixture of the system tests: the built hoy with DATA and RUN roots of its own, and a leak
// check at the end.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "tests/support/image.h"
#include "tests/support/leak_check.h"
#include "tests/support/must_run.h"
#include "tests/support/process.h"
#include "tests/support/pty.h"
#include "tests/support/scratch.h"

namespace hoy::test {

// The program under test: $HOY_BIN_DIR/hoy, else the one that was built beside these tests.
std::string HoyProgram();

class HoySandbox : public testing::Test {
 protected:
  HoySandbox();
  void SetUp() override;
  void TearDown() override;  // removes what is left with `hoy rm -f`, then checks for leaks

  // Environment for every hoy of this sandbox: HOY_ROOT and HOY_RUN, no user settings.
  std::map<std::string, std::optional<std::string>> env;

  Command Hoy(const std::vector<std::string>& arguments) const;
  Output Run(const std::vector<std::string>& arguments, const std::string& input = "") const;
  // Runs, expects exit code 0, and returns stdout without its last newline.
  std::string RunOk(const std::vector<std::string>& arguments, const std::string& input = "") const;

  // A hoy that stands still at a fail point, until it is let go.
  Background Held(const std::vector<std::string>& arguments, const std::string& point) const;
  bool LetGo() const;

  // A script of bash's on this machine, with pipefail; $HOY is the program, $DIR the directory.
  Output HostShell(const std::string& script) const;

  // `hoy inspect`: the first object of the array.
  Json Inspect(const std::string& object) const;
  std::string Status(const std::string& container) const;  // .State.Status; "" when there is none
  bool WaitForStatus(const std::string& container, const std::string& status) const;

  const std::string& directory() const { return scratch_.path(); }
  std::string data() const { return directory() + "/d"; }
  std::string run() const { return directory() + "/r"; }
  std::string Path(const std::string& name) const { return directory() + "/" + name; }

  SandboxTraces Traces() const;  // with every container id seen so far
  bool partial_blobs_are_expected = false;

 private:
  ScratchDirectory scratch_;
  Fd created_containers_;  // inotify on DATA/containers: ids, also of containers long gone
  mutable std::set<std::string> ids_;
};

// A sandbox that already holds the test images. The first test that wants them pulls them from a
// docker-registry into a template under the build directory; the others copy it by hard links.
class ImageSandbox : public HoySandbox {
 protected:
  void SetUp() override;

  const std::string& Busybox() const { return references_.at("busybox"); }
  // Entrypoint, Cmd, Env, User, WorkingDir, StopSignal, Labels, Volumes and ExposedPorts all set.
  const std::string& Configured() const { return references_.at("configured"); }
  // Programs under /broken that cannot be started, one for each reason.
  const std::string& Broken() const { return references_.at("broken"); }

  // `hoy run --rm [options] busybox sh -c script`.
  Output RunShell(const std::string& script, std::vector<std::string> options = {},
                  const std::string& input = "") const;
  // The same, which has to end with 0: its output without the last newline.
  std::string Shell(const std::string& script, std::vector<std::string> options = {}) const;
  // `hoy run -d`: the id of a container that lives until it is told to end.
  std::string StartSleeper(std::vector<std::string> options = {}) const;

 private:
  std::map<std::string, std::string> references_;
};

// What interrupted pulls keep in DATA to go on from.
void RemovePartialBlobs(const std::string& data);

// Every name `hoy __fail-points` lists. HOY_FAIL_POINT=<name> kills the hoy process there.
std::vector<std::string> FailPoints();

}  // namespace hoy::test
