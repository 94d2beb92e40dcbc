#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string_view>
#include <utility>

namespace hvis {

/// What kind of failure it was; callers decide by this, people read Error::what.
enum class Errc : uint8_t {
    kProtocol,     ///< the other side sent bytes that break the protocol
    kInvalid,      ///< an argument, option or configuration value is wrong
    kState,        ///< not possible in the present state
    kLimit,        ///< a named limit would be passed
    kNotFound,     ///< there is no such thing
    kUnsupported,  ///< this machine, kernel or peer cannot do it
    kOs,           ///< a system call failed; Error::os_error says why
};

/// Why an operation failed. `what` is always a literal, so an Error never allocates and never
/// carries guest-controlled text. `os_error` is an errno value, or 0.
struct [[nodiscard]] Error {
    Errc code;
    std::string_view what;
    int os_error = 0;

    /// The failure of the system call `call`, read from errno.
    static Error from_errno(std::string_view call) { return {Errc::kOs, call, errno}; }

    bool operator==(const Error&) const = default;
};

/// std::expected that the compiler will not let you ignore (GCC 12's own is not [[nodiscard]]).
template <class T, class E = Error>
class [[nodiscard]] Result : public std::expected<T, E> {
public:
    using std::expected<T, E>::expected;
};

inline std::unexpected<Error> fail(Errc code, std::string_view what) {
    return std::unexpected(Error{code, what});
}

inline std::unexpected<Error> fail_errno(std::string_view call) {
    return std::unexpected(Error::from_errno(call));
}

}  // namespace hvis

/// Unwraps a Result or returns its error to the caller.
#define HVIS_TRY(expression)                                            \
    __extension__({                                                     \
        auto hvis_try_result = (expression);                            \
        if (!hvis_try_result) [[unlikely]] {                            \
            return std::unexpected(std::move(hvis_try_result).error()); \
        }                                                               \
        *std::move(hvis_try_result);                                    \
    })

/// HVIS_TRY for a Result<void>.
#define HVIS_CHECK(expression)                                          \
    do {                                                                \
        auto hvis_try_result = (expression);                            \
        if (!hvis_try_result) [[unlikely]] {                            \
            return std::unexpected(std::move(hvis_try_result).error()); \
        }                                                               \
    } while (false)
