#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guid.h"
#include "loop/loop.h"
#include "manager/operation.h"
#include "manager/role.h"

namespace hvis::manager {

class Store;

/// The long work under way and what became of the last of it. Kept in the store: after a restart
/// of hvisd, what was under way has failed, and says so. Manager thread.
class Operations {
    struct State;

public:
    /// Operations under way at once; past it begin() refuses.
    static constexpr size_t kMaxRunning = 1024;
    /// And those of viewers, who can only wait for something; and theirs with those of operators.
    /// What is left is kept for whoever may do more.
    static constexpr size_t kMaxOfViewers = 256;
    static constexpr size_t kMaxOfOperators = 960;
    /// Finished ones that are kept to be asked about.
    static constexpr size_t kMaxFinished = 1000;

    using Watcher = std::function<void(const Operation&)>;
    using WatchId = uint64_t;

    /// Progress is written down and told at most so often; the end at once.
    static constexpr Duration kProgressEvery = std::chrono::milliseconds(200);

    /// The one who does the work holds this; the first of done(), failed() and cancelled() counts.
    /// Dropped without one of them, the operation has failed. May outlive its Operations: then it
    /// does nothing.
    class Work {
    public:
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;
        ~Work();
        void progress(std::optional<double> fraction, std::string step);
        void done(std::shared_ptr<const control::Json> result = nullptr);
        void failed(control::Failure failure);
        void cancelled();
        [[nodiscard]] const Guid& id() const { return id_; }
        /// Called when a caller wants it cancelled; without it, cancelling is refused.
        void on_cancel(std::function<void()> cancel);

    private:
        friend class Operations;
        Work(std::weak_ptr<State> state, const Guid& id) : state_(std::move(state)), id_(id) {}
        std::weak_ptr<State> state_;
        Guid id_;
    };

    /// `store` and `loop` must outlive it. Marks what an earlier life left running as failed.
    static Result<std::unique_ptr<Operations>, control::Failure> create(Store& store,
                                                                        loop::Loop& loop);
    ~Operations();
    Operations(const Operations&) = delete;
    Operations& operator=(const Operations&) = delete;

    Result<std::shared_ptr<Work>, control::Failure> begin(std::string kind, const Caller& caller,
                                                          std::optional<Guid> vm,
                                                          std::string vm_name);
    [[nodiscard]] const Operation* find(const Guid& id) const;
    /// The newest first.
    [[nodiscard]] std::vector<const Operation*> list(std::optional<Guid> vm = {}) const;
    /// Called at each change of progress and at the end.
    Result<WatchId, control::Failure> watch(const Guid& id, Watcher watcher);
    void unwatch(WatchId id);
    Result<void, control::Failure> cancel(const Guid& id);

private:
    explicit Operations(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace hvis::manager
