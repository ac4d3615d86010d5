#pragma once
// The cases of the bench; each adds its rows, targets and notes to the report.

#include "tests/bench/measure.h"
#include "tests/bench/peers.h"

namespace hoy::bench {

struct Case {
  const char* name;
  const char* what;
  int rounds;  // unless --rounds says otherwise
  void (*run)(Ground&, Report&, int rounds);
};

// Real files from Debian packages, cut into six gzip layers, "large" in a registry's storage. Made
// once and kept in the user's cache.
std::string LargeImageStorage();

void RunTrue(Ground& ground, Report& report, int rounds);
void ExecTrue(Ground& ground, Report& report, int rounds);
void ListContainers(Ground& ground, Report& report, int rounds);
void ShowStats(Ground& ground, Report& report, int rounds);
void ListManyContainers(Ground& ground, Report& report, int rounds);
void PrintVersion(Ground& ground, Report& report, int rounds);
void MonitorMemory(Ground& ground, Report& report, int rounds);
void LogThroughput(Ground& ground, Report& report, int rounds);
void Flood(Ground& ground, Report& report, int rounds);
void PipeThrough(Ground& ground, Report& report, int rounds);
void PullLargeImage(Ground& ground, Report& report, int rounds);
void SaveAndLoad(Ground& ground, Report& report, int rounds);
void PushLargeImage(Ground& ground, Report& report, int rounds);
void RemoveLargeImage(Ground& ground, Report& report, int rounds);
void AttachRoundTrip(Ground& ground, Report& report, int rounds);
void IdleWakeUps(Ground& ground, Report& report, int rounds);
void RunInParallel(Ground& ground, Report& report, int rounds);
void CopyBigFile(Ground& ground, Report& report, int rounds);
void RunOnTheBridge(Ground& ground, Report& report, int rounds);
void PublishedPortThroughput(Ground& ground, Report& report, int rounds);
void SyncWithS3(Ground& ground, Report& report, int rounds);
void ListImages(Ground& ground, Report& report, int rounds);

}  // namespace hoy::bench
