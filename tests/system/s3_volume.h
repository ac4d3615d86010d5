#pragma once
// The fixture of what is tested with S3 volumes: a server that holds one bucket, and its keys.

#include <fmt/core.h>
#include <stdlib.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/s3_server.h"
#include "tests/support/sandbox.h"

namespace hoy::test {

class S3Volume : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    env["AWS_ACCESS_KEY_ID"] = S3Server::kKey;
    env["AWS_SECRET_ACCESS_KEY"] = S3Server::kKey;
    for (const char* name : {"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN",
                             "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
                             "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}) {
      env[name] = std::nullopt;
    }
  }

  std::string Mount(const std::string& more = "") const {
    return fmt::format("--mount=type=s3,bucket={},prefix=p,endpoint={},dst=/data{}",
                       S3Server::kBucket, server.endpoint(), more);
  }
  // `hoy run --rm` with the bucket on /data.
  Output RunOnBucket(const std::string& script) const {
    return RunShell("cd /data && " + script, {Mount()});
  }
  void MakeVolume(const std::string& name, const std::string& more = "") const {
    RunOk({"volume", "create", "--opt", "type=s3", "--opt",
           fmt::format("bucket={}", S3Server::kBucket), "--opt",
           fmt::format("o=endpoint={}{}", server.endpoint(), more), name});
  }
  std::string Files(const std::string& volume) const {
    return data() + "/volumes/" + volume + "/_data";
  }
  std::string VolumeName() const { return RunOk({"volume", "ls", "-q"}); }
  std::string StatusOf(const std::string& volume, const std::string& field) const {
    return RunOk({"volume", "inspect", "-f", "{{.Status." + field + "}}", volume});
  }
  pid_t MonitorOf(const std::string& id) const {
    const std::string state = ReadFile(run() + "/containers/" + id + "/state.json");
    const std::string name = "\"monitor_pid\":";
    return std::atoi(state.c_str() + state.find(name) + name.size());
  }
  // The s3fs that has a volume mounted; 0: there is none.
  pid_t S3fsOf(const std::string& volume) const {
    for (const std::string& name : ListNames("/proc")) {
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string words = ReadFileIfThere("/proc/" + name + "/cmdline");
      if (words.starts_with("s3fs") && Has(words, data() + "/volumes/" + volume + "/_data")) {
        return std::atoi(name.c_str());
      }
    }
    return 0;
  }
  // A hoy that is killed at that point.
  void Dying(const std::string& point, const std::vector<std::string>& arguments) const {
    Command command = Hoy(arguments);
    command.env["HOY_FAIL_POINT"] = point;
    const Output output = RunCommand(command);
    EXPECT_EQ(output.code, 137) << point << output;
  }
  bool WaitUntilWrittenBack(const std::string& volume) const {
    return Eventually([&] { return StatusOf(volume, "Pending") == "false"; });
  }

  S3Server server;
};

}  // namespace hoy::test
