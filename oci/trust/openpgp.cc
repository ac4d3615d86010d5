#include "oci/trust/openpgp.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/process.h"
#include "oci/registry/base64.h"
#include "oci/trust/payload.h"

extern char** environ;

namespace hoy::oci {
namespace {

constexpr int kStatusFd = 3;  // gpgv's numbers
constexpr int kKeyringFd = 4;
constexpr std::string_view kArmorBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kArmorEnd = "-----END PGP PUBLIC KEY BLOCK-----";

bool IsBinaryPacket(std::string_view bytes) {
  return !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0;
}

// The data lines of one block: after the headers' blank line, and without the "=" checksum.
std::optional<std::string> DearmorBlock(std::string_view block) {
  std::string text;
  bool in_headers = true;
  bool first = true;
  for (std::string_view line : Split(block, '\n')) {
    line = Trim(line);
    if (std::exchange(first, false)) continue;  // what is left of the BEGIN line
    if (in_headers) {
      in_headers = !line.empty();
    } else if (!line.starts_with('=')) {
      text += line;
    }
  }
  auto bytes = Base64Decode(text);
  if (!bytes || !IsBinaryPacket(*bytes)) return std::nullopt;
  return bytes;
}

// A file of our own, above the numbers that gpgv is given, holding `bytes`.
Result<Fd> MemoryFile(const char* name, std::string_view bytes) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) return FailErrno("memfd_create", name);
  TRY(core::WriteAll(file, bytes, name));
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return FailErrno("seek", name);
  Fd high(::fcntl(file.get(), F_DUPFD_CLOEXEC, 10));
  if (!high) return FailErrno("dup", name);
  return high;
}

Result<std::string> Contents(BorrowedFd file, const char* name) {
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return FailErrno("seek", name);
  return core::ReadAll(file, name, kMaxSignatureBytes);
}

}  // namespace

Result<std::string> DearmorKeys(std::string_view bytes) {
  if (IsBinaryPacket(bytes)) return std::string(bytes);
  std::string keys;
  for (size_t at = bytes.find(kArmorBegin); at != std::string_view::npos;
       at = bytes.find(kArmorBegin, at)) {
    at += kArmorBegin.size();
    size_t end = bytes.find(kArmorEnd, at);
    if (end == std::string_view::npos) return Fail(ErrorKind::kCorrupt, "a key block has no end");
    auto block = DearmorBlock(bytes.substr(at, end - at));
    if (!block) return Fail(ErrorKind::kCorrupt, "a key block is damaged");
    keys += *block;
    at = end;
  }
  if (keys.empty()) return Fail(ErrorKind::kCorrupt, "it holds no OpenPGP key");
  return keys;
}

Result<> CheckGpgvStatus(std::string_view status) {
  int signatures = 0, good = 0, valid = 0, texts = 0;
  for (std::string_view line : Split(status, '\n')) {
    constexpr std::string_view kPrefix = "[GNUPG:] ";
    if (!line.starts_with(kPrefix)) continue;
    std::string_view word = CutAt(line.substr(kPrefix.size()), ' ').before;
    auto refuse = [](const char* why) { return Fail(ErrorKind::kPermission, "{}", why); };
    if (word == "NO_PUBKEY" || word == "ERRSIG") return refuse("it is signed by another key");
    if (word == "BADSIG") return refuse("the signature does not fit what it signs");
    if (word == "EXPSIG") return refuse("the signature has expired");
    if (word == "EXPKEYSIG") return refuse("the signature's key has expired");
    if (word == "REVKEYSIG") return refuse("the signature's key has been revoked");
    signatures += word == "NEWSIG" ? 1 : 0;
    good += word == "GOODSIG" ? 1 : 0;
    valid += word == "VALIDSIG" ? 1 : 0;
    texts += word == "PLAINTEXT" ? 1 : 0;
  }
  if (signatures == 1 && good == 1 && valid == 1 && texts == 1) return {};
  return Fail(ErrorKind::kPermission, "it is not one text with one signature");
}

Result<std::string> VerifyOpenPgp(std::string_view message, std::string_view keyring) {
  if (!IsBinaryPacket(message)) {
    return Fail(ErrorKind::kPermission, "it is not a signed OpenPGP message");
  }
  TRY(Fd in, MemoryFile("signature", message));
  TRY(Fd keys, MemoryFile("keyring", keyring));
  TRY(Fd out, MemoryFile("signed text", ""));
  TRY(Fd status, MemoryFile("gpgv status", ""));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, status.get(), kStatusFd);
  posix_spawn_file_actions_adddup2(&actions, keys.get(), kKeyringFd);
  std::array<std::string, 7> words = {"gpgv",
                                      fmt::format("--status-fd={}", kStatusFd),
                                      fmt::format("--keyring=/proc/self/fd/{}", kKeyringFd),
                                      "--output",
                                      "-",
                                      "--",
                                      "-"};
  std::array<char*, 8> arguments{};
  for (size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  pid_t pid = 0;
  int code = ::posix_spawnp(&pid, "gpgv", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code == ENOENT) {
    return Fail(
        MakeError(ErrorKind::kUnsupported, "gpgv, which checks signatures, is not installed")
            .WithHint("install it: apt-get install gpgv"));
  }
  if (code != 0) return FailErrno("spawn", "gpgv", code);
  core::ChildProcess child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  TRY(core::ExitStatus ended, child.Wait());
  TRY(std::string said, Contents(status, "gpgv's status"));
  TRY(CheckGpgvStatus(said));
  if (ended.code != 0) {
    return Fail(ErrorKind::kPermission, "gpgv does not accept it (exit code {})", ended.code);
  }
  return Contents(out, "the signed text");
}

}  // namespace hoy::oci
