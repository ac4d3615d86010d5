#pragma once
// Places where a test may kill hoy: with HOY_FAIL_POINT=<name> in the environment the process ends
// itself with SIGKILL there, as a crash or a power cut would. With <name>@<FIFO> it waits there
// until somebody opens the FIFO to write, and goes on. Costs one null check otherwise; the variable
// is read once. Usable in hoy-monitor (no allocation). All names are in kFailPoints, which
// `hoy __fail-points` prints for the test that walks them, and in the lists after it.

#include <array>
#include <string_view>

namespace hoy {

constexpr std::array<std::string_view, 29> kFailPoints = {
    // hoy create, run
    "create-directory", "create-record", "create-named",
    // hoy start, run
    "start-run-directory", "start-cgroup", "start-spawned", "start-done",
    // the same, on a network
    "attach-connected", "attach-ports-free", "attach-published", "attach-recorded",
    // hoy-monitor
    "monitor-cloned", "monitor-published", "monitor-keeper-started", "keeper-started",
    "monitor-running", "monitor-exited", "monitor-drained", "monitor-exit-published",
    // the rotation of a log, and its compression
    "log-renamed", "log-made-again", "log-pruned", "log-packed",
    // clean-up and removal
    "cleanup-begun", "remove-unnamed", "remove-renamed",
    // hoy rename
    "rename-reserved", "rename-recorded",
    // restarts
    "restart-decided"};

// Those of volumes, which no other container meets.
constexpr std::array<std::string_view, 5> kVolumeFailPoints = {
    "volume-written", "volume-filling", "volume-filled", "volume-published", "volume-renamed"};

// Those of an image's removal.
constexpr std::array<std::string_view, 4> kImageFailPoints = {
    "image-untagged", "image-unrecorded", "image-blobs-removed", "image-layers-aside"};

// That of the monitor of a container that joins another's PID namespace: its process is forked, and
// published.
constexpr std::string_view kFollowFailPoint = "monitor-followed";

// That of `hoy wait`: it has looked, and is about to open what tells it to look again.
constexpr std::string_view kWaitFailPoint = "wait-looked";

void FailPoint(std::string_view name);

}  // namespace hoy
