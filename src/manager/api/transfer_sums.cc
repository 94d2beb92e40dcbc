#include "manager/api/transfer_sums.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/utf16.h"
#include "manager/api/file_copy.h"
#include "manager/api/transfer_manifest.h"

namespace hvis::manager {
namespace {

/// Of a hash in hexadecimal digits, then a space and the mark of the mode: ' ' or '*'.
constexpr size_t kDigits = 2 * std::tuple_size_v<Sha256>;
constexpr size_t kNameBegins = kDigits + 2;
/// The manifest and what it may name, with names as long as a file may have.
constexpr size_t kMaxSums = (kMaxTransferFiles + 1) * (kNameBegins + 255 + 1);
constexpr std::string_view kDamaged = "the export was changed or is damaged: make it again";

std::optional<SummedFile> parse_line(std::string_view line) {
    if (line.size() <= kNameBegins || line[kDigits] != ' ' ||
        (line[kDigits + 1] != ' ' && line[kDigits + 1] != '*')) {
        return std::nullopt;
    }
    const auto hash = hash_from_hex(line.substr(0, kDigits));
    if (!hash) {
        return std::nullopt;
    }
    return SummedFile{.name = std::string(line.substr(kNameBegins)), .sha256 = *hash};
}

}  // namespace

std::string sums_text(const std::vector<SummedFile>& files) {
    std::string text;
    for (const SummedFile& file : files) {
        text += hex_text(file.sha256) + "  " + file.name + "\n";
    }
    return text;
}

std::optional<std::vector<SummedFile>> parse_sums(std::string_view text) {
    std::vector<SummedFile> files;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        // Without its end the last line may be one that was cut.
        auto file = end == std::string_view::npos ? std::nullopt : parse_line(text.substr(0, end));
        if (!file || std::ranges::find(files, file->name, &SummedFile::name) != files.end()) {
            return std::nullopt;
        }
        files.push_back(*std::move(file));
        text.remove_prefix(end + 1);
    }
    return files;
}

Result<std::vector<SummedFile>, Failure> read_sums(int directory) {
    const auto text = read_text(directory, std::string(kSumsName), kMaxSums);
    if (!text) {
        return std::unexpected(refuse_export(
            text.error().message,
            "nothing shows that the export is what was written: make it again. Earlier versions "
            "wrote none: where the folder can be trusted, 'sha256sum * > SHA256SUMS' in it"));
    }
    auto files = parse_sums(*text);
    if (!files) {
        return std::unexpected(refuse_export(
            fmt::format("{}: not a list of checksums as sha256sum writes it", kSumsName),
            std::string(kDamaged)));
    }
    return *std::move(files);
}

Result<void, Failure> check_sum(const std::vector<SummedFile>& sums, const SummedFile& file) {
    const auto sum = std::ranges::find(sums, file.name, &SummedFile::name);
    if (sum != sums.end() && sum->sha256 == file.sha256) {
        return {};
    }
    const std::string name = escape_for_display(file.name);
    return std::unexpected(refuse_export(sum == sums.end()
                                             ? fmt::format("{} is not in {}", name, kSumsName)
                                             : fmt::format("{} is not what {} says: SHA-256 {}",
                                                           name, kSumsName, hex_text(file.sha256)),
                                         std::string(kDamaged)));
}

}  // namespace hvis::manager
