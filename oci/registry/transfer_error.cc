#include "oci/registry/transfer_error.h"

#include <fmt/core.h>
#include <openssl/x509_vfy.h>

namespace hoy::oci {
namespace {

// What connect(2) said, or 0.
int ConnectErrno(CURL* easy) {
  long system_errno = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &system_errno);
  return static_cast<int>(system_errno);
}

std::string CertificateHint(CURL* easy, CURLcode code, const UrlParts& url) {
  // That of a chain that nobody vouches for, unless the handshake came far enough to tell.
  long result = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
  }
  switch (result) {
    // The names are looked at when the chain has held, and where they are wrong libcurl keeps what
    // it began with: X509_V_ERR_UNSPECIFIED.
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:
      return fmt::format(
          "its CA is trusted, but not for '{}': use a name or address that its certificate is "
          "for, or --tls-verify=false",
          url.host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the registry has to renew it, if this machine's clock is right; or use "
             "--tls-verify=false";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "check this machine's clock, or use --tls-verify=false";
    default:
      return fmt::format(
          "put its CA into /etc/containers/certs.d/{}/ca.crt, or use --tls-verify=false",
          url.port == "443" ? url.host : url.HostPort());
  }
}

}  // namespace

Error TransferError(CURL* easy, CURLcode code, const std::string& detail, const UrlParts& url) {
  std::string where = url.HostPort();
  std::string text = detail.empty() ? curl_easy_strerror(code) : detail;
  Error error = MakeError(ErrorKind::kNetwork, "");
  error.subject = where;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      error.stage = "connect";
      error.message = fmt::format("look up '{}': no address found", url.host);
      error.hint = "check the spelling of the registry's name, and DNS";
      return error;
    case CURLE_COULDNT_CONNECT:
      error.stage = "connect";
      error.system_errno = ConnectErrno(easy);
      if (error.system_errno != 0) text = ErrnoText(error.system_errno);
      error.message = fmt::format("connect to '{}': {}", where, text);
      error.hint = "check that the registry runs and that this machine can reach it";
      return error;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      error.stage = "tls";
      error.message = fmt::format("verify the certificate of '{}': {}", where, text);
      error.hint = CertificateHint(easy, code, url);
      return error;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
      error.stage = "tls";
      error.message = fmt::format("TLS with '{}': {}", where, text);
      error.hint = "a registry that speaks plain HTTP needs --tls-verify=false";
      return error;
    case CURLE_OPERATION_TIMEDOUT:
      error.kind = ErrorKind::kTimeout;
      error.stage = "transfer";
      error.message = fmt::format("wait for '{}': {}", where, text);
      error.hint = "the registry or the network stalls; try again later";
      return error;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      error.kind = ErrorKind::kInvalidArgument;
      error.stage = "redirect";
      error.message = fmt::format("'{}://{}' is not an address of a registry", url.scheme, where);
      return error;
    default:
      error.stage = "transfer";
      error.message = fmt::format("transfer from '{}' broke off: {}", where, text);
      error.hint = "try again: what has arrived is kept";
      return error;
  }
}

}  // namespace hoy::oci
