#pragma once
// hoy's end of the start protocol (core/init/plan.h): plans go out, StartMessages come in.

#include <span>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/init/plan.h"
#include "core/init/plan_builder.h"

namespace hoy::core {

struct StartReply {
  enum class Kind { kMessage, kEndOfFile };
  Kind kind = Kind::kEndOfFile;
  StartMessage message{};
  Fd fd;  // with StartMessageKind::kTerminal the pty's master
};

class StartChannel {
 public:
  StartChannel() = default;
  StartChannel(Fd socket, Fd plans) : socket_(std::move(socket)), plans_(std::move(plans)) {}

  // PlanBuilder::Serialize(). In the order in which they are to be carried out. A monitor that was
  // killed shows as end-of-file when its answer is read.
  // `passed`: with the first plan only, descriptors for the process.
  Result<> SendPlan(std::string plan, std::span<const int> passed = {});
  // After this one nobody can change any of them.
  Result<> SendLastPlan(std::string plan, std::span<const int> passed = {});
  Result<StartReply> Receive();
  BorrowedFd socket() const { return socket_; }  // readable: there is something to receive

  // What the step was doing that a kFailed message names.
  StepDescription Describe(const StartMessage& message) const;

 private:
  struct SentPlan {
    uint32_t offset;
    std::string bytes;
  };
  Result<> Send(std::string plan, std::span<const int> passed, bool last);

  Fd socket_;
  Fd plans_;
  std::vector<SentPlan> sent_;
};

}  // namespace hoy::core
