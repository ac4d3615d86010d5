#include "core/state/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"

namespace hoy::core {

std::string SecretPath(std::string_view container_directory, size_t number) {
  return fmt::format("{}/secrets/{}", container_directory, number);
}

Result<> WriteSecrets(const std::string& container_directory, std::span<const SecretFile> secrets,
                      Durability durability) {
  if (secrets.empty()) return {};
  TRY(MakeDirectory(container_directory + "/secrets", 0700));
  for (size_t number = 0; number < secrets.size(); ++number) {
    const SecretFile& secret = secrets[number];
    std::string path = SecretPath(container_directory, number);
    TRY(Fd file, OpenAt(kCwd, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    TRY(WriteAll(file, secret.content, path));
    if (fchown(file.get(), secret.uid, secret.gid) != 0) return FailErrno("change owner", path);
    if (fchmod(file.get(), secret.mode) != 0) return FailErrno("change mode", path);
    if (durability == Durability::kDurable && fsync(file.get()) != 0) {
      return FailErrno("sync", path);
    }
  }
  if (durability == Durability::kVolatile) return {};
  return SyncDirectory(container_directory + "/secrets");
}

Result<std::vector<std::string>> ReadSecretVariables(const Layout& layout,
                                                     const ContainerRecord& record) {
  std::vector<std::string> variables;
  for (const auto& [name, number] : record.config.secret_variables) {
    auto index = ParseInteger<size_t>(number);
    if (!index) return Fail(ErrorKind::kCorrupt, "secret variable '{}': no such file", name);
    TRY_CONTEXT_SET(std::string value, ReadFile(SecretPath(layout.Container(record.id), *index)),
                    "secret variable '{}'", name);
    variables.push_back(fmt::format("{}={}", name, value));
  }
  return variables;
}

}  // namespace hoy::core
