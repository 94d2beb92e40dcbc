// Files that are no kernel: hvis-vm looks into them once it has a virtual machine to put them in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/machine.h"
#include "harness/suite.h"

namespace hvis::guests {
namespace {

using testing::HasSubstr;

class BadKernel : public testing::Test {
protected:
    /// Boots a file of these bytes, which must fail with a line about the kernel.
    void expect_refusal(const std::string& bytes, unsigned memory_mib = 64) {
        write_file(scratch_.path("kernel"), bytes);
        const MachineConfig config{.memory_mib = memory_mib, .kernel = scratch_.path("kernel")};
        write_file(scratch_.path("config.json"),
                   config_text(config, {.control = scratch_.path("control"),
                                        .serial = scratch_.path("serial")}));
        const Finished finished = run_program({hvis_vm(), scratch_.path("config.json")});
        EXPECT_EQ(finished.status, 1);
        EXPECT_THAT(finished.errors, HasSubstr("kernel"));
        EXPECT_EQ(std::ranges::count(finished.errors, '\n'), 1) << finished.errors;
    }

    Scratch scratch_;
};

TEST_F(BadKernel, IsRefusedWhenItIsText) { expect_refusal("I am no kernel\n"); }

TEST_F(BadKernel, IsRefusedWhenItIsEmpty) { expect_refusal(""); }

TEST_F(BadKernel, IsRefusedWhenItIsAProgramCutShort) {
    expect_refusal(read_file(hvis_vm()).substr(0, 4096));
}

TEST_F(BadKernel, IsRefusedWhenItIsAKernelCutShort) {
    expect_refusal(read_file(suite().kernel).substr(0, 100'000), 512);
}

}  // namespace
}  // namespace hvis::guests
