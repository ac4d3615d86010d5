#include "oci/s3/answers.h"

#include <pugixml.hpp>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr size_t kLongestText = 300;

Result<pugi::xml_node> Parse(std::string_view xml, const char* root, pugi::xml_document& document) {
  if (!document.load_buffer(xml.data(), xml.size())) {
    return Fail(ErrorKind::kCorrupt, "the answer is not XML");
  }
  pugi::xml_node node = document.child(root);
  if (!node) return Fail(ErrorKind::kCorrupt, "the answer is no {}", root);
  return node;
}

std::string Text(const pugi::xml_node& node, const char* name) {
  return node.child_value(name);
}

std::string OneLine(std::string text) {
  text.resize(std::min(text.size(), kLongestText));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

std::string WithoutQuotes(std::string etag) {
  std::erase(etag, '"');
  return etag;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<ListPage> ParseListPage(std::string_view xml) {
  pugi::xml_document document;
  TRY(pugi::xml_node root, Parse(xml, "ListBucketResult", document));
  bool encoded = Text(root, "EncodingType") == "url";
  ListPage page;
  for (const pugi::xml_node& item : root.children("Contents")) {
    S3Object object;
    object.key = Text(item, "Key");
    if (encoded) {
      auto decoded = UriDecode(object.key);
      if (!decoded) return Fail(ErrorKind::kCorrupt, "the listing has a key that is not encoded");
      object.key = *std::move(decoded);
    }
    auto size = ParseInteger<uint64_t>(Trim(Text(item, "Size")));
    if (object.key.empty() || !size) {
      return Fail(ErrorKind::kCorrupt, "the listing has an object without key or size");
    }
    object.size = *size;
    object.etag = WithoutQuotes(Text(item, "ETag"));
    object.modified = Text(item, "LastModified");
    page.objects.push_back(std::move(object));
  }
  auto [prefixes, end] =
      std::pair(root.children("CommonPrefixes").begin(), root.children("CommonPrefixes").end());
  std::string count = Text(root, "KeyCount");
  auto keys = page.objects.size() + static_cast<size_t>(std::distance(prefixes, end));
  if (!count.empty() && ParseInteger<size_t>(Trim(count)) != keys) {
    return Fail(ErrorKind::kCorrupt, "the listing has another number of keys than it says");
  }
  std::string truncated = Text(root, "IsTruncated");
  if (truncated != "true" && truncated != "false") {
    return Fail(ErrorKind::kCorrupt, "the listing does not say whether it goes on");
  }
  if (truncated == "true") {
    page.next = Text(root, "NextContinuationToken");
    if (page.next.empty()) {
      return Fail(ErrorKind::kCorrupt, "the listing goes on, and does not say where");
    }
  }
  return page;
}

std::optional<S3Refusal> ParseRefusal(std::string_view xml) {
  pugi::xml_document document;
  auto root = Parse(xml, "Error", document);
  if (!root) return std::nullopt;
  return S3Refusal{OneLine(Text(*root, "Code")), OneLine(Text(*root, "Message")),
                   OneLine(Text(*root, "Region"))};
}

Result<std::string> ParseUploadId(std::string_view xml) {
  pugi::xml_document document;
  TRY(pugi::xml_node root, Parse(xml, "InitiateMultipartUploadResult", document));
  std::string id = Text(root, "UploadId");
  if (id.empty()) return Fail(ErrorKind::kCorrupt, "the answer has no upload id");
  return id;
}

Result<std::string> ParseCompleted(std::string_view xml) {
  pugi::xml_document document;
  auto root = Parse(xml, "CompleteMultipartUploadResult", document);
  if (root) {
    std::string etag = Text(*root, "ETag");
    if (etag.empty()) etag = Text(*root, "Etag");  // some servers' spelling
    return WithoutQuotes(etag);
  }
  auto refusal = ParseRefusal(xml);
  if (!refusal) return Fail(std::move(root).error());
  Error error = MakeError(ErrorKind::kNetwork, fmt::format("complete the upload: {}: {}",
                                                           refusal->code, refusal->message));
  error.stage = "server";
  return Fail(std::move(error));
}

std::string CompleteRequest(const std::vector<std::string>& etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  for (size_t i = 0; i < etags.size(); ++i) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("PartNumber").text().set(static_cast<unsigned long long>(i + 1));
    part.append_child("ETag").text().set(fmt::format("\"{}\"", etags[i]).c_str());
  }
  struct Writer final : pugi::xml_writer {
    std::string text;
    void write(const void* data, size_t size) override {
      text.append(static_cast<const char*>(data), size);
    }
  } writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration);
  return writer.text;
}

std::string UriEncode(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    if (kPlain.find(c) != std::string_view::npos || (c == '/' && keep_slashes)) {
      encoded += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::optional<std::string> UriDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      bool whole = i + 2 < text.size();
      int high = whole ? HexDigit(text[i + 1]) : -1;
      int low = whole ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

}  // namespace hoy::oci
