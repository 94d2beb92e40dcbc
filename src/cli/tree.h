#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http/endpoint.h"
#include "cli/session.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace hvis::cli {

/// The tree of verbs is CLI11's. Verbs furnish it through the functions below, so that only a few
/// files are compiled with that library, which is dear. Whatever an option writes to must live as
/// long as the tree.

/// What a command line comes to.
struct Chosen {
    Action action;
    bool json = false;
    EndpointOptions endpoint;
    /// Options and arguments that name a file of hvisd's host and were given as relative paths:
    /// what they mean there, a hvisd elsewhere does not share with us.
    std::vector<std::string> relative_paths;
};

/// Type names of arguments whose values completion looks up; what has alternatives is named
/// "a|b|c" instead, and completed from that.
namespace type_name {
inline constexpr const char* kVm = "NAME";
inline constexpr const char* kService = "SERVICE";
inline constexpr const char* kServiceVersion = "SERVICE=VERSION";
inline constexpr const char* kKey = "KEY";
inline constexpr const char* kValue = "VALUE";
inline constexpr const char* kOperation = "OPERATION";
inline constexpr const char* kToken = "TOKEN";
inline constexpr const char* kFile = "FILE";
inline constexpr const char* kDirectory = "DIR";
}  // namespace type_name

enum class Need : uint8_t { kOptional, kRequired };

/// A noun, which needs one of its verbs.
CLI::App& add_noun(CLI::App& parent, const char* name, const char* description);
/// A verb with its example ("start web").
CLI::App& add_verb(CLI::App& parent, const char* name, const char* description,
                   const std::string& example);

/// An argument, named after its type.
void add_argument(CLI::App& verb, const char* type, std::string& value, const char* description,
                  Need need = Need::kRequired);
/// The argument that names a VM.
void add_vm(CLI::App& verb, std::string& name, Need need = Need::kRequired);
/// A path of our own as an argument ("FILE", "DIR") or an option, made absolute.
void add_path(CLI::App& verb, const char* name, std::string& path, const char* description,
              Need need = Need::kOptional);
/// A path of hvisd's host, which has another working directory, if it is the same host at all.
void add_host_path(CLI::App& verb, Chosen& chosen, const char* name, std::string& path,
                   const char* description, Need need = Need::kOptional);
/// One that may be given as empty, which takes away what was there.
void add_host_path(CLI::App& verb, Chosen& chosen, const char* name,
                   std::optional<std::string>& path, const char* description);

void add_flag(CLI::App& verb, const char* name, bool& flag, const char* description);
/// "--x,!--no-x".
void add_switch(CLI::App& verb, const char* name, std::optional<bool>& flag,
                const char* description);
void add_text(CLI::App& verb, const char* name, std::string& text, const char* description,
              const char* type);
/// Text whose absence is something else than an empty one.
void add_text(CLI::App& verb, const char* name, std::optional<std::string>& text,
              const char* description, const char* type);
void add_number(CLI::App& verb, const char* name, std::optional<uint32_t>& number,
                const char* description, const char* type);
/// "--timeout 30s".
void add_duration(CLI::App& verb, const char* name,
                  std::optional<std::chrono::milliseconds>& duration, const char* description);
/// An option or argument whose value is one of `words`.
void add_choice(CLI::App& verb, const char* name, std::string& word,
                std::span<const std::string_view> words, const char* description,
                Need need = Need::kOptional);
/// The same, for an option that may be given again.
void add_choices(CLI::App& verb, const char* name, std::vector<std::string>& chosen,
                 std::span<const std::string_view> words, const char* description);
/// Text that may be given again.
void add_list(CLI::App& verb, const char* name, std::vector<std::string>& list,
              const char* description, const char* type);
/// Text that `take` reads, or else says what it expected.
void add_parsed(CLI::App& verb, const char* name, const char* description, const char* type,
                const std::function<std::optional<std::string>(const std::string&)>& take);
/// The same, for an option that may be given again.
void add_parsed_list(CLI::App& verb, const char* name, const char* description, const char* type,
                     const std::function<std::optional<std::string>(const std::string&)>& take);

/// Called when the command line has chosen the verb.
void on_chosen(CLI::App& verb, std::function<void()> call);

/// A verb's options together with what it does: run() is called with them when it was chosen.
template <class Verb>
    requires requires(const Verb& verb, Session& session) {
        { verb.run(session) } -> std::same_as<Result<void, Failure>>;
    }
std::shared_ptr<Verb> choose(CLI::App& app, Chosen& chosen) {
    auto verb = std::make_shared<Verb>();
    on_chosen(app, [&chosen, verb] {
        chosen.action = [verb](Session& session) { return verb->run(session); };
    });
    return verb;
}

}  // namespace hvis::cli
