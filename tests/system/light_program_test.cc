// hoy and hoy-monitor start in a millisecond because they carry no heavy library.

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

std::string ProgramPath(const std::string& name) {
  const std::filesystem::path bin = std::filesystem::path(HoyProgram()).parent_path();
  return name == "hoy" ? (bin / "hoy").string()
                       : (bin.parent_path() / "libexec/hoy" / name).string();
}

// A function of each library that no light program may hold.
constexpr const char* kHeavySymbols[] = {
    "curl_easy_init", "SSL_CTX_new",           "EVP_DigestInit_ex", "archive_read_new",
    "isal_inflate",   "ZSTD_decompressStream", "nft_ctx_new",       "sd_bus_open"};

class LightProgram : public testing::TestWithParam<const char*> {};

#if HOY_STATIC_BUILD  // as it is shipped; HOY_STATIC=OFF is for sanitizers and clang's tools
TEST_P(LightProgram, NeedsNoSharedLibrary) {
  const Output dynamic = RunCommand({.argv = {"readelf", "-d", ProgramPath(GetParam())}});
  ASSERT_EQ(dynamic.code, 0) << dynamic;
  EXPECT_EQ(dynamic.out.find("(NEEDED)"), std::string::npos) << dynamic;
  const Output headers = RunCommand({.argv = {"readelf", "-lW", ProgramPath(GetParam())}});
  EXPECT_EQ(headers.out.find("INTERP"), std::string::npos) << headers;
}
#endif

TEST_P(LightProgram, LinksNoHeavyLibrary) {
  const Output libraries = RunCommand({.argv = {"readelf", "-d", ProgramPath(GetParam())}});
  for (const char* name : {"libcurl", "libssl", "libcrypto", "libarchive", "libnftables",
                           "libsystemd", "libisal", "libzstd"}) {
    EXPECT_EQ(libraries.out.find(name), std::string::npos) << GetParam() << " needs " << name;
  }
  const Output symbols = RunCommand({.argv = {"nm", "-C", ProgramPath(GetParam())}});
  ASSERT_EQ(symbols.code, 0) << "the programs keep their symbols: " << symbols;
  for (const char* symbol : kHeavySymbols) {
    EXPECT_EQ(symbols.out.find(symbol), std::string::npos) << GetParam() << " holds " << symbol;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, LightProgram, testing::Values("hoy", "hoy-monitor"),
                         [](const auto& program) {
                           return std::string(program.param) == "hoy" ? "Hoy" : "HoyMonitor";
                         });

// The check above can fail: the heavy program has what the light ones must not have.
TEST(HeavyProgram, HoldsTheLibraries) {
  const Output libraries = RunCommand({.argv = {"readelf", "-d", ProgramPath("hoy-image")}});
  EXPECT_NE(libraries.out.find("libcurl"), std::string::npos) << libraries;
}

}  // namespace
}  // namespace hoy::test
