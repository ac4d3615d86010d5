#include "cli/ops/heavy/cancel_on_signal.h"

namespace hoy::cli {
namespace {

oci::CancelToken* g_interrupted = nullptr;  // what the signal handler cancels

}  // namespace

CancelOnSignal::CancelOnSignal(oci::CancelToken& token, bool enabled) : enabled_(enabled) {
  if (!enabled_) return;
  g_interrupted = &token;
  struct sigaction action{};
  action.sa_handler = [](int) { g_interrupted->Cancel(); };
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

CancelOnSignal::~CancelOnSignal() {
  if (!enabled_) return;
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  g_interrupted = nullptr;
}

}  // namespace hoy::cli
