#include "tests/support/run_behind.h"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "core/base/fd.h"

namespace hoy::test {
namespace {

Fd Memory() {
  Fd fd(::memfd_create("output", MFD_CLOEXEC));
  if (!fd) throw std::runtime_error("memfd_create");
  return fd;
}

void Write(const Fd& fd, const std::string& text) {
  if (::write(fd.get(), text.data(), text.size()) < 0) ::_exit(201);
}

std::string Contents(const Fd& fd) {
  std::string text;
  std::array<char, 4096> chunk;
  ::lseek(fd.get(), 0, SEEK_SET);
  for (ssize_t count; (count = ::read(fd.get(), chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<size_t>(count));
  }
  return text;
}

}  // namespace

Output RunBehind(std::vector<sock_filter> filter, const Command& command) {
  const Fd out = Memory(), err = Memory();
  const pid_t pid = ::fork();
  if (pid == 0) {
    sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(200);
    const Output output = RunCommand(command);
    Write(out, output.out);
    Write(err, output.err);
    ::_exit(output.code);
  }
  if (pid < 0) throw std::runtime_error("fork");
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  Output output;
  output.code = ShellCode(status);
  output.out = Contents(out);
  output.err = Contents(err);
  return output;
}

}  // namespace hoy::test
