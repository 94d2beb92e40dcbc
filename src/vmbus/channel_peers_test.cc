// Host half and guest half against each other: every flow, then thousands of random interleavings
// in which messages, devices and drivers are each as slow as they like.

#include <random>
#include <set>

#include <gtest/gtest.h>

#include "vmbus/channel_client.h"
#include "vmbus/channel_server.h"

namespace hvis::vmbus {
namespace {

constexpr uint32_t kProcessors = 4;
constexpr uint8_t kDevices = 6;
constexpr Guid kScsi = "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"_guid;

/// Both halves, the messages between them, slow devices on one side and a driver on the other.
class Peers {
public:
    explicit Peers(uint32_t seed) : random_(seed) {
        for (uint8_t number = 0; number < kDevices; ++number) {
            Guid instance{};
            instance.bytes[0] = number;
            offers_.push_back(*server_.add_offer(OfferParams::message_pipe(kScsi, instance)));
        }
    }

    void connect() { client_.connect(); }

    void step() {
        switch (pick(12)) {
            case 0:
            case 1:
            case 2:
                deliver_to_host();
                break;
            case 3:
            case 4:
            case 5:
                deliver_to_guest();
                break;
            case 6:
            case 7:
                run_device();
                break;
            case 8:
            case 9:
            case 10:
                run_driver();
                break;
            default:
                run_administrator();
                break;
        }
        ASSERT_TRUE(server_.consistent());
    }

    /// Until nothing is under way.
    void settle() {
        while (deliver_to_host() || deliver_to_guest() || run_device() || clean_up()) {
            ASSERT_TRUE(server_.consistent());
        }
    }

    void expect_agreement() const {
        std::set<uint32_t> known;
        for (const auto id : offers_) {
            const auto status = *server_.status(id);
            if (status.relid == 0) {
                continue;
            }
            known.insert(status.relid);
            EXPECT_EQ(status.phase == ChannelPhase::kOpen, client_.is_open(status.relid))
                << to_string(status.phase);
            EXPECT_TRUE(status.phase == ChannelPhase::kOpen ||
                        status.phase == ChannelPhase::kOffered)
                << to_string(status.phase);
        }
        const auto relids = client_.relids();
        EXPECT_EQ(known, std::set<uint32_t>(relids.begin(), relids.end()));
    }

    void restart_guest() {
        rings_.clear();
        rescinded_.clear();
        client_.connect();
    }
    void unload_guest() {
        rings_.clear();
        rescinded_.clear();
        (void)client_.unload();
    }
    void reset_machine() { server_.reset(); }
    void reoffer_all() {
        for (const auto id : offers_) {
            ASSERT_TRUE(server_.reoffer(id));
        }
    }
    [[nodiscard]] size_t offer_count() const { return offers_.size(); }

    ChannelServer server_{{.processor_count = kProcessors}};
    ChannelClient client_{{}};

private:
    uint32_t pick(uint32_t count) { return static_cast<uint32_t>(random_()) % count; }

    bool deliver_to_host() {
        const auto* message = client_.next_message();
        if (message == nullptr || !server_.can_accept_message()) {
            return false;
        }
        (void)server_.handle_message(message->connection_id, message->payload);
        client_.message_sent();
        return true;
    }

    /// Effects come before messages, as the server asks of its owner.
    bool deliver_to_guest() {
        collect_effects();
        const auto* message = server_.next_message();
        if (message == nullptr) {
            return false;
        }
        const Bytes payload = message->payload;
        server_.message_sent();
        (void)client_.handle_message(payload);
        note_guest_effects();
        return true;
    }

    void collect_effects() {
        for (auto& effect : server_.take_effects()) {
            if (std::holds_alternative<OpenChannel>(effect) ||
                std::holds_alternative<CloseChannel>(effect) ||
                std::holds_alternative<ReleaseGpadl>(effect)) {
                device_work_.push_back(std::move(effect));
            }
        }
    }

    /// Devices work off what they were told, in order, and at their own pace.
    bool run_device() {
        collect_effects();
        if (device_work_.empty()) {
            return false;
        }
        const auto effect = device_work_.front();
        device_work_.erase(device_work_.begin());
        if (const auto* open = std::get_if<OpenChannel>(&effect)) {
            EXPECT_TRUE(attached_.insert(open->offer.value).second) << "opened twice";
            const bool succeeds = pick(8) != 0;
            server_.open_result(open->offer, succeeds ? wire::kNtSuccess : wire::kNtUnsuccessful);
            const auto phase = server_.status(open->offer)->phase;
            if (!succeeds && phase == ChannelPhase::kOffered) {
                attached_.erase(open->offer.value);
            }
        } else if (const auto* close = std::get_if<CloseChannel>(&effect)) {
            EXPECT_EQ(attached_.erase(close->offer.value), 1U) << "closed without an open";
            server_.channel_closed(close->offer);
        } else if (const auto* release = std::get_if<ReleaseGpadl>(&effect)) {
            server_.gpadl_released(release->offer, release->gpadl);
        }
        return true;
    }

    void note_guest_effects() {
        for (const auto& effect : client_.take_effects()) {
            if (std::holds_alternative<ChannelClient::Connected>(effect)) {
                (void)client_.request_offers();
            } else if (const auto* created = std::get_if<ChannelClient::GpadlCreated>(&effect)) {
                if (created->status == 0) {
                    rings_.insert({created->relid, created->gpadl});
                }
            } else if (const auto* rescinded = std::get_if<ChannelClient::Rescinded>(&effect)) {
                rescinded_.insert(rescinded->relid);
            }
        }
    }

    /// What a guest must do: let go of rescinded channels.
    bool clean_up() {
        if (rescinded_.empty() || !client_.is_connected()) {
            return false;
        }
        const uint32_t relid = *rescinded_.begin();
        rescinded_.erase(rescinded_.begin());
        (void)client_.close(relid);
        std::erase_if(rings_, [&](const auto& ring) { return ring.first == relid; });
        EXPECT_TRUE(client_.release(relid));
        return true;
    }

    /// What a guest may do.
    void run_driver() {
        const auto relids = client_.relids();
        if (relids.empty()) {
            return;
        }
        const uint32_t relid = relids[pick(static_cast<uint32_t>(relids.size()))];
        switch (pick(6)) {
            case 0: {
                wire::GpaRanges memory;
                const uint32_t pages = 4 + pick(60);
                memory.add(pages * 4096, 0, std::vector<uint64_t>(pages, 9));
                (void)client_.create_gpadl(relid, memory);
                break;
            }
            case 1:
                if (!rings_.empty()) {
                    (void)client_.teardown_gpadl(rings_.begin()->second);
                    rings_.erase(rings_.begin());
                }
                break;
            case 2:
            case 3:
                if (const auto ring = rings_.find(relid); ring != rings_.end()) {
                    (void)client_.open(relid, {.ring_gpadl = ring->second,
                                               .target_vp = pick(kProcessors),
                                               .downstream_page_offset = 2});
                }
                break;
            case 4:
                if (pick(2) == 0) {
                    (void)client_.close(relid);
                } else {
                    (void)client_.retarget(relid, pick(kProcessors));
                }
                break;
            default:
                (void)clean_up();
                break;
        }
    }

    void run_administrator() {
        const auto id = offers_[pick(static_cast<uint32_t>(offers_.size()))];
        switch (pick(40)) {
            case 0:
                unload_guest();
                break;
            case 1:
                restart_guest();
                break;
            case 2:
                reset_machine();
                restart_guest();
                break;
            default:
                (void)(pick(2) == 0 ? server_.rescind(id) : server_.reoffer(id));
                break;
        }
    }

    std::mt19937 random_;
    std::vector<OfferId> offers_;
    std::vector<ServerEffect> device_work_;
    std::set<uint32_t> attached_;
    std::multimap<uint32_t, uint32_t> rings_;
    std::set<uint32_t> rescinded_;
};

TEST(ChannelPeers, ConnectAndAgreeOnTheOffers) {
    Peers peers(1);
    peers.connect();
    peers.settle();
    EXPECT_EQ(peers.client_.relids().size(), peers.offer_count());
    peers.expect_agreement();
}

TEST(ChannelPeers, AgreeAfterUnloadRestartAndReset) {
    Peers peers(2);
    peers.connect();
    peers.settle();
    peers.unload_guest();
    peers.settle();
    EXPECT_TRUE(peers.server_.is_idle());
    peers.restart_guest();
    peers.settle();
    peers.restart_guest();
    peers.settle();
    EXPECT_EQ(peers.client_.relids().size(), peers.offer_count());
    peers.reset_machine();
    peers.settle();
    EXPECT_TRUE(peers.server_.is_idle());
    peers.restart_guest();
    peers.settle();
    EXPECT_EQ(peers.client_.relids().size(), peers.offer_count());
    peers.expect_agreement();
}

TEST(ChannelPeers, AgreeAfterAnyInterleaving) {
    for (uint32_t seed = 0; seed < 300; ++seed) {
        Peers peers(seed);
        peers.connect();
        for (int step = 0; step < 1500; ++step) {
            peers.step();
            if (HasFatalFailure()) {
                FAIL() << "seed " << seed << ", step " << step;
            }
        }
        peers.settle();
        if (!peers.client_.is_connected()) {
            peers.reset_machine();
            peers.settle();
            peers.restart_guest();
            peers.settle();
        }
        peers.expect_agreement();
        peers.reoffer_all();
        peers.settle();
        peers.expect_agreement();
        EXPECT_EQ(peers.client_.relids().size(), peers.offer_count()) << "seed " << seed;
        ASSERT_FALSE(HasFailure()) << "seed " << seed;
    }
}

}  // namespace
}  // namespace hvis::vmbus
