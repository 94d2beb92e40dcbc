#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "base/result.h"

namespace hvis::manager {

/// Takes the keys of one TOML table one by one, remembers what is wrong in the document, each with
/// its place, and notes each key that is asked for: so the list of known keys is the code itself.
class TomlReader {
public:
    /// What all readers of one document share.
    struct Document {
        static constexpr size_t kMaxErrors = 50;
        std::string name;                 ///< the file's
        std::vector<std::string> errors;  ///< the first kMaxErrors, a line each
        std::vector<std::string> keys;    ///< "events.keep", in the order asked for, each once
    };

    /// `table` may be null: then nothing is there. `prefix`: "" or "events.".
    TomlReader(Document& document, const toml::table* table, std::string prefix);
    /// Complains about keys that nobody asked for.
    ~TomlReader();
    TomlReader(const TomlReader&) = delete;
    TomlReader& operator=(const TomlReader&) = delete;

    /// Each takes over the value if it is there and right.
    void text(std::string_view key, std::string& value, size_t max_bytes);
    /// An absolute path.
    void path(std::string_view key, std::string& value, size_t max_bytes);
    void integer(std::string_view key, uint64_t& value, int64_t lowest, int64_t highest);
    void duration(std::string_view key, std::chrono::milliseconds& value,
                  std::chrono::milliseconds lowest, std::chrono::milliseconds highest);
    /// "8G", "512M"; "0": none.
    void size(std::string_view key, uint64_t& value);
    std::optional<size_t> choice(std::string_view key, std::span<const std::string_view> words);
    /// False: it is there, and not a list of texts.
    bool texts(std::string_view key, std::vector<std::string>& values, size_t max_items);

    /// A table within this one.
    void section(std::string_view key, const std::function<void(TomlReader&)>& read);
    /// A list of tables: `read` is called for each, and once with none where the list is empty, so
    /// that the keys are noted.
    void sections(std::string_view key, size_t max_items,
                  const std::function<void(TomlReader&, bool there)>& read);
    /// A table whose keys are names: `read` gets each name, and a reader with which to complain.
    void names(std::string_view key,
               const std::function<void(const std::string& name, const std::string& word)>& read);

    [[nodiscard]] bool has(std::string_view key) const;
    void require(std::string_view key);
    void complain(std::string_view key, std::string_view what);
    void complain_at(const toml::node& node, std::string_view key, std::string_view what);

private:
    const toml::node* take(std::string_view key);

    Document& document_;
    const toml::table* table_;
    std::string prefix_;
    std::set<std::string, std::less<>> known_;
};

}  // namespace hvis::manager
