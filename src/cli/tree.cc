#include "cli/tree.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "base/duration.h"
#include "base/utf16.h"

namespace hvis::cli {
namespace {

std::string listed(std::span<const std::string_view> words) {
    std::string list;
    for (const std::string_view word : words) {
        list += (list.empty() ? "" : "|") + std::string(word);
    }
    return list;
}

/// What was expected instead of this text; nothing when it is one of the words.
std::optional<std::string> complaint(const std::string& text,
                                     std::span<const std::string_view> words) {
    return std::ranges::find(words, text) == words.end()
               ? std::optional("expected one of " + listed(words))
               : std::nullopt;
}

CLI::Option* add_any(CLI::App& verb, const char* name, const char* description, const char* type,
                     const std::function<std::optional<std::string>(const std::string&)>& take) {
    const std::string own_name = name;
    return verb
        .add_option(
            name,
            [take, own_name](const CLI::results_t& texts) {
                for (const std::string& text : texts) {
                    // JSON has no other text: what is none would be stored as something else.
                    if (!to_utf16le(text)) {
                        throw CLI::ValidationError(
                            own_name, "expected UTF-8, and got text in another encoding");
                    }
                    if (const auto expected = take(text)) {
                        throw CLI::ValidationError(own_name, *expected);
                    }
                }
                return true;
            },
            description)
        ->type_name(type);
}

/// An argument shows its name alone, which is its type.
const char* type_of(const char* name, const char* type) { return name[0] == '-' ? type : ""; }

std::string absolute(const std::string& path) {
    std::error_code error;
    const auto whole = std::filesystem::absolute(path, error);
    return error ? path : whole.lexically_normal().string();
}

/// The path for hvisd, noted where it is relative.
std::string host_path(const std::string& path, const char* name, Chosen& chosen) {
    if (!std::filesystem::path(path).is_absolute()) {
        chosen.relative_paths.emplace_back(name);
    }
    return absolute(path);
}

void set_need(CLI::Option* option, Need need) { option->required(need == Need::kRequired); }

}  // namespace

CLI::App& add_noun(CLI::App& parent, const char* name, const char* description) {
    CLI::App* noun = parent.add_subcommand(name, description);
    noun->require_subcommand(1);
    noun->fallthrough();
    return *noun;
}

CLI::App& add_verb(CLI::App& parent, const char* name, const char* description,
                   const std::string& example) {
    CLI::App* verb = parent.add_subcommand(name, description);
    verb->footer("Example:\n  hvis " + example);
    verb->fallthrough();
    return *verb;
}

void add_argument(CLI::App& verb, const char* type, std::string& value, const char* description,
                  Need need) {
    set_need(add_any(verb, type, description, "",
                     [&value, type](const std::string& text) -> std::optional<std::string> {
                         if (text.empty() && type != std::string_view(type_name::kValue)) {
                             return "expected a text that is not empty";
                         }
                         value = text;
                         return std::nullopt;
                     }),
             need);
}

void add_vm(CLI::App& verb, std::string& name, Need need) {
    add_argument(verb, type_name::kVm, name, "name or id of the VM", need);
}

void add_path(CLI::App& verb, const char* name, std::string& path, const char* description,
              Need need) {
    set_need(add_any(verb, name, description, type_of(name, type_name::kFile),
                     [&path](const std::string& text) {
                         path = absolute(text);
                         return std::optional<std::string>();
                     }),
             need);
}

void add_host_path(CLI::App& verb, Chosen& chosen, const char* name, std::string& path,
                   const char* description, Need need) {
    set_need(add_any(verb, name, description, type_of(name, type_name::kFile),
                     [&path, &chosen, name](const std::string& text) {
                         path = host_path(text, name, chosen);
                         return std::optional<std::string>();
                     }),
             need);
}

void add_host_path(CLI::App& verb, Chosen& chosen, const char* name,
                   std::optional<std::string>& path, const char* description) {
    add_any(verb, name, description, type_name::kFile,
            [&path, &chosen, name](const std::string& text) {
                path = text.empty() ? text : host_path(text, name, chosen);
                return std::optional<std::string>();
            });
}

void add_flag(CLI::App& verb, const char* name, bool& flag, const char* description) {
    verb.add_flag_callback(name, [&flag] { flag = true; }, description);
}

void add_switch(CLI::App& verb, const char* name, std::optional<bool>& flag,
                const char* description) {
    verb.add_flag_function(name, [&flag](int64_t count) { flag = count > 0; }, description);
}

void add_text(CLI::App& verb, const char* name, std::string& text, const char* description,
              const char* type) {
    add_parsed(verb, name, description, type, [&text](const std::string& given) {
        text = given;
        return std::optional<std::string>();
    });
}

void add_text(CLI::App& verb, const char* name, std::optional<std::string>& text,
              const char* description, const char* type) {
    add_parsed(verb, name, description, type, [&text](const std::string& given) {
        text = given;
        return std::optional<std::string>();
    });
}

void add_number(CLI::App& verb, const char* name, std::optional<uint32_t>& number,
                const char* description, const char* type) {
    add_parsed(verb, name, description, type,
               [&number](const std::string& text) -> std::optional<std::string> {
                   uint32_t value = 0;
                   const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
                   const char* const end = text.data() + text.size();
                   const auto read = std::from_chars(text.data() + (is_hex ? 2 : 0), end, value,
                                                     is_hex ? 16 : 10);
                   if (read.ec != std::errc() || read.ptr != end) {
                       return "expected a whole number";
                   }
                   number = value;
                   return std::nullopt;
               });
}

void add_duration(CLI::App& verb, const char* name,
                  std::optional<std::chrono::milliseconds>& duration, const char* description) {
    add_parsed(verb, name, description, "DURATION",
               [&duration](const std::string& text) -> std::optional<std::string> {
                   duration = parse_duration(text);
                   return duration ? std::nullopt : std::optional(std::string(kDurationExpected));
               });
}

void add_choice(CLI::App& verb, const char* name, std::string& word,
                std::span<const std::string_view> words, const char* description, Need need) {
    CLI::Option* option =
        add_any(verb, name, description, "", [&word, words](const std::string& text) {
            word = text;
            return complaint(text, words);
        });
    option->type_name(listed(words))->default_str(word);
    set_need(option, need);
}

void add_choices(CLI::App& verb, const char* name, std::vector<std::string>& chosen,
                 std::span<const std::string_view> words, const char* description) {
    add_any(verb, name, description, listed(words).c_str(),
            [&chosen, words](const std::string& text) {
                chosen.push_back(text);
                return complaint(text, words);
            })
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_list(CLI::App& verb, const char* name, std::vector<std::string>& list,
              const char* description, const char* type) {
    add_parsed_list(verb, name, description, type, [&list](const std::string& text) {
        list.push_back(text);
        return std::optional<std::string>();
    });
}

void add_parsed(CLI::App& verb, const char* name, const char* description, const char* type,
                const std::function<std::optional<std::string>(const std::string&)>& take) {
    add_any(verb, name, description, type, take);
}

void add_parsed_list(CLI::App& verb, const char* name, const char* description, const char* type,
                     const std::function<std::optional<std::string>(const std::string&)>& take) {
    add_any(verb, name, description, type, take)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void on_chosen(CLI::App& verb, std::function<void()> call) { verb.callback(std::move(call)); }

}  // namespace hvis::cli
