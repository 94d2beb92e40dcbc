#pragma once

#include <chrono>

namespace hvis::control {

/// How long hvisd follows a test of the alerts at most. Whoever asked for it must wait longer, or
/// loses the answer that matters: that of a hook which does not answer.
inline constexpr std::chrono::seconds kAlertTestTime{30};

}  // namespace hvis::control
