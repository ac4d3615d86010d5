#pragma once
// The WWW-Authenticate header: RFC 9110 section 11.6.1 (a comma-separated list of challenges whose
// parameters are separated by commas too). Reads what any registry may send; never fails.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hoy::oci {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // lower-case names, unquoted values

  // The parameter's value, or "".
  std::string Parameter(std::string_view name) const;
};

// The challenges in the order of the header. Parts that are not well-formed are skipped.
std::vector<Challenge> ParseChallenges(std::string_view header);

}  // namespace hoy::oci
