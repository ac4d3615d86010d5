// hoy push to a server that refuses, breaks off, and forgets.

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/token_server.h"

namespace hoy::test {
namespace {

// The upload half of a registry, in memory.
class UploadServer {
 public:
  FaultReply Answer(const FaultRequest& request) {
    std::lock_guard lock(mutex_);
    if (request.method == "HEAD") return {.status = 404};
    if (request.method == "POST") {
      sessions_.emplace_back();
      return {.status = 202,
              .headers = {{"Location", "/upload/" + std::to_string(sessions_.size() - 1)}}};
    }
    if (request.target.find("/manifests/") != std::string::npos) return {.status = 201};
    size_t slash = request.target.rfind('/');
    std::string& session = sessions_.at(std::stoul(request.target.substr(slash + 1)));
    if (request.method == "GET") return Range(204, request, session.size());
    if (request.method == "PATCH") {
      if (fault_patch) {
        if (auto reply = fault_patch(request, session)) return *reply;
      }
      session += request.body;
      return Range(202, request, session.size());
    }
    session += request.body;  // PUT
    stored.push_back(session);
    return {.status = 201};
  }
  FaultServer::Handler Handler() {
    return [this](const FaultRequest& request) { return Answer(request); };
  }

  std::function<std::optional<FaultReply>(const FaultRequest&, std::string& session)> fault_patch;
  std::vector<std::string> stored;

 private:
  static FaultReply Range(int status, const FaultRequest& request, size_t size) {
    return {.status = status,
            .headers = {{"Location", request.target},
                        {"Range", "0-" + std::to_string(size > 0 ? size - 1 : 0)}}};
  }
  std::mutex mutex_;
  std::vector<std::string> sessions_;
};

class PushFaults : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    ImageBuilder builder;
    builder.Layer(Tar().Directory("etc").File("etc/word", "hello"));
    builder.Layer(Tar().File("big", Noise(3 << 20)));
    image_ = builder.Build();
    from_.Push("app", "1", image_);
    pulled_ = from_.Reference("app", "1");
    RunOk({"pull", "-q", pulled_});
    big_ = image_.blobs[0].bytes;
    for (const Blob& blob : image_.blobs) {
      if (blob.digest == image_.layer_digests[1]) big_ = blob.bytes;
    }
  }
  bool Stored(const std::string& bytes) const {
    return std::ranges::find(uploads_.stored, bytes) != uploads_.stored.end();
  }

  Registry from_;
  Image image_;
  std::string pulled_;
  std::string big_;
  UploadServer uploads_;
};

TEST_F(PushFaults, InChunks) {
  FaultServer to(uploads_.Handler());
  RunOk({"push", "-q", "--chunk-size", "1m", pulled_, to.address() + "/new:2"});
  auto patches = to.Requests("PATCH", "/upload/");
  ASSERT_GE(patches.size(), 3u);
  EXPECT_EQ(patches[0].Header("content-range"), "0-1048575");
  EXPECT_EQ(patches[1].Header("content-range"), "1048576-2097151");
  EXPECT_TRUE(Stored(big_));
}

TEST_F(PushFaults, ABrokenChunkGoesOnWhereTheRegistryStopped) {
  std::atomic<int> broken = 0;
  uploads_.fault_patch = [&](const FaultRequest& request,
                             std::string& session) -> std::optional<FaultReply> {
    if (session.size() < (1 << 20) || broken++ > 0) return std::nullopt;
    session += request.body.substr(0, 1000);  // so much arrived before the line broke
    return FaultReply{.body = "xxxx", .break_after = 1};
  };
  FaultServer to(uploads_.Handler());
  RunOk({"push", "-q", "--chunk-size", "1m", pulled_, to.address() + "/new:2"});
  EXPECT_EQ(to.Requests("GET", "/upload/").size(), 1u);
  auto patches = to.Requests("PATCH", "/upload/");
  ASSERT_GE(patches.size(), 3u);
  EXPECT_TRUE(patches[2].Header("content-range").starts_with("1049576-")) << "goes on there";
  EXPECT_TRUE(Stored(big_));
}

TEST_F(PushFaults, ASessionThatIsGoneStartsOver) {
  std::atomic<int> broken = 0;
  uploads_.fault_patch = [&](const FaultRequest&, std::string&) -> std::optional<FaultReply> {
    if (broken++ > 0) return std::nullopt;
    return FaultReply{.body = "xxxx", .break_after = 1};
  };
  FaultServer to([&](const FaultRequest& request) {
    if (request.method == "GET") return FaultReply{.status = 404};
    return uploads_.Answer(request);
  });
  RunOk({"push", "-q", "--chunk-size", "1m", pulled_, to.address() + "/new:2"});
  EXPECT_TRUE(Stored(big_));
}

TEST_F(PushFaults, SaysWhatHappenedAndWhatToDo) {
  struct Row {
    std::string where;  // a method and a part of the target
    FaultReply reply;
    std::vector<std::string> says;
    bool once = false;  // what would be tried again
  };
  const Row rows[] = {
      {"POST /blobs/uploads/",
       {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}},
       {"layer '", "wants a login", "hint: check the name; if it is private: hoy login {to}"}},
      {"POST /blobs/uploads/",
       {.status = 403, .body = R"({"errors":[{"code":"DENIED","message":"not yours"}]})"},
       {"layer '", "'{to}/new': access denied: not yours",
        "hint: a push may need a login: hoy login {to}"}},
      {"PUT /manifests/",
       {.status = 403},
       {"manifest of '{to}/new:2': access denied", "hint: a push may need a login"}},
      {"PUT /upload/",
       {.status = 413},
       {"layer '", "too large for registry '{to}' or a proxy before it",
        "hint: try smaller pieces: hoy push --chunk-size"}},
      {"PUT /upload/",
       {.status = 429, .headers = {{"Retry-After", "7200"}}},
       {"layer '", "limits the rate of requests", "try again in 2 hours"}},
      {"POST /blobs/uploads/",
       {.status = 500},
       {"layer '", "answered 500 Internal Server Error",
        "hint: the registry has a problem; try again later"},
       true},
      {"PUT /manifests/",
       {.status = 500},
       {"manifest of '{to}/new:2'", "answered 500 Internal Server Error",
        "hint: the registry has a problem"},
       true},
      {"PUT /upload/",
       {.status = 507},
       {"layer '", "answered 507 Insufficient Storage",
        "hint: the registry has no room left: ask whoever keeps it"},
       true},
      {"PUT /upload/",
       {.body = "xxxx", .break_after = 1},
       {"layer '", "'{to}' broke off", "hint: try again"},
       true},
      {"POST /blobs/uploads/",
       {.status = 202},
       {"the registry opens an upload without saying where", "hint: this may not be a registry"}},
  };
  for (const Row& row : rows) {
    const size_t space = row.where.find(' ');
    FaultServer to([&](const FaultRequest& request) {
      const bool spoilt = request.method == row.where.substr(0, space) &&
                          request.target.find(row.where.substr(space + 1)) != std::string::npos;
      return spoilt ? row.reply : uploads_.Answer(request);
    });
    std::vector<std::string> words = {"push", pulled_, to.address() + "/new:2"};
    if (row.once) words.insert(words.begin() + 1, "--retry=0");
    const Output output = Run(words);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "");
    EXPECT_NE(output.err.find("hoy: push '" + to.address() + "/new:2': "), std::string::npos)
        << output;
    for (std::string text : row.says) {
      for (size_t at; (at = text.find("{to}")) != std::string::npos;)
        text.replace(at, 4, to.address());
      EXPECT_NE(output.err.find(text), std::string::npos) << "expected: " << text << "\n" << output;
    }
  }
}

// What goes in one piece is sent again from its beginning, under a new upload.
TEST_F(PushFaults, ABrokenPutIsSentAgain) {
  std::atomic<int> broken = 0;
  FaultServer to([&](const FaultRequest& request) {
    const bool whole =
        request.method == "PUT" && request.target.find("/upload/") != std::string::npos;
    if (!whole || broken++ > 0) return uploads_.Answer(request);
    return FaultReply{.body = "xxxx", .break_after = 1};
  });
  RunOk({"push", "-q", "--retry-delay=10ms", pulled_, to.address() + "/new:2"});
  for (const Blob& blob : image_.blobs) EXPECT_TRUE(Stored(blob.bytes)) << blob.media_type;
  EXPECT_EQ(to.Requests("PUT", "/upload/").size(), image_.blobs.size() + 1);
}

TEST_F(PushFaults, CredentialsDoNotFollowAnUploadToAnotherHost) {
  FaultServer storage(uploads_.Handler(), "127.0.0.2");
  TokenRegistry to([&](const FaultRequest& request) {
    FaultReply reply = uploads_.Answer(request);
    for (auto& [name, value] : reply.headers) {
      if (name == "Location") value = storage.Url(value);
    }
    return reply;
  });
  RunOk({"push", "-q", "--creds", "user:secret", pulled_, to.address() + "/new:2"});
  ASSERT_FALSE(storage.requests().empty());
  for (const FaultRequest& request : storage.requests()) {
    EXPECT_EQ(request.Header("authorization"), "") << request.method << " " << request.target;
  }
  bool asked_to_push = false;
  for (const FaultRequest& request : to.requests()) {
    asked_to_push = asked_to_push || (request.target.starts_with("/token") &&
                                      request.target.find("pull%2Cpush") != std::string::npos);
  }
  EXPECT_TRUE(asked_to_push);
}

}  // namespace
}  // namespace hoy::test
