#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/monitor/dns_message.h"
#include "core/monitor/hosts_lookup.h"

// What a container asks, and what its hosts file says: every answer stays in its bounds, is one to
// the question, and is never taken for a question.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::core;
  DnsQuestion question;
  if (ReadDnsQuery(data, size, &question) != DnsVerdict::kQuestion) return 0;
  if (question.end > size || std::strlen(question.name) > kMostNameBytes) abort();
  DnsFindings findings;
  HostsLookup lookup(question, &findings);
  const char* hosts = reinterpret_cast<const char*>(data) + question.end;
  if (lookup.wanted()) lookup.Line(hosts, size - question.end);
  findings.known = true;
  while (findings.count < size % (DnsFindings::kMost + 1)) {
    findings.addresses[findings.count++] = {16, {0xfd}};
  }
  for (size_t limit : {kPlainDnsBytes, size_t{question.most_bytes}, kMostAnswerBytes}) {
    std::vector<uint8_t> answer(kMostAnswerBytes);
    size_t length = WriteDnsAnswer(data, question, findings, limit, size, answer.data());
    if (length > limit || !IsDnsAnswerTo(data, question.end, answer.data(), length)) abort();
    DnsQuestion again;
    if (ReadDnsQuery(answer.data(), length, &again) != DnsVerdict::kIgnore) abort();
  }
  std::vector<uint8_t> error(kMostAnswerBytes);
  size_t length = WriteDnsError(data, &question, DnsCode::kServer, error.data());
  if (!IsDnsAnswerTo(data, question.end, error.data(), length)) abort();
  return 0;
}
