#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/guid.h"
#include "base/time.h"
#include "manager/events/hook.h"

namespace hvis::manager {

/// One POST.
struct WebhookRequest {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

/// The event as a signed message of the Standard Webhooks specification
/// (github.com/standard-webhooks, spec/standard-webhooks.md), for which receivers have libraries:
/// `webhook-id` is SOURCE.NUMBER, the same at each try; `webhook-signature` is "v1," and the base64
/// HMAC-SHA256 of "ID.TIMESTAMP.BODY". `source` is the store's id, `now` the time of the try.
WebhookRequest webhook_request(const StoredEvent& event, const WebhookConfig& config,
                               const Guid& source, std::string_view host, WallTime now);

/// What an answer means: 2xx is taken; 408, 425, 429 and 5xx are worth another try; all others
/// (3xx too: redirects are not followed) are a refusal.
Attempt attempt_of_status(long status);

std::string base64(std::string_view bytes);
/// Nothing for a text that is not base64 (RFC 4648 section 4, with padding).
std::optional<std::string> from_base64(std::string_view text);

}  // namespace hvis::manager
