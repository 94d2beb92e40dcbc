#include "manager/events/journal_sink.h"

#include <algorithm>

#define SD_JOURNAL_SUPPRESS_LOCATION  // An event has no place in the source.
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/log.h"
#include "control/events.h"

namespace hvis::manager {
namespace {

/// Where journald listens (systemd: NATIVE_PROTOCOL.md).
constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

void send_to_journal(const StoredEvent& event) {
    std::vector<std::string> fields = journal_fields(event);
    std::vector<iovec> pieces;
    pieces.reserve(fields.size());
    for (std::string& field : fields) {
        pieces.push_back({.iov_base = field.data(), .iov_len = field.size()});
    }
    sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size()));
}

void print(const StoredEvent& event) {
    const std::string about = event.vm ? event.vm_name + ": " : std::string();
    log(control::log_level_of(event.severity), event.service,
        about + event.text + " [" + std::to_string(event.id) + "]");
}

}  // namespace

std::vector<std::string> journal_fields(const StoredEvent& event) {
    const std::string about = event.vm ? event.vm_name + ": " : std::string();
    std::vector<std::string> fields = {
        "MESSAGE=" + about + event.text,
        "PRIORITY=" + std::to_string(std::to_underlying(control::log_level_of(event.severity))),
        "MESSAGE_ID=" + control::message_id(event.id),
        "SYSLOG_IDENTIFIER=hvisd",
        "HVIS_EVENT=" + event.name,
        "HVIS_EVENT_ID=" + std::to_string(event.id),
        "HVIS_SEQUENCE=" + std::to_string(event.sequence),
        "HVIS_SERVICE=" + event.service};
    if (event.vm) {
        fields.push_back("HVIS_VM=" + event.vm_name);
        fields.push_back("HVIS_VM_ID=" + event.vm->to_string());
    }
    return fields;
}

JournalSink::JournalSink(Where where)
    : to_journal_(where == Where::kAuto && ::access(kJournalSocket, W_OK) == 0) {
    if (where != Where::kNone) {
        thread_ = std::thread([this] { run(); });
    }
}

JournalSink::~JournalSink() {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void JournalSink::write(const StoredEvent& event) {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_.size() == kMaxWaiting) {
            ++dropped_;
            return;
        }
        waiting_.push_back(event);
    }
    changed_.notify_one();
}

uint64_t JournalSink::dropped() const {
    const std::scoped_lock lock(mutex_);
    return dropped_;
}

void JournalSink::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) {
            return;
        }
        std::deque<StoredEvent> batch;
        batch.swap(waiting_);
        lock.unlock();
        for (const StoredEvent& event : batch) {
            if (to_journal_) {
                send_to_journal(event);
            } else {
                print(event);
            }
        }
        lock.lock();
    }
}

}  // namespace hvis::manager
