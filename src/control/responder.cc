#include "control/connection.h"
#include "control/server.h"

namespace hvis::control {

Responder& Responder::operator=(Responder&& other) noexcept {
    if (this != &other) {
        const Responder old(std::exchange(request_, std::move(other.request_)));
    }
    return *this;
}

Responder::~Responder() {
    if (wanted()) {
        failed(make_failure(ErrorCode::kFailed, "the worker dropped the request",
                            "look into the worker's log"));
    }
}

void Responder::done(const CommandResult& result) {
    if (wanted()) {
        request_->connection->answer(*request_, result);
    }
}

void Responder::failed(const Failure& failure) {
    if (wanted()) {
        request_->connection->answer(*request_, failure);
    }
}

void Responder::tell(const Notice& notice) {
    if (wanted()) {
        request_->connection->tell(*request_, notice);
    }
}

void Responder::on_cancelled(std::function<void()> callback) {
    if (wanted()) {
        request_->cancelled = std::move(callback);
    }
}

bool Responder::wanted() const { return request_ != nullptr && request_->connection != nullptr; }

}  // namespace hvis::control
