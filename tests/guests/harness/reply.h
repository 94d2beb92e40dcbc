#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/client.h"

namespace hvis::guests {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// What a verb came to: its result, or why it was not done. Fields are named by JSON pointers
/// ("/services/0/primary"); one that is absent reads as empty, 0 or false.
class Reply {
public:
    explicit Reply(Result<std::shared_ptr<const control::Json>, control::Failure> outcome);

    [[nodiscard]] bool ok() const { return result_ != nullptr; }
    /// "ok", or the error's code: what a test expects.
    [[nodiscard]] std::string code() const;
    [[nodiscard]] const control::Failure& failure() const { return failure_; }

    [[nodiscard]] bool has(const std::string& pointer) const;
    [[nodiscard]] std::string text(const std::string& pointer) const;
    [[nodiscard]] int64_t number(const std::string& pointer) const;
    [[nodiscard]] bool flag(const std::string& pointer) const;
    /// How many items a list or members an object has.
    [[nodiscard]] size_t size(const std::string& pointer) const;
    /// The members "key" and "value" of each item of a list.
    [[nodiscard]] Pairs pairs(const std::string& pointer) const;
    /// Everything, for a person.
    [[nodiscard]] std::string dump() const;

private:
    [[nodiscard]] const control::Json* find(const std::string& pointer) const;

    std::shared_ptr<const control::Json> result_;
    control::Failure failure_;
};

/// For GoogleTest's messages.
std::ostream& operator<<(std::ostream& stream, const Reply& reply);

}  // namespace hvis::guests
