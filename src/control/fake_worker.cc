#include "control/fake_worker.h"

#include <cstdlib>
#include <filesystem>
#include <future>

#include "base/log.h"

namespace hvis::control {

FakeWorker::FakeWorker(Server::Handler handler) : handler_(std::move(handler)) {
    set_log_level(LogLevel::kError);
    std::string name = testing::TempDir() + "hvis-control-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ + "/control.sock";
    loop_ = std::move(*loop::Loop::create());
    listen("a-run");
    thread_ = std::jthread([this] { loop_->run(); });
}

FakeWorker::~FakeWorker() {
    loop_->stop();
    thread_.join();
    server_.reset();
    std::filesystem::remove_all(directory_);
}

void FakeWorker::listen(const std::string& run) {
    auto server = Server::listen(
        *loop_, events_, path_,
        {.program = "fake", .version = "1.2.3", .name = "web", .id = "5c0a", .run = run}, handler_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
}

void FakeWorker::restart(const std::string& run) {
    on_loop([&] {
        server_.reset();
        listen(run);
    });
}

void FakeWorker::on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    ASSERT_TRUE(loop_->post([&] {
        work();
        done.set_value();
    }));
    done.get_future().wait();
}

Client FakeWorker::connect() const {
    auto client = Client::connect(path_, soon());
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
}

}  // namespace hvis::control
