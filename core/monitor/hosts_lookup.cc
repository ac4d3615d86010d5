#include "core/monitor/hosts_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hoy::core {
namespace {

constexpr int kMostReads = 3;  // of a file that is written meanwhile

bool IsBlank(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\r';
}

char Lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

// The next word of a line, of which `*at` bytes are read. False: there is none.
bool NextWord(const char* line, size_t size, size_t* at, const char** word, size_t* length) {
  while (*at < size && IsBlank(line[*at])) ++*at;
  size_t begin = *at;
  while (*at < size && !IsBlank(line[*at]) && line[*at] != '#') ++*at;
  if (begin == *at) return false;
  *word = line + begin;
  *length = *at - begin;
  return true;
}

// `name` is in lower case and has no dot at its end.
bool IsName(const char* word, size_t length, const char* name) {
  if (length > 0 && word[length - 1] == '.') --length;
  for (size_t i = 0; i < length; ++i) {
    if (name[i] == '\0' || Lower(word[i]) != name[i]) return false;
  }
  return name[length] == '\0';
}

bool ParseAddress4(const char* text, size_t size, uint8_t* to) {
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= size || text[at++] != '.')) return false;
    int value = 0;
    size_t begin = at;
    for (; at < size && at - begin < 3 && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = value * 10 + (text[at] - '0');
    }
    if (at == begin || value > 255) return false;
    to[part] = static_cast<uint8_t>(value);
  }
  return at == size;
}

int HexDigit(char letter) {
  letter = Lower(letter);
  if (letter >= '0' && letter <= '9') return letter - '0';
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool ParseAddress6(const char* text, size_t size, uint8_t* to) {
  uint8_t bytes[16] = {};
  size_t count = 0;
  size_t gap = sizeof bytes + 1;  // where "::" is
  size_t at = 0;
  if (size >= 2 && text[0] == ':' && text[1] == ':') {
    gap = 0;
    at = 2;
  }
  while (at < size) {
    size_t begin = at;
    unsigned value = 0;
    for (; at < size && at - begin < 4 && HexDigit(text[at]) >= 0; ++at) {
      value = value << 4 | static_cast<unsigned>(HexDigit(text[at]));
    }
    if (at < size && text[at] == '.') {
      if (count > 12 || !ParseAddress4(text + begin, size - begin, bytes + count)) return false;
      count += 4;
      break;
    }
    if (at == begin || count > 14) return false;
    bytes[count++] = static_cast<uint8_t>(value >> 8);
    bytes[count++] = static_cast<uint8_t>(value);
    if (at == size) break;
    if (text[at++] != ':' || at == size) return false;
    if (text[at] != ':') continue;
    if (gap <= sizeof bytes) return false;
    gap = count;
    ++at;
  }
  bool has_gap = gap <= sizeof bytes;
  if (has_gap ? count > 14 : count != sizeof bytes) return false;
  memset(to, 0, sizeof bytes);
  size_t before = has_gap ? gap : count;
  memcpy(to, bytes, before);
  memcpy(to + sizeof bytes - (count - before), bytes + before, count - before);
  return true;
}

// Half an old line with half a new one could be an address that nobody has.
bool IsSame(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// From the file's begin on.
void LookUpIn(int fd, char* buffer, HostsLookup lookup) {
  size_t held = 0, total = 0;
  bool too_long = false;  // the line that the buffer begins in is passed over
  while (total < kMostHostsBytes) {
    ssize_t count = pread(fd, buffer + held, kHostsBufferBytes - held, static_cast<off_t>(total));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    total += static_cast<size_t>(count);
    held += static_cast<size_t>(count);
    size_t begin = 0;
    for (size_t at = held - static_cast<size_t>(count); at < held; ++at) {
      if (buffer[at] != '\n') continue;
      if (!too_long) lookup.Line(buffer + begin, at - begin);
      too_long = false;
      begin = at + 1;
    }
    held -= begin;
    memmove(buffer, buffer + begin, held);
    if (held == kHostsBufferBytes) {
      too_long = true;
      held = 0;
    }
  }
  if (held > 0 && !too_long) lookup.Line(buffer, held);
}

}  // namespace

bool ParseHostAddress(const char* text, size_t size, HostAddress* address) {
  if (ParseAddress4(text, size, address->bytes)) {
    address->size = 4;
    return true;
  }
  if (!ParseAddress6(text, size, address->bytes)) return false;
  address->size = 16;
  return true;
}

HostsLookup::HostsLookup(const DnsQuestion& question, DnsFindings* findings)
    : question_(question), findings_(findings) {
  if (question.record_class != kInternet || question.name[0] == '\0') return;
  wanted_ = true;
  bool for_name = question.type == DnsType::kPtr || question.type == DnsType::kAny;
  if (!for_name || !ReadReverseName(question.name, &reverse_)) reverse_.size = 0;
}

void HostsLookup::Found(const HostAddress& address) {
  findings_->known = true;
  DnsType type = address.size == 4 ? DnsType::kA : DnsType::kAaaa;
  if (question_.type != type && question_.type != DnsType::kAny) return;
  for (size_t i = 0; i < findings_->count; ++i) {
    const HostAddress& other = findings_->addresses[i];
    if (other.size == address.size && memcmp(other.bytes, address.bytes, address.size) == 0) return;
  }
  if (findings_->count < DnsFindings::kMost) findings_->addresses[findings_->count++] = address;
}

void HostsLookup::Line(const char* line, size_t size) {
  const char* word = nullptr;
  size_t length = 0;
  size_t at = 0;
  HostAddress address;
  if (!NextWord(line, size, &at, &word, &length)) return;
  if (reverse_.size == 0) {
    // Most lines are about others: their addresses need not be understood.
    const char* written = word;
    size_t written_length = length;
    while (NextWord(line, size, &at, &word, &length)) {
      if (!IsName(word, length, question_.name)) continue;
      if (ParseHostAddress(written, written_length, &address)) Found(address);
      return;
    }
    return;
  }
  if (findings_->known || !ParseHostAddress(word, length, &address)) return;
  if (address.size != reverse_.size || memcmp(address.bytes, reverse_.bytes, address.size) != 0) {
    return;
  }
  if (!NextWord(line, size, &at, &word, &length) || length > kMostNameBytes) return;
  findings_->known = true;
  memcpy(findings_->name, word, length);
  findings_->name[length] = '\0';
}

void LookUpInHosts(const char* path, char* buffer, const DnsQuestion& question,
                   DnsFindings* findings) {
  HostsLookup lookup(question, findings);
  if (!lookup.wanted()) return;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  struct stat before{}, after{};
  for (int attempt = 0; attempt < kMostReads; ++attempt) {
    if (fstat(fd, &before) != 0) break;
    *findings = {};
    LookUpIn(fd, buffer, HostsLookup(question, findings));
    if (fstat(fd, &after) != 0 || IsSame(before, after)) break;
  }
  close(fd);
}

}  // namespace hoy::core
