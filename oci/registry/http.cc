#include "oci/registry/http.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/registry/curl_url.h"
#include "oci/registry/sigpipe_block.h"
#include "oci/registry/tls_files.h"
#include "oci/registry/transfer_error.h"

namespace hoy::oci {
namespace {

constexpr int kMaxRedirects = 10;
constexpr size_t kMaxHeaderBytes = 256 << 10;

// libcurl ignores HTTP_PROXY in capitals (a CGI server would let clients set it); containers'
// other tools, written in Go, do not.
std::string UpperCaseProxy(const UrlParts& url) {
  if (url.scheme != "http" || std::getenv("http_proxy") || std::getenv("REQUEST_METHOD")) return "";
  const char* value = std::getenv("HTTP_PROXY");
  return value ? value : "";
}

}  // namespace

// One easy handle in a multi handle of its own, which owns the kept-alive connections; the multi
// interface is there for its poll, which a cancel wakes at once.
class HttpClient::Connection {
 public:
  Connection() : multi_(curl_multi_init()), easy_(curl_easy_init()) {}
  ~Connection() {
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }
  Connection(const Connection&) = delete;

  Result<HttpResponse> Perform(const HttpRequest& request, const UrlParts& url,
                               const HttpOptions& options, bool insecure, bool connect_only,
                               BodyConsumer* consumer, const CancelToken& cancel) {
    response_ = {};
    response_.url = request.url;
    consumer_ = consumer;
    upload_ = request.upload;
    consumer_error_.reset();
    headers_told_ = false;
    header_bytes_ = 0;
    detail_[0] = '\0';
    curl_easy_reset(easy_);
    if (upload_) TRY(upload_->Seek(0));
    curl_slist* list = nullptr;
    auto add = [&](const std::string& header) { list = curl_slist_append(list, header.c_str()); };
    for (const std::string& header : request.headers) add(header);
    if (!request.authorization.empty()) add("Authorization: " + request.authorization);
    // libcurl signs every header that it is given, and does not send this one.
    if (!request.signer) add("Expect:");

    curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, options.user_agent.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, detail_);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(request.stall.count() > 0 ? request.stall.count()
                                                                 : options.stall_timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    if (IsLoopbackHost(url.host)) {
      curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
    } else if (std::string proxy = UpperCaseProxy(url); !proxy.empty()) {
      curl_easy_setopt(easy_, CURLOPT_PROXY, proxy.c_str());
    }
    if (request.method == "HEAD") curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    SetUpBody(request);
    if (request.signer) Sign(*request.signer);
    if (connect_only) {
      curl_easy_setopt(easy_, CURLOPT_CONNECT_ONLY, 1L);
      curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
      curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
    }
    Result<> tls;
    if (url.scheme == "https") tls = SetUpTls(url, options, insecure);
    Result<CURLcode> code = tls ? Run(cancel) : Fail(std::move(tls).error());
    curl_slist_free_all(list);
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
    if (!code) return Fail(std::move(code).error());
    if (consumer_error_) return Fail(std::move(*consumer_error_));
    // What matters of a refusal is its status; docker-registry's 416 announces a longer body than
    // it sends.
    bool refused = response_.status >= 400;
    if (*code != CURLE_OK && !refused) {
      return Fail(TransferError(easy_, *code, detail_, url));
    }
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }

 private:
  void SetUpBody(const HttpRequest& request) {
    if (upload_) {
      curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
      curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(upload_->size()));
      curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &OnRead);
      curl_easy_setopt(easy_, CURLOPT_READDATA, this);
      curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &OnSeek);
      curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
    } else if (request.method == "POST" || request.method == "PUT") {
      curl_easy_setopt(easy_, CURLOPT_POST, 1L);
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (request.method == "PUT" || request.method == "PATCH" || request.method == "DELETE") {
      curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void Sign(const AwsSigner& signer) {
    std::string what = fmt::format("aws:amz:{}:s3", signer.region);
    curl_easy_setopt(easy_, CURLOPT_AWS_SIGV4, what.c_str());
    curl_easy_setopt(easy_, CURLOPT_USERNAME, signer.key_id.c_str());
    curl_easy_setopt(easy_, CURLOPT_PASSWORD, signer.secret.c_str());
    curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  }

  Result<> SetUpTls(const UrlParts& url, const HttpOptions& options, bool insecure) {
    if (insecure) {
      curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
      // Parsing the system's bundle takes tens of milliseconds, and here for nothing.
      curl_easy_setopt(easy_, CURLOPT_CAINFO, nullptr);
      curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
    }
    std::string host_port = url.port == "443" ? url.host : url.HostPort();
    auto directories = CertificateDirectories(host_port, options.cert_dir);
    if (url.port == "443" && options.cert_dir.empty()) {
      auto with_port = CertificateDirectories(url.HostPort(), "");
      directories.insert(directories.end(), with_port.begin(), with_port.end());
    }
    TRY(files_, ReadTlsFiles(directories));
    if (!files_.client_certificate.empty()) {
      curl_easy_setopt(easy_, CURLOPT_SSLCERT, files_.client_certificate.c_str());
      curl_easy_setopt(easy_, CURLOPT_SSLKEY, files_.client_key.c_str());
    }
    if (insecure) return {};
    const char* bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
    std::string ca_file = !files_.ca_file.empty() ? files_.ca_file : bundle ? bundle : "";
    bool have_file = !ca_file.empty() && core::Exists(ca_file);
    if (!files_.ca_file.empty() && !have_file) {
      return Fail(ErrorKind::kNotFound, "SSL_CERT_FILE names '{}', which does not exist", ca_file);
    }
    if (!files_.extra_pem.empty()) {
      if (have_file) {
        TRY(std::string system, core::ReadFile(ca_file));
        files_.extra_pem += system;
      }
      curl_blob blob{
          .data = files_.extra_pem.data(), .len = files_.extra_pem.size(), .flags = CURL_BLOB_COPY};
      curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &blob);
    } else if (have_file) {
      curl_easy_setopt(easy_, CURLOPT_CAINFO, ca_file.c_str());
    }
    if (!files_.ca_dir.empty()) {
      curl_easy_setopt(easy_, CURLOPT_CAPATH, files_.ca_dir.c_str());
    } else if (have_file) {
      curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);  // lets libcurl keep the parsed bundle
    }
    return {};
  }

  Result<CURLcode> Run(const CancelToken& cancel) {
    SigpipeBlock no_sigpipe;
    curl_multi_add_handle(multi_, easy_);
    std::optional<CURLcode> done;
    while (!done && !cancel.cancelled()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg == CURLMSG_DONE) done = message->data.result;
      }
      if (done) break;
      curl_waitfd extra{.fd = cancel.fd().get(), .events = CURL_WAIT_POLLIN, .revents = 0};
      curl_multi_poll(multi_, &extra, extra.fd >= 0 ? 1 : 0, 1000, nullptr);
    }
    curl_multi_remove_handle(multi_, easy_);
    if (!done) TRY(cancel.Check());
    return done.value_or(CURLE_OK);
  }

  static size_t OnHeader(char* data, size_t size, size_t count, void* self) {
    return static_cast<Connection*>(self)->Header({data, size * count}) ? size * count
                                                                        : CURL_WRITEFUNC_ERROR;
  }
  static size_t OnBody(char* data, size_t size, size_t count, void* self) {
    return static_cast<Connection*>(self)->Body({data, size * count}) ? size * count
                                                                      : CURL_WRITEFUNC_ERROR;
  }

  static size_t OnRead(char* buffer, size_t size, size_t count, void* self) {
    auto* connection = static_cast<Connection*>(self);
    auto got = connection->upload_->Read(std::as_writable_bytes(std::span(buffer, size * count)));
    if (got) return *got;
    connection->consumer_error_ = std::move(got).error();
    return CURL_READFUNC_ABORT;
  }
  static int OnSeek(void* self, curl_off_t offset, int origin) {
    auto* connection = static_cast<Connection*>(self);
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    Result<> moved = connection->upload_->Seek(static_cast<uint64_t>(offset));
    if (moved) return CURL_SEEKFUNC_OK;
    connection->consumer_error_ = std::move(moved).error();
    return CURL_SEEKFUNC_FAIL;
  }

  bool Header(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > kMaxHeaderBytes) {
      consumer_error_ = MakeError(ErrorKind::kCorrupt, "the answer's headers have no end");
      return false;
    }
    if (line.starts_with("HTTP/")) response_.headers.clear();  // after 100 Continue, and trailers
    if (Trim(line).empty()) return TellHeadersInCallback();
    auto [name, value] = CutAt(line, ':');
    if (value) response_.headers.emplace_back(ToLower(Trim(name)), std::string(Trim(*value)));
    return true;
  }

  Result<> TellHeaders() {
    if (headers_told_ || !consumer_ || response_.status < 200 || response_.status > 299) return {};
    headers_told_ = true;
    return consumer_->OnHeaders(response_);
  }

  bool TellHeadersInCallback() {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    if (Result<> told = TellHeaders(); !told) {
      consumer_error_ = std::move(told).error();
      return false;
    }
    return true;
  }

  bool Body(std::string_view bytes) {
    if (headers_told_) {
      if (Result<> taken = consumer_->OnData(std::as_bytes(std::span(bytes))); !taken) {
        consumer_error_ = std::move(taken).error();
        return false;
      }
      return true;
    }
    if (response_.body.size() + bytes.size() > kBodyLimit) {
      consumer_error_ = MakeError(ErrorKind::kCorrupt,
                                  fmt::format("the answer is larger than {} bytes", kBodyLimit));
      return false;
    }
    response_.body.append(bytes);
    return true;
  }

  CURLM* multi_;
  CURL* easy_;
  HttpResponse response_;
  BodyConsumer* consumer_ = nullptr;
  BodySource* upload_ = nullptr;
  std::optional<Error> consumer_error_;
  bool headers_told_ = false;
  size_t header_bytes_ = 0;
  TlsFiles files_;
  char detail_[CURL_ERROR_SIZE] = {};
};

struct HttpClient::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Connection>> idle;
};

// A connection for one exchange; the one that was used last, because it is the likeliest to be
// alive and to lead to the same host.
class HttpClient::Lease {
 public:
  explicit Lease(Pool& pool) : pool_(pool) {
    std::lock_guard lock(pool_.mutex);
    if (!pool_.idle.empty()) {
      connection_ = std::move(pool_.idle.back());
      pool_.idle.pop_back();
    }
    if (!connection_) connection_ = std::make_unique<Connection>();
  }
  ~Lease() {
    std::lock_guard lock(pool_.mutex);
    pool_.idle.push_back(std::move(connection_));
  }
  Connection* operator->() { return connection_.get(); }

 private:
  Pool& pool_;
  std::unique_ptr<Connection> connection_;
};

HttpClient::HttpClient(HttpOptions options, const CancelToken& cancel)
    : options_(std::move(options)), cancel_(cancel), pool_(std::make_unique<Pool>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

HttpClient::~HttpClient() = default;

bool HttpClient::IsInsecure(std::string_view host) const {
  return options_.tls_verify ? !*options_.tls_verify : IsLoopbackHost(host);
}

Result<bool> HttpClient::SpeaksTls(const std::string& host_port) {
  CurlUrl url;
  HttpRequest request{.url = "https://" + host_port + "/v2/"};
  if (!url.Set(request.url)) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not a host", host_port);
  }
  HttpOptions options = options_;
  // A plain-HTTP server usually answers the TLS hello with an error; one that waits for the end of
  // the line must not hold up a registry on this machine.
  if (IsLoopbackHost(host_port)) options.connect_timeout = std::chrono::milliseconds(1000);
  Lease connection(*pool_);
  auto answer = connection->Perform(request, OriginOf(url), options, /*insecure=*/true,
                                    /*connect_only=*/true, /*consumer=*/nullptr, cancel_);
  if (answer) return true;
  const Error& error = answer.error();
  bool plain = error.stage == "tls" || error.stage == "transfer";
  if (error.kind == ErrorKind::kCancelled || !plain) return Fail(error);
  return false;
}

Result<HttpResponse> HttpClient::SendOnce(const HttpRequest& request, BodyConsumer* consumer) {
  TRY(cancel_.Check());
  CurlUrl url;
  if (!url.Set(request.url)) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not a URL", request.url);
  }
  UrlParts parts = OriginOf(url);
  Lease connection(*pool_);
  return connection->Perform(request, parts, options_, IsInsecure(parts.host),
                             /*connect_only=*/false, consumer, cancel_);
}

Result<HttpResponse> HttpClient::Send(const HttpRequest& original, BodyConsumer* consumer) {
  HttpRequest request = original;
  CurlUrl url;
  if (!url.Set(request.url)) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not a URL", request.url);
  }
  const UrlParts first = OriginOf(url);
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    TRY(HttpResponse response, SendOnce(request, consumer));
    bool moved = response.status == 301 || response.status == 302 || response.status == 303 ||
                 response.status == 307 || response.status == 308;
    std::string location(response.Header("location"));
    if (!moved || location.empty() || request.signer) return response;
    auto refuse = [&](std::string_view why) {
      Error error = MakeError(ErrorKind::kNetwork, fmt::format("'{}' redirects to '{}': {}",
                                                               first.HostPort(), location, why));
      error.stage = "redirect";
      return Fail(std::move(error));
    };
    UrlParts before = OriginOf(url);
    if (!url.Set(location)) return refuse("not a URL");  // relative ones resolve against `url`
    UrlParts now = OriginOf(url);
    if (now.scheme != "http" && now.scheme != "https") return refuse("not HTTP");
    if (before.scheme == "https" && now.scheme == "http" && !IsInsecure(first.host)) {
      return refuse("that would leave TLS");
    }
    if (now != first) request.authorization.clear();
    if (response.status == 303 || (response.status < 303 && request.method == "POST")) {
      request.method = request.method == "HEAD" ? "HEAD" : "GET";
      request.body.clear();
      request.upload = nullptr;
    }
    // It may hold a secret (a token request does). Uploads hold none.
    if (now != first && !request.body.empty()) return refuse("the request is not for others");
    request.url = url.Get(CURLUPART_URL);
  }
  Error error =
      MakeError(ErrorKind::kNetwork, fmt::format("'{}' redirects without end", first.HostPort()));
  error.stage = "redirect";
  return Fail(std::move(error));
}

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

std::optional<uint64_t> HttpResponse::ContentLength() const {
  return ParseInteger<uint64_t>(Header("content-length"));
}

}  // namespace hoy::oci
