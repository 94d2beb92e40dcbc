#include "vm/boot/linux.h"

#include <functional>
#include <string>

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "vm/boot/fake_kernel.h"

namespace hvis::vm {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class LinuxTest : public testing::Test {
protected:
    Result<InitialState> load(const Bytes& kernel, const Bytes* initrd = nullptr,
                              std::string command_line = "console=ttyS0") {
        const BytesImage kernel_image(kernel);
        const BytesImage initrd_image(initrd != nullptr ? ByteView(*initrd) : ByteView());
        return load_linux(memory_, map_,
                          {.kernel = kernel_image,
                           .initrd = initrd != nullptr ? &initrd_image : nullptr,
                           .command_line = std::move(command_line),
                           .rsdp = {0xe0000}});
    }
    Errc code_of(const Bytes& kernel) {
        const auto result = load(kernel);
        EXPECT_FALSE(result);
        return result ? Errc::kOs : result.error().code;
    }
    template <class T>
    T zero_page(uint64_t offset) {
        return *memory_.read<T>({state_.boot_params + offset});
    }

    const Bytes code_{std::byte{0xf4}, std::byte{0x90}};
    MemoryMap map_ = *MemoryMap::plan(64 * kMiB);
    GuestMemory memory_ = std::move(*GuestMemory::create(map_.ram, "test"));
    InitialState state_;
};

TEST_F(LinuxTest, StartsABzimageAtIts64BitEntry) {
    const auto state = load(make_bzimage(code_));
    ASSERT_TRUE(state) << state.error().what;
    EXPECT_EQ(state->entry, kFakeBzimageEntry);
    EXPECT_EQ(memory_.read<uint8_t>({state->entry}), 0xf4);
}

TEST_F(LinuxTest, StartsAVmlinuxAtItsEntry) {
    const auto state = load(make_vmlinux(code_));
    ASSERT_TRUE(state) << state.error().what;
    EXPECT_EQ(state->entry, kFakeVmlinuxEntry);
    EXPECT_EQ(memory_.read<uint8_t>({state->entry + 1}), 0x90);
}

TEST_F(LinuxTest, TellsTheKernelEverythingInTheZeroPage) {
    const Bytes initrd(5000, std::byte{0x77});
    const auto state = load(make_bzimage(code_), &initrd, "quiet");
    ASSERT_TRUE(state);
    state_ = *state;
    EXPECT_EQ(zero_page<uint32_t>(0x202), 0x53726448U);
    EXPECT_EQ(zero_page<uint8_t>(0x210), 0xff);
    EXPECT_EQ(zero_page<uint64_t>(0x070), 0xe0000U);
    const auto command_line = zero_page<uint32_t>(0x228);
    std::array<char, 6> text{};
    ASSERT_TRUE(memory_.copy_out({command_line}, std::as_writable_bytes(std::span(text))));
    EXPECT_STREQ(text.data(), "quiet");
    const auto address = zero_page<uint32_t>(0x218);
    EXPECT_EQ(zero_page<uint32_t>(0x21c), 5000U);
    EXPECT_EQ(address % kPageSize, 0U);
    EXPECT_EQ(address, 64 * kMiB - 2 * kPageSize);
    EXPECT_EQ(memory_.read<uint8_t>({address + 4999}), 0x77);
}

TEST_F(LinuxTest, DescribesAllRamInTheE820Map) {
    ASSERT_TRUE(load(make_bzimage(code_)));
    state_.boot_params = load(make_bzimage(code_))->boot_params;
    ASSERT_EQ(zero_page<uint8_t>(0x1e8), 3);
    EXPECT_EQ(zero_page<uint64_t>(0x2d0), 0U);
    EXPECT_EQ(zero_page<uint64_t>(0x2d8), 0x9fc00U);
    EXPECT_EQ(zero_page<uint32_t>(0x2e0), 1U);
    EXPECT_EQ(zero_page<uint32_t>(0x2e0 + 20), 2U);
    EXPECT_EQ(zero_page<uint64_t>(0x2d0 + 40), kMiB);
    EXPECT_EQ(zero_page<uint64_t>(0x2d8 + 40), 63 * kMiB);
}

TEST_F(LinuxTest, MapsTheFirst4GiBOneToOne) {
    const auto state = load(make_bzimage(code_));
    ASSERT_TRUE(state);
    for (const uint64_t address : {uint64_t{0}, kFakeVmlinuxEntry, uint64_t{0xffff'f000}}) {
        const auto entry = [&](uint64_t table, unsigned shift) {
            return *memory_.read<uint64_t>(
                {(table & ~uint64_t{0xfff}) + ((address >> shift) & 511) * 8});
        };
        const auto leaf = entry(entry(entry(state->page_tables, 39), 30), 21);
        EXPECT_EQ(leaf, (address & ~(2 * kMiB - 1)) | 0x83) << std::hex << address;
    }
    EXPECT_EQ(memory_.read<uint64_t>({state->gdt + 0x10}), 0x00af'9b00'0000'ffffU);
}

TEST_F(LinuxTest, LetsAJumpToTheFirmwareResetTheMachine) {
    ASSERT_TRUE(load(make_bzimage(code_)));
    std::array<uint8_t, 6> code{};
    ASSERT_TRUE(memory_.copy_out({0xffff0}, std::as_writable_bytes(std::span(code))));
    EXPECT_EQ(code, (std::array<uint8_t, 6>{0xba, 0x02, 0x06, 0xb0, 0x01, 0xee}));
}

TEST_F(LinuxTest, RefusesEveryPrefixOfABzimage) {
    const auto image = make_bzimage(code_);
    for (size_t size = 0; size < image.size(); ++size) {
        const auto state = load(Bytes(image.begin(), image.begin() + static_cast<ptrdiff_t>(size)));
        ASSERT_FALSE(state) << size;
        EXPECT_TRUE(state.error().what.starts_with("kernel: ")) << state.error().what;
    }
}

TEST_F(LinuxTest, RefusesEveryPrefixOfAVmlinux) {
    const auto image = make_vmlinux(code_);
    for (size_t size = 0; size < image.size(); ++size) {
        const auto state = load(Bytes(image.begin(), image.begin() + static_cast<ptrdiff_t>(size)));
        ASSERT_FALSE(state) << size;
        EXPECT_TRUE(state.error().what.starts_with("kernel: ")) << state.error().what;
    }
}

struct BadField {
    const char* what;
    std::function<void(Bytes&)> spoil;
    Errc code;
};

TEST_F(LinuxTest, RefusesBzimagesThatItCannotStart) {
    const BadField fields[] = {
        {"old protocol", [](Bytes& i) { poke<uint16_t>(i, 0x206, 0x020b); }, Errc::kUnsupported},
        {"no 64-bit entry", [](Bytes& i) { poke<uint16_t>(i, 0x236, 0); }, Errc::kUnsupported},
        {"short header", [](Bytes& i) { poke<uint8_t>(i, 0x201, 0x61); }, Errc::kInvalid},
        {"long header", [](Bytes& i) { poke<uint8_t>(i, 0x201, 0xff); }, Errc::kInvalid},
        {"no alignment", [](Bytes& i) { poke<uint32_t>(i, 0x230, 0); }, Errc::kInvalid},
        {"odd alignment", [](Bytes& i) { poke<uint32_t>(i, 0x230, 3); }, Errc::kInvalid},
        {"too many sectors", [](Bytes& i) { poke<uint8_t>(i, 0x1f1, 200); }, Errc::kInvalid},
        {"no code", [](Bytes& i) { poke<uint32_t>(i, 0x1f4, 0); }, Errc::kInvalid},
        {"no code at the entry", [](Bytes& i) { poke<uint32_t>(i, 0x1f4, 0x20); }, Errc::kInvalid},
        {"more code than file", [](Bytes& i) { poke<uint32_t>(i, 0x1f4, 0xffff'ffff); },
         Errc::kInvalid},
        {"low address", [](Bytes& i) { poke<uint64_t>(i, 0x258, 0); }, Errc::kInvalid},
        {"huge address", [](Bytes& i) { poke<uint64_t>(i, 0x258, 0xffff'ffff'ffe0'0000); },
         Errc::kLimit},
        {"high address", [](Bytes& i) { poke<uint64_t>(i, 0x258, 64 * kMiB); }, Errc::kLimit},
        {"huge init size", [](Bytes& i) { poke<uint32_t>(i, 0x260, 0xffff'ffff); }, Errc::kLimit},
    };
    for (const auto& field : fields) {
        auto image = make_bzimage(code_);
        field.spoil(image);
        EXPECT_EQ(code_of(image), field.code) << field.what;
    }
}

TEST_F(LinuxTest, RefusesVmlinuxesThatItCannotStart) {
    constexpr size_t kSegment = sizeof(Elf64_Ehdr);
    const BadField fields[] = {
        {"32 bits", [](Bytes& i) { poke<uint8_t>(i, EI_CLASS, ELFCLASS32); }, Errc::kInvalid},
        {"machine", [](Bytes& i) { poke<uint16_t>(i, 18, EM_AARCH64); }, Errc::kInvalid},
        {"object", [](Bytes& i) { poke<uint16_t>(i, 16, ET_REL); }, Errc::kInvalid},
        {"header size", [](Bytes& i) { poke<uint16_t>(i, 54, 8); }, Errc::kInvalid},
        {"no headers", [](Bytes& i) { poke<uint16_t>(i, 56, 0); }, Errc::kInvalid},
        {"many headers", [](Bytes& i) { poke<uint16_t>(i, 56, 0xffff); }, Errc::kInvalid},
        {"headers far away", [](Bytes& i) { poke<uint64_t>(i, 32, ~uint64_t{0}); }, Errc::kInvalid},
        {"entry outside", [](Bytes& i) { poke<uint64_t>(i, 24, 0x200'0000); }, Errc::kInvalid},
        {"file beyond memory", [](Bytes& i) { poke<uint64_t>(i, kSegment + 32, 0x10'0000); },
         Errc::kInvalid},
        {"low segment", [](Bytes& i) { poke<uint64_t>(i, kSegment + 24, 0x1000); }, Errc::kInvalid},
        {"high segment", [](Bytes& i) { poke<uint64_t>(i, kSegment + 24, ~uint64_t{0}); },
         Errc::kLimit},
        {"huge segment", [](Bytes& i) { poke<uint64_t>(i, kSegment + 40, ~uint64_t{0}); },
         Errc::kLimit},
        {"nothing to load", [](Bytes& i) { poke<uint32_t>(i, kSegment, PT_NOTE); }, Errc::kInvalid},
        {"data far away", [](Bytes& i) { poke<uint64_t>(i, kSegment + 8, ~uint64_t{0}); },
         Errc::kInvalid},
    };
    for (const auto& field : fields) {
        auto image = make_vmlinux(code_);
        field.spoil(image);
        EXPECT_EQ(code_of(image), field.code) << field.what;
    }
}

TEST_F(LinuxTest, RefusesWhatIsNoKernelAtAll) {
    EXPECT_EQ(code_of({}), Errc::kInvalid);
    EXPECT_EQ(code_of(Bytes(4096)), Errc::kInvalid);
}

TEST_F(LinuxTest, KeepsTheInitrdOutOfTheKernelsWay) {
    const auto kernel = make_bzimage(code_);
    const Bytes fits(64 * kMiB - 17 * kMiB);
    EXPECT_TRUE(load(kernel, &fits));
    const Bytes too_large(fits.size() + 1);
    ASSERT_FALSE(load(kernel, &too_large));
    EXPECT_EQ(load(kernel, &too_large).error().code, Errc::kLimit);
    const Bytes empty;
    EXPECT_FALSE(load(kernel, &empty));
    auto low = kernel;
    poke<uint32_t>(low, 0x22c, 0x1000);  // no initrd above 4 KiB
    const Bytes small(100);
    EXPECT_FALSE(load(low, &small));
}

TEST_F(LinuxTest, NeverCutsTheCommandLine) {
    const auto kernel = make_bzimage(code_);
    EXPECT_TRUE(load(kernel, nullptr, std::string(2047, 'a')));
    EXPECT_FALSE(load(kernel, nullptr, std::string(2048, 'a')));
    EXPECT_FALSE(load(kernel, nullptr, std::string("a\0b", 3)));
    auto boastful = kernel;
    poke<uint32_t>(boastful, 0x238, 0xffff'ffff);
    EXPECT_FALSE(load(boastful, nullptr, std::string(0x10000, 'a')));
}

TEST(FileImage, FailsWhenTheFileShrinksAndWhenItIsNoFile) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(ftruncate(fileno(file), 100), 0);
    const auto image = FileImage::adopt(UniqueFd(dup(fileno(file))));
    ASSERT_TRUE(image);
    std::array<std::byte, 50> bytes;
    EXPECT_TRUE((*image)->read_at(50, bytes));
    EXPECT_FALSE((*image)->read_at(51, bytes));
    EXPECT_FALSE((*image)->read_at(~uint64_t{0}, bytes));
    ASSERT_EQ(ftruncate(fileno(file), 60), 0);
    EXPECT_FALSE((*image)->read_at(50, bytes));
    std::fclose(file);
    EXPECT_FALSE(FileImage::open("/dev/null"));
    EXPECT_FALSE(FileImage::open("/nonexistent"));
}

}  // namespace
}  // namespace hvis::vm
