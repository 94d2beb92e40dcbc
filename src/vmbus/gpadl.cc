#include "vmbus/gpadl.h"

#include <algorithm>
#include <utility>

namespace hvis::vmbus {
namespace {

constexpr size_t kWordSize = sizeof(uint64_t);

size_t words_of(const wire::GpaRanges& memory) {
    return memory.ranges.size() + memory.pages.size();
}

}  // namespace

Result<GpadlProgress> GpadlTable::begin(OfferId offer, wire::GpadlHeader header) {
    const size_t wanted = header.range_buffer_size / kWordSize;
    if (wanted * kWordSize != header.range_buffer_size) {
        return fail(Errc::kInvalid, "GPADL ends within a word");
    }
    // A range is at least a word of its own and one page.
    if (header.range_count == 0 || size_t{header.range_count} * 2 > wanted) {
        return fail(Errc::kInvalid, "GPADL with no range or no room for its ranges");
    }
    if (complete_.contains(header.gpadl) || unfinished_.contains(header.gpadl)) {
        return fail(Errc::kInvalid, "GPADL handle is in use");
    }
    if (count() >= kMaxGpadls) {
        return fail(Errc::kLimit, "too many GPADLs");
    }
    if (wanted > kMaxGpadlWords - words_) {
        return fail(Errc::kLimit, "GPADLs name too many pages");
    }
    if (unfinished_.size() >= kMaxGpadlsInProgress) {
        return fail(Errc::kLimit, "too many unfinished GPADLs");
    }
    words_ += wanted;
    auto& gpadl = unfinished_[header.gpadl];
    gpadl.owner = {.offer = offer, .relid = header.relid};
    gpadl.range_count = header.range_count;
    gpadl.wanted_words = wanted;
    gpadl.words = std::move(header.words);
    if (gpadl.words.size() < wanted) {
        gpadl.words.reserve(wanted);  // and never a byte more, as kMaxGpadlBytes reckons
        return GpadlProgress::kMoreToCome;
    }
    gpadl.words.resize(wanted);
    return complete(header.gpadl);
}

Result<GpadlProgress> GpadlTable::append(const wire::GpadlBody& body) {
    const auto found = unfinished_.find(body.gpadl);
    if (found == unfinished_.end()) {
        return fail(Errc::kNotFound, "GPADL body without an unfinished GPADL");
    }
    auto& gpadl = found->second;
    const size_t missing = gpadl.wanted_words - gpadl.words.size();
    const size_t taken = std::min(missing, body.words.size());
    gpadl.words.insert(gpadl.words.end(), body.words.begin(),
                       body.words.begin() + static_cast<ptrdiff_t>(taken));
    return taken < missing ? GpadlProgress::kMoreToCome : complete(body.gpadl);
}

Result<GpadlProgress> GpadlTable::complete(uint32_t handle) {
    const auto node = unfinished_.extract(handle);
    const auto& gpadl = node.mapped();
    wire::GpaRanges memory;
    if (const auto parsed = wire::parse_gpa_ranges(gpadl.words, gpadl.range_count, memory);
        !parsed) {
        words_ -= gpadl.wanted_words;
        return std::unexpected(parsed.error());
    }
    complete_[handle] = {.owner = gpadl.owner, .memory = std::move(memory)};
    return GpadlProgress::kComplete;
}

const Gpadl* GpadlTable::find(uint32_t handle) const {
    const auto found = complete_.find(handle);
    return found == complete_.end() ? nullptr : &found->second;
}

Gpadl* GpadlTable::find(uint32_t handle) {
    const auto found = complete_.find(handle);
    return found == complete_.end() ? nullptr : &found->second;
}

std::optional<GpadlOwner> GpadlTable::unfinished_owner(uint32_t handle) const {
    const auto found = unfinished_.find(handle);
    return found == unfinished_.end() ? std::nullopt : std::optional(found->second.owner);
}

void GpadlTable::erase(uint32_t handle) {
    if (const auto node = complete_.extract(handle)) {
        words_ -= words_of(node.mapped().memory);
    } else if (const auto unfinished = unfinished_.extract(handle)) {
        words_ -= unfinished.mapped().wanted_words;
    }
}

void GpadlTable::erase_channel(OfferId offer) {
    std::erase_if(complete_, [&](const auto& entry) {
        const bool ours = entry.second.owner.offer == offer;
        words_ -= ours ? words_of(entry.second.memory) : 0;
        return ours;
    });
    std::erase_if(unfinished_, [&](const auto& entry) {
        const bool ours = entry.second.owner.offer == offer;
        words_ -= ours ? entry.second.wanted_words : 0;
        return ours;
    });
}

void GpadlTable::clear() {
    complete_.clear();
    unfinished_.clear();
    words_ = 0;
}

std::vector<uint32_t> GpadlTable::releasing(OfferId offer) const {
    std::vector<uint32_t> handles;
    for (const auto& [handle, gpadl] : complete_) {
        if (gpadl.owner.offer == offer && gpadl.releasing) {
            handles.push_back(handle);
        }
    }
    return handles;
}

bool GpadlTable::consistent() const {
    size_t words = 0;
    for (const auto& [handle, gpadl] : complete_) {
        words += words_of(gpadl.memory);
    }
    for (const auto& [handle, gpadl] : unfinished_) {
        words += gpadl.wanted_words;
        if (gpadl.words.size() >= gpadl.wanted_words || complete_.contains(handle)) {
            return false;
        }
    }
    return words == words_ && words_ <= kMaxGpadlWords && count() <= kMaxGpadls &&
           unfinished_.size() <= kMaxGpadlsInProgress;
}

bool GpadlTable::owned_only_by(const std::function<bool(const GpadlOwner&)>& known) const {
    return std::ranges::all_of(complete_, [&](const auto& e) { return known(e.second.owner); }) &&
           std::ranges::all_of(unfinished_, [&](const auto& e) { return known(e.second.owner); });
}

}  // namespace hvis::vmbus
