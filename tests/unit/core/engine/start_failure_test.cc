#include "core/engine/start_failure.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cstring>

#include "core/engine/executable_file.h"
#include "core/rootfs/executable.h"
#include "tests/unit/core/rootfs/scratch_root.h"

namespace hoy::core {
namespace {

// A 64-bit little-endian ELF file with one PT_INTERP, or with one PT_LOAD when `loader` is empty.
std::string Elf(uint16_t machine, const std::string& loader) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = loader.empty() ? PT_LOAD : PT_INTERP;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = loader.size() + 1;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  return bytes + loader + '\0';
}

std::string HostElf(const std::string& loader) {
  return Elf(HostElfMachine(), loader);
}

constexpr uint16_t kOtherMachine =
#if defined(__aarch64__)
    EM_X86_64;
#else
    EM_AARCH64;
#endif
constexpr const char* kOtherName =
#if defined(__aarch64__)
    "amd64";
#else
    "arm64";
#endif

class StartFailureTest : public testing::Test {
 protected:
  Error Explain(const std::string& step, int system_errno, const std::string& subject) {
    auto root = OpenRoot({upper.path(), lower.path()}, mounts);
    return ExplainStartFailure(&root, process, user ? &*user : nullptr,
                               {step, system_errno, subject});
  }
  // The kernel chooses the errno: execve of the file in a chroot of the lower directory.
  int ExecErrno(const std::string& path) {
    int result[2];
    EXPECT_EQ(pipe2(result, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
      if (chroot(lower.path().c_str()) != 0 || chdir("/") != 0) _exit(1);
      if (user && (setgid(user->gid) != 0 || setuid(user->uid) != 0)) _exit(1);
      const char* argv[] = {path.c_str(), nullptr};
      execve(path.c_str(), const_cast<char**>(argv), nullptr);
      int error = errno;
      (void)!write(result[1], &error, sizeof error);
      _exit(0);
    }
    close(result[1]);
    int error = 0;
    (void)!read(result[0], &error, sizeof error);
    close(result[0]);
    waitpid(child, nullptr, 0);
    return error;
  }
  // What the kernel says of `path`, explained; checks the errno on the way.
  Error Exec(const std::string& path, int expected_errno) {
    EXPECT_EQ(ExecErrno(path), expected_errno) << path;
    return Explain("exec", expected_errno, path);
  }

  ScratchLayer upper;
  ScratchLayer lower;
  ProcessConfig process;
  std::optional<ResolvedUser> user;
  std::vector<Mount> mounts;
};

TEST_F(StartFailureTest, NamesAMissingScriptInterpreter) {
  lower.Program("app/run", "#! /bin/bash -e\necho\n");
  lower.Program("bin/ash");
  Error error = Exec("/app/run", ENOENT);
  EXPECT_EQ(error.message, "exec '/app/run': its interpreter '/bin/bash' is not in the image");
  EXPECT_EQ(error.hint, "the image has 'ash'");
  EXPECT_EQ(error.kind, ErrorKind::kStart);
  EXPECT_EQ(error.stage, "exec");
  EXPECT_EQ(error.system_errno, ENOENT);
  EXPECT_EQ(error.subject, "/app/run");
  EXPECT_EQ(StartExitCode(error), 127);
}

TEST_F(StartFailureTest, SeesWindowsLineEnds) {
  lower.Program("run", "#!/bin/sh\r\necho\r\n");
  lower.Program("bin/sh");
  Error error = Exec("/run", ENOENT);
  EXPECT_EQ(error.message,
            "exec '/run': its '#!' line ends in a carriage return, so that it asks for "
            "'/bin/sh\\r'");
  EXPECT_TRUE(error.hint.contains("CRLF"));
}

TEST_F(StartFailureTest, NamesAMissingLoader) {
  lower.Program("glibc", HostElf("/lib64/ld-linux-x86-64.so.2"));
  lower.Program("musl", HostElf("/lib/ld-musl-x86_64.so.1"));
  lower.Program("script", "#!/glibc\n");
  EXPECT_EQ(Explain("exec", ENOENT, "/glibc").message,
            "exec '/glibc': its loader '/lib64/ld-linux-x86-64.so.2' is not in the image");
  EXPECT_TRUE(Explain("exec", ENOENT, "/glibc").hint.contains("glibc"));
  EXPECT_TRUE(Explain("exec", ENOENT, "/musl").hint.contains("musl"));
  EXPECT_EQ(Explain("exec", ENOENT, "/script").message,
            "exec '/script': its interpreter '/glibc': its loader '/lib64/ld-linux-x86-64.so.2' "
            "is not in the image");
}

TEST_F(StartFailureTest, NamesTheArchitecture) {
  lower.Program("app", Elf(kOtherMachine, "/lib/ld.so"));
  Error error = Exec("/app", ENOEXEC);
  EXPECT_EQ(error.message, fmt::format("exec '/app': is a program for {}; this machine is {}",
                                       kOtherName, HostArchitectureName()));
  EXPECT_TRUE(error.hint.contains("--platform"));
  EXPECT_EQ(StartExitCode(error), 126);
}

TEST_F(StartFailureTest, TellsWhatIsNoProgram) {
  lower.Program("empty", "");
  lower.Program("text", "echo hello\n");
  lower.Program("bom", "\xef\xbb\xbf#!/bin/sh\n");
  lower.Program("bytes", std::string("\x01\x02\0\x03", 4));
  lower.Program("short",
                "\x7f"
                "ELF");
  lower.Program("bare", "#!\n");
  EXPECT_EQ(Exec("/empty", ENOEXEC).message, "exec '/empty': is an empty file");
  EXPECT_EQ(Exec("/text", ENOEXEC).message, "exec '/text': is a text file without a '#!' line");
  EXPECT_EQ(Exec("/text", ENOEXEC).hint, "begin it with #!/bin/sh, or run it as: /bin/sh /text");
  EXPECT_EQ(Exec("/bom", ENOEXEC).message, "exec '/bom': a byte order mark hides its '#!' line");
  EXPECT_TRUE(Exec("/bytes", ENOEXEC).message.contains("not a program"));
  EXPECT_EQ(Exec("/short", ENOEXEC).message, "exec '/short': is a damaged or cut-off ELF file");
  EXPECT_TRUE(Exec("/bare", ENOEXEC).message.contains("names no interpreter"));
}

TEST_F(StartFailureTest, TellsWhyItMayNotBeExecuted) {
  lower.Directory("dir");
  lower.File("plain", "#!/bin/sh\n", 0644);
  lower.Program("script", "#!/plain\n");
  ASSERT_EQ(mkfifo(lower.At("fifo").c_str(), 0755), 0);
  EXPECT_EQ(Exec("/dir", EACCES).message, "exec '/dir': is a directory");
  EXPECT_EQ(Exec("/plain", EACCES).message, "exec '/plain': is not executable");
  EXPECT_EQ(Exec("/plain", EACCES).hint, "make it so in the image: chmod +x /plain");
  EXPECT_EQ(Exec("/fifo", EACCES).message, "exec '/fifo': is not a regular file");
  EXPECT_EQ(Exec("/script", EACCES).message,
            "exec '/script': its interpreter '/plain': is not executable");
  EXPECT_EQ(StartExitCode(Exec("/dir", EACCES)), 126);
}

TEST_F(StartFailureTest, TellsWhichUserMayNot) {
  lower.File("private", "#!/bin/sh\n", 0700);
  lower.Program("closed/tool");
  ASSERT_EQ(chmod(lower.At("closed").c_str(), 0700), 0);
  ASSERT_EQ(chmod(lower.path().c_str(), 0755), 0);
  user = ResolvedUser{.uid = 1000, .gid = 1000, .groups = {1000}};
  EXPECT_EQ(Exec("/private", EACCES).message,
            "exec '/private': user 1000 may not execute it (mode 0700, owner 0:0)");
  EXPECT_EQ(Exec("/closed/tool", EACCES).message,
            "exec '/closed/tool': user 1000 may not enter '/closed' (mode 0700)");
}

TEST_F(StartFailureTest, SeesANoexecMount) {
  ScratchLayer host;
  host.Program("tool", HostElf(""));
  mounts = {{.source = host.path(), .target = "/opt", .flags = MS_NOEXEC, .from_user = true}};
  EXPECT_EQ(Explain("exec", EACCES, "/opt/tool").message,
            "exec '/opt/tool': lies on a mount that forbids execution (noexec)");
}

TEST_F(StartFailureTest, SuggestsNamesNearby) {
  lower.Program("usr/bin/python3");
  process.env = {"PATH=/usr/bin"};
  Error lookup = Explain("lookup", ENOENT, "pyhton3");
  EXPECT_EQ(lookup.message, "exec 'pyhton3': not found in PATH");
  EXPECT_EQ(lookup.hint, "did you mean 'python3'?");
  EXPECT_EQ(lookup.stage, "lookup");
  EXPECT_EQ(StartExitCode(lookup), 127);
  EXPECT_EQ(Explain("lookup", ENOENT, "zzz").hint, "PATH is /usr/bin");
  EXPECT_TRUE(Explain("lookup", ENOENT, "ls -l").hint.contains("space"));
  EXPECT_TRUE(Explain("lookup", ENOENT, "-it").hint.contains("before the image"));
  EXPECT_EQ(StartExitCode(Explain("lookup", EACCES, "tool")), 126);

  Error missing = Exec("/usr/bin/python", ENOENT);
  EXPECT_EQ(missing.message, "exec '/usr/bin/python': No such file or directory");
  EXPECT_EQ(missing.hint, "'/usr/bin' has 'python3'");
}

TEST_F(StartFailureTest, ExplainsLinksThatLeadNowhere) {
  lower.Link("app", "/opt/missing");
  lower.Link("round", "round");
  EXPECT_EQ(Exec("/app", ENOENT).message,
            "exec '/app': it is a symlink to something that is not in the image");
  EXPECT_EQ(Exec("/round", ELOOP).message, "exec '/round': its symlinks go round in a circle");
}

TEST_F(StartFailureTest, GivesUpOnInterpretersThatGoRound) {
  lower.Program("a", "#!/b\n");
  lower.Program("b", "#!/a\n");
  EXPECT_EQ(Exec("/a", ELOOP).message, "exec '/a': Too many levels of symbolic links");
}

TEST_F(StartFailureTest, HintsAtKnownCausesOfOtherSteps) {
  Error mount = Explain("bind mount", ENOTDIR, "/data");
  EXPECT_EQ(mount.message, "bind mount '/data': Not a directory");
  EXPECT_TRUE(mount.hint.contains("a directory cannot be mounted over a file"));
  EXPECT_EQ(StartExitCode(mount), 125);
  EXPECT_TRUE(Explain("bring up loopback", EPERM, "").hint.contains("CAP_NET_ADMIN"));
  EXPECT_TRUE(Explain("write", ENOENT, "/proc/sys/net/x").hint.contains("--sysctl"));
  EXPECT_EQ(Explain("set umask", EPERM, "").hint, "");
  EXPECT_EQ(StartExitCode(MakeError(ErrorKind::kNotFound, "no such image")), 125);
  Error user_error = MakeError(ErrorKind::kStart, "unknown user");
  user_error.stage = "user";
  EXPECT_EQ(StartExitCode(user_error), 125);
}

TEST_F(StartFailureTest, TellsAFileFromADirectoryWhereOneIsMountedOverTheOther) {
  lower.Program("etc/passwd");
  upper.Program("file");
  mounts = {{.source = upper.path() + "/file", .target = "/etc"},
            {.source = lower.path() + "/etc", .target = "/bin"}};
  EXPECT_EQ(Explain("bind mount", EINVAL, "/etc").message,
            "bind mount '/etc': it is a directory in the container, and the source is a file");
  EXPECT_EQ(Explain("bind mount", EINVAL, "/bin").message,
            "bind mount '/bin': it is a file in the container, and the source is a directory");
  EXPECT_EQ(Explain("bind mount", EINVAL, "/gone").message, "bind mount '/gone': Invalid argument");
}

TEST_F(StartFailureTest, SaysThatAWorkingDirectoryLeadsOut) {
  Error error = Explain("change to working directory", EXDEV, "/work");
  EXPECT_EQ(error.hint, "it leads out of the container's file system");
}

TEST_F(StartFailureTest, WorksWithoutARoot) {
  Error error = ExplainStartFailure(nullptr, process, nullptr, {"exec", ENOENT, "/x"});
  EXPECT_EQ(error.message, "exec '/x': No such file or directory");
  EXPECT_EQ(error.kind, ErrorKind::kStart);
}

TEST(ExecutableFile, SurvivesElfHeadersThatLie) {
  std::string elf = HostElf("/lib/ld.so");
  EXPECT_EQ(ParseElf(elf)->loader, "/lib/ld.so");
  for (size_t length = 0; length < elf.size(); ++length) {
    auto info = ParseElf(elf.substr(0, length));
    if (info) {
      EXPECT_TRUE(info->loader.empty() || info->loader == "/lib/ld.so");
    }
  }
  // Each byte of the headers, in turn, as large as it gets.
  for (size_t i = 4; i < elf.size(); ++i) {
    std::string damaged = elf;
    damaged[i] = '\xff';
    ParseElf(damaged);
  }
  EXPECT_FALSE(ParseElf("").has_value());
  EXPECT_TRUE(ParseElf(HostElf(""))->complete);
}

TEST(ExecutableFile, ReadsScriptLines) {
  EXPECT_EQ(ParseScriptLine("#!/bin/sh"), "/bin/sh");
  EXPECT_EQ(ParseScriptLine("#! \t/bin/env python\nx"), "/bin/env");
  EXPECT_EQ(ParseScriptLine("#!/bin/sh\r\n"), "/bin/sh\r");
  EXPECT_EQ(ParseScriptLine("#!/bin/sh -e\r\n"), "/bin/sh");
  EXPECT_EQ(ParseScriptLine("#!\n"), "");
  EXPECT_FALSE(ParseScriptLine("# comment").has_value());
  EXPECT_FALSE(ParseScriptLine("").has_value());
}

}  // namespace
}  // namespace hoy::core
