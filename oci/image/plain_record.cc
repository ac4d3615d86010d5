#include "oci/image/plain_record.h"

#include <charconv>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

// Each Take moves on and says true, or says false and leaves the reader nowhere in particular.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }

  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool Take(std::string& text) {
    if (!Take("\"")) return false;
    text.clear();
    while (true) {
      size_t plain = 0;
      while (plain < rest_.size() && IsPlain(rest_[plain])) ++plain;
      text.append(rest_.substr(0, plain));
      rest_.remove_prefix(plain);
      if (Take("\"")) return true;
      if (rest_.size() < 2 || rest_[0] != '\\' || !Unescape(rest_[1], text)) return false;
      rest_.remove_prefix(2);
    }
  }

  bool Take(int64_t& number) {
    size_t sign = rest_.starts_with('-') ? 1 : 0;
    std::string_view digits = rest_.substr(sign, rest_.find_first_of(",}", sign) - sign);
    if (digits.size() > 1 && digits[0] == '0') return false;
    if (sign == 1 && digits == "0") return false;  // the parser's is a floating-point -0
    auto [end, problem] =
        std::from_chars(rest_.data(), rest_.data() + sign + digits.size(), number);
    if (problem != std::errc() || end != digits.data() + digits.size()) return false;
    rest_.remove_prefix(sign + digits.size());
    return true;
  }

  bool Take(Digest& digest) {
    constexpr size_t kHexDigits = 64;
    if (!Take("\"sha256:")) return false;
    std::string_view hex = rest_.substr(0, kHexDigits);
    if (hex.size() != kHexDigits || !IsHex(hex)) return false;
    digest = Digest::FromHex(hex);
    rest_.remove_prefix(kHexDigits);
    return Take("\"");
  }

  template <typename Item>
  bool Take(std::vector<Item>& list) {
    return TakeItems('[', ']', [&] { return Take(list.emplace_back()); });
  }

  bool Take(std::map<std::string, std::string>& object) {
    return TakeItems('{', '}', [&] {
      std::string name;
      std::string value;
      if (!Take(name) || !Take(":") || !Take(value)) return false;
      if (!object.empty() && object.rbegin()->first >= name) return false;  // twice, say
      object.emplace_hint(object.end(), std::move(name), std::move(value));
      return true;
    });
  }

  bool TakeSet(std::vector<std::string>& names) {
    return TakeItems('{', '}', [&] {
      std::string name;
      if (!Take(name) || !Take(":{}")) return false;
      if (!names.empty() && names.back() >= name) return false;
      names.push_back(std::move(name));
      return true;
    });
  }

  // A member of an object that leaves out what is empty: `take_value` only where it is there.
  template <typename TakeValue>
  bool TakeOptional(bool& first, std::string_view key, TakeValue take_value) {
    std::string_view before = rest_;
    if ((first || Take(",")) && Take(key)) {
      first = false;
      return take_value();
    }
    rest_ = before;
    return true;
  }

 private:
  template <typename TakeItem>
  bool TakeItems(char open, char close, TakeItem take_item) {
    if (!Take(std::string_view(&open, 1))) return false;
    if (Take(std::string_view(&close, 1))) return true;
    do {
      if (!take_item()) return false;
    } while (Take(","));
    return Take(std::string_view(&close, 1));
  }

  static bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

  static bool Unescape(char escaped, std::string& text) {
    switch (escaped) {
      case '"':
      case '\\':
      case '/': text += escaped; return true;
      case 'n': text += '\n'; return true;
      case 't': text += '\t'; return true;
      case 'r': text += '\r'; return true;
      case 'b': text += '\b'; return true;
      case 'f': text += '\f'; return true;
      default: return false;
    }
  }

  std::string_view rest_;
};

bool TakeConfig(Reader& reader, ImageRunConfig& config) {
  bool first = true;
  auto list = [&](std::string_view key, std::vector<std::string>& texts) {
    return reader.TakeOptional(first, key, [&] { return reader.Take(texts); });
  };
  auto text = [&](std::string_view key, std::string& value) {
    return reader.TakeOptional(first, key, [&] { return reader.Take(value); });
  };
  auto set = [&](std::string_view key, std::vector<std::string>& names) {
    return reader.TakeOptional(first, key, [&] { return reader.TakeSet(names); });
  };
  return reader.Take("{") && list("\"Cmd\":", config.cmd) &&
         list("\"Entrypoint\":", config.entrypoint) && list("\"Env\":", config.env) &&
         set("\"ExposedPorts\":", config.exposed_ports) &&
         reader.TakeOptional(first, "\"Labels\":", [&] { return reader.Take(config.labels); }) &&
         list("\"OnBuild\":", config.on_build) && list("\"Shell\":", config.shell) &&
         text("\"StopSignal\":", config.stop_signal) && text("\"User\":", config.user) &&
         set("\"Volumes\":", config.volumes) && text("\"WorkingDir\":", config.working_dir) &&
         reader.Take("}");
}

}  // namespace

std::optional<ImageRecord> DecodePlainRecord(std::string_view bytes) {
  Reader reader(bytes);
  ImageRecord record;
  auto member = [&](std::string_view key, auto& value) {
    return reader.Take(key) && reader.Take(value);
  };
  bool plain =
      member("{\"architecture\":", record.platform.architecture) &&
      member(",\"author\":", record.author) && member(",\"blobs\":", record.blobs) &&
      member(",\"chain_ids\":", record.chain_ids) && reader.Take(",\"config\":") &&
      TakeConfig(reader, record.config) && member(",\"created\":", record.created) &&
      member(",\"diff_ids\":", record.diff_ids) && member(",\"id\":", record.id) &&
      member(",\"manifest\":", record.manifest) && member(",\"os\":", record.platform.os) &&
      member(",\"pulled\":", record.pulled) && member(",\"repo_digests\":", record.repo_digests) &&
      member(",\"size\":", record.size) && member(",\"variant\":", record.platform.variant) &&
      reader.Take(",\"version\":1}\n") && reader.AtEnd();
  if (!plain || record.size < 0) return std::nullopt;
  return record;
}

}  // namespace hoy::oci
