#pragma once

#include <string>
#include <string_view>

#include "base/guid.h"
#include "base/result.h"
#include "control/failure.h"

namespace hvis::manager {

/// The files of one VM; docs/hvisd.md lists them.
struct VmFiles {
    std::string runtime;  ///< directory
    std::string state;    ///< directory
    std::string config;
    std::string control;
    std::string serial_socket;
    std::string lock;  ///< held by the worker for as long as it lives
    std::string worker_log;
    std::string last_words;

    static VmFiles of(const Guid& vm, const std::string& runtime_directory,
                      const std::string& state_directory);
};

/// A worker's own log is put aside (".1") when it is longer than this: at a start, and as often as
/// its status changes.
inline constexpr uint64_t kMaxWorkerLog = uint64_t{1} << 20U;

/// Makes both directories, mode 0700.
Result<void, control::Failure> prepare(const VmFiles& files);
/// Moves what is in an over-long log to its ".1", whatever was there; true when it did. The worker
/// may go on writing, at the beginning of the same file; where there is no space it stays as it is.
bool put_log_aside(const VmFiles& files);
/// Removes both directories with all that is in them.
Result<void, control::Failure> remove_all(const VmFiles& files);
/// Mode 0600; whoever reads `path` sees the old text or the new one, whole.
Result<void, control::Failure> write_whole(const std::string& path, std::string_view text);
/// At most `max_bytes`; kNotFound where there is no such file.
Result<std::string, control::Failure> read_whole(const std::string& path, size_t max_bytes);

/// Bytes of the file, 0 where there is none.
uint64_t end_of(const std::string& path);
/// The last line of what was written to a log from `begin` on, at most kMaxLogLine bytes of it;
/// empty where there is none.
inline constexpr size_t kMaxLogLine = 1024;
std::string last_line(const std::string& path, uint64_t begin);

}  // namespace hvis::manager
