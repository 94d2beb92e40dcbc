#include "manager/api/absolute_path.h"

#include <filesystem>

namespace hvis::manager {

std::string read_path(control::FieldReader& reader, const std::string& name) {
    reader.require(name);
    auto text = reader.text(name, kMaxPath);
    if (!text) {
        return {};
    }
    while (text->size() > 1 && text->ends_with('/')) {
        text->pop_back();
    }
    const std::filesystem::path path(*text);
    if (!path.is_absolute() || path == "/" || path.lexically_normal() != path) {
        reader.complain(name, "expected an absolute path without . and ..");
        return {};
    }
    return *std::move(text);
}

}  // namespace hvis::manager
