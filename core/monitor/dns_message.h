#pragma once
// Messages of the domain name system, as much of them as a resolver needs that knows a few names
// itself and passes on all the rest (RFC 1035, section 4; EDNS: RFC 6891). Pure, bounded by the
// sizes given, and without the C++ runtime: this runs in hoy-monitor on what a container sends.

#include <cstddef>
#include <cstdint>

namespace hoy::core {

constexpr size_t kDnsHeaderBytes = 12;
constexpr size_t kPlainDnsBytes = 512;  // what everybody takes by UDP
constexpr size_t kMostNameBytes = 255;

enum class DnsType : uint16_t { kA = 1, kPtr = 12, kAaaa = 28, kOpt = 41, kAny = 255 };
enum class DnsCode : uint8_t {
  kOk = 0,
  kFormat = 1,
  kServer = 2,
  kNotImplemented = 4,
  kRefused = 5
};

struct HostAddress {
  uint8_t size = 0;  // 4 or 16; 0: none
  uint8_t bytes[16] = {};
};

struct DnsQuestion {
  DnsType type;
  uint16_t record_class;  // kInternet
  uint16_t end;           // of the question: where it ends in the message
  uint16_t most_bytes;    // of an answer by UDP, as the asker says
  bool extended;          // it speaks EDNS
  // In lower case, without a dot at the end. Empty: no name that a hosts file could have.
  char name[kMostNameBytes + 1];
};
constexpr uint16_t kInternet = 1;

enum class DnsVerdict {
  kQuestion,
  kIgnore,  // too short, or an answer: whoever answers answers may do so for ever
  kFormat,
  kNotImplemented,
};
// One question, and records after it that hang together. Only with kQuestion is `question` filled.
DnsVerdict ReadDnsQuery(const uint8_t* message, size_t size, DnsQuestion* question);

// What is known of a question.
struct DnsFindings {
  static constexpr size_t kMost = 64;
  bool known = false;  // there is such a name, perhaps without what was asked for
  size_t count = 0;
  HostAddress addresses[kMost];
  char name[kMostNameBytes + 1] = {};  // of an address
};

// Room for any of ours.
constexpr size_t kMostAnswerBytes =
    kDnsHeaderBytes + (kMostNameBytes + 5) + DnsFindings::kMost * 28 + (kMostNameBytes + 13) + 11;
// The answer to a query that was read as `question`; its length. What does not go into `limit`
// bytes is left out, and the answer says so (TC). The addresses come in turn, from number `turn`.
size_t WriteDnsAnswer(const uint8_t* query, const DnsQuestion& question,
                      const DnsFindings& findings, size_t limit, size_t turn, uint8_t* to);
// Without records. `question`: nullptr: it could not be read, and is not repeated.
size_t WriteDnsError(const uint8_t* query, const DnsQuestion* question, DnsCode code, uint8_t* to);
// "Ask again by TCP".
size_t WriteDnsTruncated(const uint8_t* query, const DnsQuestion& question, uint8_t* to);

uint16_t DnsId(const uint8_t* message);
void SetDnsId(uint8_t* message, uint16_t id);
// Of an answer.
DnsCode DnsCodeOf(const uint8_t* message);
// Whether `answer` is one to that query, of which `end` bytes are header and question.
bool IsDnsAnswerTo(const uint8_t* query, size_t end, const uint8_t* answer, size_t size);

// "4.3.2.1.in-addr.arpa", and 32 digits under ip6.arpa, in lower case.
bool ReadReverseName(const char* name, HostAddress* address);

}  // namespace hoy::core
