#include "worker/config.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <nlohmann/json.hpp>

#include "control/field_reader.h"
#include "control/kvp_limits.h"
#include "wire/kvp.h"

namespace hvis::worker {
namespace {

using control::FieldError;
using control::FieldReader;
using control::Json;
using control::KvpPair;

constexpr uint64_t kMebibyte = uint64_t{1024} * 1024;
// What is accepted here can be sent.
static_assert(control::kKvpKeyLimits.units == wire::kMaxKvpKeyUnits &&
              control::kKvpKeyLimits.bytes == wire::kMaxKvpKeyBytes &&
              control::kKvpValueLimits.units == wire::kMaxKvpValueUnits &&
              control::kKvpValueLimits.bytes == wire::kMaxKvpValueBytes);

constexpr size_t kMaxNameBytes = 64;
/// A year, in seconds.
constexpr int64_t kMaxRtcOffset = int64_t{366} * 24 * 60 * 60;
constexpr std::string_view kSizeExpected =
    "expected 64M..512G in whole MiB, as \"512M\" or in bytes";
constexpr std::string_view kLoopbackSizeExpected =
    "expected 1M..1G in whole MiB with partition \"loopback\", as \"64M\" or in bytes";
constexpr std::array<std::string_view, 2> kPartitionWords = {"kvm", "loopback"};
constexpr std::array<std::string_view, 2> kStopActionWords = {"restart", "stop"};

/// Reads a nested object with `read`, and hands what is wrong in it to the outer reader.
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

void read_name(FieldReader& reader, std::string& name) {
    reader.require("name");
    name = reader.text("name", kMaxNameBytes).value_or(std::string());
    const bool plain = std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
    if (name.empty() || !plain) {
        reader.complain("name", "expected 1..64 letters, digits, '.', '_' and '-'");
    }
}

void read_id(FieldReader& reader, Guid& id) {
    if (const auto text = reader.text("id", kMaxNameBytes)) {
        if (const auto guid = Guid::parse(*text)) {
            id = *guid;
        } else {
            reader.complain("id", "expected a GUID such as 5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f");
        }
        return;
    }
    if (const auto guid = Guid::random()) {
        id = *guid;
    } else {
        reader.complain("id", "no random numbers to make one up: give one");
    }
}

void read_memory(FieldReader& reader, PartitionKind partition, uint64_t& memory) {
    reader.require("memory");
    const Json* value = reader.any("memory");
    if (value == nullptr) {
        return;
    }
    std::optional<uint64_t> bytes;
    if (value->is_number_unsigned()) {
        bytes = value->get<uint64_t>();
    } else if (const auto* text = value->get_ptr<const std::string*>(); text != nullptr) {
        bytes = parse_size(*text);
    }
    const bool kvm = partition == PartitionKind::kKvm;
    const uint64_t lowest = kvm ? kMinMemory : kMinLoopbackMemory;
    const uint64_t highest = kvm ? kMaxMemory : kMaxLoopbackMemory;
    if (!bytes || *bytes < lowest || *bytes > highest || *bytes % kMebibyte != 0) {
        reader.complain("memory", std::string(kvm ? kSizeExpected : kLoopbackSizeExpected));
        return;
    }
    memory = *bytes;
}

void read_path(FieldReader& reader, std::string_view name, size_t longest, std::string& path) {
    if (auto text = reader.text(name, longest)) {
        if (text->empty()) {
            reader.complain(name, "expected a path, not an empty text");
            return;
        }
        path = std::move(*text);
    }
}

/// "stdout", "none", {"file": PATH} or {"socket": PATH, "log": PATH}.
void read_serial(FieldReader& reader, SerialConfig& serial) {
    const Json* value = reader.any("serial");
    if (value == nullptr) {
        return;
    }
    if (*value == "stdout" || *value == "none") {
        serial.kind = *value == "none" ? SerialConfig::Kind::kNone : SerialConfig::Kind::kStdout;
        return;
    }
    const auto complain = [&] {
        reader.complain("serial",
                        R"(expected "stdout", "none", {"file": PATH}, {"socket": PATH} or )"
                        R"({"socket": PATH, "log": PATH})");
    };
    if (!value->is_object()) {
        complain();
        return;
    }
    read_section(reader, "serial", [&](FieldReader& section) {
        read_path(section, "file", kMaxPathBytes, serial.path);
        read_path(section, "socket", kMaxSocketPath, serial.path);
        read_path(section, "log", kMaxPathBytes, serial.log);
        serial.kind = section.has("file") ? SerialConfig::Kind::kFile : SerialConfig::Kind::kSocket;
    });
    const bool socket = value->contains("socket");
    if (socket == value->contains("file") || (value->contains("log") && !socket)) {
        complain();  // counts only where nothing was wrong inside
    }
}

void read_service_version(FieldReader& section, std::span<const ic::Version> versions,
                          std::optional<ic::Version>& version) {
    std::vector<std::string> texts;
    for (const ic::Version& each : versions) {
        texts.push_back(std::to_string(each.major) + "." + std::to_string(each.minor));
    }
    const std::vector<std::string_view> words(texts.begin(), texts.end());
    if (const auto index = section.choice("max_version", words)) {
        version = versions[*index];
    }
}

/// true, false, or {"enabled": BOOL, "max_version": VERSION}.
void read_service(FieldReader& services, std::string_view name,
                  std::span<const ic::Version> versions, ServiceConfig& service) {
    const Json* value = services.any(name);
    if (value == nullptr) {
        return;
    }
    if (value->is_boolean()) {
        service.enabled = value->get<bool>();
    } else if (value->is_object()) {
        read_section(services, name, [&](FieldReader& section) {
            service.enabled = section.boolean("enabled").value_or(true);
            read_service_version(section, versions, service.max_version);
        });
    } else {
        services.complain(name, "expected true, false or an object");
    }
}

void read_services(FieldReader& section, ServicesConfig& services) {
    read_service(section, "heartbeat", ic::kHeartbeatVersions, services.heartbeat);
    read_service(section, "shutdown", ic::kShutdownVersions, services.shutdown);
    read_service(section, "timesync", ic::kTimeSyncVersions, services.timesync);
    read_service(section, "kvp", ic::kKvpVersions, services.kvp);
}

/// An object whose members are the pairs.
void read_pairs(FieldReader& section, std::string_view name, std::vector<KvpPair>& pairs) {
    const Json* object = section.object(name);
    if (object == nullptr) {
        return;
    }
    if (object->size() > kMaxConfiguredPairs) {
        section.complain(name,
                         "expected at most " + std::to_string(kMaxConfiguredPairs) + " pairs");
        return;
    }
    FieldReader reader(*object, section.place(name));
    for (const auto& [key, value] : object->items()) {
        if (auto complaint = control::units_complaint(key, control::kKvpKeyLimits);
            !complaint.empty()) {
            reader.complain(key, "the key: " + complaint);
        }
        auto text = control::read_units(reader, key, control::kKvpValueLimits);
        pairs.push_back({.key = key, .value = std::move(text).value_or(std::string())});
    }
    if (const auto finished = reader.finish(); !finished) {
        section.complain(finished.error());
    }
}

void read_vmbus(FieldReader& section, std::optional<VmbusVersion>& version) {
    if (const auto index = section.choice("max_version", kVmbusVersions)) {
        const std::string_view text = kVmbusVersions[*index];
        version = VmbusVersion{.major = static_cast<uint16_t>(text[0] - '0'),
                               .minor = static_cast<uint16_t>(text[2] - '0')};
    }
}

void read_action(FieldReader& reader, std::string_view name, StopAction& action) {
    if (const auto word = reader.choice(name, kStopActionWords)) {
        action = static_cast<StopAction>(*word);
    }
}

void read_partition(FieldReader& reader, Config& config) {
    if (const auto word = reader.choice("partition", kPartitionWords)) {
        config.partition = static_cast<PartitionKind>(*word);
    }
    read_section(reader, "loopback", [&](FieldReader& section) {
        read_path(section, "socket", kMaxSocketPath, config.loopback.socket);
        if (const auto word = section.choice("fault", loopback::kGuestFaultWords)) {
            config.loopback.fault = static_cast<loopback::GuestFault>(*word);
        }
    });
}

void read_boot(FieldReader& reader, Config& config) {
    if (config.partition == PartitionKind::kKvm) {
        reader.require("kernel");
    }
    read_path(reader, "kernel", kMaxPathBytes, config.kernel);
    read_path(reader, "initrd", kMaxPathBytes, config.initrd);
    config.append = reader.text("append", kMaxKernelCommandLine).value_or(std::string());
}

}  // namespace

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

Result<Config, FieldError> parse_config(std::string_view text) {
    const auto document = HVIS_TRY(control::parse_json(text, kMaxConfigBytes));
    Config config;
    FieldReader reader(*document);
    read_name(reader, config.name);
    read_id(reader, config.id);
    read_partition(reader, config);
    read_memory(reader, config.partition, config.memory);
    config.processors = static_cast<uint32_t>(
        reader.integer("processors", {.lowest = 1, .highest = kMaxProcessors}).value_or(1));
    read_boot(reader, config);
    read_serial(reader, config.serial);
    read_path(reader, "control", kMaxSocketPath, config.control);
    read_path(reader, "last_words", kMaxPathBytes, config.last_words);
    read_section(reader, "services",
                 [&](FieldReader& section) { read_services(section, config.services); });
    read_section(reader, "heartbeat", [&](FieldReader& section) {
        config.heartbeat = control::read_policy_change(section).applied_to({});
    });
    read_section(reader, "kvp", [&](FieldReader& section) {
        read_pairs(section, "external", config.kvp_external);
        read_pairs(section, "parameters", config.kvp_parameters);
    });
    read_section(reader, "vmbus",
                 [&](FieldReader& section) { read_vmbus(section, config.vmbus_max_version); });
    read_action(reader, "on_crash", config.on_crash);
    read_action(reader, "on_reset", config.on_reset);
    read_section(reader, "acpi", [&](FieldReader& section) {
        config.acpi_s4 = section.boolean("s4").value_or(false);
    });
    read_section(reader, "rtc", [&](FieldReader& section) {
        config.rtc_offset = std::chrono::seconds(
            section.integer("offset_s", {.lowest = -kMaxRtcOffset, .highest = kMaxRtcOffset})
                .value_or(0));
    });
    if (const auto finished = reader.finish(); !finished) {
        return std::unexpected(finished.error());
    }
    return config;
}

}  // namespace hvis::worker
