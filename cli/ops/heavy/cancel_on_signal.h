#pragma once
// Ctrl-C during an exchange with a registry ends it in order.

#include <signal.h>

#include <array>

#include "oci/registry/cancel.h"

namespace hoy::cli {

// SIGINT, SIGTERM and SIGHUP cancel the token for as long as this lives; the second one finds the
// default action again, for whoever cannot wait. At most one at a time.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(oci::CancelToken& token, bool enabled = true);
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  const bool enabled_;
  std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace hoy::cli
