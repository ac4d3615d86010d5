#pragma once
// DATA with the test images already pulled, made once for each build of hoy-image and then copied.

#include <map>
#include <string>

namespace hoy::test {

// Fills `data` with the images and returns their references by name ("busybox", "configured",
// "broken"). Throws when they cannot be made. Processes that ask at once wait for the one that
// makes them (flock).
std::map<std::string, std::string> CopyImageTemplate(const std::string& data);

}  // namespace hoy::test
