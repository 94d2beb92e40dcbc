#pragma once

#include <string>
#include <string_view>

#include "control/failure.h"
#include "manager/api/http_message.h"

namespace hvis::manager {

using control::Failure;

/// The status that stands for a failure: docs/hvisd.md. A refusal by the guest, a cancelled request
/// and a state that forbids it (outcome "conflict") are conflicts, not errors of the server.
unsigned http_status_of(const Failure& failure);

/// Before the name of a bad query parameter in Failure::pointer, where the fields of bodies have
/// their '/'.
inline constexpr char kParameterMark = '?';

/// RFC 9457 problem document with `code`, `hint`, and `pointer` or `parameter`, `outcome`,
/// `guest_status` where there is one.
HttpResponse problem(unsigned status, const Failure& failure);
inline HttpResponse problem(const Failure& failure) {
    return problem(http_status_of(failure), failure);
}

/// "Not Found" and so on; RFC 9110.
std::string_view status_phrase(unsigned status);

}  // namespace hvis::manager
