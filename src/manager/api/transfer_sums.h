#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/failure.h"
#include "manager/api/secret.h"

namespace hvis::manager {

using control::Failure;

/// An export's checksums, the manifest's among them: a change of any one file is noticed, also by
/// `sha256sum -c`. No protection from somebody who writes it anew on purpose.
inline constexpr std::string_view kSumsName = "SHA256SUMS";

struct SummedFile {
    std::string name;
    Sha256 sha256{};
    bool operator==(const SummedFile&) const = default;
};

/// As `sha256sum` writes it.
std::string sums_text(const std::vector<SummedFile>& files);
/// What `sha256sum` has written for plain names; nothing for any other text.
std::optional<std::vector<SummedFile>> parse_sums(std::string_view text);
/// Reads the file in an open directory.
Result<std::vector<SummedFile>, Failure> read_sums(int directory);
/// The file must be among `sums`, with its hash.
Result<void, Failure> check_sum(const std::vector<SummedFile>& sums, const SummedFile& file);

}  // namespace hvis::manager
