#pragma once

#include <string>

#include "base/guid.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/event_log.h"
#include "worker/ending.h"

namespace hvis::worker {

/// The file in which a worker leaves how it ended and every event that it kept, for a manager that
/// was not there to see it. It appears whole or not at all, and stays as it was until then: the
/// words of the run before may still be unread. docs/control-protocol.md has its form.
///
/// The directory and a file beside the other, with ".new" at the end of its name, are opened when
/// the worker starts, since it can open nothing once it is confined. Loop thread.
class LastWords {
public:
    static Result<LastWords> open(const std::string& path, const Guid& run);
    LastWords(LastWords&&) noexcept = default;
    LastWords& operator=(LastWords&&) = delete;
    /// What was not written leaves no ".new" behind.
    ~LastWords();

    /// From now on a signal that ends the process leaves words too, without the events
    /// (fatal_words.h). `events` must outlive this object.
    void arm(const control::EventLog& events) const;

    /// Writes the file, sees that it is on the disk, and puts it in its place. At most once.
    Result<void> write(const Ending& ending, const control::EventLog& events);

private:
    LastWords(UniqueFd directory, UniqueFd file, std::string name, std::string run)
        : directory_(std::move(directory)),
          file_(std::move(file)),
          name_(std::move(name)),
          run_(std::move(run)) {}
    [[nodiscard]] std::string new_name() const { return name_ + ".new"; }

    UniqueFd directory_;
    UniqueFd file_;  ///< empty once written
    std::string name_;
    std::string run_;
};

}  // namespace hvis::worker
