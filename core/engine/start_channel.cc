#include "core/engine/start_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr size_t kPlanAlignment = 64;

Result<> WriteAt(BorrowedFd fd, std::string_view bytes, size_t offset) {
  while (!bytes.empty()) {
    ssize_t count = pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return FailErrno("write", "plan");
    bytes.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<size_t>(count);
  }
  return {};
}

}  // namespace

Result<> StartChannel::SendPlan(std::string plan, std::span<const int> passed) {
  return Send(std::move(plan), passed, false);
}

Result<> StartChannel::SendLastPlan(std::string plan, std::span<const int> passed) {
  return Send(std::move(plan), passed, true);
}

Result<> StartChannel::Send(std::string plan, std::span<const int> passed, bool last) {
  size_t offset = 0;
  for (const SentPlan& sent : sent_) offset = sent.offset + sent.bytes.size();
  offset = (offset + kPlanAlignment - 1) / kPlanAlignment * kPlanAlignment;
  if (offset + plan.size() > kPlanSpace) {
    return Fail(ErrorKind::kInvalidArgument,
                "arguments, environment and mounts take {} bytes, more than the {} there are room"
                " for",
                plan.size(), kPlanSpace);
  }
  TRY(WriteAt(plans_, plan, offset));
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (last && fcntl(plans_.get(), F_ADD_SEALS, kSeals) != 0) return FailErrno("seal", "plan");
  PlanOrder order{static_cast<uint32_t>(offset)};
  ssize_t sent = SendPacket(socket_.get(), &order, sizeof order, passed.data(), passed.size());
  if (sent < 0 && errno != EPIPE && errno != ECONNRESET) {
    return FailErrno("send", "plan");
  }
  sent_.push_back({order.offset, std::move(plan)});
  return {};
}

Result<StartReply> StartChannel::Receive() {
  StartReply reply;
  int fd = -1;
  ssize_t count = ReceivePacket(socket_.get(), &reply.message, sizeof reply.message, &fd);
  // Reset: it was killed with an order still unread.
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return reply;
  if (count < 0) return FailErrno("receive", "start message");
  reply.kind = StartReply::Kind::kMessage;
  reply.fd.reset(fd);
  return reply;
}

StepDescription StartChannel::Describe(const StartMessage& message) const {
  for (const SentPlan& sent : sent_) {
    if (sent.offset == message.plan) return DescribeStep(sent.bytes, message.index);
  }
  return {"start", {}};
}

}  // namespace hoy::core
