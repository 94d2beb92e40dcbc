#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/json.h"
#include "manager/api/access.h"
#include "manager/api/http_message.h"
#include "manager/api/responder.h"
#include "manager/api/uri.h"
#include "manager/role.h"

namespace hvis::manager {

struct ApiContext;
struct Route;

/// A request whose route, caller, names and JSON are known to be well-formed.
struct ApiRequest {
    const Route* route = nullptr;
    Caller caller;
    Claim claim;  ///< of the caller, to go on being answered
    std::map<std::string, std::string, std::less<>> names;  ///< {vm}, {key}, … decoded
    Query query;
    std::shared_ptr<const control::Json> body;  ///< an object, also when none was sent
    bool wants_events = false;                  ///< Accept: text/event-stream
    std::string last_event_id;

    [[nodiscard]] const std::string& name(std::string_view which) const {
        return names.find(which)->second;
    }
};

enum class Body : uint8_t {
    kNone,      ///< anything but {} is refused
    kOptional,  ///< an object; none is {}
    kRequired,
};

enum class Parameters : uint8_t {
    kNone,  ///< any is refused
    kRead,  ///< the handler takes, and refuses, them
};

/// One line of the API's table.
struct Route {
    Method method = Method::kGet;
    std::string_view path;  ///< "/api/v1/vms/{vm}/start"
    Role role = Role::kViewer;
    Body body = Body::kNone;
    void (*handler)(ApiContext& context, const ApiRequest& request, Responder responder) = nullptr;
    Parameters parameters = Parameters::kNone;
};

/// Finds the route of a request. Immutable: any thread.
class Router {
public:
    explicit Router(std::span<const Route> routes);

    struct Match {
        const Route* route = nullptr;  ///< none: `allowed` tells what would do, or nothing at all
        std::map<std::string, std::string, std::less<>> names;
        std::string allowed;  ///< for the Allow field: "GET, HEAD, OPTIONS"; empty: unknown path
    };
    /// HEAD finds the route of GET. Of two routes with the method, fixed segments win over names:
    /// POST /vms/import imports, while GET and DELETE are about a VM of that name.
    [[nodiscard]] Match find(Method method, const std::vector<std::string>& segments) const;

private:
    struct Entry {
        const Route* route;
        std::vector<std::string_view> segments;
    };
    std::vector<Entry> entries_;
};

}  // namespace hvis::manager
