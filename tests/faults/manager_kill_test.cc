// SIGKILL of the manager or of a worker at random moments, held against a model: which VM runs,
// who may have been disturbed, and which events there must be.
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/store/store.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;

/// A manager process and the workers that it starts, in a directory of their own.
class ManagerKill : public testing::Test {
protected:
    ManagerKill() {
        set_log_level(LogLevel::kError);
        // Workers whose manager was killed become ours, to be reaped.
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        std::string name = testing::TempDir() + "hvis-kill-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
    }
    ~ManagerKill() override {
        kill_manager();
        for (const auto& [vm, pid] : workers()) {
            ::kill(pid, SIGKILL);
        }
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
        std::filesystem::remove_all(directory);
    }

    void start_manager() {
        std::filesystem::remove(directory + "/caught-up");
        std::array<std::string, 4> texts = {HVIS_TRIAL_MANAGER, directory, HVIS_TRIAL_WORKER,
                                            std::to_string(vms)};
        const std::array<char*, 5> arguments = {texts[0].data(), texts[1].data(), texts[2].data(),
                                                texts[3].data(), nullptr};
        ASSERT_EQ(
            ::posix_spawn(&manager, texts[0].c_str(), nullptr, nullptr, arguments.data(), environ),
            0);
    }
    void kill_manager() {
        if (manager != 0) {
            ::kill(manager, SIGKILL);
            ::waitpid(std::exchange(manager, 0), nullptr, 0);
        }
    }

    /// The living workers by the directory of their VM.
    std::map<std::string, pid_t> workers() const {
        std::map<std::string, pid_t> found;
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(directory + "/vms", none)) {
            pid_t pid = 0;
            std::ifstream(entry.path() / "control.sock.pid") >> pid;
            std::ifstream state("/proc/" + std::to_string(pid) + "/stat");
            std::string number;
            std::string program;
            std::string word;
            state >> number >> program >> word;
            if (pid != 0 && !word.empty() && word != "Z") {
                found[entry.path().filename()] = pid;
            }
        }
        return found;
    }
    void await_all() {
        const auto limit = std::chrono::steady_clock::now() + 60s;
        while (workers().size() < vms && std::chrono::steady_clock::now() < limit) {
            std::this_thread::sleep_for(5ms);
            while (::waitpid(-1, nullptr, WNOHANG) > 0) {  // orphans, and never the manager
            }
        }
        ASSERT_EQ(workers().size(), vms);
    }

    /// Until the present manager has committed events of every VM.
    void await_caught_up() const {
        const auto limit = std::chrono::steady_clock::now() + 120s;
        while (!std::filesystem::exists(directory + "/caught-up") &&
               std::chrono::steady_clock::now() < limit) {
            std::this_thread::sleep_for(5ms);
        }
        ASSERT_TRUE(std::filesystem::exists(directory + "/caught-up"));
    }

    /// One round: kills something at a random moment, and sees that everything comes back.
    void round() {
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
        const auto before = workers();
        if (random() % 2 == 0) {
            kill_manager();
            start_manager();
            await_all();
            EXPECT_EQ(workers(), before) << "a VM was disturbed by the manager's death";
            return;
        }
        auto victim = before.begin();
        std::advance(victim, random() % before.size());
        const bool with_manager = random() % 3 == 0;
        if (with_manager) {
            kill_manager();
        }
        ::kill(victim->second, SIGKILL);
        ++worker_kills;
        while (workers()[victim->first] == victim->second) {  // SIGKILL takes its time
            std::this_thread::sleep_for(1ms);
        }
        if (with_manager) {
            start_manager();
        }
        await_all();
        for (const auto& [vm, pid] : workers()) {
            if (vm != victim->first) {
                EXPECT_EQ(pid, before.at(vm)) << "another VM was disturbed";
            }
        }
    }

    /// Reads every event of workers: each run's numbers go 1, 2, … without a gap.
    void check_events() {
        kill_manager();
        auto store = Store::open(directory + "/hvis.db");
        ASSERT_TRUE(store) << store.error().message;
        std::map<std::string, uint64_t> last;
        std::map<std::string, long> names;
        EventFilter filter;
        filter.limit = EventFilter::kMaxLimit;
        while (true) {
            const auto page = (*store)->query_events(filter);
            ASSERT_TRUE(page);
            for (const StoredEvent& event : page->events) {
                ++names[event.name];
                if (event.name == "vm_stopped") {
                    std::istringstream text(event.fields.at(0).second);
                    std::string run;
                    uint64_t number = 0;
                    text >> run >> number;
                    ASSERT_EQ(number, last[run] + 1) << "lost or doubled, run " << run;
                    last[run] = number;
                }
            }
            if (!page->next) {
                break;
            }
            filter.since = *page->next;
        }
        EXPECT_EQ(names["events_not_taken"], 0);
        EXPECT_EQ(names["restart_given_up"], 0);
        // A life that was killed before hvisd knew of it leaves no trace, but no more do.
        EXPECT_LE(last.size(), vms + worker_kills);
        EXPECT_GE(last.size(), vms + worker_kills / 2);
        EXPECT_GE(names["worker_failed"], static_cast<long>(worker_kills / 2));
        const auto records = (*store)->load_vms();
        ASSERT_TRUE(records);
        for (const VmRecord& record : *records) {
            EXPECT_TRUE(record.wanted_running) << record.definition.name;
        }
    }

    std::string directory;
    size_t vms = 4;
    pid_t manager = 0;
    size_t worker_kills = 0;
    std::mt19937 random{std::random_device()()};
};

TEST_F(ManagerKill, DisturbsNoVmAndNoEventInTwoHundredRounds) {
    start_manager();
    await_all();
    for (int number = 0; number < 200 && !HasFailure(); ++number) {
        round();
    }
    await_caught_up();
    check_events();
}

TEST_F(ManagerKill, LeavesFiftyVmsAlone) {
    vms = 50;
    start_manager();
    await_all();
    const auto before = workers();
    for (int number = 0; number < 40 && !HasFailure(); ++number) {
        // Some lives end before they have taken anything, some when they have taken all.
        if (number % 8 == 0) {
            await_caught_up();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 200));
        kill_manager();
        start_manager();
        EXPECT_EQ(workers(), before);
    }
    await_caught_up();
    check_events();
}

}  // namespace
}  // namespace hvis::manager
