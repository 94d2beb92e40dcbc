#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/console/serial_terminal.h"
#include "cli/verbs/verbs.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;
using control::text_at;

/// docs/hvisd.md, "Files". hvisd's own socket may be elsewhere, so hvisd is asked.
std::string serial_path(const Json& host, const Json& vm) {
    return text_at(host, "runtime_directory") + "/vms/" + text_at(vm, "id") + "/serial.sock";
}

Failure explain(const std::string& vm, const std::string& path, int os_error) {
    if (os_error == EACCES || os_error == EPERM) {
        return make_failure(ErrorCode::kFailed, "no permission for " + path,
                            "the console is that of the user who runs hvisd, and of root");
    }
    if (os_error == ENOENT || os_error == ECONNREFUSED) {
        return make_failure(ErrorCode::kUnavailable, vm + " has no serial console at the moment",
                            "it has one while it runs: hvis start " + vm);
    }
    return make_failure(ErrorCode::kFailed, path + ": " + std::strerror(os_error));
}

Result<UniqueFd, Failure> connect_serial(const std::string& vm, const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return std::unexpected(explain(vm, path, ENAMETOOLONG));
    }
    std::memcpy(address.sun_path, path.c_str(), path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                             sizeof(address)) != 0) {
        return std::unexpected(explain(vm, path, errno));
    }
    return socket;
}

struct Console {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        if (!std::holds_alternative<UnixEndpoint>(session.api.endpoint())) {
            return std::unexpected(make_failure(ErrorCode::kFailed,
                                                "the serial console is on the host itself",
                                                "log in there: ssh HOST hvis console " + vm));
        }
        const Document summary = HVIS_TRY(session.api.get(Target::vm(vm)));
        const std::string name = text_at(*summary, "name");
        const Json& definition = control::member_of(*summary, "definition");
        if (text_at(definition, "partition") == "loopback") {
            return std::unexpected(make_failure(
                ErrorCode::kUnavailable,
                name + " is a loopback VM: its guest is a process without a serial console",
                "one with --partition kvm has it; what is known of this one: hvis status " + name));
        }
        const Document host = HVIS_TRY(session.api.get(Target("/host")));
        UniqueFd socket = HVIS_TRY(connect_serial(name, serial_path(*host, *summary)));
        if (session.output.err_terminal) {
            session.output.err("console of " + name + "; Ctrl+] leaves it\r\n");
        }
        return join_serial(session, std::move(socket));
    }
};

}  // namespace

void add_console_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& console =
        add_verb(app, "console", "The serial console of a VM; Ctrl+] leaves it", "console web");
    add_vm(console, choose<Console>(console, chosen)->vm);
}

}  // namespace hvis::cli
