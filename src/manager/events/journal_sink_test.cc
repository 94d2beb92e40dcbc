#include "manager/events/journal_sink.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;

StoredEvent lost() {
    StoredEvent event;
    event.sequence = 7;
    event.vm = "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"_guid;
    event.vm_name = "web";
    event.id = 3001;
    event.name = "heartbeat_lost";
    event.severity = control::Severity::kError;
    event.service = "heartbeat";
    event.text = "the guest has stopped answering";
    return event;
}

TEST(JournalSink, GivesEachEventItsFields) {
    EXPECT_THAT(journal_fields(lost()),
                ElementsAre("MESSAGE=web: the guest has stopped answering", "PRIORITY=3",
                            "MESSAGE_ID=5d1c7a0f94e34b7c8a26f0b9e31d0bb9",
                            "SYSLOG_IDENTIFIER=hvisd", "HVIS_EVENT=heartbeat_lost",
                            "HVIS_EVENT_ID=3001", "HVIS_SEQUENCE=7", "HVIS_SERVICE=heartbeat",
                            "HVIS_VM=web", "HVIS_VM_ID=5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"));
    StoredEvent own = lost();
    own.vm.reset();
    EXPECT_THAT(journal_fields(own), Not(Contains(StartsWith("HVIS_VM"))));
}

/// What the sink prints on a standard error that is the pipe of the test.
std::string printed(size_t events, JournalSink::Where where) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[1]);
    {
        JournalSink sink(where);
        for (size_t event = 0; event < events; ++event) {
            sink.write(lost());
        }
    }
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    std::string text(65'536, '\0');
    const ssize_t length = ::read(pipe[0], text.data(), text.size());
    text.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
    ::close(pipe[0]);
    return text;
}

TEST(JournalSink, PrintsWhereThereIsNoJournal) {
    EXPECT_EQ(printed(2, JournalSink::Where::kStderr),
              "<3>heartbeat: web: the guest has stopped answering [3001]\n"
              "<3>heartbeat: web: the guest has stopped answering [3001]\n");
    EXPECT_EQ(printed(2, JournalSink::Where::kNone), "");
}

/// A journal of our own, in a mount namespace where nobody else sees it.
int journal_in_own_namespace() {
    constexpr const char* kFolder = "/run/systemd/journal";
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/run", "tmpfs", 0, nullptr) != 0) {
        return 77;
    }
    ::mkdir("/run/systemd", 0755);
    ::mkdir(kFolder, 0755);
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    const sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    // SAFETY: bind takes every kind of address through the generic type.
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return 77;
    }
    {
        JournalSink(JournalSink::Where::kAuto).write(lost());
    }
    std::string entry(65'536, '\0');
    entry.resize(static_cast<size_t>(
        std::max<ssize_t>(::recv(socket, entry.data(), entry.size(), MSG_DONTWAIT), 0)));
    return entry.contains("HVIS_EVENT_ID=3001\n") && entry.contains("PRIORITY=3\n") ? 0 : 1;
}

TEST(JournalSink, SendsToTheJournalThatListens) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(journal_in_own_namespace());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77) {
        GTEST_SKIP() << "only root can make a mount namespace for a journal of its own";
    }
    EXPECT_EQ(status, 0);
}

TEST(JournalSink, NeverHoldsUpItsCallerAndCountsWhatItDrops) {
    std::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[1]);
    uint64_t dropped = 0;
    {
        JournalSink sink(JournalSink::Where::kStderr);
        // Nobody reads: the pipe fills up, then the queue.
        for (size_t event = 0; event < 4 * JournalSink::kMaxWaiting; ++event) {
            sink.write(lost());
        }
        dropped = sink.dropped();
        ::close(pipe[0]);  // What still waits is written to nobody.
    }
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace hvis::manager
