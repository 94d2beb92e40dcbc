#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis {

/// UTF-8 to UTF-16LE bytes, with a final NUL as every Hyper-V string has.
/// Fails on text that is not UTF-8 and on an embedded NUL.
Result<Bytes> to_utf16le(std::string_view utf8);

/// UTF-16LE bytes up to the first NUL (or the end) to UTF-8. Guests may send anything: a lone
/// surrogate becomes U+FFFD and an odd last byte is dropped, so that one bad string never hides the
/// rest.
std::string from_utf16le(ByteView utf16);

/// UTF-8 made safe for a terminal or a log line: control characters become \xNN, a backslash \\,
/// and bytes that are not UTF-8 \xNN.
std::string escape_for_display(std::string_view text);

}  // namespace hvis
