// A worker that says what it likes to hvisd: greetings, replies whole and in parts, events, status,
// in any order and number, and hangs up whenever it likes.

#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "control/link.h"
#include "control/packet.h"
#include "vmbus/fuzz_script.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::control;
using vmbus::require;

constexpr int kMaxPackets = 64;
constexpr int kRequests = 3;

/// Where every worker of this process listens.
class Place {
public:
    Place() {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
        listening_ = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        // SAFETY: the sockets API takes every address family through this one type.
        const auto* generic =
            reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
        require(::bind(listening_.get(), generic, sizeof(address)) == 0);
        require(::listen(listening_.get(), 8) == 0);
    }
    ~Place() {
        ::unlink(path_.c_str());
        ::rmdir(directory_.c_str());
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] UniqueFd accept() const {
        return UniqueFd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

private:
    static std::string make_directory() {
        std::string name = "/tmp/hvis-link-XXXXXX";
        require(::mkdtemp(name.data()) != nullptr);
        return name;
    }

    const std::string directory_ = make_directory();
    const std::string path_ = directory_ + "/worker.sock";
    UniqueFd listening_;
};

class Session {
public:
    Session(vmbus::FuzzScript& script, loop::Loop& loop, const Place& place)
        : script_(script), loop_(loop) {
        link_ = Link::connect(
            loop, place.path(), far(),
            {.greeted = [this](const Json&) { ask(); },
             .event = [this](const Json& event) { require(!over_ && !event.is_discarded()); },
             .status = [this](const auto& status) { require(!over_ && status != nullptr); },
             .ended =
                 [this](const LinkEnd& end) {
                     require(!over_ && open_ == 0 && !end.text.empty());
                     over_ = true;
                 }});
        worker_ = place.accept();
    }

    void run() {
        for (int count = 0; count < kMaxPackets && !script_.ended() && !over_; ++count) {
            say();
            turn();
        }
        worker_.reset();
        turn();
        require(over_ && open_ == 0);
    }

private:
    static TimePoint far() { return loop::Loop::now() + std::chrono::hours(1); }

    void ask() {
        const auto answered = [this](const Result<std::shared_ptr<const Json>, Failure>& reply) {
            --open_;
            require(!reply || *reply != nullptr);
        };
        for (int count = 0; count < kRequests; ++count) {
            ++open_;
            const auto request = encode_command(EventsListCommand{});
            if (count == 0) {
                link_->follow(request, [](const Json&) {}, answered);
            } else {
                link_->request(request, far(), answered);
            }
        }
    }

    /// Half of the packets are what a worker may say; the other half is anything.
    void say() {
        const std::string id = std::to_string(script_.below(6));
        const Bytes block = script_.block(2048);
        const std::string text(reinterpret_cast<const char*>(block.data()),  // NOLINT
                               block.size());
        std::string packet;
        switch (script_.below(8)) {
            case 0:
                packet = R"({"hello":{"protocol":1,"run":")" + id + "\"}}";
                break;
            case 1:
                packet = R"({"id":)" + id + R"(,"result":)" + text + "}";
                break;
            case 2:
                packet = R"({"id":)" + id + R"(,"more":true,"result":)" + text + "}";
                break;
            case 3:
                packet = R"({"id":)" + id + R"(,"error":)" + text + "}";
                break;
            default:
                packet = text;
                break;
        }
        // An empty packet cannot be told from the end of the connection.
        if (!packet.empty()) {
            (void)send_packet(worker_.get(), packet);
        }
    }

    void turn() {
        for (int round = 0; round < 3; ++round) {
            loop_.run_once({});
        }
    }

    vmbus::FuzzScript& script_;
    loop::Loop& loop_;
    UniqueFd worker_;
    int open_ = 0;  ///< requests that have not been answered
    bool over_ = false;
    std::unique_ptr<Link> link_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    static const Place place;
    const auto loop = std::move(*loop::Loop::create());
    vmbus::FuzzScript script(data, size);
    Session(script, *loop, place).run();
    return 0;
}
