// Small files to and from a bucket: hoy's S3 volumes beside cp on a mount of s3fs.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/cases.h"
#include "tests/support/s3_server.h"

namespace hoy::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kFiles = 1000;
constexpr size_t kFileSize = 4096;

// Passes each connection on to a server of this machine, and counts the requests on the way.
class CountingRelay {
 public:
  explicit CountingRelay(const std::string& endpoint)
      : server_(Loopback(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)))),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any = Loopback(0);
    socklen_t size = sizeof any;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), size) != 0 ||
        ::listen(listener_.get(), SOMAXCONN) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &size) != 0) {
      throw std::runtime_error("cannot listen on 127.0.0.1");
    }
    endpoint_ = fmt::format("http://127.0.0.1:{}", ntohs(any.sin_port));
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~CountingRelay() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
  }

  const std::string& endpoint() const { return endpoint_; }
  int TakeCount() { return requests_.exchange(0); }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void Accept() {
    std::vector<std::jthread> connections;  // each ends with the program that opened it
    for (;;) {
      Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() < 0) return;
      connections.emplace_back([this, client = std::move(client)] { Pass(client.get()); });
    }
  }

  void Pass(int client) {
    const Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0) {
      return;
    }
    constexpr std::string_view kEndOfRequestLine = " HTTP/1.1\r\n";
    std::string heard;  // what the client said since the last request line
    char buffer[65536];
    pollfd sides[] = {{client, POLLIN, 0}, {server.get(), POLLIN, 0}};
    while (::poll(sides, 2, -1) > 0) {
      for (const int side : {0, 1}) {
        if (sides[side].revents == 0) continue;
        const ssize_t count = ::read(sides[side].fd, buffer, sizeof buffer);
        if (count <= 0) return;
        if (side == 0) {
          heard.append(buffer, static_cast<size_t>(count));
          for (size_t at; (at = heard.find(kEndOfRequestLine)) != std::string::npos;) {
            heard.erase(0, at + kEndOfRequestLine.size());
            ++requests_;
          }
        }
        for (ssize_t sent = 0; sent < count;) {
          const ssize_t now = ::send(sides[1 - side].fd, buffer + sent,
                                     static_cast<size_t>(count - sent), MSG_NOSIGNAL);
          if (now < 0) return;
          sent += now;
        }
      }
    }
  }

  sockaddr_in server_;
  Fd listener_;
  std::string endpoint_;
  std::atomic<int> requests_{0};
  std::thread acceptor_;
};

// The whole bucket, mounted afresh and so with nothing cached, in a mount namespace of its own.
// It may remember which names are not there, which saves it many requests for new files.
class S3fsMount {
 public:
  S3fsMount(const Ground& ground, const test::S3Server& server) : at_(ground.Path("s3fs")) {
    const std::string keys = ground.Path("s3fs-keys");
    fs::create_directories(at_);
    test::WriteFile(keys, fmt::format("{0}:{0}\n", test::S3Server::kKey), 0600);
    server_.emplace(test::Command{
        .argv = {"unshare", "-m", "s3fs", test::S3Server::kBucket, at_, "-f", "-o",
                 fmt::format("url={},use_path_request_style,enable_noobj_cache,passwd_file={}",
                             server.endpoint(), keys)},
        .env = {{"no_proxy", "127.0.0.1"}}});
    const std::string process = fmt::format("/proc/{}", server_->pid());
    const bool mounted = test::Eventually([&] {
      return test::Has(test::ReadFileIfThere(process + "/mountinfo"), " " + at_ + " ") ||
             !server_->Running();
    });
    if (!mounted || !server_->Running()) throw std::runtime_error("s3fs: " + server_->err());
    namespace_ = Fd(::open((process + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
    Run({"stat", at_});  // answered once it is ready
  }
  ~S3fsMount() {
    server_->Signal(SIGTERM);  // it unmounts
    server_->Finish();
  }

  std::string Path(const std::string& name) const { return at_ + "/" + name; }
  double Run(std::vector<std::string> argv) const {
    return Measure({.argv = std::move(argv), .mount_namespace = namespace_.get()}).milliseconds;
  }

 private:
  std::string at_;
  std::optional<test::Background> server_;
  Fd namespace_;
};

// A volume of hoy's for the keys below a prefix.
class S3Volume {
 public:
  S3Volume(const Ground& ground, const std::string& endpoint, const std::string& prefix)
      : ground_(ground) {
    Measure(ground.Hoy({"volume", "create", "--opt", "type=s3", "--opt",
                        fmt::format("o=bucket={},prefix={},endpoint={},access-key-id={},"
                                    "secret-access-key={}",
                                    test::S3Server::kBucket, prefix, endpoint, test::S3Server::kKey,
                                    test::S3Server::kKey),
                        "s3"}));
    directory_ = ground.Text(ground.Hoy({"volume", "inspect", "-f", "{{.Mountpoint}}", "s3"}));
  }
  ~S3Volume() { ground_.Text(ground_.Hoy({"volume", "rm", "-f", "s3"})); }

  void Fill(const std::string& files) const {
    Measure({.argv = {"cp", "-r", files + "/.", directory_}});
  }
  double WriteBack() const { return Sync({"volume", "sync", "s3"}); }
  double Fetch() const { return Sync({"volume", "sync", "--fetch", "s3"}); }
  size_t Files() const { return test::ListNames(directory_).size(); }

 private:
  double Sync(const std::vector<std::string>& arguments) const {
    Program program = ground_.Hoy(arguments);
    program.env["no_proxy"] = "127.0.0.1";
    return Measure(program).milliseconds;
  }

  const Ground& ground_;
  std::string directory_;
};

void Expect(size_t files) {
  if (files != kFiles) throw std::runtime_error(fmt::format("{} of {} files", files, kFiles));
}

size_t ObjectsBelow(const test::S3Server& server, const std::string& prefix) {
  size_t count = 0;
  for (const auto& key : server.Keys()) count += key.starts_with(prefix + "/file") ? 1 : 0;
  return count;
}

void RemoveBelow(const test::S3Server& server, const std::string& prefix) {
  for (const auto& key : server.Keys()) {
    if (key.starts_with(prefix + "/")) server.Remove(key);
  }
}

void AgainstS3fs(Report& report, const std::string& metric) {
  const auto hoy = report.Median(metric, "hoy");
  const auto peer = report.Median(metric, "s3fs");
  if (!hoy || !peer) return;
  report.Target(fmt::format("{}: {:.2f} x s3fs (at most 1.0)", metric, *hoy / *peer),
                *hoy <= *peer);
}

void SyncAgain(Ground& ground, Report& report, int rounds, const test::S3Server& server) {
  const std::string metric = "S3, unchanged";
  {
    const S3Volume volume(ground, server.endpoint(), "down");
    volume.Fetch();
    report.Compare(metric, "ms", rounds,
                   {{"hoy, write-back", [&] { return volume.WriteBack(); }},
                    {"hoy, fetch", [&] { return volume.Fetch(); }}});
  }
  CountingRelay relay(server.endpoint());
  const S3Volume volume(ground, relay.endpoint(), "down");
  volume.Fetch();
  Expect(volume.Files());
  if (relay.TakeCount() < kFiles) throw std::runtime_error("requests are not counted");
  const auto count = [&](const std::string& who) {
    const int requests = relay.TakeCount();
    report.Add({.metric = metric + ", requests",
                .who = who,
                .unit = "",
                .median = static_cast<double>(requests),
                .best = static_cast<double>(requests),
                .samples = 1});
    report.Target(fmt::format("{}, {}: requests: {} (at most 1)", metric, who, requests),
                  requests <= 1);
  };
  volume.WriteBack();
  count("hoy, write-back");
  volume.Fetch();
  count("hoy, fetch");
}

}  // namespace

void SyncWithS3(Ground& ground, Report& report, int rounds) {
  const test::S3Server server;
  const bool has_s3fs = IsInstalled("s3fs");
  const std::string files = ground.Path("s3-files");
  fs::create_directories(files);
  const std::string bytes = test::Noise(kFiles * kFileSize);
  for (int i = 0; i < kFiles; ++i) {
    test::WriteFile(fmt::format("{}/file{}", files, i),
                    bytes.substr(static_cast<size_t>(i) * kFileSize, kFileSize));
  }

  // Only the copy counts, not the mount; s3fs has each file in the bucket once it is closed.
  const std::string up = fmt::format("S3, {} files up", kFiles);
  std::vector<Contender> contenders = {{"hoy", [&] {
                                          const S3Volume volume(ground, server.endpoint(), "hoy");
                                          volume.Fill(files);
                                          const double taken = volume.WriteBack();
                                          Expect(ObjectsBelow(server, "hoy"));
                                          RemoveBelow(server, "hoy");
                                          return taken;
                                        }}};
  if (has_s3fs) {
    contenders.push_back({"s3fs", [&] {
                            const S3fsMount mount(ground, server);
                            mount.Run({"mkdir", "-p", mount.Path("s3fs")});
                            const double taken =
                                mount.Run({"cp", "-r", files + "/.", mount.Path("s3fs")});
                            Expect(ObjectsBelow(server, "s3fs"));
                            RemoveBelow(server, "s3fs");
                            return taken;
                          }});
  }
  report.Compare(up, "ms", rounds, contenders);
  AgainstS3fs(report, up);

  {
    const S3Volume volume(ground, server.endpoint(), "down");
    volume.Fill(files);
    volume.WriteBack();
  }
  const std::string down = fmt::format("S3, {} files down", kFiles);
  contenders = {{"hoy", [&] {
                   const S3Volume volume(ground, server.endpoint(), "down");
                   const double taken = volume.Fetch();
                   Expect(volume.Files());
                   return taken;
                 }}};
  if (has_s3fs) {
    contenders.push_back({"s3fs", [&] {
                            const std::string target = ground.Path("s3fs-down");
                            fs::remove_all(target);
                            const S3fsMount mount(ground, server);
                            const double taken =
                                mount.Run({"cp", "-r", mount.Path("down"), target});
                            Expect(test::ListNames(target).size());
                            return taken;
                          }});
  }
  report.Compare(down, "ms", rounds, contenders);
  AgainstS3fs(report, down);
  SyncAgain(ground, report, rounds, server);
}

}  // namespace hoy::bench
