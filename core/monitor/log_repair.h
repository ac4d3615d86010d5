#pragma once
// What a monitor that was killed while it wrote may have left at the end of a log.

namespace hoy::core {

// Each cuts off what is not whole, and reads the end of the file only. 0, or an errno.
int CutHalfFrame(int fd);
int CutHalfLine(int fd);

}  // namespace hoy::core
