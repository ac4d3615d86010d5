#pragma once
// Which certificates a host is checked against, and which we show it.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::oci {

struct TlsFiles {
  std::string ca_file;    // SSL_CERT_FILE; empty: libcurl's default bundle
  std::string ca_dir;     // SSL_CERT_DIR; empty: libcurl's default
  std::string extra_pem;  // *.crt of the host's directory, concatenated; trusted besides the above
  std::string client_certificate;  // path of *.cert, empty: none
  std::string client_key;          // path of *.key
};

// The directories that may hold certificates for `host_port` ("localhost:5000"), in order:
// /etc/containers/certs.d, ~/.config/containers/certs.d, /etc/docker/certs.d (each + /HOST[:PORT]);
// only `cert_dir` when that is given.
std::vector<std::string> CertificateDirectories(std::string_view host_port,
                                                std::string_view cert_dir);

// Reads the first of `directories` that exists (containers-certs.d(5)), and the environment.
// kNotFound: a *.cert without its *.key or the other way round; kSystem: unreadable files.
Result<TlsFiles> ReadTlsFiles(const std::vector<std::string>& directories);

}  // namespace hoy::oci
