#include "kvm/exit_counts.h"

namespace hvis::kvm {

std::string_view to_string(ExitKind kind) {
    switch (kind) {
        case ExitKind::kPort:
            return "port";
        case ExitKind::kMemory:
            return "memory";
        case ExitKind::kSynic:
            return "synic";
        case ExitKind::kPostMessage:
            return "post_message";
        case ExitKind::kHypercall:
            return "hypercall";
        case ExitKind::kMsr:
            return "msr";
        case ExitKind::kInterrupted:
            return "interrupted";
        case ExitKind::kSystemEvent:
            return "system_event";
        case ExitKind::kOther:
            break;
    }
    return "other";
}

}  // namespace hvis::kvm
