#include "vm/acpi/table.h"

#include <numeric>

namespace hvis::vm {
namespace {

constexpr size_t kLength = 4;
constexpr size_t kRevision = 8;
constexpr size_t kChecksum = 9;
constexpr size_t kOemId = 10;
constexpr size_t kOemTableId = 16;
constexpr size_t kOemRevision = 24;
constexpr size_t kCreatorId = 28;
constexpr size_t kCreatorRevision = 32;

}  // namespace

uint8_t acpi_checksum(ByteView bytes) {
    const auto sum = std::accumulate(
        bytes.begin(), bytes.end(), 0U,
        [](unsigned total, std::byte b) { return total + std::to_integer<unsigned>(b); });
    return static_cast<uint8_t>(-sum);
}

AcpiTable::AcpiTable(std::string_view signature, uint8_t revision, size_t size) : bytes_(size) {
    std::memcpy(bytes_.data(), signature.data(), signature.size());
    put(kRevision, revision);
    std::memcpy(bytes_.data() + kOemId, "HVIS  ", 6);
    std::memcpy(bytes_.data() + kOemTableId, "HVIS    ", 8);
    put(kOemRevision, uint32_t{1});
    std::memcpy(bytes_.data() + kCreatorId, "HVIS", 4);
    put(kCreatorRevision, uint32_t{1});
}

const Bytes& AcpiTable::finish() {
    put(kLength, static_cast<uint32_t>(bytes_.size()));
    put(kChecksum, uint8_t{0});
    put(kChecksum, acpi_checksum(bytes_));
    return bytes_;
}

}  // namespace hvis::vm
