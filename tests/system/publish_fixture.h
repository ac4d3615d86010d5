#pragma once
// Containers that publish ports, and who asks them.

#include <fmt/core.h>

#include <string>
#include <vector>

#include "tests/support/network_sandbox.h"

namespace hoy::test {

class Publish : public NetworkSandbox {
 protected:
  // A container that tells whoever asks it by HTTP where he comes from. `said`: what hoy had to
  // say.
  std::string Serve(const std::string& name, std::vector<std::string> options,
                    std::string* said = nullptr) const {
    std::vector<std::string> arguments = {"run", "-d", "--name", name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& word :
         {Busybox(), std::string("sh"), std::string("-c"),
          "mkdir -p /www/cgi-bin; cd /www/cgi-bin;"
          "printf '#!/bin/sh\\necho; echo " +
              name +
              " to $(echo $REMOTE_ADDR | tr -d [] | sed s/^::ffff://)\\n' > who; chmod 755 who;"
              "exec httpd -f -p 80 -h /www"}) {
      arguments.push_back(word);
    }
    const Output started = Run(arguments);
    EXPECT_EQ(started.code, 0) << started;
    if (said != nullptr) *said = started.err;
    AwaitServer(name);
    return started.out.substr(0, started.out.find('\n'));
  }
  void AwaitServer(const std::string& name) const {
    EXPECT_TRUE(Eventually([&] {
      return RunOk({"exec", name, "netstat", "-ltn"}).find(":80 ") != std::string::npos;
    }));
  }
  // Not the freezer: what is killed has to die.
  static std::string CgroupsOf(const std::string& pid) {
    return Host("grep -v freezer /proc/" + pid + "/cgroup").out;
  }
  // With the host's programs, and with those of a container: busybox's wget is of no use.
  static std::string Call(const std::string& address, int port) {
    return fmt::format("curl -s -m 60 http://{}:{}/cgi-bin/who", address, port);
  }
  static std::string CallFromInside(const std::string& address, int port) {
    return fmt::format(
        "printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w 60 {} {} | tail -n 1", address,
        port);
  }
  std::string Ports(const std::string& name) const {
    return RunOk({"ps", "-a", "--filter", "name=^" + name + "$", "--format", "{{.Ports}}"});
  }
  static std::string Rules() { return Host("nft list table inet hoy").out; }
};

}  // namespace hoy::test
