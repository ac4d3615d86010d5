// executed PROGRAM ARG...: runs it one instruction at a time and writes the start of every 16 bytes
// of code that it executed, in hexadecimal, in the order of their first execution, to descriptor 3.
// For tools/hot-text. Children are not followed.

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <unordered_set>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  FILE* out = fdopen(3, "w");
  if (out == nullptr) return 2;
  std::unordered_set<uint64_t> seen;
  int status = 0;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    const int signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, child, nullptr, &registers);
    const uint64_t place = registers.rip & ~uint64_t{15};
    if (seen.insert(place).second) fprintf(out, "%lx\n", static_cast<unsigned long>(place));
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, signal) != 0) break;
  }
  fclose(out);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
