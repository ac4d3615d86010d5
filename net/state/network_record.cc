#include "net/state/network_record.h"

#include <nlohmann/json.hpp>

namespace hoy::net {
namespace {

using Json = nlohmann::json;

constexpr size_t kIdInBridgeName = 11;  // with "hoy-" the 15 characters that a link's name has

Json EncodePairs(const core::StringPairs& pairs) {
  Json json = Json::object();
  for (const auto& [key, value] : pairs) json[key] = value;
  return json;
}

core::StringPairs DecodePairs(const Json& json, const char* name) {
  core::StringPairs pairs;
  if (!json.contains(name)) return pairs;
  for (const auto& [key, value] : json.at(name).items()) {
    pairs.emplace_back(key, value.get<std::string>());
  }
  return pairs;
}

Result<AddressPool> DecodePool(const Json& json) {
  AddressPool pool;
  TRY(pool.subnet, Subnet::Parse(json.at("subnet").get<std::string>(), /*strict=*/true));
  auto gateway = IpAddress::Parse(json.at("gateway").get<std::string>());
  if (!gateway) return Fail(ErrorKind::kCorrupt, "gateway: not an address");
  pool.gateway = *gateway;
  if (json.contains("ip_range")) {
    TRY(pool.ip_range, Subnet::Parse(json.at("ip_range").get<std::string>(), /*strict=*/true));
  }
  return pool;
}

Result<NetworkRecord> DecodeFields(const Json& json) {
  NetworkRecord record;
  record.id = json.at("id").get<std::string>();
  record.name = json.at("name").get<std::string>();
  record.driver = json.at("driver").get<std::string>();
  for (const Json& one : json.at("pools")) {
    TRY(AddressPool pool, DecodePool(one));
    record.pools.push_back(pool);
  }
  record.ipv6 = json.value("ipv6", false);
  record.internal = json.value("internal", false);
  record.options = DecodePairs(json, "options");
  record.labels = DecodePairs(json, "labels");
  record.created = json.value("created", core::Timestamp{0});
  return record;
}

}  // namespace

std::string NetworkRecord::Bridge() const {
  return "hoy-" + id.substr(0, kIdInBridgeName);
}

std::string EncodeNetwork(const NetworkRecord& record) {
  Json pools = Json::array();
  for (const AddressPool& pool : record.pools) {
    Json one = {{"subnet", pool.subnet.ToString()}, {"gateway", pool.gateway.ToString()}};
    if (pool.ip_range) one["ip_range"] = pool.ip_range->ToString();
    pools.push_back(std::move(one));
  }
  Json json = {{"version", 1},
               {"id", record.id},
               {"name", record.name},
               {"driver", record.driver},
               {"pools", std::move(pools)},
               {"ipv6", record.ipv6},
               {"internal", record.internal},
               {"options", EncodePairs(record.options)},
               {"labels", EncodePairs(record.labels)},
               {"created", record.created}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<NetworkRecord> DecodeNetwork(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Fail(ErrorKind::kCorrupt, "not a network record: not JSON");
  try {
    auto record = DecodeFields(json);
    if (record) return record;
    return Fail(std::move(record).error().WithKind(ErrorKind::kCorrupt));
  } catch (const Json::exception& e) {
    return Fail(ErrorKind::kCorrupt, "not a network record: {}", e.what());
  }
}

}  // namespace hoy::net
