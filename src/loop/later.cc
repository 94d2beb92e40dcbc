#include "loop/later.h"

#include <memory>
#include <utility>

namespace hvis::loop {

Later::~Later() {
    for (const Loop::TimerId id : pending_) {
        loop_.cancel_timer(id);
    }
}

void Later::run(Loop::Callback work) {
    // The timer's own id is known only once its callback has been made.
    auto id = std::make_shared<Loop::TimerId>();
    *id = loop_.add_timer(Loop::now(), [this, id, work = std::move(work)] {
        pending_.erase(*id);
        work();
    });
    pending_.insert(*id);
}

}  // namespace hvis::loop
