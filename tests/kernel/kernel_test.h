// What every test against the live kernel needs of its host; without it the test is skipped and
// says what is missing (.ci/run counts that as a failure).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tc::test {

class KernelTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root may load eBPF programs";
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
      GTEST_SKIP() << "this kernel has no BTF (/sys/kernel/btf/vmlinux)";
  }
};

}  // namespace tc::test
