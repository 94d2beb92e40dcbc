#include "control/link.h"

#include "control/link_state.h"

namespace hvis::control {

std::unique_ptr<Link> Link::connect(loop::Loop& loop, const std::string& path, TimePoint deadline,
                                    Callbacks callbacks) {
    auto state = std::make_shared<State>(loop, std::move(callbacks));
    state->connect(path, deadline);
    return std::unique_ptr<Link>(new Link(std::move(state)));
}

Link::Link(std::shared_ptr<State> state) : state_(std::move(state)) {}

Link::~Link() { state_->close(); }

Link::RequestId Link::request(const EncodedCommand& command, TimePoint deadline,
                              Answered answered) {
    return state_->request(command, deadline, std::move(answered));
}

Link::RequestId Link::follow(const EncodedCommand& command, Told told, Answered ended) {
    return state_->follow(command, std::move(told), std::move(ended));
}

void Link::cancel(RequestId id) { state_->cancel(id); }

bool Link::greeted() const { return state_->greeted(); }
size_t Link::outstanding() const { return state_->outstanding(); }
TimePoint Link::heard() const { return state_->heard(); }
pid_t Link::peer() const { return state_->peer(); }

}  // namespace hvis::control
