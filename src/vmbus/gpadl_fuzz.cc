// Headers and bodies in any order, of any size: the sums stay right and no quota is passed.

#include "vmbus/fuzz_script.h"
#include "vmbus/gpadl.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::vmbus;

constexpr int kMaxSteps = 300;
constexpr uint32_t kHandles = 8;

std::vector<uint64_t> words(FuzzScript& script, size_t limit) {
    std::vector<uint64_t> all(script.below(static_cast<uint32_t>(limit) + 1));
    for (auto& word : all) {
        word = script.number<uint16_t>();
    }
    if (!all.empty() && script.byte() % 8 == 0) {
        all.front() = script.number<uint64_t>();
    }
    return all;
}

void take_step(FuzzScript& script, GpadlTable& table) {
    const uint32_t handle = script.below(kHandles);
    const OfferId offer{1 + script.below(3)};
    switch (script.below(5)) {
        case 0: {
            const auto progress = table.begin(
                offer, {.relid = offer.value,
                        .gpadl = handle,
                        .range_buffer_size = static_cast<uint16_t>(script.number<uint16_t>() & ~7U),
                        .range_count = static_cast<uint16_t>(1 + script.below(3)),
                        .words = words(script, wire::kMaxGpadlHeaderWords)});
            require(!progress || *progress == GpadlProgress::kMoreToCome || table.find(handle));
            break;
        }
        case 1: {
            const bool unfinished = table.unfinished_owner(handle).has_value();
            const auto progress =
                table.append({.gpadl = handle, .words = words(script, wire::kMaxGpadlBodyWords)});
            require(unfinished || !progress);
            break;
        }
        case 2:
            table.erase(handle);
            require(table.find(handle) == nullptr);
            break;
        case 3:
            table.erase_channel(offer);
            break;
        default:
            if (const auto* gpadl = table.find(handle)) {
                for (const auto& range : gpadl->memory.ranges) {
                    require(gpadl->memory.pages_of(range).size() == range.page_count);
                }
            }
            break;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    FuzzScript script(data, size);
    GpadlTable table;
    for (int step = 0; step < kMaxSteps && !script.ended(); ++step) {
        take_step(script, table);
        require(table.consistent());
    }
    table.clear();
    require(table.consistent() && table.count() == 0);
    return 0;
}
