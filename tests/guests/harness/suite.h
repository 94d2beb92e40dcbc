#pragma once

#include <string>
#include <string_view>

namespace hvis::guests {

/// The guest that this run is about: one Debian release's kernel, modules and daemons.
struct Suite {
    std::string name;
    std::string kernel;
    std::string unpacked_kernel;  ///< the same, an ELF file instead of a bzImage
    std::string initrd;
    std::string command_line;

    /// The newest VMBus protocol that its kernel speaks.
    std::string_view vmbus_version;
    /// The oldest that it speaks: a kernel of 7.x asks for nothing older than 4.0.
    std::string_view oldest_vmbus_version;
    /// hv_vmbus can be unloaded. Debian's 7.x kernels have it built in: there, cases that load it
    /// anew start the guest anew instead.
    bool vmbus_is_a_module;
    /// hv_vmbus says UNLOAD when it is unloaded. That of 5.10 does not: vmbus_exit() takes the
    /// connection for gone before vmbus_initiate_unload() looks. The host learns of it when the
    /// driver comes back and makes contact while it is connected.
    bool unload_is_announced;
    /// hv_utils can be told to follow samples without SYNC (timesync_implicit); newer than 6.1.
    bool has_implicit_time;
};

/// The suite of $HVIS_SUITE (debian12 where it is not set), built by lab/guest into
/// $HVIS_GUEST_DIR. Ends the process with a sentence when there is none.
const Suite& suite();

}  // namespace hvis::guests
