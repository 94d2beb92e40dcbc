#include "manager/supervisor/launcher_choice.h"

#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

using enum LauncherChoice::Kind;
using Wish = SupervisorConfig::Launcher;

constexpr const char* kBus = "/run/user/990/bus";

enum class Runs : uint8_t { kByHand, kAsUnit };
enum class User : uint8_t { kRoot, kHvis };
enum class UserBus : uint8_t { kThere, kMissing };

LauncherChoice choose(Wish wish, Runs runs, User user, UserBus bus) {
    LauncherFacts facts;
    facts.is_unit = runs == Runs::kAsUnit;
    facts.is_root = user == User::kRoot;
    facts.user_bus = kBus;
    facts.has_user_bus = bus == UserBus::kThere;
    return choose_launcher(wish, facts);
}

TEST(LauncherChoice, AsksTheUsersSystemdWhereThePackageRunsHvisd) {
    const auto chosen = choose(Wish::kAuto, Runs::kAsUnit, User::kHvis, UserBus::kThere);
    EXPECT_EQ(chosen.kind, kUser);
    EXPECT_NE(chosen.why.find(kBus), std::string::npos);
    EXPECT_EQ(chosen.hint, "");
}

TEST(LauncherChoice, TellsWhatIsMissingForUnits) {
    const auto chosen = choose(Wish::kAuto, Runs::kAsUnit, User::kHvis, UserBus::kMissing);
    EXPECT_EQ(chosen.kind, kChild);
    EXPECT_NE(chosen.why.find(kBus), std::string::npos);
    EXPECT_NE(chosen.hint.find("loginctl enable-linger"), std::string::npos);
}

TEST(LauncherChoice, AsksTheSystemAsRoot) {
    EXPECT_EQ(choose(Wish::kAuto, Runs::kAsUnit, User::kRoot, UserBus::kMissing).kind, kSystem);
}

TEST(LauncherChoice, TakesChildrenWhereNoSystemdStartedHvisd) {
    const auto chosen = choose(Wish::kAuto, Runs::kByHand, User::kHvis, UserBus::kThere);
    EXPECT_EQ(chosen.kind, kChild);
    EXPECT_EQ(chosen.hint, "");
}

TEST(LauncherChoice, ObeysTheConfiguration) {
    EXPECT_EQ(choose(Wish::kChild, Runs::kAsUnit, User::kRoot, UserBus::kThere).kind, kChild);
    EXPECT_EQ(choose(Wish::kSystemd, Runs::kByHand, User::kRoot, UserBus::kMissing).kind, kSystem);
    EXPECT_EQ(choose(Wish::kSystemd, Runs::kByHand, User::kHvis, UserBus::kMissing).kind, kUser);
}

}  // namespace
}  // namespace hvis::manager
