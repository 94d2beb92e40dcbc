#include "manager/supervisor/unknown_workers.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unique_fd.h"
#include "manager/supervisor/vm_files.h"

namespace hvis::manager {
namespace {

namespace fs = std::filesystem;

bool is_held(const std::string& lock) {
    const UniqueFd file(::open(lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return file && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

struct Listener {
    bool is_there = false;
    std::optional<pid_t> pid;
};

Listener listener_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return {};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // SAFETY: the address types of the socket API are made for this cast.
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    if (!socket || ::connect(socket.get(), name, sizeof(address)) != 0) {
        // A Unix socket connects at once or not at all; EAGAIN is a full backlog.
        return {.is_there = socket && errno == EAGAIN, .pid = {}};
    }
    ucred peer{};
    socklen_t size = sizeof(peer);
    const bool told =
        ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
    return {.is_there = true, .pid = told ? std::optional(peer.pid) : std::nullopt};
}

std::optional<UnknownWorker> worker_of(const Guid& vm, const std::string& runtime_directory) {
    const VmFiles files = VmFiles::of(vm, runtime_directory, {});
    const bool held = is_held(files.lock);
    const Listener listener = listener_at(files.control);
    if (!held && !listener.is_there) {
        return std::nullopt;
    }
    return UnknownWorker{.vm = vm,
                         .socket = listener.is_there ? files.control : "",
                         .lock = held ? files.lock : "",
                         .pid = listener.pid};
}

}  // namespace

std::string UnknownWorker::text() const {
    return "VM " + vm.to_string() + (pid ? ", process " + std::to_string(*pid) : "");
}

std::string UnknownWorker::hint() const {
    if (socket.empty()) {
        return "it does not listen: `fuser " + lock + "` names its process";
    }
    return "shut its guest down with `hvis-vm --connect " + socket +
           " shutdown`, or cut its power with `hvis-vm --connect " + socket + " power-off`";
}

std::vector<UnknownWorker> unknown_workers(const std::string& runtime_directory,
                                           const std::function<bool(const Guid&)>& known) {
    std::vector<UnknownWorker> workers;
    std::error_code error;
    size_t examined = 0;
    for (fs::directory_iterator next(runtime_directory + "/vms", error), end;
         !error && next != end && examined < kMaxRuntimeFolders &&
         workers.size() < kMaxUnknownWorkers;
         next.increment(error), ++examined) {
        const auto vm = Guid::parse(next->path().filename().string());
        if (!vm || known(*vm)) {
            continue;
        }
        if (auto worker = worker_of(*vm, runtime_directory)) {
            workers.push_back(*std::move(worker));
        }
    }
    return workers;
}

void tell_unknown_workers(const std::vector<UnknownWorker>& workers, EventLog& events) {
    for (const UnknownWorker& worker : workers) {
        log(LogLevel::kWarning, "manager",
            "a worker runs that the database knows nothing of: " + worker.text() + "; " +
                worker.hint());
        control::EventFields fields = {{"id", worker.vm.to_string()}};
        if (worker.pid) {
            fields.emplace_back("pid", std::to_string(*worker.pid));
        }
        if (!worker.socket.empty()) {
            fields.emplace_back("socket", worker.socket);
        }
        events.record(control::EventId::kWorkerUnknown, std::move(fields));
    }
}

}  // namespace hvis::manager
