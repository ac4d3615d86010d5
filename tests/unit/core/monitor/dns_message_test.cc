#include "core/monitor/dns_message.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace hoy::core {
namespace {

using Bytes = std::vector<uint8_t>;

std::string Labels(const std::string& name) {
  std::string labels;
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    labels += static_cast<char>(end - begin);
    labels += name.substr(begin, end - begin);
    begin = end + 1;
  }
  return labels + '\0';
}

Bytes Query(const std::string& name, uint16_t type, const std::string& extra = "",
            uint8_t extra_count = 0) {
  std::string text("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00", 11);
  text += static_cast<char>(extra_count);
  text += Labels(name);
  text += {static_cast<char>(type >> 8), static_cast<char>(type), 0, 1};
  text += extra;
  return {text.begin(), text.end()};
}

// Root name, OPT, the size that the asker takes, version 0, no options.
std::string Extension(uint16_t bytes) {
  return {0, 0, 41, static_cast<char>(bytes >> 8), static_cast<char>(bytes), 0, 0, 0, 0, 0, 0};
}

DnsVerdict Read(const Bytes& message, DnsQuestion* question) {
  return ReadDnsQuery(message.data(), message.size(), question);
}

Bytes AnswerTo(const Bytes& query, const DnsFindings& findings, size_t limit = 512,
               size_t turn = 0) {
  DnsQuestion question;
  EXPECT_EQ(Read(query, &question), DnsVerdict::kQuestion);
  Bytes answer(kMostAnswerBytes);
  answer.resize(WriteDnsAnswer(query.data(), question, findings, limit, turn, answer.data()));
  return answer;
}

DnsFindings Addresses(size_t count) {
  DnsFindings findings;
  findings.known = true;
  findings.count = count;
  for (size_t i = 0; i < count; ++i) {
    findings.addresses[i] = {4, {10, 0, 0, static_cast<uint8_t>(i)}};
  }
  return findings;
}

TEST(DnsMessage, AQuestionIsReadInLowerCase) {
  DnsQuestion question;
  ASSERT_EQ(Read(Query("WeB.Example", 28), &question), DnsVerdict::kQuestion);
  EXPECT_STREQ(question.name, "web.example");
  EXPECT_EQ(question.type, DnsType::kAaaa);
  EXPECT_EQ(question.record_class, kInternet);
  EXPECT_EQ(question.most_bytes, kPlainDnsBytes);
  EXPECT_FALSE(question.extended);
  ASSERT_EQ(Read(Query("web", 1, Extension(4096), 1), &question), DnsVerdict::kQuestion);
  EXPECT_TRUE(question.extended);
  EXPECT_EQ(question.most_bytes, 1232);
  ASSERT_EQ(Read(Query("web", 1, Extension(100), 1), &question), DnsVerdict::kQuestion);
  EXPECT_EQ(question.most_bytes, kPlainDnsBytes);
}

TEST(DnsMessage, NamesThatNoHostsFileHasAreEmpty) {
  DnsQuestion question;
  ASSERT_EQ(Read(Query("", 2), &question), DnsVerdict::kQuestion);
  EXPECT_STREQ(question.name, "");
  Bytes dotted = Query("a-b", 1);
  dotted[14] = '.';  // within its label
  ASSERT_EQ(Read(dotted, &question), DnsVerdict::kQuestion);
  EXPECT_STREQ(question.name, "");
}

TEST(DnsMessage, WhatIsNoQuestionIsRefused) {
  DnsQuestion question;
  Bytes query = Query("web", 1);
  Bytes answer = query;
  answer[2] |= 0x80;
  EXPECT_EQ(Read(answer, &question), DnsVerdict::kIgnore);
  EXPECT_EQ(Read(Bytes(11), &question), DnsVerdict::kIgnore);
  Bytes update = query;
  update[2] |= 5 << 3;
  EXPECT_EQ(Read(update, &question), DnsVerdict::kNotImplemented);
  for (size_t field : {4u, 5u, 7u, 9u}) {
    Bytes wrong = query;
    ++wrong[field];
    EXPECT_EQ(Read(wrong, &question), DnsVerdict::kFormat) << field;
  }
  for (size_t size = kDnsHeaderBytes; size < query.size(); ++size) {
    EXPECT_EQ(Read(Bytes(query.begin(), query.begin() + size), &question), DnsVerdict::kFormat);
  }
  // A name that leads to itself, and one that is longer than names are.
  Bytes loop = query;
  loop[12] = 0xc0;
  loop[13] = 12;
  EXPECT_EQ(Read(loop, &question), DnsVerdict::kFormat);
  std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                        std::string(63, 'c') + "." + std::string(61, 'd');
  EXPECT_EQ(Read(Query(longest, 1), &question), DnsVerdict::kQuestion);
  EXPECT_EQ(std::strlen(question.name), longest.size());
  EXPECT_EQ(Read(Query(longest + "d", 1), &question), DnsVerdict::kFormat);
  EXPECT_EQ(Read(Query("web", 1, Extension(512), 2), &question), DnsVerdict::kFormat);
  EXPECT_EQ(Read(Query("web", 1, Extension(512) + Extension(512), 2), &question),
            DnsVerdict::kFormat);
  std::string beyond = Extension(512);
  beyond.back() = 1;  // an option that is not there
  EXPECT_EQ(Read(Query("web", 1, beyond, 1), &question), DnsVerdict::kFormat);
}

TEST(DnsMessage, AnAnswerRepeatsTheQuestionAsItWasWritten) {
  const Bytes query = Query("wEb", 1);
  const Bytes answer = AnswerTo(query, Addresses(1));
  Bytes expected = query;
  expected[2] = 0x85;  // an answer, authoritative, recursion was wanted
  expected[3] = 0x80;  // and is there
  expected[7] = 1;
  for (int byte : {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 0}) {
    expected.push_back(static_cast<uint8_t>(byte));
  }
  EXPECT_EQ(answer, expected);
}

TEST(DnsMessage, AKnownNameWithoutWhatWasAskedForIsAnEmptyAnswer) {
  DnsFindings findings;
  findings.known = true;
  const Bytes answer = AnswerTo(Query("web", 28, Extension(1232), 1), findings);
  EXPECT_EQ(answer[3] & 0x0f, 0);
  EXPECT_EQ(answer[7], 0);
  EXPECT_EQ(answer[11], 1) << "EDNS is answered by EDNS";
  EXPECT_EQ(answer.size(), Query("web", 28, Extension(1232), 1).size());
}

TEST(DnsMessage, AddressesComeInTurnAndAsManyAsFit) {
  EXPECT_EQ(AnswerTo(Query("web", 1), Addresses(3), 512, 1).back(), 0);
  EXPECT_EQ(AnswerTo(Query("web", 1), Addresses(3), 512, 0).back(), 2);
  const Bytes cut = AnswerTo(Query("web", 1), Addresses(64), 512);
  EXPECT_LE(cut.size(), 512u);
  EXPECT_NE(cut[2] & 0x02, 0);
  EXPECT_EQ(cut[7], (512 - Query("web", 1).size()) / 16);
  const Bytes whole = AnswerTo(Query("web", 1), Addresses(64), kMostAnswerBytes);
  EXPECT_EQ(whole[2] & 0x02, 0);
  EXPECT_EQ(whole[7], 64);
}

TEST(DnsMessage, AnAddressIsAnsweredByItsName) {
  DnsFindings findings;
  findings.known = true;
  std::strcpy(findings.name, "web.example");
  const Bytes answer = AnswerTo(Query("2.0.0.10.in-addr.arpa", 12), findings);
  EXPECT_EQ(answer[7], 1);
  EXPECT_EQ(std::string(answer.end() - 13, answer.end()), Labels("web.example"));
  std::strcpy(findings.name, "a..b");
  EXPECT_EQ(AnswerTo(Query("2.0.0.10.in-addr.arpa", 12), findings)[7], 0);
}

TEST(DnsMessage, ErrorsSayWhatTheyAre) {
  const Bytes query = Query("web", 1);
  DnsQuestion question;
  ASSERT_EQ(Read(query, &question), DnsVerdict::kQuestion);
  Bytes error(kMostAnswerBytes);
  error.resize(WriteDnsError(query.data(), nullptr, DnsCode::kFormat, error.data()));
  EXPECT_EQ(error, Bytes({0x12, 0x34, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0}));
  error.resize(kMostAnswerBytes);
  error.resize(WriteDnsTruncated(query.data(), question, error.data()));
  EXPECT_EQ(error.size(), query.size());
  EXPECT_EQ(error[2], 0x83);
}

TEST(DnsMessage, OnlyAnAnswerToTheQuestionIsTaken) {
  const Bytes query = Query("web.example", 1);
  Bytes answer = query;
  answer[2] |= 0x80;
  auto fits = [&](const Bytes& one) {
    return IsDnsAnswerTo(query.data(), query.size(), one.data(), one.size());
  };
  EXPECT_TRUE(fits(answer));
  EXPECT_FALSE(fits(query));
  for (size_t at : {1u, 13u, 27u}) {
    Bytes other = answer;
    other[at] ^= 1;
    EXPECT_FALSE(fits(other)) << at;
  }
  Bytes upper = answer;
  upper[13] = 'W';
  EXPECT_TRUE(fits(upper));
  EXPECT_FALSE(fits(Bytes(answer.begin(), answer.end() - 1)));
  // Servers that refuse need not repeat it.
  Bytes refused(answer.begin(), answer.begin() + kDnsHeaderBytes);
  refused[5] = 0;
  EXPECT_FALSE(fits(refused));
  refused[3] = 5;
  EXPECT_TRUE(fits(refused));
}

TEST(DnsMessage, ReverseNames) {
  HostAddress address;
  ASSERT_TRUE(ReadReverseName("4.30.200.10.in-addr.arpa", &address));
  EXPECT_EQ(address.size, 4);
  EXPECT_EQ(std::memcmp(address.bytes, "\x0a\xc8\x1e\x04", 4), 0);
  std::string six;
  for (int i = 0; i < 30; ++i) six += "0.";
  ASSERT_TRUE(ReadReverseName((six + "d.f.ip6.arpa").c_str(), &address));
  EXPECT_EQ(address.size, 16);
  EXPECT_EQ(address.bytes[0], 0xfd);
  for (const char* wrong :
       {"", "4.3.2.in-addr.arpa", "256.3.2.1.in-addr.arpa", "5.4.3.2.1.in-addr.arpa",
        "4.3.2.1.in-addr.arp", "in-addr.arpa", "d.f.ip6.arpa"}) {
    EXPECT_FALSE(ReadReverseName(wrong, &address)) << wrong;
  }
}

}  // namespace
}  // namespace hoy::core
