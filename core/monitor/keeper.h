#pragma once
// A second holder of a container's pty.
//
// The last close of a pty's master hangs the terminal up and ends what runs on it. So that a killed
// monitor costs the container nothing, a fork of the monitor holds the master, too, and does
// nothing else: whoever connects to RUN/containers/<id>/pty.sock is sent it (SCM_RIGHTS), which is
// what an adopting monitor does. It ends when the container's init does. When it is killed itself,
// only this safety is lost.

#include <sys/types.h>

namespace hoy::core {

inline constexpr const char* kKeeperSocket = "pty.sock";

struct KeeperRequest {
  const char* run_dir;
  int master;
  int init;                     // pidfd
  char* name = nullptr;         // argv[0], to be overwritten: the same number of letters
  const char* plans = nullptr;  // kPlanSpace bytes that it need not keep
};

struct Keeper {
  pid_t pid = -1;  // there is none
  int ready = -1;  // a pipe that ends when it has let go of all else that the monitor holds
};

// Without one, the container goes on all the same.
Keeper StartKeeper(const KeeperRequest& request);

// What the monitor holds must end with the monitor: before anybody relies on that.
void AwaitKeeper(Keeper& keeper);

// By its own parent: ends and reaps it.
void EndKeeper(const Keeper& keeper);

// The master, from whoever keeps it. -1: nobody does.
int TakeFromKeeper(const char* run_dir);

}  // namespace hoy::core
