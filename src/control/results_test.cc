#include "control/results.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/packet.h"
#include "control/reply.h"
#include "control/time_text.h"

namespace hvis::control {
namespace {

ServiceState heartbeat_state() {
    return {.service = Service::kHeartbeat,
            .enabled = true,
            .primary = "ok",
            .secondary = "ok",
            .framework = "3.0",
            .message = "3.0",
            .since = {static_cast<uint64_t>(kUnixEpochInTicks)},
            .explanation = "the guest answers",
            .applications = "unknown"};
}

StatusResult status_of(std::string name) {
    StatusResult status;
    status.name = std::move(name);
    return status;
}

TEST(Results, DescribeAService) {
    EXPECT_EQ(dump_json(to_json(ServiceListResult{.services = {heartbeat_state()}})),
              R"({"services":[{"applications":"unknown","enabled":true,)"
              R"("explanation":"the guest answers","framework":"3.0","message":"3.0",)"
              R"("primary":"ok","secondary":"ok","service":"heartbeat",)"
              R"("since":"1970-01-01T00:00:00.000Z"}]})");
}

TEST(Results, LeaveOutWhatIsNotKnown) {
    const Json status = to_json(status_of("web"));
    EXPECT_FALSE(status.contains("vmbus_version"));
    EXPECT_FALSE(status.contains("guest"));
    EXPECT_FALSE(status.contains("crash"));
    EXPECT_EQ(status["name"], "web");
}

TEST(Results, FitAStatusIntoAPacketWhateverTheGuestSays) {
    const std::string noise(100'000, '\x01');
    const GuestFacts facts{.os_name = noise,
                           .os_version = noise,
                           .os_build = noise,
                           .architecture = noise,
                           .fqdn = noise,
                           .services_version = noise,
                           .ipv4 = std::vector(100, noise),
                           .ipv6 = std::vector(100, noise)};
    StatusResult status = status_of("web");
    status.guest = facts;
    status.crash = CrashState{.at = {}, .parameters = {}, .text = noise};
    status.services = {heartbeat_state(), heartbeat_state(), heartbeat_state(), heartbeat_state()};
    const auto packets = result_packets(1, to_json(status));
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_LE(packets[0].size(), kMaxPacketBytes);
    EXPECT_EQ(packets[0].find("too long"), std::string::npos);
}

TEST(Results, WriteTheParametersOfACrashInHex) {
    StatusResult status;
    status.crash = CrashState{.at = {}, .parameters = {1, UINT64_MAX, 0, 0, 0}, .text = "panic"};
    EXPECT_EQ(to_json(status)["crash"]["parameters"][1], "0xffffffffffffffff");
    EXPECT_EQ(to_json(status)["crash"]["parameters"][0], "0x0000000000000001");
}

TEST(Results, ComeInPartsWhenTheyAreLong) {
    KvpResult result{.pool = Pool::kGuest, .pairs = {}};
    for (int number = 0; number < 1000; ++number) {
        result.pairs.push_back({.key = std::to_string(number), .value = std::string(500, 'v')});
    }
    const Json whole = to_json(result);
    const auto packets = result_packets(7, whole);
    ASSERT_GT(packets.size(), 1U);
    Json joined = Json::array();
    for (size_t index = 0; index < packets.size(); ++index) {
        EXPECT_LE(packets[index].size(), kMaxPacketBytes);
        const Json packet = Json::parse(packets[index]);
        EXPECT_EQ(packet["id"], 7);
        EXPECT_EQ(packet.contains("more"), index + 1 < packets.size());
        EXPECT_EQ(packet["result"]["pool"], "guest");
        for (const Json& pair : packet["result"]["pairs"]) {
            joined.push_back(pair);
        }
    }
    EXPECT_EQ(joined, whole["pairs"]);
}

TEST(Results, BecomeAnErrorWhenTheyAreTooLong) {
    KvpResult one_giant{.pool = Pool::kGuest, .pairs = {{.key = "k", .value = {}}}};
    one_giant.pairs[0].value.assign(kMaxPacketBytes, 'v');
    EXPECT_NE(result_packets(1, to_json(one_giant))[0].find("the result is too long"),
              std::string::npos);
    Json many = {{"events", Json::array()}};
    for (int number = 0; number < 100; ++number) {
        many["events"].push_back(std::string(60'000, 'v'));
    }
    EXPECT_EQ(result_packets(1, many).size(), 1U);
}

TEST(Results, SayWhatIsMissingOfAListing) {
    KvpResult result{.pool = Pool::kGuest, .pairs = {{.key = "k", .value = "v"}}};
    EXPECT_EQ(to_json(result),
              (Json{{"pool", "guest"}, {"pairs", Json::array({{{"key", "k"}, {"value", "v"}}})}}));
    result.truncated = true;
    result.unreadable = 2;
    EXPECT_EQ(to_json(result)["truncated"], true);
    EXPECT_EQ(to_json(result)["unreadable"], 2);
}

TEST(Results, CutAListingToWhatAReplyCanHold) {
    KvpResult result{.pool = Pool::kGuest, .pairs = {}};
    // As many and as long as a guest's can be, of characters that have to be escaped.
    result.pairs.assign(1024,
                        {.key = std::string(254, '\x01'), .value = std::string(1022, '\x01')});
    const Json whole = to_json(result);
    EXPECT_EQ(whole["truncated"], true);
    EXPECT_LT(whole["pairs"].size(), 1024U);
    EXPECT_GT(whole["pairs"].size(), 500U);
    const auto packets = result_packets(1, whole);
    EXPECT_GT(packets.size(), 1U);
    EXPECT_EQ(packets[0].find("too long"), std::string::npos);
    EXPECT_EQ(Json::parse(packets[0])["result"]["truncated"], true);
}

TEST(Results, CutAnErrorToOnePacket) {
    Failure failure = make_failure(ErrorCode::kFailed, std::string(1'000'000, '\x01'));
    failure.pointer.assign(1'000'000, '\xff');
    EXPECT_LE(failure_packet(1, failure).size(), kMaxPacketBytes);
}

TEST(Failures, ComeOutAsTheyWentIn) {
    Failure failure = make_failure(ErrorCode::kUnavailable, "no daemon", "install it");
    failure.pointer = "/key";
    failure.outcome = "guest_not_connected";
    failure.guest_status = 0x80004005;
    EXPECT_EQ(failure_from_json(to_json(failure)), failure);
    EXPECT_EQ(failure_from_json(Json(7)).code, ErrorCode::kFailed);
}

TEST(TimeText, IsRfc3339WithMilliseconds) {
    const auto epoch = static_cast<uint64_t>(kUnixEpochInTicks);
    EXPECT_EQ(time_text({epoch + 1'772'366'400'250'0000ULL}), "2026-03-01T12:00:00.250Z");
    EXPECT_EQ(time_text({0}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(time_text({UINT64_MAX}).back(), 'Z');
}

}  // namespace
}  // namespace hvis::control
