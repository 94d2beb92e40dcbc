#include "manager/supervisor/kept_end.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/field_reader.h"

namespace hvis::manager {
namespace {

constexpr std::array<std::string_view, 4> kKindWords = {"stopped", "crashed", "failed", "refused"};
constexpr size_t kMaxWhy = 4096;

std::string name_of(const Guid& vm) { return "end." + vm.to_string(); }

}  // namespace

Result<std::optional<KeptEnd>, Failure> load_end(Store& store, const Guid& vm) {
    const auto text = HVIS_TRY(store.setting(name_of(vm)));
    if (!text || text->empty()) {
        return std::nullopt;
    }
    const auto document = control::parse_json(*text, 2 * kMaxWhy + 256);
    if (!document) {
        return std::nullopt;  // what another version wrote is of no use, and no harm
    }
    control::FieldReader reader(**document);
    KeptEnd end;
    if (const auto run = Guid::parse(reader.text("run", 64).value_or(std::string()))) {
        end.run = *run;
    }
    end.kind = static_cast<Ending::Kind>(reader.choice("kind", kKindWords).value_or(0));
    end.why = reader.text("why", kMaxWhy).value_or(std::string());
    return end;
}

Result<void, Failure> save_end(Store& store, const Guid& vm, const KeptEnd& end) {
    control::Json value = {{"kind", kKindWords[std::to_underlying(end.kind)]},
                           {"why", end.why.substr(0, kMaxWhy / 4)}};
    if (end.run) {
        value["run"] = end.run->to_string();
    }
    return store.save_setting(name_of(vm), control::dump_json(value));
}

Result<void, Failure> forget_end(Store& store, const Guid& vm) {
    return store.save_setting(name_of(vm), "");
}

}  // namespace hvis::manager
