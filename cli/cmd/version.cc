#include <sys/utsname.h>

#include "cli/ui/format.h"
#include "oci/image/platform.h"

namespace hoy::cli {
namespace {

constexpr std::string_view kBuild =
#ifdef NDEBUG
    "release"
#else
    "debug"
#endif
#if defined(__SANITIZE_ADDRESS__)
    "+asan"
#endif
    ;

class VersionCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "version",
                                        .summary = "Show the versions of hoy and of the kernel",
                                        .section = Section::kSystem};
  VersionCommand() : Command(kInfo) {
    Option("-f,--format", &format_, "FORMAT", "'json' or a Go template, like {{.Client.Version}}");
  }

  Result<int> Run(Context& context) override {
    utsname kernel{};
    if (uname(&kernel) != 0) return FailErrno("uname", "");
    const std::string machine = oci::HostPlatform().architecture;
    if (format_.empty()) {
      context.out.Print("Version:  {}\nBuild:    {}, {}\nKernel:   {}\nOS/Arch:  linux/{}\n",
                        HOY_VERSION, kBuild, kCompiler, kernel.release, machine);
      return 0;
    }
    // There is no server; scripts that ask docker for its version find the same number there.
    Json object = {{"Version", HOY_VERSION},          {"Build", kBuild}, {"Compiler", kCompiler},
                   {"KernelVersion", kernel.release}, {"Os", "linux"},   {"Arch", machine}};
    TRY(std::string text, FormatObject(format_, {{"Client", object}, {"Server", object}}));
    context.out.Write(text);
    return 0;
  }

 private:
#ifdef __clang__
  static constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
  static constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif
  std::string format_;
};
HOY_REGISTER_COMMAND(VersionCommand);

}  // namespace
}  // namespace hoy::cli
