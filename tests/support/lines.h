#pragma once
// Text of programs, line by line.

#include <sstream>
#include <string>
#include <vector>

namespace hoy::test {

inline std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace hoy::test
