#pragma once
// save, load, import, export, commit, cp and the archives of volumes, as verbs see them. The work
// is in hoy-image: see pull.h.

#include <optional>
#include <string>
#include <vector>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

enum class SaveFormat { kDockerArchive, kOciArchive, kOciDirectory, kDockerDirectory };

struct SaveOptions {
  std::vector<std::string> images;
  std::string output;  // empty: stdout
  SaveFormat format = SaveFormat::kDockerArchive;
  std::string platform;  // of multi-platform names; empty: all, where the format holds several
};
Result<> RunSave(Context& context, const SaveOptions& options);

struct LoadOptions {
  std::string input;  // a file or a directory; empty or "-": stdin
  std::string platform;
  std::string signature_policy;
  bool all_platforms = false;
};
// Prints "Loaded image: ..." for each.
Result<> RunLoad(Context& context, const LoadOptions& options);

struct ImportImageOptions {
  std::string input;      // a file; "-": stdin
  std::string reference;  // empty: without a name
  std::vector<std::string> changes;
  std::string message;
  std::string platform;
  std::string signature_policy;
};
// Prints the id.
Result<> RunImport(Context& context, const ImportImageOptions& options);

struct ExportOptions {
  std::string container;
  std::string output;  // empty: stdout
};
Result<> RunExport(Context& context, const ExportOptions& options);

struct VolumeArchiveOptions {
  std::string volume;
  std::string file;  // of export: empty is stdout; of import: "-" is stdin
};
Result<> RunVolumeExport(Context& context, const VolumeArchiveOptions& options);
Result<> RunVolumeImport(Context& context, const VolumeArchiveOptions& options);

struct CommitOptions {
  std::string container;
  std::string reference;  // empty: without a name
  std::string author;
  std::string message;
  std::vector<std::string> changes;
  bool pause = true;
  bool docker_format = false;
  std::string id_file;  // empty: none
};
// Prints the id.
Result<> RunCommit(Context& context, const CommitOptions& options);

struct CopyFilesOptions {
  std::string source;       // CONTAINER:PATH, a path of the host, or "-": a tar on stdin
  std::string destination;  // the same; "-": a tar on stdout
  bool archive = false;
  bool follow_link = false;
  std::optional<bool> quiet;  // when not given: no terminal on stderr
};
Result<> RunCopyFiles(Context& context, const CopyFilesOptions& options);

}  // namespace hoy::cli
