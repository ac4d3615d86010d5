#include "cli/ui/globals.h"

namespace hoy::cli {
namespace {
constexpr CommandInfo kGlobals = {
    .name = "", .summary = "Run containers without a daemon", .runs_command = true, .hidden = true};
}

Globals::Globals() : Command(kGlobals) {
  OptionalArguments("VERB", &words, Completes::kVerb);
  Option("--root", &root, "DIR", "where images and containers are kept")
      .Completing(Completes::kDirectory);
  Option("--run-root", &run_root, "DIR", "where the state of running containers is kept")
      .Completing(Completes::kDirectory);
  Choice<ColorPolicy>("--color", &color,
                      {{"auto", ColorPolicy::kAuto},
                       {"always", ColorPolicy::kAlways},
                       {"never", ColorPolicy::kNever}},
                      "WHEN", "color the output");
  Choice<ErrorFormat>("--error-format", &error_format,
                      {{"text", ErrorFormat::kText}, {"json", ErrorFormat::kJson}}, "FORMAT",
                      "how errors are printed");
  Option("--error-fd", &error_fd, "FD", "write the error there, as JSON").Hidden();
  Flag("-v,--version", &version, "print the version and exit");
}

}  // namespace hoy::cli
