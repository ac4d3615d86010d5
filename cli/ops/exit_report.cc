#include "cli/ops/exit_report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ops/stats_rows.h"
#include "core/base/text.h"
#include "core/engine/report.h"
#include "core/sys/files.h"
#include "core/sys/start_marks.h"

namespace hoy::cli {
namespace {

std::string Seconds(uint64_t microseconds) {
  return fmt::format("{:.3f} s", static_cast<double>(microseconds) / 1e6);
}

}  // namespace

Result<ReportTarget> ParseReportTarget(const std::string& text) {
  using Kind = ReportTarget::Kind;
  if (text.empty()) return ReportTarget{};
  if (text == "-") return ReportTarget{.kind = Kind::kStderr};
  if (!text.starts_with("fd:")) return ReportTarget{.kind = Kind::kFile, .file = text};
  auto fd = ParseInteger<int>(text.substr(3));
  if (!fd || *fd < 0) {
    return Fail(ErrorKind::kInvalidArgument, "--report '{}': not a descriptor such as fd:3", text);
  }
  return ReportTarget{.kind = Kind::kDescriptor, .fd = *fd};
}

Result<> CheckReportTarget(const ReportTarget& target, bool stays) {
  using Kind = ReportTarget::Kind;
  if (target.IsTheClients() && !stays) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          "--report to a descriptor needs a container in the foreground")
                    .WithHint("give --report a file"));
  }
  if (target.kind == Kind::kDescriptor) {
    int flags = fcntl(target.fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
      return Fail(ErrorKind::kInvalidArgument, "--report fd:{}: not open for writing", target.fd);
    }
    // Whoever reads it would otherwise wait for the container's end, too.
    if (target.fd > 2) fcntl(target.fd, F_SETFD, FD_CLOEXEC);
  }
  if (target.kind == Kind::kFile) {
    TRY(core::CheckNamedFile("--report", target.file));
  }
  return {};
}

void DropOldReport(const ReportTarget& target) {
  struct stat status{};
  if (target.kind != ReportTarget::Kind::kFile) return;
  if (lstat(target.file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  unlink(target.file.c_str());
}

std::optional<TakenReport> TakeReport(const Context& context, const core::ContainerRecord& record) {
  auto run = core::ReadRunState(context.layout, record.id);
  if (!run || !*run || !(*run)->exit) return std::nullopt;
  TakenReport taken{.exit = *(*run)->exit};
  taken.resources = core::CollectReport(context.layout, record.id, taken.exit);
  return taken;
}

Result<> GiveReport(Context& context, const ReportTarget& target,
                    const core::ContainerRecord& record, const TakenReport& report) {
  if (target.kind == ReportTarget::Kind::kStderr) {
    bool has_run = report.exit.error.empty();
    context.err.Print("hoy: report: {}\n",
                      has_run ? ReportLine(report.resources) : "its program did not run");
    return {};
  }
  std::string text = core::FormatReport(record, report.exit, report.resources);
  if (target.kind == ReportTarget::Kind::kFile)
    return core::WriteNamedFile("--report", target.file, text);
  return core::WriteAll(target.fd, text, fmt::format("fd:{}", target.fd));
}

std::string ReportLine(const core::ResourceReport& report) {
  std::string line;
  auto add = [&](std::string_view text) {
    line += line.empty() ? "" : ", ";
    line += text;
  };
  if (report.wall_us) add("wall " + Seconds(*report.wall_us));
  if (report.cpu_user_us && report.cpu_system_us) {
    add(fmt::format("CPU {} user {} system", Seconds(*report.cpu_user_us),
                    Seconds(*report.cpu_system_us)));
  } else if (report.cpu_total_us) {
    add("CPU " + Seconds(*report.cpu_total_us));
  }
  if (report.memory_peak_bytes) add("memory peak " + BinarySize(*report.memory_peak_bytes));
  if (report.oom_kills.value_or(0) > 0) add(fmt::format("OOM kills {}", *report.oom_kills));
  if (report.major_page_faults) {
    add(fmt::format("major page faults {}", *report.major_page_faults));
  }
  if (report.read_bytes && report.written_bytes) {
    add(fmt::format("read {}, written {}", FormatByteSize(*report.read_bytes, 3),
                    FormatByteSize(*report.written_bytes, 3)));
  }
  if (report.pids_peak) add(fmt::format("pids peak {}", *report.pids_peak));
  if (report.throttled_us.value_or(0) > 0) add("throttled " + Seconds(*report.throttled_us));
  if (!report.start.empty()) {
    add(fmt::format("started in {} us", report.start.back().at_us));
  }
  return line;
}

void PrintStartMarks(Context& context) {
  int64_t before = 0;
  std::string text;
  for (const core::StartMark& mark : core::StartMarks()) {
    text += fmt::format("hoy: timing: {:>9} us  +{:<9} {}\n", mark.at_us, mark.at_us - before,
                        mark.name);
    before = mark.at_us;
  }
  context.err.Write(text);
}

}  // namespace hoy::cli
