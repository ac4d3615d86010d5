#include <gtest/gtest.h>
#include <linux/capability.h>

#include "core/seccomp/capabilities.h"

namespace hoy::core {
namespace {

constexpr CapabilitySet kEverything{(uint64_t{1} << 41) - 1};

CapabilitySet Of(std::initializer_list<int> capabilities) {
  CapabilitySet set;
  for (int capability : capabilities) set.Add(capability);
  return set;
}

CapabilitySet Computed(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                       bool privileged = false, CapabilitySet available = kEverything) {
  auto choice = ComputeCapabilities(add, drop, privileged, available);
  EXPECT_TRUE(choice) << choice.error().message;
  return choice ? choice->set : CapabilitySet{};
}

TEST(Capabilities, NamesAndNumbersAreTheKernels) {
  EXPECT_EQ(ParseCapability("NET_ADMIN"), CAP_NET_ADMIN);
  EXPECT_EQ(ParseCapability("cap_net_admin"), CAP_NET_ADMIN);
  EXPECT_EQ(ParseCapability("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
  EXPECT_EQ(ParseCapability("Chown"), CAP_CHOWN);
  EXPECT_EQ(ParseCapability("AUDIT_READ"), CAP_AUDIT_READ);
  EXPECT_EQ(ParseCapability("WAKE_ALARM"), CAP_WAKE_ALARM);
  EXPECT_EQ(ParseCapability("SETFCAP"), CAP_SETFCAP);
  EXPECT_EQ(ParseCapability("SYS_TTY_CONFIG"), CAP_SYS_TTY_CONFIG);
  EXPECT_EQ(ParseCapability("CHECKPOINT_RESTORE"), 40);
  for (int capability = 0; capability <= 40; ++capability) {
    EXPECT_EQ(ParseCapability(CapabilityName(capability)), capability);
  }
  for (const char* name : {"", "CAP_", "NET", "CAP_CAP_CHOWN", "12", "ALL"}) {
    EXPECT_FALSE(ParseCapability(name)) << name;
  }
  EXPECT_EQ(CapabilityName(50), "CAP_50");
}

TEST(Capabilities, TheDefaultSetIsDockers) {
  EXPECT_EQ(CapabilityNames(DefaultCapabilities()),
            (std::vector<std::string>{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
                                      "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
                                      "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT",
                                      "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP"}));
  EXPECT_EQ(Computed({}, {}), DefaultCapabilities());
}

TEST(Capabilities, AddAndDropFollowDockersRules) {
  CapabilitySet with_net_admin = DefaultCapabilities();
  with_net_admin.Add(CAP_NET_ADMIN);
  CapabilitySet without_mknod = DefaultCapabilities();
  without_mknod.Remove(CAP_MKNOD);
  CapabilitySet all_but_sys_admin = kEverything;
  all_but_sys_admin.Remove(CAP_SYS_ADMIN);

  EXPECT_EQ(Computed({"NET_ADMIN"}, {}), with_net_admin);
  EXPECT_EQ(Computed({}, {"MKNOD"}), without_mknod);
  EXPECT_EQ(Computed({"ALL"}, {}), kEverything);
  EXPECT_EQ(Computed({}, {"all"}), CapabilitySet{});
  EXPECT_EQ(Computed({"NET_RAW", "CAP_CHOWN"}, {"ALL"}), Of({CAP_NET_RAW, CAP_CHOWN}));
  EXPECT_EQ(Computed({"ALL"}, {"SYS_ADMIN"}), all_but_sys_admin);
  EXPECT_EQ(Computed({"MKNOD"}, {"MKNOD"}), DefaultCapabilities());
  EXPECT_EQ(Computed({}, {}, true), kEverything);
  EXPECT_EQ(Computed({}, {"SYS_ADMIN"}, true), all_but_sys_admin);
}

TEST(Capabilities, NobodyGetsWhatHoyHasNot) {
  CapabilitySet available = kEverything;
  available.Remove(CAP_SYS_RESOURCE);
  EXPECT_EQ(Computed({}, {}, true, available), available);
  EXPECT_EQ(Computed({"ALL"}, {}, false, available), available);
  auto choice = ComputeCapabilities({"SYS_RESOURCE", "NET_ADMIN"}, {}, false, available);
  ASSERT_TRUE(choice);
  EXPECT_TRUE(choice->set.Has(CAP_NET_ADMIN));
  EXPECT_FALSE(choice->set.Has(CAP_SYS_RESOURCE));
  EXPECT_EQ(choice->unavailable, Of({CAP_SYS_RESOURCE}));
}

TEST(Capabilities, AnUnknownNameGetsAHint) {
  auto choice = ComputeCapabilities({"NET_ADMNI"}, {}, false, kEverything);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(choice.error().message, "--cap-add 'NET_ADMNI': no such capability");
  EXPECT_NE(choice.error().hint.find("did you mean NET_ADMIN?"), std::string::npos);
  EXPECT_FALSE(ComputeCapabilities({}, {"SYS"}, false, kEverything));
}

TEST(Capabilities, AvailableOnesAreOurBoundingSet) {
  CapabilitySet available = AvailableCapabilities();
  EXPECT_EQ(available.bits & ~kEverything.bits, 0U);
  EXPECT_NE(available.bits, 0U);
}

}  // namespace
}  // namespace hoy::core
