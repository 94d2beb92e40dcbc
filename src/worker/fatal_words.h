#pragma once

#include <string>

#include "control/event_log.h"

namespace hvis::worker {

/// What LastWords has opened, for a moment at which nothing can be allocated.
struct OpenWords {
    int directory = -1;
    int file = -1;
    std::string new_name;
    std::string name;
    std::string run;
};

/// Arms the signals that would end this process at once (a fault, an abort, a hang-up; whatever
/// nobody else handles yet) to leave last words first: state "failed", the signal, how many events
/// there were, but not the events themselves. Then the signal takes its course. What it hits may be
/// any instruction, so nothing is used but prepared memory and plain system calls.
///
/// For the thread that calls, the loop thread; others, which may not write files, hand the signal
/// on to it. `events` must outlive the armed time. Once in a process.
void arm_fatal_words(const OpenWords& words, const control::EventLog& events);
/// The words were written, or never will be.
void disarm_fatal_words();

}  // namespace hvis::worker
