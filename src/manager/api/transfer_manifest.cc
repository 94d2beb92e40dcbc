#include "manager/api/transfer_manifest.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/field_reader.h"
#include "control/kvp_limits.h"
#include "manager/api/transfer_sums.h"
#include "manager/definition/worker_config.h"

namespace hvis::manager {
namespace {

using control::FieldReader;
using control::Json;

constexpr size_t kMaxFileName = 255;
/// What a VM may have in its two pools.
constexpr size_t kMaxPairs = 2 * kMaxHeldPairs;
constexpr std::string_view kFormat = "hvis-vm";

/// A name of one file in the directory itself.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name != kManifestName &&
           name != kSumsName && name.find('/') == std::string::npos;
}

std::optional<ListedFile> read_file_entry(const Json& item, const std::string& place,
                                          FieldReader& owner) {
    FieldReader reader(item, place);
    for (const char* name : {"role", "name", "size", "sha256"}) {
        reader.require(name);
    }
    ListedFile file;
    file.role = reader.text("role", kMaxFileName).value_or(std::string());
    file.name = reader.text("name", kMaxFileName).value_or(std::string());
    file.content.size = static_cast<uint64_t>(
        reader.integer("size", {.lowest = 0, .highest = (int64_t{1} << 53U) - 1}).value_or(0));
    const auto hash = hash_from_hex(reader.text("sha256", 64).value_or(std::string()));
    if (!reader.bad() && !is_plain_name(file.name)) {
        reader.complain("name", "expected the name of a file in the export's own directory");
    }
    if (!reader.bad() && !hash) {
        reader.complain("sha256", "expected 64 hexadecimal digits");
    }
    if (!reader.bad() && std::ranges::find(kImages, file.role, &Image::role) == kImages.end()) {
        reader.complain("role", "expected one of kernel, initrd");
    }
    if (const auto finished = reader.finish(); !finished) {
        owner.complain(finished.error());
        return std::nullopt;
    }
    file.content.sha256 = *hash;
    return file;
}

std::optional<HeldPair> read_pair_entry(const Json& item, const std::string& place,
                                        FieldReader& owner) {
    FieldReader reader(item, place);
    reader.require("pool");
    const size_t pool = reader.choice("pool", control::kPoolWords).value_or(0);
    HeldPair pair{.pool = static_cast<control::Pool>(pool), .key = {}, .value = {}};
    pair.key = control::read_units(reader, "key", control::kKvpKeyLimits).value_or(std::string());
    pair.value =
        control::read_units(reader, "value", control::kKvpValueLimits).value_or(std::string());
    if (pair.pool == control::Pool::kGuest || pair.pool == control::Pool::kAuto) {
        reader.complain("pool", "expected one of external, parameters");
    }
    if (const auto finished = reader.finish(); !finished) {
        owner.complain(finished.error());
        return std::nullopt;
    }
    return pair;
}

void read_files(FieldReader& reader, std::vector<ListedFile>& files) {
    const Json* list = reader.list("files", kMaxTransferFiles);
    std::set<std::string> roles;
    for (size_t index = 0; list != nullptr && index < list->size(); ++index) {
        const std::string place =
            control::child_pointer(reader.place("files"), std::to_string(index));
        if (auto file = read_file_entry((*list)[index], place, reader)) {
            if (!roles.insert(file->role).second) {
                reader.complain("files", "two files have the same role");
            }
            files.push_back(*std::move(file));
        }
    }
}

void read_pairs(FieldReader& reader, std::vector<HeldPair>& pairs) {
    const Json* list = reader.list("pairs", kMaxPairs);
    std::map<control::Pool, std::set<std::string>> keys;
    for (size_t index = 0; list != nullptr && index < list->size(); ++index) {
        const std::string place =
            control::child_pointer(reader.place("pairs"), std::to_string(index));
        if (auto pair = read_pair_entry((*list)[index], place, reader)) {
            if (!keys[pair->pool].insert(pair->key).second) {
                reader.complain("pairs", "two pairs of a pool have the same key");
            }
            if (keys[pair->pool].size() > kMaxHeldPairs) {
                reader.complain("pairs", fmt::format("more than {} in a pool", kMaxHeldPairs));
            }
            pairs.push_back(*std::move(pair));
        }
    }
}

Result<Manifest, control::FieldError> parse_manifest(const Json& value) {
    if (!value.is_object()) {
        return std::unexpected(control::FieldError{.pointer = {}, .message = "expected an object"});
    }
    FieldReader reader(value);
    for (const char* name : {"format", "version", "definition", "pairs", "files"}) {
        reader.require(name);
    }
    if (const auto format = reader.text("format", 64); format && *format != kFormat) {
        reader.complain("format", "is not the export of a VM");
    }
    if (const auto version = reader.integer("version", {.lowest = 1, .highest = INT32_MAX});
        version && *version != kManifestVersion) {
        reader.complain("version", "was written by a newer hvisd");
    }
    Manifest manifest;
    if (const Json* definition = reader.object("definition")) {
        auto parsed = parse_definition(*definition);
        if (parsed) {
            manifest.vm.definition = *std::move(parsed);
        } else {
            reader.complain(control::FieldError{.pointer = "/definition" + parsed.error().pointer,
                                                .message = parsed.error().message});
        }
    }
    read_pairs(reader, manifest.vm.pairs);
    read_files(reader, manifest.files);
    HVIS_CHECK(reader.finish());
    return manifest;
}

}  // namespace

Failure refuse_export(std::string message, std::string hint) {
    return control::make_failure(control::ErrorCode::kUsage, std::move(message), std::move(hint));
}

std::string manifest_text(const TransferredVm& vm, const std::vector<ListedFile>& files) {
    Json pairs = Json::array();
    for (const HeldPair& pair : vm.pairs) {
        pairs.push_back(
            {{"pool", control::to_string(pair.pool)}, {"key", pair.key}, {"value", pair.value}});
    }
    Json listed = Json::array();
    for (const ListedFile& file : files) {
        listed.push_back({{"role", file.role},
                          {"name", file.name},
                          {"size", file.content.size},
                          {"sha256", hex_text(file.content.sha256)}});
    }
    const Json manifest = {{"format", kFormat},
                           {"version", kManifestVersion},
                           {"definition", to_json(vm.definition)},
                           {"pairs", std::move(pairs)},
                           {"files", std::move(listed)}};
    return control::dump_json_indented(manifest) + "\n";
}

Result<Manifest, Failure> read_manifest(int directory) {
    const std::string name(kManifestName);
    const auto text = read_text(directory, name, kMaxManifest);
    if (!text) {
        return std::unexpected(
            refuse_export(text.error().message,
                          "an export without manifest.json is not complete: make it "
                          "again"));
    }
    const auto sums = HVIS_TRY(read_sums(directory));
    HVIS_CHECK(check_sum(sums, {.name = name, .sha256 = sha256(*text)}));
    const auto parsed = control::parse_json(*text, kMaxManifest);
    auto manifest = parsed ? parse_manifest(**parsed)
                           : Result<Manifest, control::FieldError>(std::unexpected(parsed.error()));
    if (!manifest) {
        return std::unexpected(refuse_export("manifest.json: " + manifest.error().to_string(),
                                             "the export is damaged: make it again"));
    }
    for (const ListedFile& file : manifest->files) {
        HVIS_CHECK(check_sum(sums, {.name = file.name, .sha256 = file.content.sha256}));
    }
    return *std::move(manifest);
}

}  // namespace hvis::manager
