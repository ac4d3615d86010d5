#pragma once
// Simple signing: OpenPGP messages (RFC 4880), verified by the external program gpgv, which is
// looked for only when a signature has to be checked.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::oci {

// The packets of a key file, which may be ASCII-armored (RFC 4880 section 6), also in several
// blocks. kCorrupt: neither that nor binary packets.
Result<std::string> DearmorKeys(std::string_view bytes);

// The text that `message` signs, if exactly one valid signature of one of the keys is on it, which
// is neither expired nor revoked. kPermission: there is none; kUnsupported: gpgv is not installed.
Result<std::string> VerifyOpenPgp(std::string_view message, std::string_view keyring);

// What gpgv's --status-fd (gnupg doc/DETAILS) must say for the above; else why not.
Result<> CheckGpgvStatus(std::string_view status);

}  // namespace hoy::oci
