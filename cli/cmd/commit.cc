#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class CommitCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "commit",
                                        .aliases = "container commit",
                                        .summary = "Make an image of what a container changed",
                                        .section = Section::kContainers,
                                        .program = Program::kHeavy};
  CommitCommand() : Command(kInfo) {
    Argument("CONTAINER", &options_.container, Completes::kContainer);
    OptionalArgument("NAME", &reference_, Completes::kImage);
    Option("-a,--author", &options_.author, "TEXT", "who made it");
    Option("-m,--message", &options_.message, "TEXT", "a comment for the history");
    Option("-c,--change", &options_.changes, "INSTRUCTION",
           "a Dockerfile instruction for the configuration, like 'CMD [\"sh\"]'");
    Flag("-p,--pause", &options_.pause, "hold a running container still meanwhile (default true)");
    Choice<bool>("-f,--format", &options_.docker_format, {{"oci", false}, {"docker", true}},
                 "FORMAT", "which manifest to make");
    Option("--iidfile", &options_.id_file, "FILE", "write the image's id there")
        .Completing(Completes::kFile);
    Flag("-q,--quiet", &quiet_, "print the id only, as is done anyway");
  }

  Result<int> Run(Context& context) override {
    options_.reference = reference_.value_or("");
    TRY(RunCommit(context, options_));
    return 0;
  }

 private:
  CommitOptions options_;
  std::optional<std::string> reference_;
  bool quiet_ = false;
};
HOY_REGISTER_COMMAND(CommitCommand);

}  // namespace
}  // namespace hoy::cli
