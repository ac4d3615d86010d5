// What hoy pull and its like make of their flags and of the word for the image, beside the
// registry.

#include <atomic>
#include <filesystem>

#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

class PullFlags : public HoySandbox {
 protected:
  PullFlags() {
    ImageBuilder builder;
    builder.Layer(Tar().File("word", "hello"));
    image = builder.Build();
    for (const Blob& blob : image.blobs) content.AddBlob(blob.digest, blob.bytes);
    content.AddManifest("1", image.manifest.bytes, image.manifest.media_type,
                        image.manifest.digest);
  }

  Image image;
  FakeRegistryContent content;
};

TEST_F(PullFlags, AFileOrDirectoryThatIsNamedAndMissingIsAnError) {
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  const std::string app = server.address() + "/app:1";
  RunOk({"pull", "-q", app});
  const size_t before = server.requests().size();
  const std::string none = Path("none/none");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"pull", "--authfile", none, app},
           {"pull", "--all-tags", "--authfile", none, server.address() + "/app"},
           {"pull", "--cert-dir", none, app},
           {"push", "--authfile", none, app},
           {"push", "--cert-dir", none, app},
           {"search", "--authfile", none, server.address() + "/app"},
           {"search", "--cert-dir", none, server.address() + "/app"},
           {"login", "--cert-dir", none, "-u", "me", "-p", "secret", server.address()},
           {"logout", "--authfile", none, server.address()},
       }) {
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, 125) << arguments[0] << output;
    EXPECT_TRUE(Has(output.err, " '" + none + "': No such file or directory")) << output;
  }
  EXPECT_EQ(server.requests().size(), before);
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
  EXPECT_TRUE(Has(Run({"pull", "--cert-dir", "/dev/null", app}).err, "Not a directory"));
}

// A public image needs no file; what wants a login says which one was to hold it.
TEST_F(PullFlags, AMissingRegistryAuthFileIsAnErrorWhereALoginIsWanted) {
  std::atomic<bool> open = true;
  FaultServer server([&](const FaultRequest& request) {
    if (open) return content.Answer(request);
    return FaultReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"here\""}}};
  });
  env["REGISTRY_AUTH_FILE"] = Path("none.json");
  RunOk({"pull", "-q", server.address() + "/app:1"});
  open = false;
  const Output output = Run({"pull", "-q", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "no auth file '" + Path("none.json") + "'")) << output;
}

TEST_F(PullFlags, QuietSaysNothingOfRetries) {
  std::atomic<int> asked = 0;
  FaultServer server([&](const FaultRequest& request) {
    const bool refuse = asked++ < 2;
    return refuse ? FaultReply{.status = 503} : content.Answer(request);
  });
  const std::string app = server.address() + "/app:1";
  const Output output = Run({"pull", "-q", "--retry-delay", "1ms", app});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, app + "\n");
  EXPECT_EQ(output.err, "");
  EXPECT_GT(asked, 2);
}

TEST_F(PullFlags, RetryHoldsAlsoWhereNobodyAnswers) {
  auto tries_again = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"pull", "--retry-delay", "1ms"});
    flags.emplace_back("127.0.0.1:1/app:1");
    const Output output = Run(flags);
    EXPECT_EQ(output.code, 125) << output;
    size_t count = 0;
    for (size_t at = 0; (at = output.err.find("next try in", at)) != std::string::npos; ++at) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(tries_again({"--retry", "0"}), 0u);
  EXPECT_EQ(tries_again({"--retry", "4"}), 4u);
  EXPECT_EQ(tries_again({}), 2u) << "as the help says";
  EXPECT_TRUE(Has(Run({"pull", "--help"}).out, "2 where nobody answers"));
}

TEST_F(PullFlags, NoRegistryIsAskedForAnImageId) {
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  env["XDG_CONFIG_HOME"] = Path("config");
  std::filesystem::create_directories(Path("config/containers"));
  WriteFile(
      Path("config/containers/registries.conf"),
      "[[registry]]\nprefix='docker.io'\ninsecure=true\nlocation='" + server.address() + "'\n");
  const std::string hex(64, '7');
  for (const std::string& id : {hex, "sha256:" + hex, std::string("sha256:777")}) {
    for (const char* verb : {"run", "create"}) {
      const Output output = Run({verb, id, "true"});
      EXPECT_EQ(output.code, 125) << output;
      EXPECT_TRUE(Has(output.err, "no such image '" + id + "'")) << output;
    }
    for (const char* verb : {"inspect", "rmi", "history"}) {
      EXPECT_EQ(Run({verb, id}).code, 1) << verb << id;
    }
    for (const std::vector<std::string>& pull :
         std::vector<std::vector<std::string>>{{"pull", id}, {"run", "--pull=always", id}}) {
      const Output output = Run(pull);
      EXPECT_EQ(output.code, 125) << output;
      EXPECT_TRUE(Has(output.err, "it is an image id, not a name")) << output;
    }
  }
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(Run({"pull", "sha256sum"}).code, 1) << "a repository";
  EXPECT_FALSE(server.requests().empty());
}

}  // namespace
}  // namespace hoy::test
