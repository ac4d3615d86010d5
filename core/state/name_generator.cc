#include "core/state/name_generator.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <span>

#include "core/state/container_id.h"

namespace hoy::core {
namespace {

constexpr std::array<std::string_view, 100> kAdjectives = {
    "able",     "agile",   "amber",   "ample",    "ardent",   "arctic",   "azure",  "balmy",
    "bold",     "bonny",   "brave",   "breezy",   "bright",   "brisk",    "bronze", "buoyant",
    "calm",     "candid",  "cheery",  "civil",    "clear",    "coastal",  "copper", "coral",
    "cosy",     "crisp",   "curious", "dapper",   "daring",   "dawning",  "deft",   "dewy",
    "eager",    "early",   "earnest", "eastern",  "elder",    "even",     "fair",   "faithful",
    "fearless", "fervent", "fleet",   "fluent",   "foggy",    "fond",     "frank",  "fresh",
    "frosty",   "gallant", "gentle",  "glad",     "golden",   "graceful", "grand",  "hardy",
    "hearty",   "helpful", "honest",  "humble",   "jaunty",   "jolly",    "keen",   "kindly",
    "leeward",  "level",   "limber",  "lively",   "loyal",    "lucid",    "mellow", "merry",
    "misty",    "modest",  "neat",    "nimble",   "northern", "patient",  "placid", "plucky",
    "polar",    "proud",   "quick",   "quiet",    "ready",    "rolling",  "rosy",   "rugged",
    "salty",    "serene",  "sober",   "southern", "spirited", "staunch",  "steady", "sturdy",
    "sunny",    "trusty",  "western", "windward",
};

constexpr std::array<std::string_view, 100> kSurnames = {
    "amundsen", "anson",      "baffin",    "baret",        "barents",      "bass",
    "beaufort", "bering",     "bligh",     "bonny",        "bougainville", "bowditch",
    "brunel",   "cabot",      "cabral",    "cartier",      "chichester",   "cook",
    "cousteau", "crozier",    "dampier",   "davis",        "dias",         "drake",
    "dufour",   "earhart",    "elcano",    "erikson",      "farr",         "fitzroy",
    "flinders", "fox",        "franklin",  "fremantle",    "frobisher",    "froude",
    "fulton",   "gama",       "gilbert",   "grace",        "gray",         "hadley",
    "halley",   "hanno",      "harrison",  "hawkins",      "herreshoff",   "heyerdahl",
    "hopper",   "hudson",     "humboldt",  "ismay",        "janszoon",     "jones",
    "joyon",    "keeling",    "knox",      "kruzenshtern", "lander",       "laperouse",
    "lazarev",  "lind",       "macarthur", "magellan",     "marchaj",      "maury",
    "mercator", "moitessier", "nansen",    "nares",        "nelson",       "nordenskiold",
    "norwood",  "parry",      "pasley",    "peary",        "pytheas",      "quiros",
    "raleigh",  "ross",       "scoresby",  "scott",        "shackleton",   "slocum",
    "smeaton",  "somerville", "stephens",  "stevenson",    "tabarly",      "tasman",
    "torres",   "tupaia",     "vancouver", "vespucci",     "wallis",       "weddell",
    "wilkes",   "worsley",    "zheng",     "zhukov",
};

void FillRandom(std::span<unsigned char> bytes) {
  size_t filled = 0;
  while (filled < bytes.size()) {
    ssize_t got = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got > 0) {
      filled += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      std::abort();  // no Linux that hoy runs on lacks it, and a guessable id is no id
    }
  }
}

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool IsValidContainerName(std::string_view name) {
  return name.size() >= 2 && name.size() <= 255 && IsAlphanumeric(name[0]) &&
         std::ranges::all_of(
             name, [](char c) { return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Result<> CheckContainerName(std::string_view name) {
  if (!IsValidContainerName(name)) {
    return Fail(ErrorKind::kInvalidArgument,
                "invalid container name '{}': names have 2 to 255 characters, "
                "[a-zA-Z0-9][a-zA-Z0-9_.-]+",
                name);
  }
  if (IsContainerId(name)) {
    return Fail(ErrorKind::kInvalidArgument,
                "invalid container name '{}': it looks like a container's id", name);
  }
  return {};
}

std::string ContainerNameFor(uint64_t random) {
  std::string name(kAdjectives[random % kAdjectives.size()]);
  name += '_';
  name += kSurnames[random / kAdjectives.size() % kSurnames.size()];
  return name;
}

std::string RandomContainerName() {
  std::array<unsigned char, 8> bytes{};
  FillRandom(bytes);
  uint64_t random = 0;
  for (unsigned char byte : bytes) random = random << 8 | byte;
  return ContainerNameFor(random);
}

std::string RandomContainerId() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  while (true) {
    std::array<unsigned char, 32> bytes{};
    FillRandom(bytes);
    std::string id;
    id.reserve(64);
    for (unsigned char byte : bytes) {
      id += kDigits[byte >> 4];
      id += kDigits[byte & 15];
    }
    if (id.find_first_of("abcdef") < 12) return id;
  }
}

}  // namespace hoy::core
