#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>
#include <sys/random.h>

#include "control/field_reader.h"
#include "control/service_versions.h"
#include "manager/definition/vm_definition.h"

namespace hvis::manager {
namespace {

using control::Bounds;
using control::FieldError;
using control::FieldReader;
using control::Json;
using std::chrono::milliseconds;

constexpr uint64_t kMebibyte = uint64_t{1024} * 1024;
/// What a worker takes: src/worker/config.h.
struct MemoryBounds {
    uint64_t lowest;
    uint64_t highest;
    const char* expected;
};
constexpr MemoryBounds kKvmMemory{
    .lowest = 64 * kMebibyte,
    .highest = 512 * 1024 * kMebibyte,
    .expected = "expected 64M..512G in whole MiB, as \"512M\" or in bytes"};
constexpr MemoryBounds kLoopbackMemory{
    .lowest = kMebibyte,
    .highest = 1024 * kMebibyte,
    .expected = "expected 1M..1G in whole MiB with partition \"loopback\", as \"64M\" or in bytes"};
constexpr Bounds kProcessors{.lowest = 1, .highest = 64};
constexpr size_t kMaxPath = 4095;
/// COMMAND_LINE_SIZE of 64-bit Linux, less the final NUL.
constexpr size_t kMaxAppend = 2047;
constexpr Bounds kOrder{.lowest = 0, .highest = 1'000'000};
constexpr Bounds kDelay{.lowest = 0, .highest = 86'400'000};
constexpr Bounds kStopTimeout{.lowest = 1, .highest = 86'400'000};
constexpr Bounds kAttempts{.lowest = 0, .highest = 1000};
constexpr std::array<std::string_view, 8> kVmbusVersions = {"2.4", "3.0", "4.0", "4.1",
                                                            "5.0", "5.1", "5.2", "5.3"};

void read_section(FieldReader& reader, std::string_view name, auto read) {
    const Json* object = reader.object(name);
    if (object == nullptr) {
        return;
    }
    FieldReader section(*object, reader.place(name));
    read(section);
    if (const auto finished = section.finish(); !finished) {
        reader.complain(finished.error());
    }
}

template <class Word>
void read_word(FieldReader& reader, std::string_view name, std::span<const std::string_view> words,
               Word& word) {
    if (const auto index = reader.choice(name, words)) {
        word = static_cast<Word>(*index);
    }
}

void read_flag(FieldReader& reader, std::string_view name, bool& flag) {
    flag = reader.boolean(name).value_or(flag);
}

void read_count(FieldReader& reader, std::string_view name, Bounds bounds, uint32_t& count) {
    count = static_cast<uint32_t>(reader.integer(name, bounds).value_or(count));
}

void read_duration(FieldReader& reader, std::string_view name, Bounds bounds, milliseconds& time) {
    time = milliseconds(reader.integer(name, bounds).value_or(time.count()));
}

void read_id(FieldReader& reader, Guid& id) {
    if (const auto text = reader.text("id", 64)) {
        if (const auto guid = Guid::parse(*text)) {
            id = *guid;
        } else {
            reader.complain("id", "expected a GUID such as 5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f");
        }
        return;
    }
    if (reader.has("id")) {
        return;
    }
    // RFC 4122 section 4.4; byte 7 holds the version because the third field is little-endian.
    if (::getrandom(id.bytes.data(), id.bytes.size(), 0) != static_cast<ssize_t>(id.bytes.size())) {
        reader.complain("id", "no random numbers to make one up: give one");
    }
    id.bytes[7] = static_cast<uint8_t>((id.bytes[7] & 0x0fU) | 0x40U);
    id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3fU) | 0x80U);
}

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void read_name(FieldReader& reader, std::string& name) {
    reader.require("name");
    name = reader.text("name", kMaxVmName).value_or(std::string());
    const bool plain = std::ranges::all_of(
        name, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
    if (name.empty() || !plain || !is_alphanumeric(name.front())) {
        reader.complain(
            "name", "expected 1..64 letters, digits, '.', '_' and '-', a letter or digit first");
        return;
    }
    // Whoever names a VM may use its id: a name that looks like one would be ambiguous.
    if (Guid::parse(name)) {
        reader.complain("name", "must not look like an id");
    }
}

/// "512M", "2G", "1073741824".
std::optional<uint64_t> parse_size(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    constexpr std::string_view kUnits = "KMGT";
    unsigned shift = 0;
    if (!text.empty()) {
        const size_t unit = kUnits.find(text.front());
        if (unit == std::string_view::npos || text.size() != 1) {
            return std::nullopt;
        }
        shift = 10 * (static_cast<unsigned>(unit) + 1);
    }
    if (number > (UINT64_MAX >> shift)) {
        return std::nullopt;
    }
    return number << shift;
}

void read_memory(FieldReader& reader, PartitionKind partition, uint64_t& memory) {
    const MemoryBounds& bounds =
        partition == PartitionKind::kLoopback ? kLoopbackMemory : kKvmMemory;
    reader.require("memory");
    const Json* value = reader.any("memory");
    if (value == nullptr) {
        return;
    }
    std::optional<uint64_t> bytes;
    if (value->is_number_integer() && *value >= 0) {
        bytes = value->get<uint64_t>();
    } else if (const auto* text = value->get_ptr<const std::string*>(); text != nullptr) {
        bytes = parse_size(*text);
    }
    if (!bytes || *bytes < bounds.lowest || *bytes > bounds.highest || *bytes % kMebibyte != 0) {
        reader.complain("memory", bounds.expected);
        return;
    }
    memory = *bytes;
}

/// Absolute: hvisd and the worker have no working directory that the administrator knows of.
void read_path(FieldReader& reader, std::string_view name, std::string& path) {
    if (auto text = reader.text(name, kMaxPath)) {
        if (!text->empty() && text->front() != '/') {
            reader.complain(name, "expected an absolute path");
            return;
        }
        path = std::move(*text);
    }
}

void read_boot(FieldReader& reader, VmDefinition& definition) {
    read_path(reader, "kernel", definition.kernel);
    read_path(reader, "initrd", definition.initrd);
    definition.append = reader.text("append", kMaxAppend).value_or(std::string());
    if (definition.partition == PartitionKind::kKvm && definition.kernel.empty()) {
        reader.require("kernel");
        reader.complain("kernel", "expected an absolute path");
    }
}

void read_services(FieldReader& reader, VmDefinition& definition) {
    definition.services.fill(true);
    read_section(reader, "services", [&](FieldReader& section) {
        for (size_t index = 0; index < definition.services.size(); ++index) {
            read_flag(section, control::kServiceWords[index], definition.services[index]);
        }
    });
}

void read_service_versions(FieldReader& reader, VmDefinition& definition) {
    read_section(reader, "service_versions", [&](FieldReader& section) {
        for (size_t index = 0; index < definition.service_versions.size(); ++index) {
            const auto words = control::version_words(static_cast<control::Service>(index));
            if (const auto chosen = section.choice(control::kServiceWords[index], words)) {
                definition.service_versions[index] = words[*chosen];
            }
        }
    });
}

void read_policies(FieldReader& reader, VmDefinition& definition) {
    read_section(reader, "heartbeat", [&](FieldReader& section) {
        definition.heartbeat = control::read_policy_change(section).applied_to({});
    });
    read_section(reader, "autostart", [&](FieldReader& section) {
        Autostart& autostart = definition.autostart;
        read_flag(section, "enabled", autostart.enabled);
        read_count(section, "order", kOrder, autostart.order);
        read_duration(section, "delay_ms", kDelay, autostart.delay);
        read_duration(section, "stop_timeout_ms", kStopTimeout, autostart.stop_timeout);
    });
    read_section(reader, "restart", [&](FieldReader& section) {
        RestartPolicy& restart = definition.restart;
        read_word(section, "when", kRestartWords, restart.when);
        read_count(section, "attempts", kAttempts, restart.attempts);
        read_duration(section, "first_delay_ms", kDelay, restart.first_delay);
        read_duration(section, "longest_delay_ms", kDelay, restart.longest_delay);
        if (restart.first_delay > restart.longest_delay) {
            section.complain("first_delay_ms", "expected no more than longest_delay_ms, which is " +
                                                   std::to_string(restart.longest_delay.count()));
        }
        read_duration(section, "forgive_after_ms", kDelay, restart.forgive_after);
    });
}

}  // namespace

Result<VmDefinition, FieldError> parse_definition(const Json& value) {
    VmDefinition definition;
    FieldReader reader(value);
    read_id(reader, definition.id);
    read_name(reader, definition.name);
    definition.description = reader.text("description", kMaxDescription).value_or(std::string());
    read_word(reader, "partition", kPartitionWords, definition.partition);
    read_memory(reader, definition.partition, definition.memory);
    read_count(reader, "processors", kProcessors, definition.processors);
    read_boot(reader, definition);
    read_services(reader, definition);
    read_service_versions(reader, definition);
    read_policies(reader, definition);
    read_word(reader, "on_crash", kStopWords, definition.on_crash);
    read_word(reader, "on_reset", kStopWords, definition.on_reset);
    read_section(reader, "vmbus", [&](FieldReader& section) {
        if (const auto index = section.choice("max_version", kVmbusVersions)) {
            definition.vmbus_max_version = kVmbusVersions[*index];
        }
    });
    read_section(reader, "acpi",
                 [&](FieldReader& section) { read_flag(section, "s4", definition.acpi_s4); });
    HVIS_CHECK(reader.finish());
    return definition;
}

}  // namespace hvis::manager
