#include "vm/acpi/tables.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "vm/ports.h"

namespace hvis::vm {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

class AcpiTest : public testing::Test {
protected:
    template <class T>
    T at(uint64_t address) {
        return *memory_.read<T>({address});
    }
    Bytes table(uint64_t address) {
        Bytes bytes(at<uint32_t>(address + 4));
        EXPECT_TRUE(memory_.copy_out({address}, bytes));
        return bytes;
    }
    static unsigned sum(const Bytes& bytes) {
        return std::accumulate(bytes.begin(), bytes.end(), 0U,
                               [](unsigned total, std::byte b) {
                                   return total + std::to_integer<unsigned>(b);
                               }) &
               0xff;
    }
    /// What iasl makes of a table; empty if it finds fault with it.
    static std::string disassemble(const Bytes& bytes, const std::string& name) {
        const auto folder =
            std::filesystem::temp_directory_path() / ("hvis-acpi-" + std::to_string(::getpid()));
        std::filesystem::create_directories(folder);
        const auto file = folder / (name + ".aml");
        std::ofstream(file, std::ios::binary)
            .write(static_cast<const char*>(static_cast<const void*>(bytes.data())),
                   static_cast<std::streamsize>(bytes.size()));
        const std::string command = std::string(HVIS_IASL) + " -d " + file.string() + " >" +
                                    (folder / "log").string() + " 2>&1";
        const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): a test's tool
        std::ifstream text(folder / (name + ".dsl"));
        std::stringstream result;
        result << text.rdbuf();
        std::filesystem::remove_all(folder);
        return status == 0 ? result.str() : std::string();
    }

    MemoryMap map_ = *MemoryMap::plan(6 * kGiB);
    GuestMemory memory_ = std::move(*GuestMemory::create(map_.ram, "test"));
    uint64_t rsdp_ = write_acpi_tables(memory_, map_, 3)->value;
    uint64_t xsdt_ = at<uint64_t>(rsdp_ + 24);
    uint64_t fadt_ = at<uint64_t>(xsdt_ + 36);
    uint64_t madt_ = at<uint64_t>(xsdt_ + 44);
    uint64_t dsdt_ = at<uint64_t>(fadt_ + 140);
};

TEST_F(AcpiTest, ChecksumsEveryTable) {
    Bytes rsdp(36);
    ASSERT_TRUE(memory_.copy_out({rsdp_}, rsdp));
    EXPECT_EQ(sum(rsdp), 0U);
    EXPECT_EQ(sum(Bytes(rsdp.begin(), rsdp.begin() + 20)), 0U);
    for (const auto address : {xsdt_, fadt_, madt_, dsdt_}) {
        EXPECT_EQ(sum(table(address)), 0U);
    }
}

TEST_F(AcpiTest, GivesTheVmbusTheWindowsOfTheMap) {
    const auto text = disassemble(table(dsdt_), "dsdt");
    ASSERT_FALSE(text.empty());
    EXPECT_NE(text.find("0x00000000F8000000, // Range Minimum"), std::string::npos) << text;
    EXPECT_NE(text.find("0x00000000FEBFFFFF, // Range Maximum"), std::string::npos);
    EXPECT_NE(text.find("0x00000001C0000000, // Range Minimum"), std::string::npos);
    EXPECT_NE(text.find("0x00000001FFFFFFFF, // Range Maximum"), std::string::npos);
    EXPECT_EQ(text.find("0x1111111"), std::string::npos);
    EXPECT_NE(text.find("\"VMBUS\""), std::string::npos);
    EXPECT_NE(text.find("PNP0501"), std::string::npos);
    EXPECT_NE(text.find("_S5"), std::string::npos);
}

TEST_F(AcpiTest, DescribesThePortsOfThePowerDevice) {
    const auto text = disassemble(table(fadt_), "fadt");
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(text.find("Invalid"), std::string::npos) << text;
    EXPECT_NE(text.find("Hardware Reduced (V5) : 1"), std::string::npos) << text;
    EXPECT_EQ(at<uint64_t>(fadt_ + 208 + 4), kPmTimerPort);
    EXPECT_EQ(at<uint64_t>(fadt_ + 116 + 4), kResetPort);
    EXPECT_EQ(at<uint64_t>(fadt_ + 244 + 4), kSleepControlPort);
    EXPECT_EQ(at<uint64_t>(fadt_ + 256 + 4), kSleepStatusPort);
}

TEST_F(AcpiTest, ListsEveryProcessorByItsIndex) {
    EXPECT_EQ(at<uint32_t>(madt_ + 36), 0xfee0'0000U);
    for (uint8_t i = 0; i < 3; ++i) {
        const uint64_t entry = madt_ + 44 + i * uint64_t{8};
        EXPECT_EQ(at<uint8_t>(entry), 0);
        EXPECT_EQ(at<uint8_t>(entry + 2), i);
        EXPECT_EQ(at<uint8_t>(entry + 3), i);
        EXPECT_EQ(at<uint32_t>(entry + 4), 1U);
    }
    EXPECT_FALSE(disassemble(table(madt_), "madt").empty());
}

TEST_F(AcpiTest, OffersHibernationOnlyWhereAsked) {
    EXPECT_EQ(at<uint32_t>(xsdt_ + 4), 36U + 2 * 8);
    ASSERT_TRUE(write_acpi_tables(memory_, map_, 3, Hibernation::kOffered));
    const auto xsdt = at<uint64_t>(rsdp_ + 24);
    ASSERT_EQ(at<uint32_t>(xsdt + 4), 36U + 3 * 8);
    const auto text = disassemble(table(at<uint64_t>(xsdt + 36 + 16)), "ssdt");
    EXPECT_NE(text.find("Name (_S4, Package (0x04)"), std::string::npos) << text;
}

TEST_F(AcpiTest, HasRoomForEveryProcessorThatAMachineMayHave) {
    EXPECT_TRUE(write_acpi_tables(memory_, map_, 64));
    EXPECT_FALSE(write_acpi_tables(memory_, map_, 0));
    EXPECT_FALSE(write_acpi_tables(memory_, map_, 256));
}

}  // namespace
}  // namespace hvis::vm
