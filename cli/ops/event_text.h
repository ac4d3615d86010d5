#pragma once
// An event as `hoy events` shows it, and whether it is wanted.

#include <string>

#include "cli/ui/filter.h"
#include "cli/ui/template.h"
#include "core/state/event_log.h"

namespace hoy::cli {

// "2026-11-22T13:07:00.000000001Z container die 4f1d... (exitCode=137, image=busybox, name=web)".
std::string EventText(const core::Event& event);

// docker's object: status, id, from, Type, Action, Actor, scope, time, timeNano.
Json EventJson(const core::Event& event);
// The same for templates, which know the fields by their Go names: .Time, .TimeNano, .ID ...
Json EventFields(const core::Event& event);

// Keys: container event image label network type volume.
bool EventMatches(const core::Event& event, const Filters& filters);

}  // namespace hoy::cli
