#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "control/link.h"
#include "control/listener.h"
#include "control/server.h"

namespace hvis::control {

/// A link and the server it talks to, both on one loop.
class LinkTest : public testing::Test {
protected:
    using Reply = Result<std::shared_ptr<const Json>, Failure>;

    LinkTest() {
        set_log_level(LogLevel::kError);
        std::string name = testing::TempDir() + "hvis-link-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
        path = directory + "/control.sock";
    }
    ~LinkTest() override {
        link.reset();
        kept.clear();
        server.reset();
        std::filesystem::remove_all(directory);
    }

    void listen() {
        auto listening = Server::listen(
            *loop, log, path,
            {.program = "fake", .version = "1", .name = "web", .id = "5c0a", .run = "r"},
            [this](const Command& command, Responder responder) {
                commands.push_back(command);
                if (answer) {
                    answer(std::move(responder));
                } else {
                    kept.push_back(std::move(responder));
                }
            });
        ASSERT_TRUE(listening);
        server = *std::move(listening);
    }

    /// A bare socket in place of the server, to say what no server says.
    UniqueFd accept_bare() {
        for (int round = 0; round < 100; ++round) {
            auto client = bare->accept();
            EXPECT_TRUE(client);
            if (*client) {
                return *std::move(client);
            }
            loop->run_once(std::chrono::milliseconds(10));
        }
        return {};
    }

    void connect(Duration limit = std::chrono::seconds(20)) {
        link = Link::connect(*loop, path, loop::Loop::now() + limit,
                             {.greeted = [this](const Json& said) { hello = said; },
                              .event = [this](const Json& event) { events.push_back(event); },
                              .status =
                                  [this](std::shared_ptr<const Json> status) {
                                      statuses.push_back(std::move(status));
                                  },
                              .ended =
                                  [this](const LinkEnd& why) {
                                      EXPECT_FALSE(end) << "ended twice";
                                      end = why;
                                  }});
    }

    void greet() {
        listen();
        connect();
        run_until([this] { return link->greeted(); });
    }

    template <class Condition>
    void run_until(Condition condition) {
        const TimePoint limit = loop::Loop::now() + std::chrono::seconds(20);
        while (!condition() && loop::Loop::now() < limit) {
            loop->run_once(std::chrono::milliseconds(100));
        }
        ASSERT_TRUE(condition());
    }

    Link::Answered into(std::optional<Reply>& reply) {
        return [&reply](Reply outcome) {
            EXPECT_FALSE(reply) << "answered twice";
            reply.emplace(std::move(outcome));
        };
    }
    Link::RequestId ask(const Command& command, std::optional<Reply>& reply,
                        Duration limit = std::chrono::seconds(20)) {
        return link->request(encode_command(command), loop::Loop::now() + limit, into(reply));
    }

    std::string directory;
    std::string path;
    std::unique_ptr<loop::Loop> loop = *loop::Loop::create();
    EventLog log;
    std::unique_ptr<Server> server;
    std::optional<Listener> bare;
    std::function<void(Responder)> answer;
    std::vector<Command> commands;
    std::vector<Responder> kept;
    std::unique_ptr<Link> link;
    std::optional<Json> hello;
    std::vector<Json> events;
    std::vector<std::shared_ptr<const Json>> statuses;
    std::optional<LinkEnd> end;
};

}  // namespace hvis::control
