#include "core/monitor/dns_message.h"

#include <string.h>

namespace hoy::core {
namespace {

constexpr uint8_t kAnswerBit = 0x80, kOpcodeBits = 0x78, kAuthoritativeBit = 0x04;
constexpr uint8_t kTruncatedBit = 0x02, kRecursionWantedBit = 0x01;  // in the third byte
constexpr uint8_t kRecursionBit = 0x80;                              // in the fourth
constexpr size_t kMostLabelBytes = 63;
constexpr uint8_t kPointerBits = 0xc0;
constexpr size_t kMostExtraRecords = 8;
constexpr size_t kRecordBytes = 10;       // of a record, after its name
constexpr uint16_t kOwnMostBytes = 1232;  // by UDP: what the world has agreed on as unfragmented
constexpr uint32_t kSecondsToLive = 5;    // members come and go
constexpr size_t kQuestionAt = kDnsHeaderBytes;

uint16_t Read16(const uint8_t* from) {
  return static_cast<uint16_t>(from[0] << 8 | from[1]);
}

char Lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

// Where the name that begins at `at` ends; 0: nowhere. With `text` also what it says.
size_t ReadName(const uint8_t* message, size_t size, size_t at, char* text) {
  size_t begin = at;
  size_t length = 0;
  bool plain = true;
  while (at < size) {
    size_t label = message[at++];
    if (label == 0) {
      if (text != nullptr) text[plain && length > 0 ? length - 1 : 0] = '\0';
      return at;
    }
    // Compression: one step back, of which nobody needs to know where it leads.
    if ((label & kPointerBits) == kPointerBits) return text == nullptr && at < size ? at + 1 : 0;
    if (label > kMostLabelBytes || label > size - at) return 0;
    if (at + label + 1 - begin > kMostNameBytes) return 0;
    for (size_t i = 0; text != nullptr && i < label; ++i) {
      char letter = Lower(static_cast<char>(message[at + i]));
      if (letter <= ' ' || letter == '.' || letter > '~') plain = false;
      text[length++] = letter;
    }
    if (text != nullptr) text[length++] = '.';
    at += label;
  }
  return 0;
}

// The records after the question. False: they do not hang together.
bool ReadExtra(const uint8_t* message, size_t size, size_t count, DnsQuestion* question) {
  size_t at = question->end;
  for (; count > 0; --count) {
    at = ReadName(message, size, at, nullptr);
    if (at == 0 || size - at < kRecordBytes) return false;
    if (static_cast<DnsType>(Read16(message + at)) == DnsType::kOpt) {
      if (question->extended) return false;
      question->extended = true;
      uint16_t most = Read16(message + at + 2);
      if (most > kOwnMostBytes) most = kOwnMostBytes;
      if (most > question->most_bytes) question->most_bytes = most;
    }
    size_t length = Read16(message + at + 8);
    at += kRecordBytes;
    if (length > size - at) return false;
    at += length;
  }
  return true;
}

class Writer {
 public:
  Writer(uint8_t* to, size_t limit) : to_(to), limit_(limit) {}

  bool Fits(size_t more) const { return more <= limit_ - size_; }
  void Byte(uint8_t value) { to_[size_++] = value; }
  void Two(size_t value) {
    Byte(static_cast<uint8_t>(value >> 8));
    Byte(static_cast<uint8_t>(value));
  }
  void Four(uint32_t value) {
    Two(value >> 16);
    Two(value & 0xffff);
  }
  void Bytes(const void* from, size_t count) {
    memcpy(to_ + size_, from, count);
    size_ += count;
  }
  size_t size() const { return size_; }

 private:
  uint8_t* to_;
  size_t limit_;
  size_t size_ = 0;
};

void WriteHeader(Writer& writer, const uint8_t* query, bool with_question, uint8_t flags,
                 DnsCode code) {
  writer.Bytes(query, 2);
  writer.Byte(
      static_cast<uint8_t>(kAnswerBit | flags | (query[2] & (kOpcodeBits | kRecursionWantedBit))));
  writer.Byte(static_cast<uint8_t>(kRecursionBit | static_cast<uint8_t>(code)));
  writer.Two(with_question ? 1 : 0);
  for (int i = 0; i < 3; ++i) writer.Two(0);
}

void WriteQuestion(Writer& writer, const uint8_t* query, const DnsQuestion& question) {
  writer.Bytes(query + kQuestionAt, question.end - kQuestionAt);
}

// What says that EDNS was understood. It always has room.
constexpr size_t kExtensionBytes = 11;
void WriteExtension(Writer& writer, const DnsQuestion& question) {
  if (!question.extended) return;
  writer.Byte(0);
  writer.Two(static_cast<size_t>(DnsType::kOpt));
  writer.Two(kOwnMostBytes);
  writer.Four(0);
  writer.Two(0);
}

void WriteRecordHead(Writer& writer, DnsType type, size_t length) {
  writer.Two(kPointerBits << 8 | kQuestionAt);  // the name that was asked for
  writer.Two(static_cast<size_t>(type));
  writer.Two(kInternet);
  writer.Four(kSecondsToLive);
  writer.Two(length);
}

// A name from a hosts file as labels. 0: it is none.
size_t EncodeName(const char* name, uint8_t* to) {
  size_t size = 0;
  for (const char* at = name;; ++at) {
    size_t label = 0;
    while (at[label] != '\0' && at[label] != '.') ++label;
    if (label == 0 || label > kMostLabelBytes || size + label + 2 > kMostNameBytes) return 0;
    to[size++] = static_cast<uint8_t>(label);
    memcpy(to + size, at, label);
    size += label;
    at += label;
    if (*at == '\0') break;
  }
  to[size++] = 0;
  return size;
}

int HexDigit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool EndsHere(const char* text, const char* with) {
  size_t length = strlen(with);
  return strlen(text) == length && memcmp(text, with, length) == 0;
}

bool ReadReverse4(const char* name, HostAddress* address) {
  for (int part = 3; part >= 0; --part) {
    int value = 0;
    int digits = 0;
    for (; *name >= '0' && *name <= '9' && digits < 3; ++name, ++digits) {
      value = value * 10 + (*name - '0');
    }
    if (digits == 0 || value > 255 || *name++ != '.') return false;
    address->bytes[part] = static_cast<uint8_t>(value);
  }
  address->size = 4;
  return EndsHere(name, "in-addr.arpa");
}

bool ReadReverse6(const char* name, HostAddress* address) {
  for (int part = 15; part >= 0; --part) {
    int low = HexDigit(name[0]);
    if (low < 0 || name[1] != '.') return false;
    int high = HexDigit(name[2]);
    if (high < 0 || name[3] != '.') return false;
    address->bytes[part] = static_cast<uint8_t>(high << 4 | low);
    name += 4;
  }
  address->size = 16;
  return EndsHere(name, "ip6.arpa");
}

}  // namespace

DnsVerdict ReadDnsQuery(const uint8_t* message, size_t size, DnsQuestion* question) {
  if (size < kDnsHeaderBytes || (message[2] & kAnswerBit) != 0) return DnsVerdict::kIgnore;
  if ((message[2] & kOpcodeBits) != 0) return DnsVerdict::kNotImplemented;
  size_t extra = Read16(message + 10);
  if (Read16(message + 4) != 1 || Read16(message + 6) != 0 || Read16(message + 8) != 0 ||
      extra > kMostExtraRecords) {
    return DnsVerdict::kFormat;
  }
  size_t end = ReadName(message, size, kQuestionAt, question->name);
  if (end == 0 || size - end < 4) return DnsVerdict::kFormat;
  question->type = static_cast<DnsType>(Read16(message + end));
  question->record_class = Read16(message + end + 2);
  question->end = static_cast<uint16_t>(end + 4);
  question->most_bytes = kPlainDnsBytes;
  question->extended = false;
  return ReadExtra(message, size, extra, question) ? DnsVerdict::kQuestion : DnsVerdict::kFormat;
}

size_t WriteDnsAnswer(const uint8_t* query, const DnsQuestion& question,
                      const DnsFindings& findings, size_t limit, size_t turn, uint8_t* to) {
  if (limit > kMostAnswerBytes) limit = kMostAnswerBytes;
  Writer writer(to, limit - (question.extended ? kExtensionBytes : 0));
  WriteHeader(writer, query, true, kAuthoritativeBit, DnsCode::kOk);
  WriteQuestion(writer, query, question);
  size_t written = 0;
  bool whole = true;
  for (size_t i = 0; i < findings.count && whole; ++i) {
    const HostAddress& address = findings.addresses[(i + turn) % findings.count];
    whole = writer.Fits(2 + kRecordBytes + address.size);
    if (!whole) break;
    WriteRecordHead(writer, address.size == 4 ? DnsType::kA : DnsType::kAaaa, address.size);
    writer.Bytes(address.bytes, address.size);
    ++written;
  }
  uint8_t name[kMostNameBytes + 1];
  size_t name_size = findings.name[0] != '\0' ? EncodeName(findings.name, name) : 0;
  if (name_size > 0 && whole) {
    whole = writer.Fits(2 + kRecordBytes + name_size);
    if (whole) {
      WriteRecordHead(writer, DnsType::kPtr, name_size);
      writer.Bytes(name, name_size);
      ++written;
    }
  }
  to[7] = static_cast<uint8_t>(written);
  if (!whole) to[2] |= kTruncatedBit;
  Writer end(to + writer.size(), kExtensionBytes);
  WriteExtension(end, question);
  to[11] = question.extended ? 1 : 0;
  return writer.size() + end.size();
}

size_t WriteDnsError(const uint8_t* query, const DnsQuestion* question, DnsCode code, uint8_t* to) {
  Writer writer(to, kMostAnswerBytes);
  WriteHeader(writer, query, question != nullptr, 0, code);
  if (question == nullptr) return writer.size();
  WriteQuestion(writer, query, *question);
  WriteExtension(writer, *question);
  to[11] = question->extended ? 1 : 0;
  return writer.size();
}

size_t WriteDnsTruncated(const uint8_t* query, const DnsQuestion& question, uint8_t* to) {
  size_t size = WriteDnsError(query, &question, DnsCode::kOk, to);
  to[2] |= kTruncatedBit;
  return size;
}

uint16_t DnsId(const uint8_t* message) {
  return Read16(message);
}

void SetDnsId(uint8_t* message, uint16_t id) {
  message[0] = static_cast<uint8_t>(id >> 8);
  message[1] = static_cast<uint8_t>(id);
}

DnsCode DnsCodeOf(const uint8_t* message) {
  return static_cast<DnsCode>(message[3] & 0x0f);
}

bool IsDnsAnswerTo(const uint8_t* query, size_t end, const uint8_t* answer, size_t size) {
  if (size < kDnsHeaderBytes || (answer[2] & kAnswerBit) == 0) return false;
  if (DnsId(answer) != DnsId(query)) return false;
  // Servers that cannot make anything of a question need not repeat it.
  if (Read16(answer + 4) == 0) return DnsCodeOf(answer) != DnsCode::kOk;
  if (Read16(answer + 4) != 1 || size < end) return false;
  for (size_t i = kQuestionAt; i < end; ++i) {
    if (Lower(static_cast<char>(query[i])) != Lower(static_cast<char>(answer[i]))) return false;
  }
  return true;
}

bool ReadReverseName(const char* name, HostAddress* address) {
  return ReadReverse4(name, address) || ReadReverse6(name, address);
}

}  // namespace hoy::core
