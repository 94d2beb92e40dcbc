#include <nlohmann/json.hpp>

#include "cli/verbs/verbs.h"
#include "control/show.h"

namespace hvis::cli {
namespace {

using std::chrono::milliseconds;

std::string timeout_text(const std::optional<milliseconds>& timeout) {
    return timeout ? std::to_string(timeout->count()) : std::string();
}

Duration patience_for(const std::optional<milliseconds>& timeout) {
    return timeout ? Duration(*timeout) + kMargin : Duration(kPatience);
}

struct ShowTime {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document time = HVIS_TRY(session.api.get(Target::vm(vm) / "time"));
        session.print(*time, control::show_time(*time));
        return {};
    }
};

struct SyncTime {
    std::string vm;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        Json body = Json::object();
        if (timeout) {
            body["timeout_ms"] = timeout->count();
        }
        const Document answer = HVIS_TRY(session.api.send("POST", Target::vm(vm) / "time" / "sync",
                                                          body, patience_for(timeout)));
        session.print(*answer, "the host's time has been sent to " + vm + "\n");
        return {};
    }
};

struct ShowIp {
    std::string vm;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        const Target target = (Target::vm(vm) / "ip").with("timeout_ms", timeout_text(timeout));
        const Document addresses = HVIS_TRY(session.api.get(target, patience_for(timeout)));
        session.print(*addresses, control::show_addresses(*addresses));
        return {};
    }
};

struct SetIp {
    std::string vm;
    std::string adapter;
    bool dhcp = false;
    std::vector<std::string> addresses;
    std::vector<std::string> gateways;
    std::vector<std::string> dns_servers;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        if (!dhcp && addresses.empty()) {
            return std::unexpected(control::make_failure(control::ErrorCode::kUsage,
                                                         "expected --dhcp or --address",
                                                         "see hvis ip set --help"));
        }
        if (dhcp && !addresses.empty()) {
            return std::unexpected(control::make_failure(
                control::ErrorCode::kUsage,
                "--dhcp has the guest ask for an address: it takes no --address",
                "leave one of the two out"));
        }
        Json body = {{"adapter", adapter}};
        if (dhcp) {
            body["dhcp"] = true;
        }
        const auto put = [&](const char* name, const std::vector<std::string>& list) {
            if (!list.empty()) {
                body[name] = list;
            }
        };
        put("addresses", addresses);
        put("gateways", gateways);
        put("dns_servers", dns_servers);
        if (timeout) {
            body["timeout_ms"] = timeout->count();
        }
        const Document answer =
            HVIS_TRY(session.api.send("PUT", Target::vm(vm) / "ip", body, patience_for(timeout)));
        session.print(*answer, vm + " has taken the settings of the adapter\n");
        return {};
    }
};

}  // namespace

void add_time_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "time", "The guest's clock");
    CLI::App& show = add_verb(noun, "show", "What the time service has done", "time show web");
    add_vm(show, choose<ShowTime>(show, chosen)->vm);
    CLI::App& sync = add_verb(noun, "sync", "Have the guest set its clock now", "time sync web");
    const auto verb = choose<SyncTime>(sync, chosen);
    add_vm(sync, verb->vm);
    add_duration(sync, "--timeout", verb->timeout, "give up after this long (5s)");
}

void add_ip_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "ip", "The guest's addresses");
    CLI::App& show = add_verb(noun, "show", "Addresses that the guest reports", "ip show web");
    const auto shown = choose<ShowIp>(show, chosen);
    add_vm(show, shown->vm);
    add_duration(show, "--timeout", shown->timeout, "give up after this long (5s)");
    CLI::App& set =
        add_verb(noun, "set", "Have the guest configure a network adapter",
                 "ip set web f8615163-df3e-46c5-913f-f2d2f965ed0e --address 192.0.2.7/24 "
                 "--gateway 192.0.2.1");
    const auto verb = choose<SetIp>(set, chosen);
    add_vm(set, verb->vm);
    add_argument(set, "ADAPTER", verb->adapter,
                 "instance of its network channel, a GUID: in the guest, "
                 "/sys/class/net/*/device/device_id");
    add_flag(set, "--dhcp", verb->dhcp, "have it ask for an address");
    add_list(set, "--address", verb->addresses, "may be given again", "ADDRESS/PREFIX");
    add_list(set, "--gateway", verb->gateways, "may be given again", "ADDRESS");
    add_list(set, "--dns", verb->dns_servers, "may be given again", "ADDRESS");
    add_duration(set, "--timeout", verb->timeout, "give up after this long (5s)");
}

}  // namespace hvis::cli
