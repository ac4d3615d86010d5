#include "tests/support/image_template.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

#include "core/base/fd.h"
#include "tests/support/image.h"
#include "tests/support/process.h"
#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/support/scratch.h"

namespace hoy::test {
namespace fs = std::filesystem;
namespace {

// An x86-64 program for another machine: only e_machine differs (ELF-64 header, offset 18).
std::string ForeignElf(std::string program) {
  program.at(18) = static_cast<char>(0xb7);  // EM_AARCH64
  program.at(19) = 0;
  return program;
}

ImageBuilder ConfiguredImage() {
  ImageBuilder image = BusyboxImage();
  image.config() = {
      {"Env", {"PATH=/bin", "GREETING=from-image", "KEPT=yes"}},
      {"Entrypoint", {"/bin/sh", "-c", "echo \"$0\" \"$@\"; id -un; pwd; echo $GREETING"}},
      {"Cmd", {"default", "command"}},
      {"User", "app"},
      {"WorkingDir", "/work/dir"},
      {"StopSignal", "SIGUSR1"},
      {"Labels", {{"org.example.kind", "test"}}},
      {"Volumes", {{"/data", Json::object()}}},
      {"ExposedPorts", {{"80/tcp", Json::object()}}}};
  return image;
}

ImageBuilder BrokenImage() {
  Tar tar;
  tar.Directory("broken");
  tar.File("broken/no-interpreter", "#!/usr/bin/python9\n", 0755);
  tar.File("broken/crlf", "#!/bin/sh\r\necho never\r\n", 0755);
  tar.File("broken/not-executable", "#!/bin/sh\necho never\n", 0644);
  tar.File("broken/garbage", "not a program at all\n", 0755);
  tar.File("broken/empty", "", 0755);
  tar.Directory("broken/directory");
  tar.File("broken/no-loader", ReadFile("/usr/bin/true"), 0755);
  tar.File("broken/foreign", ForeignElf(ReadFile("/usr/bin/true")), 0755);
  tar.Symlink("broken/dangling", "/nowhere/at/all");
  ImageBuilder image = BusyboxImage();
  image.Layer(tar);
  return image;
}

// Changes when the program that fills DATA changes.
std::string BuildKey() {
  const std::string program =
      fs::path(HoyProgram()).parent_path().parent_path() / "libexec/hoy/hoy-image";
  struct stat status{};
  if (::stat(program.c_str(), &status) != 0) throw std::runtime_error("no " + program);
  return fmt::format("{}-{}.{:09}", status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

void MakeTemplate(const std::string& directory) {
  Registry registry;
  ScratchDirectory scratch;
  const std::map<std::string, ImageBuilder> images = {
      {"busybox", BusyboxImage()}, {"configured", ConfiguredImage()}, {"broken", BrokenImage()}};
  Json references;
  for (const auto& [name, builder] : images) {
    registry.Push(name, "latest", builder.Build());
    const std::string reference = registry.Reference(name);
    const Output pulled = RunCommand(
        {.argv = {HoyProgram(), "pull", "-q", reference},
         .env = {{"HOY_ROOT", directory + "/data"}, {"HOY_RUN", scratch.path() + "/r"}}});
    if (pulled.code != 0) {
      throw std::runtime_error(
          fmt::format("hoy pull {}: exit code {}\n{}", reference, pulled.code, pulled.err));
    }
    references[name] = reference;
  }
  WriteFile(directory + "/references.json", references.dump());
}

}  // namespace

std::map<std::string, std::string> CopyImageTemplate(const std::string& data) {
  const std::string base = std::string(HOY_BUILD_DIR) + "/test-images";
  fs::create_directories(base);
  const std::string directory = base + "/" + BuildKey();
  const Fd lock(::open((base + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ::flock(lock.get(), LOCK_EX);
  if (!fs::exists(directory + "/references.json")) {
    for (const auto& name : ListNames(base)) {
      if (name != "lock") fs::remove_all(base + "/" + name);  // of older builds
    }
    fs::create_directories(directory + "/data");
    MakeTemplate(directory);
  }
  CloneTree(directory + "/data", data);
  fs::remove_all(data + "/events");  // what is appended to must not be shared
  return Json::parse(ReadFile(directory + "/references.json"))
      .get<std::map<std::string, std::string>>();
}

}  // namespace hoy::test
