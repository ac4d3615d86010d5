// What the light program never reaches: RunProgram has become hoy-image by then.

#include "cli/ops/registry_verbs.h"

namespace hoy::cli {

Result<> RunLogin(Context&, const LoginOptions&) {
  return Fail(ErrorKind::kUnsupported, "login: not in this program");
}
Result<> RunLogout(Context&, const LogoutOptions&) {
  return Fail(ErrorKind::kUnsupported, "logout: not in this program");
}
Result<> RunPush(Context&, const PushOptions&) {
  return Fail(ErrorKind::kUnsupported, "push: not in this program");
}
Result<std::vector<Json>> RunSearch(Context&, const SearchOptions&) {
  return Fail(ErrorKind::kUnsupported, "search: not in this program");
}

}  // namespace hoy::cli
