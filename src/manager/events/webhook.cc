#include "manager/events/webhook.h"

#include <array>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "control/time_text.h"

namespace hvis::manager {
namespace {

std::string hmac_sha256(std::string_view key, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    // SAFETY: OpenSSL wants bytes as unsigned char; both spans are the strings' own.
    ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
    return {digest.begin(), digest.begin() + size};
}

}  // namespace

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    // SAFETY: as above; the text has room for EVP's final NUL.
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(length));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    // SAFETY: as above.
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    if (length < 0) {
        return std::nullopt;
    }
    const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    bytes.resize(static_cast<size_t>(length) - padding);
    // EVP is lenient about blanks and stray padding; only the one right spelling is taken.
    return base64(bytes) == text ? std::optional(bytes) : std::nullopt;
}

WebhookRequest webhook_request(const StoredEvent& event, const WebhookConfig& config,
                               const Guid& source, std::string_view host, WallTime now) {
    const std::string id = source.to_string() + '.' + std::to_string(event.sequence);
    const std::string timestamp =
        std::to_string((static_cast<int64_t>(now.ticks) - kUnixEpochInTicks) / 10'000'000);
    WebhookRequest request;
    request.body = control::dump_json({{"type", event.name},
                                       {"timestamp", control::time_text(event.time)},
                                       {"source", source.to_string()},
                                       {"host", host},
                                       {"data", to_json(event)}});
    const std::string signature =
        base64(hmac_sha256(config.key, id + '.' + timestamp + '.' + request.body));
    request.headers = {{"content-type", "application/json"},
                       {"webhook-id", id},
                       {"webhook-timestamp", timestamp},
                       {"webhook-signature", "v1," + signature}};
    return request;
}

Attempt attempt_of_status(long status) {
    if (status >= 200 && status < 300) {
        return {};
    }
    const bool again = status == 408 || status == 425 || status == 429 || status >= 500;
    return {.outcome = again ? Attempt::Outcome::kFailed : Attempt::Outcome::kRefused,
            .problem = "the receiver answered with HTTP status " + std::to_string(status)};
}

}  // namespace hvis::manager
