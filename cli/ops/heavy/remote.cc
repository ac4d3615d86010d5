#include "cli/ops/heavy/remote.h"

#include "cli/ops/heavy/registry_access.h"
#include "oci/image/registries_conf.h"

namespace hoy::cli {

Result<oci::RemoteImage> RemoteImageOf(const std::string& name, const RegistryAccess& access) {
  oci::RemoteImage remote{
      .reference = {}, .endpoints = {}, .credentials = {}, .http = {}, .retry = {}};
  TRY(remote.credentials, MakeCredentialOptions(access.creds, access.authfile));
  TRY(remote.http, MakeHttpOptions(access.tls_verify, access.cert_dir));
  TRY(remote.retry, MakeRetryPolicy(access.retry, access.retry_delay));
  TRY(oci::RegistriesConf conf, oci::LoadRegistriesConf());
  std::string full = oci::IsShortName(name) ? oci::ResolveAlias(conf, name) : name;
  TRY(remote.reference, oci::Reference::ParseWithDefaultTag(full));
  TRY(remote.endpoints, oci::EndpointsFor(conf, remote.reference));
  return remote;
}

oci::FindRemote RemoteFinder(RegistryAccess access, std::string domain) {
  return [access = std::move(access), domain = std::move(domain)](const oci::Reference& origin) {
    RegistryAccess allowed = access;
    if (origin.domain() != domain) {
      allowed.creds.clear();
      allowed.cert_dir.clear();
      allowed.tls_verify.reset();
    }
    return RemoteImageOf(origin.ToString(), allowed);
  };
}

Result<oci::StoredList> FindStoredList(const oci::ImageStore& store, std::string_view name) {
  TRY(auto list, store.FindList(name));
  if (list) return *std::move(list);
  auto image = store.Resolve(name);
  if (image) return Fail(ErrorKind::kInvalidArgument, "it is an image, not a manifest list");
  if (image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
  return Fail(MakeError(ErrorKind::kNotFound, "no such manifest list")
                  .WithHint(fmt::format("hoy manifest create {}", name)));
}

}  // namespace hoy::cli
