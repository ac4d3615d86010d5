#include "oci/registry/tls_files.h"

#include <cstdlib>

#include "core/sys/files.h"

namespace hoy::oci {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::vector<std::string> CertificateDirectories(std::string_view host_port,
                                                std::string_view cert_dir) {
  if (!cert_dir.empty()) return {std::string(cert_dir)};
  std::string suffix = "/certs.d/" + std::string(host_port);
  std::vector<std::string> directories = {"/etc/containers" + suffix};
  if (std::string home = Environment("HOME"); !home.empty()) {
    directories.push_back(home + "/.config/containers" + suffix);
  }
  directories.push_back("/etc/docker" + suffix);
  return directories;
}

Result<TlsFiles> ReadTlsFiles(const std::vector<std::string>& directories) {
  TlsFiles files;
  files.ca_file = Environment("SSL_CERT_FILE");
  files.ca_dir = Environment("SSL_CERT_DIR");
  for (const std::string& directory : directories) {
    if (!core::Exists(directory)) continue;
    TRY(auto names, core::ListDirectory(directory));
    for (const std::string& name : names) {
      std::string path = directory + "/" + name;
      if (name.ends_with(".crt")) {
        TRY(std::string pem, core::ReadFile(path));
        files.extra_pem += pem;
        if (!pem.ends_with('\n')) files.extra_pem += '\n';
      } else if (name.ends_with(".cert")) {
        files.client_certificate = path;
        files.client_key = path.substr(0, path.size() - 5) + ".key";
        if (!core::Exists(files.client_key)) {
          return Fail(MakeError(
              ErrorKind::kNotFound,
              "no key '" + files.client_key + "' for the client certificate '" + path + "'"));
        }
      } else if (name.ends_with(".key")) {
        std::string certificate = path.substr(0, path.size() - 4) + ".cert";
        if (!core::Exists(certificate)) {
          return Fail(MakeError(ErrorKind::kNotFound, "no client certificate '" + certificate +
                                                          "' for the key '" + path + "'")
                          .WithHint("CA certificates are named *.crt, client certificates *.cert"));
        }
      }
    }
    break;
  }
  return files;
}

}  // namespace hoy::oci
